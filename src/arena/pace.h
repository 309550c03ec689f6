// SPDX-License-Identifier: MIT
// pace.h: how much memory waits to go back, whether somebody is to see to it without the program's
// help, and how long to wait so that little comes back at once.
//
//   waiting   what may be resident and is in no page: free slices, cached mappings
//   enough    so much waits that a task of our own is worth it (heap/scavenge.c): the option
//             scavenger_min, a quarter of it when the program has several threads anyway
//   refaults  what was returned and is in use again within ten delays cost a fault for each OS
//   page:
//             if that is more than a tenth, the delay doubles, to at most 8 s; it halves when less
//             came back
//
// What came back is not known slice by slice: what may be resident grows again after a return, by
// no more than was returned. Growth of the program beyond what it had before counts with it; so
// does not what fell meanwhile.
//
// CONCURRENCY: any thread reads; what notes something holds rix_purge_lock.
#ifndef RIX_ARENA_PACE_H
#define RIX_ARENA_PACE_H

#include "base/events.h"
#include "os/os.h"

// Bytes that may be resident and are in no page.
RIX_INLINE size_t rix_pace_waiting(void) {
  const size_t committed = rix_gauge_now(RIX_GAUGE_COMMITTED) + rix_gauge_now(RIX_GAUGE_HOLES);
  const size_t claimed = rix_gauge_now(RIX_GAUGE_CLAIMED);
  return committed > claimed ? committed - claimed : 0;
}

// The time in ms from which on somebody wants to be called when there is enough; UINT64_MAX: never.
RIX_INTERNAL extern ri_atomic_u64_t rix_pace_xask_from;
typedef void rix_pace_fun_t(void);
RIX_INTERNAL void rix_pace_call(rix_pace_fun_t* fun);

// Whether there is enough, and somebody wants to know it now.
RIX_INTERNAL bool rix_pace_is_enough(void);
RIX_INLINE bool rix_pace_asks(uint64_t now) {
  return RIX_UNLIKELY(now >= ri_load_relaxed(&rix_pace_xask_from)) && rix_pace_is_enough();
}
// Calls who wants to know it. With no lock of ours held.
RIX_INTERNAL void rix_pace_ask(void);

// So many bytes of pages may have become free in a way that only a look at the page can tell, by
// the thread that looks as it allocates or by somebody else (heap/sparse.h). With no lock held.
RIX_INTERNAL RIX_SLOW void rix_pace_hinted(size_t bytes);
RIX_INLINE void rix_pace_hint(size_t bytes) {
  if (ri_load_relaxed(&rix_pace_xask_from) != UINT64_MAX) rix_pace_hinted(bytes);
}
RIX_INTERNAL void rix_pace_forget_hints(void);

// Before memory is returned, and after it; with rix_purge_lock held.
RIX_INTERNAL void rix_pace_before(uint64_t now);
RIX_INTERNAL void rix_pace_after(size_t purged);  // so far, in bytes
// By how much the delay is multiplied now: a power of two.
RIX_INTERNAL uint32_t rix_pace_factor(void);
RIX_INTERNAL size_t rix_pace_refaulted(void);  // bytes so far

#endif
