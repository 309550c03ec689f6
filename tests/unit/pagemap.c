// SPDX-License-Identifier: MIT
// pagemap.c: arena/pagemap.h: any address at all can be looked up at any time; what was entered is
// found for every byte of its slices and for none beside them; the table grows with what is
// covered; hints do not overlap.
#include "arena/pagemap.h"

#include "../check.h"

#include <sys/mman.h>

static ri_page_t pages[4];

static void nothing_at(uintptr_t address) {
  CHECK_MSG(rix_pagemap_find((void*)address) == NULL, "%p has a page", (void*)address);
}

static void nothing_anywhere(void) {
  uint64_t rng = 5;
  for (unsigned bit = 0; bit < CHECK_SIZE_BITS; bit++) {
    nothing_at((uintptr_t)1 << bit);
    nothing_at(((uintptr_t)1 << bit) - 1);
    nothing_at(UINTPTR_MAX << bit);
  }
  for (int i = 0; i < 100000; i++)
    nothing_at((uintptr_t)(check_rng(&rng) >> check_below(&rng, 64)));
  nothing_at((uintptr_t)&rng);
  nothing_at((uintptr_t)pages);
  nothing_at((uintptr_t)nothing_anywhere);
}

static void entered(uint8_t* start, size_t slices, ri_page_t* page) {
  const size_t size = slices * RIX_SLICE_SIZE;
  CHECK(rix_pagemap_cover(start, size));
  CHECK(rix_pagemap_find(start) == NULL);
  rix_pagemap_set(start, size, page);
  for (size_t at = 0; at < size; at += 4099)
    CHECK(rix_pagemap_find(start + at) == page);
  CHECK(rix_pagemap_find(start + size - 1) == page);
  CHECK(rix_pagemap_find(start - 1) != page);
  CHECK(rix_pagemap_find(start + size) != page);
  // A range that touches a slice in part enters it.
  rix_pagemap_set(start, size, NULL);
  rix_pagemap_set(start, 1, page);
  CHECK(rix_pagemap_find(start + RIX_SLICE_SIZE - 1) == page);
  CHECK(slices == 1 || rix_pagemap_find(start + RIX_SLICE_SIZE) == NULL);
  rix_pagemap_set(start, size, NULL);
  CHECK(rix_pagemap_find(start) == NULL);
}

// What is entered, and the table itself.
static void used(uint8_t* base) {
  const size_t slice = RIX_SLICE_SIZE;
  CHECK(!rix_pagemap_is_used(base, 8 * slice));
  rix_pagemap_set(base + 3 * slice, 2 * slice, &pages[0]);
  CHECK(rix_pagemap_is_used(base, 8 * slice) && rix_pagemap_is_used(base + 4 * slice, slice));
  CHECK(!rix_pagemap_is_used(base, 3 * slice) && !rix_pagemap_is_used(base + 5 * slice, slice));
  rix_pagemap_set(base + 3 * slice, 2 * slice, NULL);
  CHECK(!rix_pagemap_is_used(base, 8 * slice));
  uint8_t* const table = (uint8_t*)ri_load_relaxed(&rix_pagemap.xtable);
  CHECK(rix_pagemap_is_used(table, slice) && rix_pagemap_is_used(table - slice, 2 * slice));
  CHECK(!rix_pagemap_is_used((const void*)(UINTPTR_MAX - slice + 1), slice));
}

// From near the end of all addresses round to the first slice of the page map.
static void round_the_end(void) {
  const uintptr_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const uintptr_t start = (uintptr_t)0 - (uintptr_t)4 * CHECK_MIB;
  CHECK(!rix_pagemap_cover((const void*)start, base - start + RIX_SLICE_SIZE));
}

int main(void) {
  nothing_anywhere();  // also before the window is chosen
  const size_t mib = (size_t)1 << 20;
  uint8_t* const base = rix_pagemap_map(NULL, mib, RIX_SLICE_SIZE, mib, RIX_OS_USABLE);
  CHECK(base != NULL);
  // It lies where it was asked to, at the start of the window, so that little of the table is used.
  CHECK_MSG(check_sanitized() || rix_pagemap_reserved() <= (size_t)256 * CHECK_KIB,
            "%zu KiB of table", rix_pagemap_reserved() / 1024);
  entered(base, 16, &pages[0]);
  // Far from it; downwards where the OS, or a sanitizer, put it near the end of all addresses.
  const bool high = (uint64_t)(uintptr_t)base >> 46 != 0;
  const size_t gib = (size_t)1 << 30;
  entered(high ? base - gib : base + gib, 1, &pages[1]);
  if (CHECK_SIZE_BITS > 32) {
    entered(high ? base - CHECK_HUGE(36) : base + CHECK_HUGE(36), 3, &pages[2]);
    CHECK(rix_pagemap_reserved() >= CHECK_HUGE(36) / RIX_SLICE_SIZE * sizeof(void*));
  }
  nothing_anywhere();
  // The table's OS pages are used where entries are made only.
  CHECK(!check_measurable() || check_resident() < (size_t)64 * CHECK_MIB);
  CHECK(CHECK_SIZE_BITS == 32 ||
        !rix_pagemap_cover((void*)(UINTPTR_MAX - 3 * (uintptr_t)RIX_SLICE_SIZE), RIX_SLICE_SIZE));
  // Mappings lie apart, aligned, inside of the window.
  uint8_t* last = NULL;
  for (size_t i = 1; i < 200; i++) {
    const size_t size = rix_align_up(i * 12345, rix_os_page_size());
    const size_t align = (size_t)RIX_SLICE_SIZE << (i % (CHECK_SIZE_BITS / 4));
    uint8_t* const p = rix_pagemap_map(NULL, size, align, 2 * size, RIX_OS_USABLE);
    CHECK(p != NULL && check_aligned(p, align) && p != last);
    p[0] = p[size - 1] = (uint8_t)i;
    CHECK(rix_pagemap_cover(p, size));
    last = p;
  }
  round_the_end();
  used(base);
  return 0;
}
