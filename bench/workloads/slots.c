// SPDX-License-Identifier: MIT
// slots: a table of live blocks; each step replaces the block of a random slot by one of another
// random size.
//
// Stresses: size classes in random order with a stable live set. Both the class of the freed block
// and that of the allocated one are unpredictable, so the allocator pays for every table that it
// looks into (class table, page map, page header) with cache misses of its own beside those of the
// program. With the number of slots the live set goes from inside the first-level cache (16 slots)
// to far beyond the last one (a million).
//
// Why it is here: this is the steady state of long-running programs: caches, sessions, documents.
// It is the workload where allocators differ in data layout rather than in instruction count: where
// the metadata of a block lies (next to it, in the page, out of line) decides how many lines a free
// touches. Blocks are checked, so the program touches them too, as real ones do.
//
// A bad result means: metadata that shares no locality with the block, searches through the pages
// of a class when the first one is full, or (huge live sets) too many TLB misses per operation.
//
// Arguments: slots (10000), low and high (8 and 1008: sizes uniform between them), shape (uniform;
// log: every doubling from low to high equally likely, low and high powers of two).
#include "bench.h"

typedef struct slot_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} slot_t;

static uint64_t bench_ops;

static unsigned log2_of(size_t n) { return 63u - (unsigned)__builtin_clzll(n); }

static size_t pick(bench_rng_t* rng, size_t low, size_t high, bool is_log) {
  if (!is_log) return bench_between(rng, low, high);
  return bench_log_size(rng, log2_of(low), log2_of(high) - 1);
}

static uint64_t drop(const slot_t* slot) {
  const uint64_t check = bench_verify(slot->p, slot->size, slot->tag);
  free(slot->p);
  return check;
}

BENCH_WORK uint64_t bench_work(slot_t* slots, size_t count, size_t steps) {
  const size_t low = bench_arg("low", 8);
  const size_t high = bench_arg("high", 1008);
  const bool is_log = strcmp(bench_arg_text("shape", "uniform"), "log") == 0;
  bench_rng_t rng = bench_seed(2);
  uint64_t check = 0;
  for (size_t i = 0; i < count + steps; i++) {
    const bool filling = i < count;
    slot_t* const slot = &slots[filling ? i : bench_below(&rng, count)];
    if (!filling) check += drop(slot);
    slot->size = (uint32_t)pick(&rng, low, high, is_log);
    slot->tag = bench_next(&rng);
    slot->p = bench_malloc(slot->size);
    bench_stamp(slot->p, slot->size, slot->tag);
  }
  for (size_t i = 0; i < count; i++)
    check += drop(&slots[i]);
  bench_ops = 2 * (uint64_t)(count + steps);
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("slots", 10000);
  slot_t* const slots = (slot_t*)bench_malloc(count * sizeof *slots);
  const uint64_t check = bench_work(slots, count, bench_scaled(bench_arg("steps", 20000000)));
  free(slots);
  return bench_finish(bench_ops, check);
}
