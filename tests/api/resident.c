// SPDX-License-Identifier: MIT
// resident.c: memory goes back to the OS. After everything is freed and collected by force,
// resident memory is within 3 MiB of the start; with a purge delay, later small traffic gives it
// back without being asked; large blocks that come and go keep their memory and are not faulted in
// again each time. Catches: freed spans that wait for a teardown, purges that nobody runs, a purge
// on every free.
#include "../check.h"

enum { BLOCKS_MAX = 2000000 };
static void** blocks;
static size_t count;
static long shipped_delay;
static const size_t total = (size_t)200 * CHECK_MIB;

// Touches 200 MiB, or two million blocks; returns the bytes.
static size_t fill_up(size_t max, uint64_t seed) {
  uint64_t rng = seed;
  size_t bytes = 0;
  while (bytes < total && count < BLOCKS_MAX) {
    const size_t size = check_any_size(&rng, max);
    void* const p = ri_malloc(size);
    CHECK(p != NULL);
    memset(p, 1, size);
    blocks[count++] = p;
    bytes += ri_usable_size(p);
  }
  return bytes;
}

static void free_all(void) {
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  count = 0;
}

static void comes_back(size_t max, uint64_t seed) {
  ri_collect(true);
  const size_t before = check_resident();
  const size_t bytes = fill_up(max, seed);
  CHECK(check_resident() > before + bytes / 2);
  free_all();
  ri_collect(true);
  const size_t after = check_resident();
  CHECK_MSG(after <= before + (size_t)3 * CHECK_MIB, "sizes to %zu: resident %zu KiB, before %zu",
            max, after / 1024, before / 1024);
}

// Ordinary use by a program that goes on with little.
static void small_traffic(uint64_t* rng) {
  void* kept[500];
  for (size_t i = 0; i < 500; i++) {
    kept[i] = ri_malloc(check_below(rng, 3000));
    CHECK(kept[i] != NULL);
  }
  for (size_t i = 0; i < 500; i++)
    ri_free(kept[i]);
}

static void comes_back_by_delay(size_t max, uint64_t seed) {
  ri_option_set(ri_option_purge_delay, 10);
  ri_collect(true);
  const size_t before = check_resident();
  CHECK(fill_up(max, seed) > (size_t)32 * CHECK_MIB);
  free_all();
  const uint64_t deadline = check_now_ms() + 10000;
  uint64_t rng = seed;
  size_t after;
  do {
    small_traffic(&rng);
    after = check_resident();
  } while (after > before + (size_t)16 * CHECK_MIB && check_now_ms() < deadline);
  CHECK_MSG(after <= before + (size_t)16 * CHECK_MIB, "sizes to %zu: resident %zu KiB, before %zu",
            max, after / 1024, before / 1024);
  ri_option_set(ri_option_purge_delay, shipped_delay);
}

static void at_once_and_never(void) {
  ri_collect(true);
  ri_option_set(ri_option_purge_delay, 0);
  const size_t before = check_resident();
  for (int i = 0; i < 20; i++) {
    void* const p = ri_malloc((size_t)8 * CHECK_MIB);
    CHECK(p != NULL);
    memset(p, 1, (size_t)8 * CHECK_MIB);
    ri_free(p);
  }
  CHECK_MSG(check_resident() <= before + (size_t)3 * CHECK_MIB, "%zu KiB, before %zu",
            check_resident() / 1024, before / 1024);
  ri_option_set(ri_option_purge_delay, -1);
  CHECK(fill_up(CHECK_MIB, 5) >= total);
  free_all();
  const size_t full = check_resident();
  uint64_t rng = 4;
  for (int i = 0; i < 50; i++)
    small_traffic(&rng);
  CHECK_MSG(check_resident() + (size_t)8 * CHECK_MIB > full, "%zu KiB, before %zu",
            check_resident() / 1024, full / 1024);
  ri_option_set(ri_option_purge_delay, shipped_delay);
  ri_collect(true);
  CHECK(check_resident() <= before + (size_t)3 * CHECK_MIB);
}

// 5 to 25 MiB, all touched, freed at once: what is faulted in is bounded by time, not by work.
static void no_repeated_faults(void) {
  const size_t rounds = 300;
  uint64_t rng = 8;
  size_t pages = 0;
  ri_collect(true);
  const size_t before = check_minor_faults();
  for (size_t i = 0; i < rounds; i++) {
    const size_t size = (5 + check_below(&rng, 21)) * CHECK_MIB;
    volatile uint8_t* const p = ri_malloc(size);
    CHECK(p != NULL);
    for (size_t at = 0; at < size; at += 4096)
      p[at] = 1;
    pages += size / 4096;
    ri_free((void*)p);
  }
  const size_t faults = check_minor_faults() - before;
  CHECK_MSG(faults * 4 < pages, "%zu faults for %zu pages", faults, pages);
}

int main(void) {
  if (!check_measurable()) check_skip("resident memory is not the program's alone");
  shipped_delay = ri_option_get(ri_option_purge_delay);
  // The table's own memory is in place from the start, so that it does not count.
  static void* table[BLOCKS_MAX];
  blocks = table;
  memset(table, 1, sizeof(table));
  comes_back(100, 1);
  comes_back(8192, 2);
  comes_back(65536, 3);
  comes_back((size_t)2 * CHECK_MIB, 4);
  comes_back((size_t)60 * CHECK_MIB, 5);
  comes_back_by_delay(100, 6);
  comes_back_by_delay(65536, 7);
  comes_back_by_delay((size_t)20 * CHECK_MIB, 8);
  at_once_and_never();
  no_repeated_faults();
  CHECK(ri_audit());
  return 0;
}
