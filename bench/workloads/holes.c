// SPDX-License-Identifier: MIT
// holes: many holes that are too short, and blocks that fit in none of them.
//
// Stresses: the search for address space. `count` blocks of `size` bytes are allocated and every
// second one is freed, which leaves as many holes; then a few hundred larger blocks are replaced in
// random order, with an alignment if asked. Only the first bytes of each block are touched: what
// counts is how the allocator finds a place, not what the kernel does.
//
// Why it is here: a search by first fit looks at each hole that is too short, so that its cost grows
// with what the process once had: microseconds for each large block after a few gigabytes. Servers
// that cache objects of mixed sizes get there in hours, and their owners see it as slowness without
// a cause.
//
// A bad result means: time that grows with `count`. Compare two of them.
//
// Arguments: count (30000), size (130000), large (260000), align (1), steps (60000).
#include "bench.h"

typedef struct slot_s {
  void* p;
  uint32_t tag;
} slot_t;

#define LIVE 300

static void* take(size_t size, size_t align) {
  void* p = NULL;
  if (align <= 1) return bench_malloc(size);
  const int error = posix_memalign(&p, align, size);
  if (error != 0 || ((uintptr_t)p & (align - 1)) != 0) {
    bench_fail("posix_memalign: %s, %p", strerror(error), p);
  }
  return p;
}

BENCH_WORK uint64_t bench_work(slot_t* slots, size_t steps, size_t size, size_t align) {
  bench_rng_t rng = bench_seed(51);
  uint64_t check = 0;
  for (size_t i = 0; i < steps; i++) {
    slot_t* const slot = &slots[bench_below(&rng, LIVE)];
    if (slot->p != NULL) check += bench_verify(slot->p, 64, slot->tag);
    free(slot->p);
    slot->tag = bench_next(&rng);
    slot->p = take(size - bench_below(&rng, size / 4), align);
    bench_stamp(slot->p, 64, slot->tag);
  }
  for (size_t i = 0; i < LIVE; i++)
    free(slots[i].p);
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_scaled(bench_arg("count", 30000));
  const size_t size = bench_arg("size", 130000);
  void** const blocks = (void**)bench_malloc(count * sizeof *blocks);
  for (size_t i = 0; i < count; i++) {
    blocks[i] = bench_malloc(size);
    bench_stamp(blocks[i], 64, (uint32_t)i);
  }
  for (size_t i = 0; i < count; i += 2)
    free(blocks[i]);
  static slot_t slots[LIVE];
  const size_t steps = bench_arg("steps", 60000);
  uint64_t check = bench_work(slots, steps, bench_arg("large", 260000), bench_arg("align", 1));
  for (size_t i = 1; i < count; i += 2) {
    check += bench_verify(blocks[i], 64, (uint32_t)i);
    free(blocks[i]);
  }
  free(blocks);
  return bench_finish(2 * (uint64_t)(count + steps), check);
}
