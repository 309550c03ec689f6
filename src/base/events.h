// SPDX-License-Identifier: MIT
// events.h: counting what happens on slow paths.
//
//   event   happened so often: each thread counts its own, without atomic operations; who wants the
//           sum adds up all threads and what ended threads left (heap/thread.c)
//   gauge   a quantity that rises and falls where the OS or a lock is involved anyway: one shared
//           word and its exact peak
//
// What changes on fast paths (blocks, bytes in use) is not counted: observe/collect.c reads it off
// the pages when somebody asks.
// CONCURRENCY: any thread. Counters of a thread are written by that thread and read by others; they
// order nothing, a sum may be of slightly different moments.
#ifndef RIX_BASE_EVENTS_H
#define RIX_BASE_EVENTS_H

#include "base/atomic.h"
#include "base/sizeclass.h"

typedef enum rix_gauge_e {
  RIX_GAUGE_CLAIMED,    // bytes of arenas and mappings that pages hold
  RIX_GAUGE_RESERVED,   // bytes of address space of arenas and mappings
  RIX_GAUGE_COMMITTED,  // of them, bytes that may be resident
  RIX_GAUGE_THREADS,    // threads that hold a heap
  RIX_GAUGE_ARENAS,
  RIX_GAUGE_HEAPS,   // the main heap among them
  RIX_GAUGE_THEAPS,  // parts of heaps that belong to threads
  RIX_GAUGE_COUNT,
} rix_gauge_t;

typedef enum rix_event_e {
  RIX_EVENT_EXTENDED,       // more blocks were cut from a page
  RIX_EVENT_RETIRED,        // a page became empty and was kept for a while
  RIX_EVENT_SEARCHES,       // looks for a page with a free block
  RIX_EVENT_SEARCHED,       // pages looked at meanwhile
  RIX_EVENT_ABANDONED,      // a page lost its owner
  RIX_EVENT_REABANDONED,    // a page was claimed by a free and given up again
  RIX_EVENT_RECLAIM_ALLOC,  // an allocation took over an abandoned page
  RIX_EVENT_RECLAIM_FREE,   // a free did
  RIX_EVENT_GUARDED,        // a block got a guard page
  RIX_EVENT_ROLLBACK,       // claimed slices were given back because the OS did not commit them
  RIX_EVENT_PURGES,         // arenas that a purge looked through
  RIX_EVENT_PURGED_BYTES,   // given back to the OS
  RIX_EVENT_RESET_BYTES,    // left to the OS to take
  RIX_EVENT_GAUGE,          // bytes or things added to each gauge
  RIX_EVENT_PAGE = RIX_EVENT_GAUGE + RIX_GAUGE_COUNT,  // pages created: of each class, and large
  RIX_EVENT_COUNT = RIX_EVENT_PAGE + RIX_CLASS_COUNT + 1,
} rix_event_t;

typedef struct rix_events_s {
  ri_atomic(uint64_t) xcount[RIX_EVENT_COUNT];
} rix_events_t;

RIX_INTERNAL extern __thread rix_events_t* rix_events_mine;  // NULL: the thread has none of its own
RIX_INTERNAL extern rix_events_t rix_events_shared;  // of threads without, and of those that ended

RIX_INLINE void rix_event_add(size_t event, uint64_t n) {
  rix_events_t* const mine = rix_events_mine;
  if (RIX_LIKELY(mine != NULL)) {
    ri_store_relaxed(&mine->xcount[event], ri_load_relaxed(&mine->xcount[event]) + n);
  } else {
    ri_fetch_add_relaxed(&rix_events_shared.xcount[event], n);
  }
}
RIX_INLINE void rix_event(size_t event) { rix_event_add(event, 1); }

// Adds the counters of `from` to `sum`.
RIX_INTERNAL void rix_events_sum(rix_events_t* from, uint64_t sum[RIX_EVENT_COUNT]);
// A thread ends, or begins with fresh counters.
RIX_INTERNAL void rix_events_end(rix_events_t* events);
RIX_INTERNAL void rix_events_begin(rix_events_t* events);

typedef struct rix_gauge_value_s {
  __attribute__((aligned(RI_CACHE_LINE))) ri_atomic(size_t) xnow;
  ri_atomic(size_t) xpeak;
} rix_gauge_value_t;

RIX_INTERNAL extern rix_gauge_value_t rix_gauges[RIX_GAUGE_COUNT];

RIX_INLINE size_t rix_gauge_now(rix_gauge_t gauge) {
  return ri_load_relaxed(&rix_gauges[gauge].xnow);
}

RIX_INLINE void rix_gauge_up(rix_gauge_t gauge, size_t n) {
  const size_t now = ri_fetch_add_relaxed(&rix_gauges[gauge].xnow, n) + n;
  size_t peak = ri_load_relaxed(&rix_gauges[gauge].xpeak);
  while (now > peak && !ri_cas_weak_relaxed(&rix_gauges[gauge].xpeak, &peak, now)) {}
  rix_event_add(RIX_EVENT_GAUGE + (size_t)gauge, n);
}

RIX_INLINE void rix_gauge_down(rix_gauge_t gauge, size_t n) {
  ri_fetch_sub_relaxed(&rix_gauges[gauge].xnow, n);
}

#endif
