// SPDX-License-Identifier: MIT
// sample.h: which blocks get a guard page, and which are watched. Owner only.
#ifndef RIX_HEAP_SAMPLE_H
#define RIX_HEAP_SAMPLE_H

#include "heap/heap.h"

// A theap without pages samples as the options say.
RIX_INTERNAL void rix_sample_init(rix_theap_t* theap);
// The same if the options have changed, except for what was set for this theap.
RIX_INTERNAL void rix_sample_refresh(rix_theap_t* theap);
RIX_INTERNAL void rix_sample_set_rate(rix_theap_t* theap, size_t rate, uint64_t seed);
RIX_INTERNAL void rix_sample_set_bounds(rix_theap_t* theap, size_t low, size_t high);
// Counts a block; whether it is to have a guard page.
RIX_INTERNAL bool rix_sample_takes(rix_theap_t* theap, size_t size);

// Counts a slow allocation; whether something must be asked of it.
RIX_INLINE bool rix_sample_counts(rix_theap_t* theap) {
  return RIX_UNLIKELY(--theap->sample.calls == 0) || theap->sample.rate != 0;
}
// Of one that was counted: whether its block is to be watched.
RIX_INTERNAL bool rix_sample_watches(rix_theap_t* theap, size_t size);
// A random number below `range`.
RIX_INTERNAL size_t rix_sample_random(rix_theap_t* theap, size_t range);

// Whether blocks of the class may get guard pages, or records of the profiler: their pages are
// marked.
RIX_INLINE bool rix_sample_covers(const rix_theap_t* theap, unsigned class_index) {
  const bool guards = class_index - theap->sample.first < theap->sample.classes;
  return guards || theap->profile.interval != 0;
}

#endif
