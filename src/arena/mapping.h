// SPDX-License-Identifier: MIT
// mapping.h: blocks that have a mapping of their own: those too large for an arena, those with a
// huge alignment, and those that realloc moved by changing page tables instead of copying.
//
// A freed mapping is kept for a while (option mapping_cache), so that a program that allocates and
// frees the same large sizes does not fault the same memory again and again.
// INVARIANTS: cached bytes <= option mapping_cache; the number of mappings is bounded.
// CONCURRENCY: any thread; lock rix_mapping_lock, never held across a call that unmaps.
#ifndef RIX_ARENA_MAPPING_H
#define RIX_ARENA_MAPPING_H

#include "base/compiler.h"
#include "os/os.h"

typedef struct rix_mapping_s {
  void* start;
  size_t size;  // bytes mapped from start
  size_t room;  // bytes from start on that were left to it, at least size
  bool zero;    // reads as zero
} rix_mapping_t;

// A mapping of at least `size` bytes at a multiple of `align`. room > 0: a fresh one, with this
// much room to grow; refused when there are many mappings, because it is not a necessity. `shared`:
// it may be one that was freed before, and may be kept when it is freed.
RIX_INTERNAL bool rix_mapping_claim(size_t size, size_t align, size_t room, bool shared,
                                    rix_mapping_t* out);
// The caller sees to what is due then (rix_due_purge).
RIX_INTERNAL void rix_mapping_release(void* start, size_t size, size_t room, bool shared);
// Changes the size in place and returns whether that worked.
RIX_INTERNAL bool rix_mapping_resize(void* start, size_t old_size, size_t new_size);
// Whether some of the range belongs to a cached mapping.
RIX_INTERNAL bool rix_mapping_is_cached(const void* p, size_t size);
// Unmaps what was cached long enough, with `force` all.
RIX_INTERNAL void rix_mapping_purge(bool force);

RIX_INTERNAL size_t rix_mapping_count(void);     // in use
RIX_INTERNAL size_t rix_mapping_reserved(void);  // bytes in use
RIX_INTERNAL size_t rix_mapping_cached(void);    // bytes in the cache

RIX_INTERNAL extern rix_lock_t rix_mapping_lock;

#endif
