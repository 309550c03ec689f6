// SPDX-License-Identifier: MIT
// density.c: page/density.h on memory whose use is known, and what follows for allocations: sparse
// use costs what is touched, whatever the size; memory that is written all over comes in huge pages
// from the second block on; a change of use is noticed. Catches: untouched memory taken for used,
// memory looked at that cannot be read, sparse blocks that are looked at each time, an OS page of
// each block that the allocator alone touches.
#include "page/density.h"

#include "arena/arena.h"
#include "arena/pagemap.h"
#include "page/page.h"
#include "../check.h"

#include <sys/mman.h>

enum { KIB = 1024, SIZE = 512 * KIB };

static uint8_t* fresh(size_t size) {
  uint8_t* const p = rix_os_map_aligned(NULL, size, RIX_SLICE_SIZE, RIX_OS_USABLE);
  CHECK(p != NULL);
  return p;
}

// The verdict on memory of which `part` of each `step` bytes was written, asked as often as it
// takes for memory to be looked at again.
static bool verdict(size_t block_size, size_t step, size_t from, size_t part) {
  uint8_t* const p = fresh(SIZE);
  for (size_t at = from; at < SIZE; at += step)
    memset(p + at, 1, rix_min(part, SIZE - at));
  for (int i = 0; i < 32; i++)
    rix_density_note(block_size, p, SIZE);
  const bool dense = rix_density_is_proved(block_size, false);
  CHECK(rix_density_is_proved(block_size, false) == dense);
  CHECK(rix_os_unmap(p, SIZE));
  return dense;
}

static void seen(void) {
  for (size_t block_size = 16 * KIB; block_size <= 64 * KIB; block_size *= 2) {
    CHECK(!verdict(block_size, SIZE, 0, 0));
    CHECK(verdict(block_size, SIZE, 0, SIZE));
    CHECK(!verdict(block_size, block_size, 0, 8));                   // links
    CHECK(!verdict(block_size, block_size, 0, 4 * KIB));             // the first OS page
    CHECK(!verdict(block_size, block_size, block_size - 100, 100));  // the end
    CHECK(verdict(block_size, block_size, 0, block_size - KIB));     // rounded up
    CHECK(verdict(block_size, 4 * KIB, 0, 8));                       // a word in each OS page
    CHECK(!verdict(block_size, SIZE, 0, SIZE / 2));
  }
  CHECK(verdict(700 * KIB, SIZE, 0, SIZE));
  CHECK(!verdict(700 * KIB, SIZE, SIZE - 8 * KIB, 8 * KIB));  // a stack
}

// Memory that cannot be read, and memory that is gone.
static void unreadable(void) {
  uint8_t* const p = fresh(SIZE);
  memset(p, 1, SIZE);
  CHECK(rix_os_is_written((uintptr_t)p) && !rix_os_is_written(4096));
  CHECK(mprotect(p, SIZE, PROT_NONE) == 0);
  const int saved = errno = 99;
  CHECK(!rix_os_is_written((uintptr_t)p));
  for (int i = 0; i < 32; i++)
    rix_density_note(64 * KIB, p, SIZE);
  CHECK(!rix_density_is_proved(64 * KIB, false));
  CHECK(rix_os_unmap(p, SIZE));
  CHECK(!rix_os_is_written((uintptr_t)p) && errno == saved);
}

// Blocks given back are looked at when that was not done before, and the verdict is kept.
static void given_back(void) {
  uint8_t* const p = fresh(SIZE);
  for (int i = 0; i < 32; i++)
    rix_density_note(40 * KIB, p, SIZE);
  CHECK(!rix_density_is_proved(40 * KIB, false));  // too early
  memset(p, 1, SIZE);
  CHECK(!rix_density_is_proved(40 * KIB, false));
  rix_density_note_freed(40 * KIB, p + RIX_SLICE_SIZE, SIZE - RIX_SLICE_SIZE);  // another
  CHECK(!rix_density_is_proved(40 * KIB, false));
  rix_density_note_freed(40 * KIB, p, SIZE);
  CHECK(rix_density_is_proved(40 * KIB, false));
  memset(p, 0, SIZE);
  rix_density_note_freed(40 * KIB, p, SIZE);
  CHECK(rix_density_is_proved(40 * KIB, false));
  CHECK(rix_os_unmap(p, SIZE));
}

