// SPDX-License-Identifier: MIT
// pagemap.c: the window, its growth, and the placement of mappings inside it.
//
// Labels: P1 release of the number of entries publishes base and table; P2 acquire in a look-up of
// an address that may be none of ours, so that nothing else ordered it after the first mapping.
// P3 release of the window's end publishes its base; P4 acquire where it is begun again.
#include "arena/pagemap.h"

#include "arena/arena.h"
#include "base/assert.h"
#include "options/options.h"

// Mappings are placed upwards from a random address, for 47 bits in [4 TiB, 20 TiB), far from what
// the OS and the loader use; on small address spaces the OS decides.
#define PAGEMAP_PLACE_MIN (pagemap_address_end() >> 5)
#define PAGEMAP_PLACE_RANGE (pagemap_address_end() >> 3)
#define PAGEMAP_STEP_MIN ((size_t)64 * 1024)    // bytes of table made usable at first
#define PAGEMAP_RESERVE_MIN ((size_t)16 << 20)  // and reserved at first: enough for 128 GiB
#define PAGEMAP_TRIES 64                        // places tried before the OS chooses

ri_pagemap_t rix_pagemap;
ri_pagemap_t rix_fast_pagemap;  // the same, for programs
rix_lock_t rix_pagemap_lock = RIX_LOCK_OPEN(RIX_LEVEL_PAGEMAP);

static struct {
  size_t entries;              // entries for all of the window; lock rix_pagemap_lock
  size_t reserved;             // entries of address space reserved; lock rix_pagemap_lock
  ri_atomic(uint64_t) xhint;   // next address to place a mapping at; 0 not chosen yet
  ri_atomic(uint64_t) xend;    // where to begin again from xbase; 0 window not chosen yet
  ri_atomic(bool) xos_places;  // the OS does not put mappings where it is asked to
  ri_atomic(bool) xshort;      // the window is small
} pagemap;

enum { PAGEMAP_BITS_MIN = 40 };

// Where the addresses end that are used (option max_vabits).
static uint64_t pagemap_address_end(void) {
  const size_t wished = rix_max((size_t)rix_option(ri_option_max_vabits), PAGEMAP_BITS_MIN);
  const bool fewer = rix_option(ri_option_max_vabits) != 0 && wished < rix_os_address_bits();
  return (uint64_t)1 << (fewer ? wished : rix_os_address_bits());
}

bool rix_pagemap_is_short(void) { return ri_load_relaxed(&pagemap.xshort); }

// Takes `length` bytes of the address space above all mappings so far; from the start of the window
// again at its end, where the OS says no to what is taken. 0: the OS shall choose.
static uint64_t pagemap_take_place(uint64_t length, uint64_t align) {
  if (RIX_OS_ADDRESS_BITS <= 32 || ri_load_relaxed(&pagemap.xos_places)) return 0;
  uint64_t hint = ri_load_relaxed(&pagemap.xhint);
  if (hint == 0) {
    const uint64_t chosen =
        PAGEMAP_PLACE_MIN + rix_align_down((size_t)(rix_os_random() % PAGEMAP_PLACE_RANGE),
                                           (size_t)RIX_SLICE_SIZE * RIX_WORD_BITS);
    if (ri_cas_strong_relaxed(&pagemap.xhint, &hint, chosen)) hint = chosen;
  }
  uint64_t at;
  do {
    const uint64_t window_end = ri_load_acquire(&pagemap.xend);  // P4 pairs P3: xbase is there
    const uint64_t end = window_end != 0 ? window_end : pagemap_address_end() / 2;
    const uint64_t start = window_end != 0 ? ri_load_relaxed(&rix_pagemap.xbase) : 0;
    at = rix_align_up(rix_max((size_t)hint, (size_t)start), (size_t)align);
    if (at < hint || at >= end || length > end - at) {
      at = rix_align_up((size_t)start, (size_t)align);
      if (window_end == 0 || at >= end || length > end - at) return 0;
    }
  } while (!ri_cas_weak_relaxed(&pagemap.xhint, &hint, at + length));
  return at;
}

// The place was not used: the next mapping shall try it, unless another was placed since.
static void pagemap_return_place(uint64_t at, uint64_t length) {
  uint64_t expected = at + length;
  ri_cas_strong_relaxed(&pagemap.xhint, &expected, at);
}

