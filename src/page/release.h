// SPDX-License-Identifier: MIT
// release.h: pages return their memory to where it came from.
#ifndef RIX_PAGE_RELEASE_H
#define RIX_PAGE_RELEASE_H

#include "page/page.h"

// Releases a page without live blocks; called by its owner, or by the thread that claimed it.
RIX_INTERNAL void rix_page_release(ri_page_t* page);
// Frees the block of a page of one block, which nobody owns. False, and nothing done: another
// thread is looking at the page.
RIX_INTERNAL bool rix_page_free_single(ri_page_t* page);

#endif
