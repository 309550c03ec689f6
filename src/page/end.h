// SPDX-License-Identifier: MIT
// end.h: pages that end with blocks in them, because their heap does.
#ifndef RIX_PAGE_END_H
#define RIX_PAGE_END_H

#include "page/page.h"

// Releases a page whatever is in its blocks; nobody will use or free one of them.
RIX_INTERNAL void rix_page_destroy(ri_page_t* page);
// Releases a heap's pages whatever is in their blocks. No other thread uses the heap or its blocks.
RIX_INTERNAL void rix_page_destroy_all(struct rix_heap_s* heap);
// As rix_page_abandon, for a page that the caller claimed and does not want; its heap may be
// ending.
RIX_INTERNAL void rix_page_abandon_again(ri_page_t* page);

#endif
