// SPDX-License-Identifier: MIT
// huge.h: units of 2 MiB of a dense arena that ask for huge pages, and those that no longer do.
//
// A unit of which a part was returned must not ask: the kernel's thread that makes huge pages fills
// it again as soon as one OS page of it is in use, and a sleeping process grows. Nor does the
// system count what is left of a huge page as free until it is split. So before a part of a unit is
// returned, its huge page is split and the unit no longer asks; it asks again when it was returned
// as a whole, or when all of it is in use again and no page in it has holes.
//
// Each change cuts a mapping of the kernel in two or three, and a process may have 65,530: at most
// RIX_PLAIN_MAX units at a time do not ask.
//
// CONCURRENCY: any thread, for slices that it claimed. A unit is shared with others, who may change
// it at the same time: then the advice may be wrong until the next change.
#ifndef RIX_ARENA_HUGE_H
#define RIX_ARENA_HUGE_H

#include "arena/arena.h"

#define RIX_UNIT_SLICES (RIX_OS_HUGE_SIZE / RIX_SLICE_SIZE)
enum { RIX_PLAIN_MAX = 8192 };

// Words of a map with a bit for each unit that slices may lie in.
RIX_INTERNAL size_t rix_huge_words(size_t slice_count);

// Slices of a dense arena will be returned, or were.
RIX_INTERNAL void rix_huge_before_purge(rix_arena_t* arena, size_t index, size_t count);
RIX_INTERNAL void rix_huge_after_purge(rix_arena_t* arena, size_t index, size_t count);

// OS pages of slices in use of a dense arena will be given back: less than a unit.
RIX_INTERNAL void rix_huge_before_discard(rix_arena_t* arena, void* p, size_t size);

// Slices of an arena were claimed, and will be used.
RIX_INTERNAL void rix_huge_claimed(rix_arena_t* arena, size_t index, size_t count);

#endif
