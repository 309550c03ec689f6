// SPDX-License-Identifier: MIT
// claim.h: how an allocation finds a page without owner.
#ifndef RIX_PAGE_CLAIM_H
#define RIX_PAGE_CLAIM_H

#include "page/page.h"

// Claims an abandoned page of the class and heap that has free blocks or room; NULL when none is
// found. The page has no owner yet and is listed nowhere: the caller adopts it.
RIX_INTERNAL ri_page_t* rix_page_claim_abandoned(unsigned class_index,
                                                 const struct rix_heap_s* heap);

#endif
