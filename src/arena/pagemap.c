// SPDX-License-Identifier: MIT
// pagemap.c: the window, its growth, and the placement of mappings inside it.
#include "arena/pagemap.h"

#include "base/assert.h"

// Mappings are placed upwards from a random address in [4 TiB, 20 TiB), far from what the OS and
// the loader use; on small address spaces the OS decides.
#define PAGEMAP_PLACE_MIN ((uint64_t)4 << 40)
#define PAGEMAP_PLACE_RANGE ((uint64_t)16 << 40)
#define PAGEMAP_STEP_MIN ((size_t)64 * 1024)  // bytes of table made usable at first

ri_pagemap_t rix_pagemap;
rix_lock_t rix_pagemap_lock;

static struct {
  size_t reserved;            // entries of address space reserved; lock rix_pagemap_lock
  ri_atomic(uint64_t) xhint;  // next address to place a mapping at; 0 not chosen yet
} pagemap;

static uint64_t pagemap_address_end(void) { return (uint64_t)1 << RIX_OS_ADDRESS_BITS; }

void* rix_pagemap_hint(size_t size) {
  if (RIX_OS_ADDRESS_BITS < 47) return NULL;
  uint64_t hint = ri_load_relaxed(&pagemap.xhint);
  if (hint == 0) {
    const uint64_t chosen =
        PAGEMAP_PLACE_MIN + rix_align_down((size_t)(rix_os_random() % PAGEMAP_PLACE_RANGE),
                                           (size_t)RIX_SLICE_SIZE * RIX_WORD_BITS);
    if (ri_cas_strong_acq_rel(&pagemap.xhint, &hint, chosen)) hint = chosen;
  }
  const uint64_t length = rix_align_up(size, RIX_SLICE_SIZE);
  if (length > PAGEMAP_PLACE_MIN) return NULL;
  uint64_t next;
  do {  // upwards; from the start again near the end, where the OS fills in what is free
    next = hint + length < pagemap_address_end() / 2 ? hint + length : PAGEMAP_PLACE_MIN + length;
  } while (!ri_cas_weak_relaxed(&pagemap.xhint, &hint, next));
  return (void*)(uintptr_t)(next - length);
}

void rix_pagemap_taken(const void* end) {
  const uint64_t after = rix_align_up((uintptr_t)end, RIX_SLICE_SIZE);
  uint64_t hint = ri_load_relaxed(&pagemap.xhint);
  if (after > pagemap_address_end() / 2) return;
  while (hint < after && !ri_cas_weak_relaxed(&pagemap.xhint, &hint, after)) {}
}

// Reserves a table for `entries`; false when the OS refuses.
static bool pagemap_reserve(uint64_t base, uint64_t entries) {
  const size_t bytes =
      rix_align_up((size_t)entries * sizeof(ri_pagemap_entry_t), rix_os_page_size());
  ri_pagemap_entry_t* const table = rix_os_map(NULL, bytes, false);
  if (table == NULL) return false;
  pagemap.reserved = bytes / sizeof(ri_pagemap_entry_t);
  ri_store_relaxed(&rix_pagemap.xbase, (uintptr_t)base);
  ri_store_relaxed(&rix_pagemap.xtable, table);
  return true;
}

// Chooses the window around the first mapping [start, end).
static bool pagemap_choose(uint64_t start, uint64_t end) {
  const uint64_t all = pagemap_address_end();
  const bool placed = start >= PAGEMAP_PLACE_MIN && start < PAGEMAP_PLACE_MIN + PAGEMAP_PLACE_RANGE;
  const size_t limit = rix_os_address_space_limit();
  if (limit == SIZE_MAX) {
    const uint64_t base = placed ? start : RIX_SLICE_SIZE;  // not 0: NULL must lie outside
    if (pagemap_reserve(base, (all - base) >> RI_SLICE_SHIFT)) return true;
  }
  // Address space is short: a window of twice what may be mapped, upwards when mappings go where
  // they are asked to, downwards otherwise.
  uint64_t window = (uint64_t)64 << 30;
  while (window / 4 >= limit && window > ((uint64_t)1 << 28))
    window /= 2;
  for (; window >= rix_max((size_t)(end - start), (size_t)1 << 24); window /= 4) {
    uint64_t base = placed ? start : (end > window ? end - window : 0);
    base = rix_align_down((size_t)base, RIX_SLICE_SIZE);
    const uint64_t room = all - base < window ? all - base : window;
    if (pagemap_reserve(base, room >> RI_SLICE_SHIFT)) return true;
  }
  return false;
}

// Makes entries up to `needed` usable.
static bool pagemap_grow(size_t needed) {
  const size_t usable = ri_load_relaxed(&rix_pagemap.xcount);
  const size_t step = PAGEMAP_STEP_MIN / sizeof(ri_pagemap_entry_t);
  const size_t wanted = rix_max(needed, rix_max(step, usable * 2));
  const size_t page = rix_os_page_size() / sizeof(ri_pagemap_entry_t);
  const size_t count = rix_min(rix_align_up(wanted, page), pagemap.reserved);
  ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  if (!rix_os_commit(&table[usable], (count - usable) * sizeof(ri_pagemap_entry_t))) return false;
  ri_store_release(&rix_pagemap.xcount, count);
  return true;
}

bool rix_pagemap_cover(const void* p, size_t size) {
  const uint64_t start = (uintptr_t)p, end = start + size;
  rix_lock(&rix_pagemap_lock);
  bool covered = pagemap.reserved != 0 || pagemap_choose(start, end);
  if (covered) {
    const uint64_t base = ri_load_relaxed(&rix_pagemap.xbase);
    const uint64_t needed = ((end - 1 - base) >> RI_SLICE_SHIFT) + 1;
    covered = start >= base && needed <= pagemap.reserved;
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
