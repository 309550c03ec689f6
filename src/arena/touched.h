// SPDX-License-Identifier: MIT
// touched.h: how much of each slice may be resident.
//
//   slice      |  0   1   2   3   4   5   6   7   8   9  10  11  12  13  14  15 | units of 4 KiB
//   touched 6  |######################|                                         |
//
// Pages of blocks are used from their beginning on, and most that a thread begins with to a small
// part. So a free slice is resident up to some place, and a page that is made of it and goes less
// far has memory that nobody uses and that no purge reaches: in time every slice would have as much
// as any use of it ever touched. So for each slice it is kept how far it was touched since it was
// last returned; a page gets a slice that fits among a few, and what is left over may go back when
// the page is made (page/excess.h).
//
// INVARIANTS, for a slice that is free or was just claimed, in an arena that is not dense
//   units from touched[i] on are not resident, except those that the program gave or that a
//   function of it made usable
// All of it is advice: where a value is wrong, more is resident, or the OS is asked for nothing.
// CONCURRENCY: a value is written by whoever has claimed the slice, and read by any thread.
#ifndef RIX_ARENA_TOUCHED_H
#define RIX_ARENA_TOUCHED_H

#include "arena/arena.h"

enum {
  RIX_TOUCHED_UNIT = 4096,
  RIX_TOUCHED_SLICE = RIX_SLICE_SIZE / RIX_TOUCHED_UNIT,
};

// Units that are resident once the first `bytes` of a run were touched.
RIX_INLINE size_t rix_touched_units(size_t bytes) {
  return rix_align_up(bytes, rix_os_page_size()) / RIX_TOUCHED_UNIT;
}

// The first `units` of a run were touched.
RIX_INTERNAL void rix_touched_raise(rix_arena_t* arena, size_t index, size_t count, size_t units);
// What is behind the first `units` was returned.
RIX_INTERNAL void rix_touched_lower(rix_arena_t* arena, size_t index, size_t count, size_t units);
RIX_INLINE void rix_touched_clear(rix_arena_t* arena, size_t index, size_t count) {
  rix_touched_lower(arena, index, count, 0);
}

// How many units behind the first `units` of a run may be resident, and where the last ends.
RIX_INTERNAL size_t rix_touched_behind(const rix_arena_t* arena, size_t index, size_t count,
                                       size_t units, size_t* end);

// Of the first few runs of `count` free slices from `from` on the one that was touched most nearly
// as far as `units`; *first: the lowest of them. `count`: at most 8.
RIX_INTERNAL bool rix_touched_choose(const rix_arena_t* arena, size_t from, size_t count,
                                     size_t units, size_t* first, size_t* found);

#endif