// Whether a range that could not be covered lies in the window, which was there by then. Another
// thread may have chosen it around a mapping of its own meanwhile.
static bool pagemap_has(uint64_t at, size_t size) {
  const uint64_t window_end = ri_load_relaxed(&pagemap.xend);
  return window_end == 0 || (at >= ri_load_relaxed(&rix_pagemap.xbase) && at <= window_end - size);
}

// Whether a range lies in the window, or there is none yet: then only memory for the table can be
// missing.
static bool pagemap_reaches(uint64_t at, size_t size) {
  rix_lock(&rix_pagemap_lock);
  const uint64_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const uint64_t end = base + ((uint64_t)pagemap.entries << RI_SLICE_SHIFT);
  const bool reaches = pagemap.reserved == 0 || (at >= base && at + size <= end);
  rix_unlock(&rix_pagemap_lock);
  return reaches;
}

// Maps at an address or not at all. *refused: the OS has no memory for it, or none to enter it.
static void* pagemap_map_at(uint64_t at, size_t size, rix_os_access_t access, bool* refused) {
  void* const p = rix_os_map((void*)(uintptr_t)at, size, access);
  *refused = p == NULL;
  if (p == NULL) return NULL;
  const bool first = ri_load_relaxed(&pagemap.xend) == 0;
  if ((uintptr_t)p == at) {
    if (rix_pagemap_cover(p, size)) return p;
    *refused = pagemap_has(at, size);  // the table could not grow
  } else if (first) {
    ri_store_relaxed(&pagemap.xos_places, true);
  }
  rix_os_unmap(p, size);
  return NULL;
}

static void* pagemap_map(void* at, size_t size, size_t align, size_t room, rix_os_access_t access) {
  bool refused = false;
  if (at != NULL && rix_is_aligned(at, align)) {
    void* const p = pagemap_map_at((uintptr_t)at, size, access, &refused);
    if (p != NULL || refused) return p;
  }
  const uint64_t length = rix_align_up(rix_max(size, room), RIX_SLICE_SIZE);
  for (int i = 0; i < PAGEMAP_TRIES; i++) {
    const uint64_t place = pagemap_take_place(length, align);
    if (place == 0) break;
    void* const p = pagemap_map_at(place, size, access, &refused);
    if (p != NULL) return p;
    if (refused) {
      pagemap_return_place(place, length);
      return NULL;
    }
  }
  void* const p = rix_os_map_aligned(NULL, size, align, access);
  if (p == NULL || rix_pagemap_cover(p, size)) return p;
  rix_os_unmap(p, size);
  // Where the OS puts it, it is out of reach: the next one is asked for in the window again.
  if (!pagemap_reaches((uintptr_t)p, size)) ri_store_relaxed(&pagemap.xos_places, false);
  return NULL;
}

void* rix_pagemap_map(void* at, size_t size, size_t align, size_t room, rix_os_access_t access) {
  enum { TAG_NONE = 100 };  // mimalloc's default: there shall be no name then
  void* const p = pagemap_map(at, size, align, room, access);
  const long tag = rix_option(ri_option_os_tag);
  if (RIX_UNLIKELY(tag != TAG_NONE && p != NULL)) rix_os_name(p, size, (unsigned)tag);
  return p;
}

// Reserves a table for `entries`. At `at` (0: nowhere) more has room behind it, so its beginning is
// enough there: who limits the address space later, which counts what is reserved, would have none
// left. NULL: the OS refuses.
static ri_pagemap_entry_t* pagemap_reserve_table(uintptr_t at, size_t entries) {
  const size_t all = rix_align_up(entries * sizeof(ri_pagemap_entry_t), rix_os_page_size());
  if (at != 0 && all > PAGEMAP_RESERVE_MIN) {
    void* const p = rix_os_map((void*)at, PAGEMAP_RESERVE_MIN, RIX_OS_RESERVED);
    pagemap.reserved = PAGEMAP_RESERVE_MIN / sizeof(ri_pagemap_entry_t);
    if ((uintptr_t)p == at) return p;
    if (p != NULL) rix_os_unmap(p, PAGEMAP_RESERVE_MIN);
  }
  pagemap.reserved = all / sizeof(ri_pagemap_entry_t);
  return rix_os_map(NULL, all, RIX_OS_RESERVED);
}

