// SPDX-License-Identifier: MIT
// profile.h: the profiler of this process: whether it is on, and its tables.
//
// INVARIANTS
//   the interval is 0  <=>  it is off; then nothing is added, but what was sampled is still seen
//   freed
//   the tables exist from the first start on, or the first theap that follows it, and never go away
// CONCURRENCY: any thread; the functions take rix_profile_lock themselves.
#ifndef RIX_PROFILE_PROFILE_H
#define RIX_PROFILE_PROFILE_H

#include "os/unwind.h"
#include "profile/table.h"

typedef ri_atomic(uint64_t) rix_profile_interval_t;
RIX_INTERNAL extern rix_profile_interval_t rix_profile_xinterval;
// The tables, for readers from outside (observe/layout.c); NULL: it was never on.
typedef ri_atomic(rix_image_t*) rix_profile_image_t;
RIX_INTERNAL extern rix_profile_image_t rix_profile_ximage;

// Bytes between two samples on average; 0: off.
RIX_INLINE uint64_t rix_profile_interval(void) { return ri_load_relaxed(&rix_profile_xinterval); }

// Whether it was ever on.
RIX_INTERNAL bool rix_profile_exists(void);

// Turns it on, or gives it another interval, from 1. The first time the tables are made, in a file
// if a path is given. False, and errno: refused.
RIX_INTERNAL bool rix_profile_start(uint64_t interval, const char* path);
// The interval, for a theap that takes another one. `rimalloc attach` turns the profiler on by
// writing nothing but the interval, from outside: so the tables are made here. 0: it is off, or
// there is no memory for them, and so it is off from now on.
RIX_INTERNAL RIX_SLOW uint64_t rix_profile_follow(void);
RIX_INTERNAL void rix_profile_stop(void);
RIX_INTERNAL void rix_profile_reset(void);

// The stack of the caller, without the frames of this library where it is one of its own.
RIX_INTERNAL void rix_profile_trace(rix_trace_t* trace);

// As in table.h. False: it has no record.
RIX_INTERNAL bool rix_profile_add(const rix_trace_t* trace, const rix_sampled_t* sampled);
RIX_INTERNAL bool rix_profile_remove(uintptr_t pointer, uint64_t mark);
RIX_INTERNAL void rix_profile_resize(uintptr_t pointer, size_t requested);

// A copy of the tables as they are now, to be given back; NULL: there are none, or no memory.
// `look` is called with it while no block that has a record can be released; NULL: none.
RIX_INTERNAL rix_image_t* rix_profile_copy(void (*look)(const rix_image_t* copy, void* arg),
                                           void* arg);
RIX_INTERNAL void rix_profile_drop_copy(rix_image_t* copy);

// The child of a fork goes on with tables of its own. With rix_profile_lock taken.
RIX_INTERNAL void rix_profile_after_fork(void);

#endif
