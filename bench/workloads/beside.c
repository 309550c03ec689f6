// SPDX-License-Identifier: MIT
// beside: a class churns beside many pages of another that are in part free.
//
// Stresses: regular work that grows with what a thread has. Every second of many blocks of 4 KiB is
// freed, so that all their pages have room; then thousands of small blocks are allocated and freed
// again and again, and now and then some of the large ones are replaced, so that pages become empty
// and are used again.
//
// Why it is here: an allocator that walks all pages of a class, to find the empty ones, does so for
// allocations that have nothing to do with them.
//
// Arguments: pages (of 64 KiB, 20000), rounds (300).
#include "bench.h"

enum { LARGE = 4096, SMALL = 64, BATCH = 4000, REPLACED = 200 };

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("pages", 20000) * 16;
  const size_t rounds = bench_scaled(bench_arg("rounds", 300));
  void** const large = (void**)bench_malloc(count * sizeof(void*));
  static void* batch[BATCH];
  bench_rng_t rng = bench_seed(23);
  for (size_t i = 0; i < count; i++)
    large[i] = bench_malloc(LARGE);
  for (size_t i = 0; i < count; i += 2) {
    free(large[i]);
    large[i] = NULL;
  }
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < BATCH; i++) {
      batch[i] = bench_malloc(SMALL);
      *(size_t*)batch[i] = i;
    }
    for (size_t i = 0; i < BATCH; i++) {
      if (*(size_t*)batch[i] != i) bench_fail("block %zu was overwritten", i);
      free(batch[i]);
    }
    for (size_t i = 0; i < REPLACED; i++) {
      const size_t at = bench_below(&rng, count);
      if (large[at] == NULL) continue;
      free(large[at]);
      large[at] = bench_malloc(LARGE);
    }
  }
  for (size_t i = 0; i < count; i++)
    free(large[i]);
  free(large);
  return bench_finish(2 * BATCH * (uint64_t)rounds, count);
}