static ri_pagemap_t* const pagemap_both[] = {&rix_pagemap, &rix_fast_pagemap};

static void pagemap_set_window(uintptr_t base, ri_pagemap_entry_t* table) {
  for (size_t i = 0; i < 2; i++) {
    ri_store_relaxed(&pagemap_both[i]->xbase, base);
    ri_store_relaxed(&pagemap_both[i]->xtable, table);
  }
}

// So many entries are usable.
static void pagemap_publish(size_t count) {
  for (size_t i = 0; i < 2; i++)
    ri_store_release(&pagemap_both[i]->xcount, count);  // P1 pairs P2
}

// Reserves more of the table, up to `needed` entries or twice as much; false when it cannot.
static bool pagemap_extend(size_t needed) {
  const ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  const uintptr_t end = (uintptr_t)(table + pagemap.reserved);
  for (size_t wanted = rix_max(needed, 2 * pagemap.reserved);; wanted = needed) {
    wanted = rix_min(wanted, pagemap.entries);
    const size_t size =
        rix_align_up((wanted - pagemap.reserved) * sizeof(ri_pagemap_entry_t), rix_os_page_size());
    void* const p = rix_os_map((void*)end, size, RIX_OS_RESERVED);
    if ((uintptr_t)p == end) {
      pagemap.reserved += size / sizeof(ri_pagemap_entry_t);
      return true;
    }
    if (p != NULL) rix_os_unmap(p, size);
    if (wanted == needed) return false;
  }
}

// Reserves a table for `entries`; false when the OS refuses. `placed`: the window begins where this
// file chose, so that what is below it is free.
static bool pagemap_reserve(uint64_t base, uint64_t entries, bool placed) {
  const uint64_t room = entries * sizeof(ri_pagemap_entry_t) + PAGEMAP_RESERVE_MIN;
  const bool below = placed && room < base && rix_option(ri_option_pagemap_commit) == 0;
  const uintptr_t at = below ? rix_align_down((size_t)(base - room), RIX_SLICE_SIZE) : 0;
  ri_pagemap_entry_t* const table = pagemap_reserve_table(at, (size_t)entries);
  if (table == NULL) {
    pagemap.reserved = 0;
    return false;
  }
  pagemap.entries = (size_t)entries;
  const uint64_t end = base + (entries << RI_SLICE_SHIFT);
  const uint64_t place_end = pagemap_address_end() / 2;
  pagemap_set_window((uintptr_t)base, table);
  ri_store_release(&pagemap.xend, end < place_end ? end : place_end);  // P3 pairs P4
  return true;
}

// Chooses the window around the first mapping [start, end).
static bool pagemap_choose(uint64_t start, uint64_t end) {
  uint64_t all = pagemap_address_end();
  if (end > all) all = (uint64_t)1 << RIX_OS_ADDRESS_BITS;  // the OS decides otherwise
  const bool placed = start >= PAGEMAP_PLACE_MIN && start < PAGEMAP_PLACE_MIN + PAGEMAP_PLACE_RANGE;
  const size_t limit = rix_os_address_space_limit();
  if (limit == SIZE_MAX) {
    const uint64_t base = placed ? start : RIX_SLICE_SIZE;  // not 0: NULL must lie outside
    if (pagemap_reserve(base, (all - base) >> RI_SLICE_SHIFT, placed)) return true;
  }
  ri_store_relaxed(&pagemap.xshort, true);
  // Address space is short: a window of twice what may be mapped, upwards when mappings go where
  // they are asked to, downwards otherwise.
  uint64_t window = (uint64_t)64 << 30;
  while (window / 4 >= limit && window > ((uint64_t)1 << 28))
    window /= 2;
  for (; window >= rix_max((size_t)(end - start), (size_t)1 << 24); window /= 4) {
    uint64_t base = placed ? start : (end > window ? end - window : 0);
    base = rix_align_down((size_t)base, RIX_SLICE_SIZE);
    const uint64_t room = all - base < window ? all - base : window;
    if (pagemap_reserve(base, room >> RI_SLICE_SHIFT, placed)) return true;
  }
  return false;
}