// Of what was sparse again and again only one in 32 is looked at, and what is dense is found by it.
static void rarely(void) {
  uint8_t* const p = fresh(SIZE);
  uint8_t* const q = fresh(SIZE);
  memset(q, 1, SIZE);
  for (int i = 0; i < 6; i++) {
    for (int k = 0; k < 32; k++)
      rix_density_note(48 * KIB, p, SIZE);
    CHECK(!rix_density_is_proved(48 * KIB, false));
  }
  for (int k = 0; k < 31; k++) {
    rix_density_note(48 * KIB, q, SIZE);
    CHECK(!rix_density_is_proved(48 * KIB, false));
  }
  rix_density_note(48 * KIB, q, SIZE);
  CHECK(rix_density_is_proved(48 * KIB, false));
  rix_density_note(48 * KIB, p, SIZE);
  CHECK(!rix_density_is_proved(48 * KIB, false));
  rix_density_note(48 * KIB, q, SIZE);
  rix_density_note(48 * KIB, q, SIZE);
  CHECK(rix_density_is_proved(48 * KIB, false));  // soon again
  CHECK(rix_os_unmap(p, SIZE) && rix_os_unmap(q, SIZE));
}

static size_t resident(void) {
  rix_os_usage_t usage;
  rix_os_usage(&usage);
  return usage.resident;
}

static bool is_dense(const void* p) {
  const ri_page_t* const page = rix_pagemap_find(p);
  return page->arena != NULL && page->arena->dense;
}

static void* blocks[4000];

// So many blocks, of each of which the last OS page is touched.
static void sparse(size_t size, size_t count) {
  const size_t before = resident();
  size_t dense = 0;
  for (size_t i = 0; i < count; i++) {
    uint8_t* const p = blocks[i] = ri_malloc(size);
    CHECK(p != NULL);
    p[size - 1] = 1;
    dense += is_dense(p);
  }
  const size_t now = resident();
  const size_t grown = now > before ? now - before : 0;
  const size_t touched = count * rix_os_page_size();
  CHECK_MSG(!check_measurable() || grown <= touched + touched / 4 + 6 * CHECK_MIB,
            "%zu x %zu: %zu KiB resident, %zu touched", count, size, grown / KIB, touched / KIB);
  CHECK_MSG(dense <= (size >= RIX_DENSE_LARGE), "%zu of %zu x %zu", dense, count, size);
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
}

// Of blocks that are written as a whole all but the first few are dense.
static void used(size_t size, size_t count, size_t first) {
  size_t dense = 0;
  for (size_t i = 0; i < count; i++) {
    blocks[i] = ri_malloc(size);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, size);
    dense += is_dense(blocks[i]);
  }
  CHECK_MSG(dense + first >= count, "%zu of %zu x %zu are dense", dense, count, size);
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
}

int main(void) {
  FILE* const f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  char mode[64] = "";
  if (f != NULL && fgets(mode, sizeof(mode), f) == NULL) mode[0] = '\0';
  if (f != NULL) fclose(f);
  if (rix_pagemap_is_short()) check_skip("address space is short: all arenas are of one kind");
  uint8_t* const p = fresh(SIZE);
  memset(p, 1, KIB);
  if (!rix_os_is_written((uintptr_t)p)) check_skip("the system does not tell what is written");
  seen();
  unreadable();
  given_back();
  rarely();
  if (RIX_ANNOTATE != 0) return 0;  // tools keep and touch more
  if (strstr(mode, "[always]") != NULL) check_skip("huge pages come unasked for");
  static const size_t sizes[] = {16 * KIB, 33000, 64 * KIB, 128 * KIB, 700 * KIB, 1 << 20, 9 << 20};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    sparse(sizes[i], rix_min(4000, ((size_t)1 << 30) / sizes[i]));
  ri_collect(true);
  used(64 * KIB, 1000, 300);  // after many that were sparse, some are not looked at
  ri_collect(true);           // what is not new tells nothing
  used(20 * KIB, 1000, 210);  // the first 4 MiB
  used(4 << 20, 40, 34);
  return 0;
}
