// SPDX-License-Identifier: MIT
// profiled.h: blocks that the profiler has a record of. Their page has RIX_OWNER_PROFILED set, so
// that no fast path frees a block of it.
//
// INVARIANT: a page with a live block that has a record has the flag. (One without may have it too:
//   until its owner frees a block of it, or the page is released.)
// CONCURRENCY: the flag is set by the owner, or by who made a page of one block and has not handed
// it out; who frees a block sees it, since the program has passed the block to him.
#ifndef RIX_PAGE_PROFILED_H
#define RIX_PAGE_PROFILED_H

#include "page/page.h"
#include "profile/profile.h"

// Makes a record of a live block of a page, which the caller owns.
RIX_INTERNAL void rix_page_add_sampled(ri_page_t* page, const rix_trace_t* trace,
                                       const rix_sampled_t* sampled);

// A block of a page with the flag is about to be freed. `own`: the caller owns the page, which then
// loses the flag if it has no other one. `mark`: see rix_image_remove.
RIX_INTERNAL void rix_page_free_sampled(ri_page_t* page, const void* block, bool own,
                                        uint64_t mark);

// No block has a record any more. Pages lose the flag when a block of them is freed.
RIX_INTERNAL void rix_page_forget_sampled(void);

// All blocks of a page with the flag are gone.
RIX_INTERNAL void rix_page_end_sampled(ri_page_t* page);

RIX_INLINE bool rix_page_is_profiled(const ri_page_t* page) {
  return (ri_load_relaxed(&page->xowner) & RIX_OWNER_PROFILED) != 0;
}

#endif
