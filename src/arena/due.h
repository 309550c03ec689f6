// SPDX-License-Identifier: MIT
// due.h: when unused memory goes back to the OS. A release marks its slices and notes when they are
// due: per arena, and the earliest of all in one word that everybody reads before looking any
// further, so that this costs nothing while nothing is due. What is due is returned by purge.c.
//
// CONCURRENCY: any thread.
#ifndef RIX_ARENA_DUE_H
#define RIX_ARENA_DUE_H

#include "arena/arena.h"

// Notes that something is due at `time`, in ms; rix_arena_purge looks no earlier than the earliest.
RIX_INTERNAL void rix_due_at(uint64_t time);

RIX_INTERNAL extern rix_due_t rix_due_xnext;  // no later than the earliest due time

// Inline, with the next one: every release of a page asks.
RIX_INLINE bool rix_due_is_now(void) {
  const uint64_t next = ri_load_relaxed(&rix_due_xnext);
  return next != 0 && rix_os_clock_ms() >= next;
}
// Returns what is due to the OS. Not with a lock held that an allocation waits for.
RIX_INLINE void rix_due_purge(void) {
  if (RIX_UNLIKELY(rix_due_is_now())) rix_arena_purge(false);
}

// The next rix_due_purge is to see whether so much waits to go back that somebody should be called
// (pace.h), which those who note that something is due cannot: they may hold locks.
RIX_INTERNAL void rix_due_watch(uint64_t now);
// The earliest time at which something is due, 0: nothing is.
RIX_INLINE uint64_t rix_due_next(void) { return ri_load_relaxed(&rix_due_xnext); }

// Nothing is due, until it is noted again.
RIX_INTERNAL void rix_due_clear(void);

// How long free slices are kept, in ms; -1: for ever.
RIX_INTERNAL int64_t rix_due_delay(void);
// Whether unused memory of the arena may go back.
RIX_INTERNAL bool rix_due_allowed(const rix_arena_t* arena);
// Slices are free, and their memory should go back when the time has come.
RIX_INTERNAL void rix_due_mark(rix_arena_t* arena, size_t index, size_t count);

#endif
