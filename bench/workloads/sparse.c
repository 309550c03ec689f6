// SPDX-License-Identifier: MIT
// sparse: large blocks of which a few bytes are touched.
//
// Stresses: what an allocator makes resident that the program did not touch. `count` blocks of
// `low` to `high` KiB are allocated, and the first bytes of each (place=first) or the last ones
// (place=last, as a stack that grows down) are written; then a part of them is replaced, steps
// times. Pages of 2 MiB, headers in the blocks and links through them show as memory.
//
// Why it is here: stacks of coroutines, buffers for I/O that are sized for the worst case, hash
// tables with room to grow. They are large, there are thousands, and programs count on costing what
// they touch.
//
// A bad result means: a peak far above `count` OS pages, and time spent on clearing memory that
// nobody uses.
//
// Arguments: count (2000), low and high (16 and 1024), place (first), steps (20000).
#include "bench.h"

typedef struct slot_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} slot_t;

static uint64_t replace(slot_t* slot, bench_rng_t* rng, size_t low, size_t high, bool last) {
  uint64_t check = 0;
  if (slot->p != NULL) {
    check = bench_verify((char*)slot->p + (last ? slot->size - 64 : 0), 64, slot->tag);
  }
  free(slot->p);
  slot->size = (uint32_t)bench_between(rng, low, high);
  slot->tag = bench_next(rng);
  slot->p = bench_malloc(slot->size);
  bench_stamp((char*)slot->p + (last ? slot->size - 64 : 0), 64, slot->tag);
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("count", 2000);
  const size_t low = bench_arg("low", 16) << 10;
  const size_t high = bench_arg("high", 1024) << 10;
  const bool last = strcmp(bench_arg_text("place", "first"), "last") == 0;
  const size_t steps = bench_scaled(bench_arg("steps", 20000));
  slot_t* const slots = (slot_t*)calloc(count, sizeof *slots);
  if (slots == NULL) bench_fail("calloc returned NULL");
  bench_rng_t rng = bench_seed(61);
  uint64_t check = 0;
  for (size_t i = 0; i < count; i++)
    check += replace(&slots[i], &rng, low, high, last);
  bench_phase("full");
  for (size_t i = 0; i < steps; i++)
    check += replace(&slots[bench_below(&rng, count)], &rng, low, high, last);
  for (size_t i = 0; i < count; i++)
    free(slots[i].p);
  free(slots);
  return bench_finish(2 * (uint64_t)(count + steps), check);
}
