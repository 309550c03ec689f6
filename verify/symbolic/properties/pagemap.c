// SPDX-License-Identifier: MIT
// pagemap.c: address to index and back, for every address, every window and every range.
// subject: rix_pagemap_cover
#include "subject.h"

#include "symbolic.h"

enum { ENTRIES = 4 };

static ri_pagemap_entry_t table[ENTRIES];
static ri_page_t page;

// A window of ENTRIES slices anywhere, empty.
static uint64_t window(void) {
  const uint64_t base = sym_u64("base");
  sym_assume(base % RIX_SLICE_SIZE == 0 && base >= RIX_SLICE_SIZE);
  sym_assume(base < ((uint64_t)1 << RIX_OS_ADDRESS_BITS) - ENTRIES * RIX_SLICE_SIZE);
  for (unsigned i = 0; i < ENTRIES; i++)
    ri_store_relaxed(&table[i], NULL);
  ri_store_relaxed(&rix_pagemap.xbase, base);
  ri_store_relaxed(&rix_pagemap.xcount, ENTRIES);
  ri_store_relaxed(&rix_pagemap.xtable, &table[0]);
  return base;
}

// No address at all reads outside of the table; those outside of the window have no page.
void prove_find_any_address(void) {
  const uint64_t base = window();
  INPUT(64, address);
  for (unsigned i = 0; i < ENTRIES; i++)
    ri_store_relaxed(&table[i], &page);
  const bool inside = address >= base && address - base < ENTRIES * RIX_SLICE_SIZE;
  ASSERT(rix_pagemap_find((const void*)address) == (inside ? &page : NULL));
}

// After a range was entered, exactly the slices that it touches lead to the page.
void prove_set_and_find(void) {
  const uint64_t base = window();
  INPUT(64, start);
  INPUT(64, size);
  INPUT(64, address);
  const uint64_t end = base + ENTRIES * RIX_SLICE_SIZE;
  sym_assume(start >= base && start < end && size >= 1 && size <= end - start);
  rix_pagemap_set((const void*)start, size, &page);
  const uint64_t slice = address / RIX_SLICE_SIZE;
  const bool touched =
      slice >= start / RIX_SLICE_SIZE && slice <= (start + size - 1) / RIX_SLICE_SIZE;
  ASSERT(rix_pagemap_find((const void*)address) == (touched ? &page : NULL));
}

// ---- rix_pagemap_cover: what it lets in fits into the table that it has -------------------------

rix_sealed_page_t rix_sealed_page;  // set in cover_fits
static unsigned address_bits;       // set in cover_fits

void rix_lock(rix_lock_t* lock) { RIX_UNUSED(lock); }
void rix_unlock(rix_lock_t* lock) { RIX_UNUSED(lock); }
size_t rix_os_page_size(void) { return 4096; }
unsigned rix_os_address_bits(void) { return address_bits; }
bool rix_os_enable(void* p, size_t size) {
  RIX_UNUSED(p);
  RIX_UNUSED(size);
  return sym_each(2, "the OS commits") == 1;
}
bool rix_os_readable(void* p, size_t size) {
  RIX_UNUSED(p);
  RIX_UNUSED(size);
  return sym_each(2, "the OS lets read") == 1;
}
size_t rix_os_address_space_limit(void) { return SIZE_MAX; }

bool rix_os_unmap(void* p, size_t size) {
  RIX_UNUSED(p);
  RIX_UNUSED(size);
  return true;
}

static unsigned maps;

// Where it is asked to, or, the first two times, not at all.
void* rix_os_map(void* hint, size_t size, rix_os_access_t access) {
  RIX_UNUSED(size);
  RIX_UNUSED(access);
  if (maps++ < 2 && sym_each(2, "the OS maps") == 0) return NULL;
  return hint != NULL ? hint : (void*)(uintptr_t)((uint64_t)1 << 40);
}

static bool cover_fits(unsigned bits, long commit, bool placed) {
  INPUT(64, start);
  INPUT(64, size);
  const uint64_t end_of_all = (uint64_t)1 << RIX_OS_ADDRESS_BITS;
  sym_assume(start >= RIX_SLICE_SIZE && start % 4096 == 0);
  sym_assume(size >= 1 && size <= end_of_all - RIX_SLICE_SIZE && start <= end_of_all - size);
  maps = 0;
  pagemap.entries = pagemap.reserved = pagemap.writable = pagemap.pieces = 0;
  pagemap.piece[0] = (pagemap_piece_t){0, 0};
  ri_store_relaxed(&rix_pagemap.xcount, 0);
  ri_store_relaxed(&rix_sealed.values[ri_option_max_vabits], 0);
  ri_store_relaxed(&rix_sealed.values[ri_option_pagemap_commit], commit);
  address_bits = bits;
  const bool covered = pagemap_cover((const void*)start, size, placed);
  const uint64_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const uint64_t count = ri_load_relaxed(&rix_pagemap.xcount);
  if (count > pagemap.reserved || pagemap.writable > count) return false;
  const uint64_t first = (start - base) >> RI_SLICE_SHIFT;
  const uint64_t last = (start + size - 1 - base) >> RI_SLICE_SHIFT;
  const pagemap_piece_t piece = pagemap.piece[0];
  const bool writable = last < pagemap.writable || (first >= piece.from && last < piece.to) ||
                        (piece.from == pagemap.writable && last < piece.to);
  if (covered && !writable) return false;
  return !covered || (start >= base && (start + size - 1 - base) >> RI_SLICE_SHIFT < count);
}

void prove_cover(void) { ASSERT(cover_fits(RIX_OS_ADDRESS_BITS, 0, true)); }
void prove_cover_commit(void) { ASSERT(cover_fits(RIX_OS_ADDRESS_BITS, 1, false)); }
void prove_cover_few(void) { ASSERT(cover_fits(38, 0, false)); }
void prove_cover_few_commit(void) { ASSERT(cover_fits(38, 1, true)); }
