// SPDX-License-Identifier: MIT
// theap.h: what happens to the pages of a theap besides allocation. Owner only.
#ifndef RIX_HEAP_THEAP_H
#define RIX_HEAP_THEAP_H

#include "heap/heap.h"

RIX_INTERNAL extern rix_theap_t rix_theap_empty;  // stands in before a thread has its own
// What rix_tls is of a thread without one.
#define RIX_TLS_OF_NOBODY(phase) \
  { &rix_theap_empty.fast, 0, (phase), 0 }

// Bracket every change of the lists of a theap. In debug builds they catch reentrance in the same
// thread: a signal handler that allocates or frees.
RIX_INLINE void rix_theap_enter(rix_theap_t* theap) {
  RI_ASSERT(!theap->busy);
  if (RIX_DEBUG >= 1) theap->busy = true;
}
RIX_INLINE void rix_theap_leave(rix_theap_t* theap) {
  if (RIX_DEBUG >= 1) theap->busy = false;
}

RIX_INTERNAL void rix_theap_init(rix_theap_t* theap, rix_tld_t* tld, rix_heap_t* heap);
// Takes over a page without owner that this thread claimed or created; it goes to the front of its
// queue.
RIX_INTERNAL void rix_theap_adopt(rix_theap_t* theap, ri_page_t* page);
// The last live block of an owned page was freed: keeps the page or releases it.
RIX_INTERNAL void rix_theap_page_emptied(rix_theap_t* theap, ri_page_t* page);
// Collects all pages, releases the empty ones.
RIX_INTERNAL void rix_theap_collect(rix_theap_t* theap);
// The same for the queue of a class, where pages with blocks stay.
RIX_INTERNAL void rix_theap_collect_queue(rix_theap_t* theap, unsigned class_index);
// Releases kept pages that nobody used for a while; those in use are kept no longer.
RIX_INTERNAL void rix_theap_check_kept(rix_theap_t* theap);
// Moves all pages to another theap of the same thread. Nobody uses `from` afterwards.
RIX_INTERNAL void rix_theap_merge(rix_theap_t* from, rix_theap_t* into);
// Abandons all pages.
RIX_INTERNAL void rix_theap_abandon(rix_theap_t* theap);
// Abandons pages, full ones first, until the rest has at most `most` bytes; returns what it has.
RIX_INTERNAL size_t rix_theap_reduce(rix_theap_t* theap, size_t max);
RIX_INTERNAL bool rix_theap_valid(const rix_theap_t* theap);
// The counts of a page show that its free list cannot be right: blocks were freed twice, or
// something wrote to a freed block. Drops the list; rix_theap_report_damage reports it.
RIX_INTERNAL RIX_SLOW void rix_theap_drop_list(rix_theap_t* theap, ri_page_t* page);
RIX_INTERNAL RIX_SLOW void rix_theap_report_damage(rix_theap_t* theap);
// What is kept in `damaged` until then: a block size, or that the heap as a whole is not as it
// should be, or that a free block was written to, which is `written`.
#define RIX_THEAP_CORRUPTED SIZE_MAX
#define RIX_THEAP_WRITTEN (SIZE_MAX - 1)
RIX_INTERNAL RIX_SLOW void rix_theap_damage_error(size_t damage, const void* written);
// A thread that is gone may have freed into a full page without telling the theap: looks at all.
RIX_INTERNAL void rix_theap_wake(rix_theap_t* theap);

#endif
