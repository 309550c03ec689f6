// SPDX-License-Identifier: MIT
// events.h: counting what happens on slow paths.
//
//   event   how often something happened: each thread counts its own, without atomics; the sum is
//           that of all threads and what exited threads left (heap/tld.c)
//   gauge   a quantity that rises and falls where the OS or a lock is involved anyway: one shared
//           word and its exact peak
//   level   the same without a sum of all that was added
//
// What changes on fast paths (blocks, bytes in use) is not counted there: observe/count.c reads it
// off the pages when somebody asks, and what happened is noted when a page is looked at on a slow
// path (rix_page_note_live): more live blocks than last time were handed out. So the number of
// blocks handed out so far is a lower bound: one that was freed and handed out again between two
// looks counts once. Levels of live blocks follow these looks, but what all threads write must be
// written rarely: a thread reports a class when it makes or releases a page of it, at some
// heartbeats, and at its end.
// CONCURRENCY: any thread. Counters of a thread are written by that thread and read by others; they
// order nothing, and a sum may mix slightly different moments.
#ifndef RIX_BASE_EVENTS_H
#define RIX_BASE_EVENTS_H

#include "base/atomic.h"
#include "base/sizeclass.h"

typedef enum rix_gauge_e {
  RIX_GAUGE_CLAIMED,    // bytes of arenas and mappings that pages hold
  RIX_GAUGE_RESERVED,   // bytes of address space of arenas and mappings
  RIX_GAUGE_COMMITTED,  // of them, bytes that may be resident
  RIX_GAUGE_HOLES,      // bytes inside of pages that went back to the OS (page/holes.h)
  RIX_GAUGE_EXCESS,     // bytes inside of pages that they will hardly use (page/excess.h)
  RIX_GAUGE_THREADS,    // threads that hold a heap
  RIX_GAUGE_ARENAS,
  RIX_GAUGE_HEAPS,   // the main heap among them
  RIX_GAUGE_THEAPS,  // parts of heaps that belong to threads
  RIX_GAUGE_COUNT,
} rix_gauge_t;

typedef enum rix_event_e {
  RIX_EVENT_EXTENDED,       // more blocks were cut from a page
  RIX_EVENT_KEPT,           // a page became empty and was kept for a while
  RIX_EVENT_SEARCHES,       // looks for a page with a free block
  RIX_EVENT_SEARCHED,       // pages looked at meanwhile
  RIX_EVENT_ABANDONED,      // a page lost its owner
  RIX_EVENT_REABANDONED,    // a page was claimed by a free and abandoned again
  RIX_EVENT_RECLAIM_ALLOC,  // an allocation took over an abandoned page
  RIX_EVENT_RECLAIM_FREE,   // a free did
  RIX_EVENT_GUARDED,        // a block got a guard page
  RIX_EVENT_ROLLBACK,       // claimed slices were released because the OS did not commit them
  RIX_EVENT_PURGES,         // arenas that a purge looked through
  RIX_EVENT_PURGED_BYTES,   // returned to the OS
  RIX_EVENT_RESET_BYTES,    // left to the OS to take
  RIX_EVENT_LIMIT_HIT,      // the hard limit refused a claim
  RIX_EVENT_RELIEF,         // a thread looked for memory to give back, at level 2 (arena/limit.h)
  RIX_EVENT_GAUGE,          // bytes or things added to each gauge
  RIX_EVENT_PAGE = RIX_EVENT_GAUGE + RIX_GAUGE_COUNT,  // pages created: of each class, and large
  RIX_EVENT_BLOCK = RIX_EVENT_PAGE + RIX_CLASS_COUNT + 1,     // blocks handed out, of each class
  RIX_EVENT_LARGE_BYTES = RIX_EVENT_BLOCK + RIX_CLASS_COUNT,  // of larger ones, bytes
  RIX_EVENT_COUNT,
} rix_event_t;

typedef ri_atomic(uint64_t) ri_atomic_u64_t;

typedef struct rix_events_s {
  ri_atomic_u64_t xcount[RIX_EVENT_COUNT];
  int32_t unlevelled[RIX_CLASS_COUNT];  // live blocks that the levels do not know yet; own thread
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

typedef struct rix_level_s {
  ri_atomic(size_t) xnow;  // may be below zero for a moment: threads report late
  ri_atomic(size_t) xpeak;
} rix_level_t;

typedef struct rix_levels_s {
  rix_level_t blocks[RIX_CLASS_COUNT];
  rix_level_t pages[RIX_CLASS_COUNT + 1];  // the last: of one block
  rix_level_t all_pages, all_blocks;
  rix_level_t normal, large, in_use;  // bytes of blocks: of a class, others, both
} rix_levels_t;

RIX_INTERNAL extern rix_levels_t rix_levels;

// A page comes, or goes: of a class, or RIX_CLASS_COUNT.
RIX_INTERNAL void rix_levels_page(unsigned class_index, bool comes);
// The bytes of blocks of their own change, and perhaps their number.
RIX_INTERNAL void rix_levels_large(size_t blocks, size_t bytes);
// Live blocks of a class are more, or fewer.
RIX_INTERNAL void rix_levels_add(unsigned class_index, int32_t more);
// What the calling thread has not reported yet of a class.
RIX_INTERNAL void rix_levels_publish(unsigned class_index);
RIX_INLINE void rix_levels_flush(unsigned class_index) {
  const rix_events_t* const mine = rix_events_mine;
  if (mine != NULL && mine->unlevelled[class_index] != 0) rix_levels_publish(class_index);
}
RIX_INTERNAL RIX_SLOW void rix_levels_seen_shared(unsigned class_index, int32_t more);
// A look at a page of a class has found more live blocks than the last one, or fewer.
RIX_INLINE void rix_levels_seen(unsigned class_index, int32_t more) {
  rix_events_t* const mine = rix_events_mine;
  if (RIX_UNLIKELY(mine == NULL)) {
    rix_levels_seen_shared(class_index, more);
    return;
  }
  mine->unlevelled[class_index] += more;
  if (more < 0) return;
  ri_atomic_u64_t* const count = &mine->xcount[RIX_EVENT_BLOCK + class_index];
  ri_store_relaxed(count, ri_load_relaxed(count) + (uint32_t)more);
}
// Restarts the peaks.
RIX_INTERNAL void rix_levels_reset(void);

// Adds the counters of `from` to `sum`.
RIX_INTERNAL void rix_events_sum(rix_events_t* from, uint64_t sum[RIX_EVENT_COUNT]);
// A thread ends, or begins with fresh counters: under the lock of those who read them.
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
  ri_raise_relaxed(&rix_gauges[gauge].xpeak, now);
  rix_event_add(RIX_EVENT_GAUGE + (size_t)gauge, n);
}

RIX_INLINE void rix_gauge_down(rix_gauge_t gauge, size_t n) {
  ri_fetch_sub_relaxed(&rix_gauges[gauge].xnow, n);
}

#endif
