// SPDX-License-Identifier: MIT
// profile.h: which blocks the profiler samples. A theap that is profiled marks the pages in its
// queues (RIX_PAGE_SAMPLED), as one does that samples for guard pages: so each of its allocations
// comes to alloc.c, which counts the bytes down. Nothing changes on the fast path; the rest is in
// page/profiled.h (how frees are noticed) and profile/ (what is known).
//
// INVARIANT: theap->profile.interval != 0  <=>  its pages are marked, and its blocks counted
// CONCURRENCY: owner only. That the profiler is on, or off, is noticed within 64 slow allocations,
// at the next block over 64 KiB, or when a sample is due.
#ifndef RIX_HEAP_PROFILE_H
#define RIX_HEAP_PROFILE_H

#include "heap/heap.h"
#include "page/profiled.h"

// A theap without pages.
RIX_INTERNAL void rix_profile_theap_init(rix_theap_t* theap);
// Follows the profiler.
RIX_INTERNAL RIX_SLOW void rix_profile_theap_refresh(rix_theap_t* theap);
RIX_INLINE bool rix_profile_theap_is_stale(const rix_theap_t* theap) {
  return theap->profile.interval != rix_profile_interval();
}

// A block of the theap (or, if it is alone in its page, of its thread) is handed out.
RIX_INTERNAL RIX_SLOW void rix_profile_theap_sample(rix_theap_t* theap, ri_page_t* page,
                                                    const void* block, size_t requested);
RIX_INLINE void rix_profile_theap_count(rix_theap_t* theap, ri_page_t* page, const void* block,
                                        size_t requested) {
  theap->profile.left -= (int64_t)rix_page_block_size(page);
  if (RIX_UNLIKELY(theap->profile.left < 0))
    rix_profile_theap_sample(theap, page, block, requested);
}
// The same, where the page is not known; NULL: nothing is counted.
RIX_INTERNAL void rix_profile_theap_count_any(rix_theap_t* theap, const void* block,
                                              size_t requested);

// A block of a page that has the flag is about to be freed by this thread.
RIX_INTERNAL RIX_SLOW void rix_profile_freed(ri_page_t* page, const void* block);
// The only block of a page has another size now, or is one that realloc made: to the program it is
// another block.
RIX_INTERNAL RIX_SLOW void rix_profile_reallocated(ri_page_t* page, size_t requested);
// The program asked for so many bytes of a new block, fewer than were allocated.
RIX_INTERNAL RIX_SLOW void rix_profile_wished(const void* p, size_t requested);

#endif
