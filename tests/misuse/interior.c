// SPDX-License-Identifier: MIT
// interior.c: pointers into a block instead of to its start, aligned or not, and pointers to memory
// of a page that was never handed out. Every one is reported, with or without the option `check`,
// and the block stays live. Only what lies in a page from which pointers into blocks were handed
// out needs the option.
#include "misuse.h"

static void small(size_t size) {
  const ri_summary_t start = check_summary();
  uint8_t* const p = ri_malloc(size);
  const size_t usable = ri_usable_size(p);
  check_fill(p, usable, size);
  const ri_summary_t before = check_summary();
  for (size_t at = 1; at < usable; at += 1 + at / 2)
    misuse_free_invalid(p + at, &before);
  misuse_free_invalid(p + usable - 1, &before);
  if (usable >= 16) misuse_free_invalid(p + usable / 2, &before);
  CHECK_FILLED(p, usable, size);
  ri_free(p);
  check_nothing_reported();
  CHECK(check_summary().blocks == start.blocks);
}

static void* interior_of_other(void* arg) {
  uint8_t* const p = arg;
  const ri_summary_t before = check_summary();
  misuse_free_invalid(p + 8, &before);
  misuse_free_invalid(p + 1, &before);
  return NULL;
}

static void remote(size_t size) {
  uint8_t* const p = ri_malloc(size);
  check_fill(p, size, 1);
  check_in_thread(interior_of_other, p);
  CHECK_FILLED(p, size, 1);
  ri_free(p);
}

static void large(size_t size) {
  uint8_t* const p = ri_malloc(size);
  const ri_summary_t before = check_summary();
  check_fill(p, 5000, 1);
  misuse_free_invalid(p + 1, &before);
  misuse_free_invalid(p + 8, &before);
  misuse_free_invalid(p + 4096, &before);
  misuse_free_invalid(p + 65536, &before);
  misuse_free_invalid(p + size - 1, &before);
  CHECK_FILLED(p, 5000, 1);
  check_in_thread(interior_of_other, p);
  ri_free(p);
  check_nothing_reported();
}

// Memory after the last block that was ever handed out in a page.
static void never_handed_out(size_t size) {
  uint8_t* const p = ri_malloc(size);
  const ri_summary_t before = check_summary();
  uint8_t* const end = (uint8_t*)(((uintptr_t)p | 65535) + 1);
  uint8_t* const q = end - 65536 + (65536 / ri_usable_size(p) - 1) * ri_usable_size(p);
  if (q > p && ri_is_in_heap_region(q)) {
    ri_free(misuse_pointer(q));
    CHECK_MSG(check_captured()->errors == 1, "%p was freed", (void*)q);
    check_capture_reset();
    const ri_summary_t after = check_summary();
    CHECK(after.blocks == before.blocks);
  }
  ri_free(p);
}

// A pointer that was handed out inside of its block, and those around it, which no program got.
static void shifted(size_t size, size_t alignment, size_t offset) {
  uint8_t* const p = ri_malloc_aligned_at(size, alignment, offset);
  uint8_t* const other = ri_malloc_aligned_at(size, alignment, offset);
  const ri_summary_t before = check_summary();
  check_fill(p, size, 1);
  for (size_t at = 8; at < size; at += 1 + at / 2)
    misuse_free_invalid(p + at, &before);
  misuse_free_invalid(p - 8, &before);
  CHECK(ri_usable_size(p + 8) == 0 && ri_usable_size(p) >= size);
  CHECK_FILLED(p, size, 1);
  ri_free(p);
  misuse_free_gone(p);
  ri_free(other);
  check_nothing_reported();
}

// By each of the functions that free.
static void by_every_free(void) {
  uint8_t* const p = ri_malloc(100);
  void* others[8];  // more blocks of the page than a batch has pointers
  for (int i = 0; i < 8; i++)
    others[i] = ri_malloc(100);
  const ri_summary_t before = check_summary();
  check_fill(p, 100, 1);
  uint8_t* const inside = misuse_pointer(p + 16);
  for (int i = 0; i < 4; i++) {
    void* two[2] = {inside, p + 32};
    if (i == 0) ri_free_sized(inside, 16);
    if (i == 1) ri_free_aligned(inside, 16);
    if (i == 2) ri_cfree(inside);
    if (i == 3) ri_free_batch(two, 2);
    CHECK(check_captured()->errors == (i == 3 ? 2 : 1));
    CHECK(strstr(check_captured()->text, "invalid pointer") != NULL);
    check_capture_reset();
  }
  CHECK(check_summary().blocks == before.blocks);
  CHECK_FILLED(p, 100, 1);
  ri_free(p);
  for (int i = 0; i < 8; i++)
    ri_free(others[i]);
}

static void ordinary(void) {
  for (int i = 0; i < MISUSE_SMALL_SIZES; i++) {
    small(misuse_small_sizes[i]);
    if (misuse_small_sizes[i] >= 16) remote(misuse_small_sizes[i]);
    never_handed_out(misuse_small_sizes[i]);
    misuse_intact();
  }
  by_every_free();
}

int main(void) {
  misuse_begin(0);
  ordinary();
  shifted(300000, 64, 8);  // a block of its own: also without the option
  for (int i = 0; i < MISUSE_LARGE_SIZES; i++)
    large(misuse_large_sizes[i]);
  misuse_intact();
  ri_collect(true);
  ri_option_set(ri_option_check, 1);
  for (int i = 0; i < MISUSE_LARGE_SIZES; i++)
    large(misuse_large_sizes[i]);
  ordinary();
  shifted(100, 32, 8);
  shifted(3000, 512, 24);
  shifted(30000, 4096, 1000);
  shifted(300000, 64, 8);
  misuse_intact();
  return 0;
}