// Makes `count` entries usable; false when the OS refuses.
static bool pagemap_commit(size_t count) {
  const size_t usable = ri_load_relaxed(&rix_pagemap.xcount);
  ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  if (!rix_os_commit(&table[usable], (count - usable) * sizeof(ri_pagemap_entry_t))) return false;
  pagemap_publish(count);
  return true;
}

// Makes entries up to `needed` usable.
static bool pagemap_grow(size_t needed) {
  if (rix_option(ri_option_pagemap_commit) != 0 && pagemap_commit(pagemap.reserved)) return true;
  const size_t usable = ri_load_relaxed(&rix_pagemap.xcount);
  const size_t step = PAGEMAP_STEP_MIN / sizeof(ri_pagemap_entry_t);
  const size_t wanted = rix_max(needed, rix_max(step, usable * 2));
  const size_t page = rix_os_page_size() / sizeof(ri_pagemap_entry_t);
  return pagemap_commit(rix_min(rix_align_up(wanted, page), pagemap.reserved));
}

// ---- A table in given memory --------------------------------------------------------------------

// The window is so many times as large as the region, which lies in the middle of it, so that the
// next region has a chance to be covered too.
enum { PAGEMAP_GIVEN_TIMES = 16 };

size_t rix_pagemap_table_needed(size_t size) {
  if (!rix_arena_os_forbidden() || pagemap.reserved != 0) return 0;
  const size_t entries = size / RIX_SLICE_SIZE * PAGEMAP_GIVEN_TIMES;
  return rix_align_up(entries * sizeof(ri_pagemap_entry_t), RIX_SLICE_SIZE);
}

void rix_pagemap_use_table(void* table, size_t bytes, const void* region, size_t size) {
  const uint64_t room = bytes / sizeof(ri_pagemap_entry_t) * (uint64_t)RIX_SLICE_SIZE;
  const uint64_t before = rix_align_down((size_t)((room - size) / 2), RIX_SLICE_SIZE);
  const uint64_t start = (uintptr_t)region;
  const uint64_t base = start > before + RIX_SLICE_SIZE ? start - before : RIX_SLICE_SIZE;
  rix_lock(&rix_pagemap_lock);
  pagemap.entries = pagemap.reserved = bytes / sizeof(ri_pagemap_entry_t);
  ri_store_relaxed(&pagemap.xend, base + room);
  pagemap_set_window((uintptr_t)base, table);
  pagemap_publish(pagemap.reserved);
  rix_unlock(&rix_pagemap_lock);
}

bool rix_pagemap_cover(const void* p, size_t size) {
  const uint64_t start = (uintptr_t)p, end = start + size;
  if (end < start) return false;  // it would go round the end of all addresses
  rix_lock(&rix_pagemap_lock);
  bool covered = pagemap.reserved != 0 || pagemap_choose(start, end);
  if (covered) {
    const uint64_t base = ri_load_relaxed(&rix_pagemap.xbase);
    const uint64_t needed = ((end - 1 - base) >> RI_SLICE_SHIFT) + 1;
    covered = start >= base && needed <= pagemap.entries;
    if (covered && needed > pagemap.reserved && !pagemap_extend((size_t)needed)) {
      covered = false;
      // Somebody's mapping lies behind the table: places begin again in the part that it has.
      const uint64_t window_end = base + ((uint64_t)pagemap.reserved << RI_SLICE_SHIFT);
      if (start < ri_load_relaxed(&pagemap.xend)) {
        ri_store_release(&pagemap.xend, window_end);  // P3 pairs P4
      }
    }
    if (covered && needed > ri_load_relaxed(&rix_pagemap.xcount)) {
      covered = pagemap_grow((size_t)needed);
    }
  }
  rix_unlock(&rix_pagemap_lock);
  return covered;
}

void rix_pagemap_set(const void* p, size_t size, ri_page_t* page) {
  const uintptr_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const size_t first = ((uintptr_t)p - base) >> RI_SLICE_SHIFT;
  const size_t last = ((uintptr_t)p + size - 1 - base) >> RI_SLICE_SHIFT;
  RI_ASSERT(last < ri_load_relaxed(&rix_pagemap.xcount));
  ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  for (size_t i = first; i <= last; i++)
    ri_store_relaxed(&table[i], page);
}

size_t rix_pagemap_reserved(void) {
  return ri_load_relaxed(&rix_pagemap.xcount) * sizeof(ri_pagemap_entry_t);
}
