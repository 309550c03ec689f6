// SPDX-License-Identifier: MIT
// replace: a cache at its limit. All blocks are live; a random one is freed and replaced.
//
// Stresses: allocation where no page has a free block but the one that was just made. The blocks
// have one size, so the free block and the next allocation meet; with a spread of sizes each size
// has some free blocks here and there.
//
// Why it is here: every cache that is full does this, an entry out and one in, for hours.
//
// A bad result means: work for each page that becomes full or is full no more, such as moving it
// between lists or telling other threads of it, done for each block.
//
// Arguments: low, high (bytes, 200 both), mib (live, 30), steps (4000000).
#include "bench.h"

static uint64_t bench_ops;

BENCH_WORK uint64_t bench_work(void** blocks, size_t count, size_t low, size_t high, size_t steps) {
  bench_rng_t rng = bench_seed(21);
  uint64_t check = 0;
  for (size_t i = 0; i < steps; i++) {
    const size_t at = bench_below(&rng, count);
    check += *(uint64_t*)blocks[at];
    free(blocks[at]);
    blocks[at] = bench_malloc(bench_between(&rng, low, high));
    *(uint64_t*)blocks[at] = i;
  }
  bench_ops = 2 * (uint64_t)steps;
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t low = bench_arg("low", 200);
  const size_t high = bench_arg("high", 200);
  const size_t count = (bench_arg("mib", 30) << 20) / ((low + high) / 2);
  void** const blocks = (void**)bench_malloc(count * sizeof(void*));
  bench_rng_t rng = bench_seed(20);
  for (size_t i = 0; i < count; i++) {
    blocks[i] = bench_malloc(bench_between(&rng, low, high));
    *(uint64_t*)blocks[i] = i;
  }
  const uint64_t check =
      bench_work(blocks, count, low, high, bench_scaled(bench_arg("steps", 4000000)));
  for (size_t i = 0; i < count; i++)
    free(blocks[i]);
  free(blocks);
  return bench_finish(bench_ops, check);
}
