// SPDX-License-Identifier: MIT
// guard.h: guard pages after blocks.
//
// CONCURRENCY: rix_guard_set by the thread that creates the page, rix_guard_clear by the one that
// releases it.
#ifndef RIX_PAGE_GUARD_H
#define RIX_PAGE_GUARD_H

#include "page/page.h"

// Whether there may be one more.
RIX_INTERNAL bool rix_guard_has_room(void);
RIX_INTERNAL bool rix_guard_is_possible(const ri_page_t* page);
// Puts the block, of `size` bytes, of a page that nobody knows yet before a guard page, for which
// the page has room. Does nothing if that is not possible.
RIX_INTERNAL void rix_guard_set(ri_page_t* page, size_t size);
// To be called before a page with a guard page is released: false when the OS keeps the guard.
RIX_INTERNAL bool rix_guard_clear(ri_page_t* page);

#endif
