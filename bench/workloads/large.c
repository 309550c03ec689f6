// SPDX-License-Identifier: MIT
// large: blocks of 5 to 25 MiB, a few live at a time, every page of them touched.
//
// Stresses: the interface to the operating system. Each step frees one of `slots` live blocks and
// allocates another of a random size, writes one word in each of its pages and later checks them.
// An allocator that maps and unmaps each block pays a page fault of the kernel for every 4 KiB of
// every block, about a millisecond for each block; one that keeps freed memory mapped pays almost
// nothing, but must find a fitting range and must not keep twice of what is live.
//
// Why it is here: images, matrices, columns of data, decompression buffers. In the project's own
// measurements peers differed by fifteen times on this case: all of it faults and system calls. The
// columns for faults and for peak memory belong to this row as much as time does.
//
// A bad result means: no reuse of large ranges, or reuse only of exactly equal sizes; with a small
// time but a high peak: hoarding.
//
// Arguments: slots (20), low and high (5 and 25 MiB), steps (600).
#include "bench.h"

typedef struct slot_s {
  void* p;
  size_t size;
  uint64_t tag;
} slot_t;

#define SLOTS_MAX 1024

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("slots", 20);
  const size_t low = bench_arg("low", 5) << 20;
  const size_t high = bench_arg("high", 25) << 20;
  const size_t steps = bench_scaled(bench_arg("steps", 600));
  if (count < 1 || count > SLOTS_MAX) bench_fail("slots must be 1..%d", SLOTS_MAX);
  static slot_t slots[SLOTS_MAX];
  bench_rng_t rng = bench_seed(21);
  uint64_t check = 0;
  for (size_t i = 0; i < steps; i++) {
    slot_t* const slot = &slots[bench_below(&rng, count)];
    if (slot->p != NULL) check += bench_verify_pages(slot->p, slot->size, slot->tag);
    free(slot->p);
    slot->size = bench_between(&rng, low, high);
    slot->tag = bench_next(&rng);
    slot->p = bench_malloc(slot->size);
    bench_stamp_pages(slot->p, slot->size, slot->tag);
  }
  for (size_t i = 0; i < count; i++)
    free(slots[i].p);
  return bench_finish(2 * (uint64_t)steps, check);
}
