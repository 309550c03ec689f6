// SPDX-License-Identifier: MIT
// pagemap.h: from any address to the descriptor of its page, in one dependent load.
//
//   address - xbase --> >> 16 --> index < xcount ? xtable[index] : NULL
//
// The table covers a window of the address space, from below the first arena to the end of user
// addresses (or, where address space is short, a window that holds what may still be mapped). It is
// mapped in steps from its start, because arenas are placed bottom-up: a small program uses one OS
// page. Where others have the addresses after the table, it moves.
//
// INVARIANTS
//   table[i] == page  <=>  slice i is one of page's slices, from before its first block is handed
//                          out until after its last block came back
//   xcount entries may be read, and those of what is covered written; xcount only grows; xbase
//   never changes once set; a table is readable for ever, also when xtable is another
// CONCURRENCY: lookups any time, any address, no locks. Entries are written by whoever owns the
// slices. A thread that frees a block got it from the program, which ordered that after the entry
// was written; so its look-up is relaxed. Nothing is known about a pointer from elsewhere, and the
// window may be in the making, so the count is acquired before all else. Growth: lock
// rix_pagemap_lock.
#ifndef RIX_ARENA_PAGEMAP_H
#define RIX_ARENA_PAGEMAP_H

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"

RIX_INTERNAL extern ri_pagemap_t rix_pagemap;
RIX_INTERNAL extern rix_lock_t rix_pagemap_lock;

RIX_INLINE ri_page_t* rix_pagemap_find(const void* p) {
  const uintptr_t count = ri_load_acquire(&rix_pagemap.xcount);  // P2 pairs P1
  const uintptr_t index = ((uintptr_t)p - ri_load_relaxed(&rix_pagemap.xbase)) >> RI_SLICE_SHIFT;
  if (index >= count) return NULL;
  return ri_load_relaxed(&ri_load_acquire(&rix_pagemap.xtable)[index]);  // P8
}

// Makes sure that [p, p + size) can be entered; false when it lies outside of the window or there
// is no memory for the table. The first call chooses the window.
RIX_INTERNAL bool rix_pagemap_cover(const void* p, size_t size);

// Enters page (or NULL) for all slices that touch [p, p + size), which must be covered.
RIX_INTERNAL void rix_pagemap_set(const void* p, size_t size, ri_page_t* page);

// Maps `size` bytes at a multiple of `align` where the page map covers them, at `at` if that is not
// NULL and free, otherwise above all mappings so far; `room` bytes from there on are left to it.
// NULL: no memory, or no address space.
RIX_INTERNAL void* rix_pagemap_map(void* at, size_t size, size_t align, size_t room,
                                   rix_os_access_t access);

// A random address for `bytes` bytes that is far from all that the function above maps, and from
// what the OS places; 0: the OS should choose one.
RIX_INTERNAL uintptr_t rix_pagemap_place_apart(size_t bytes);

// Unmaps what the function above returned, with its room, because it cannot be used.
RIX_INTERNAL void rix_pagemap_unmap(void* p, size_t size, size_t room);

// Maps exactly there, or returns false. *blocked: others are there.
RIX_INTERNAL bool rix_pagemap_map_behind(void* at, size_t size, rix_os_access_t access,
                                         bool* blocked);

// Bytes of memory for a table that the OS must not provide, so that a region of `size` bytes can be
// covered; 0: there is a table, or the OS provides it.
RIX_INTERNAL size_t rix_pagemap_table_needed(size_t size);
// Uses given memory, accessible and zero, as the table, with a window around a region; false: there
// is a table.
RIX_INTERNAL bool rix_pagemap_use_table(void* table, size_t bytes, const void* region, size_t size);

// Whether some of the range, of whole slices, is in use: a page's, or the table itself.
RIX_INTERNAL bool rix_pagemap_is_used(const void* p, size_t size);

// Whether the window is small because address space is.
RIX_INTERNAL bool rix_pagemap_is_short(void);
// Whether the OS puts mappings where it likes: nothing can be expected to be free after one.
RIX_INTERNAL bool rix_pagemap_os_places(void);

RIX_INTERNAL size_t rix_pagemap_reserved(void);  // bytes of table in use

#endif
