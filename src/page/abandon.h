// SPDX-License-Identifier: MIT
// abandon.h: how a page loses its owner. Who finds it: claim.h; the states of its remote word and
// every way from one to the other: remote.h.
#ifndef RIX_PAGE_ABANDON_H
#define RIX_PAGE_ABANDON_H

#include "page/page.h"

// Abandons the page: any thread may claim it. It is in no list of a heap. Releases it when it has
// no live block.
RIX_INTERNAL void rix_page_abandon(ri_page_t* page);
// To be called right after a page was claimed.
RIX_INTERNAL void rix_page_after_claim(ri_page_t* page);
// Takes a page out of the abandoned bitmap, by its owner.
RIX_INTERNAL void rix_page_unlist(ri_page_t* page);
// Pages without owner that are listed.
RIX_INTERNAL size_t rix_page_abandoned_count(void);

#endif
