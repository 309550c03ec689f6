// SPDX-License-Identifier: MIT
// calloc: zeroed blocks of mixed sizes over a live set.
//
// Stresses: zeroing. Nine of ten blocks are small (16 to 512 bytes), one is 4 to 64 KiB; each is
// checked to be zero in its first, last and a few more words, is then dirtied in those words, and
// is freed some time later, so that the allocator hands out dirty memory and must clean it.
//
// Why it is here: many programs allocate with calloc throughout (structures that start as zero,
// hash tables, matrices). An allocator can win in two ways: it can know that memory comes fresh
// from the operating system and not write it at all, and it can zero small blocks without calling
// memset. It can also be wrong in two ways: by trusting memory that was used before, and by zeroing
// only the requested size where a later realloc exposes the rest.
//
// A bad result means: memset through a function pointer for 16 bytes, zeroing of whole size classes
// instead of the requested bytes, or zeroing memory that is known to be zero.
//
// Arguments: slots (2000).
#include "bench.h"

#define PROBES 6

typedef struct slot_s {
  char* p;
  size_t size;
} slot_t;

static uint64_t bench_ops;

// Probed places are the same for the test for zero and for the dirtying.
static size_t probe_at(size_t size, size_t i) { return (size - 8) * i / (PROBES - 1); }

static uint64_t probe_zero(char* p, size_t size) {
  uint64_t sum = 0;
  for (size_t i = 0; i < PROBES; i++) {
    uint64_t word;
    memcpy(&word, p + probe_at(size, i), 8);
    sum |= word;
  }
  if (sum != 0) bench_fail("calloc(%zu) returned a block that is not zero", size);
  memset(p, 0xA5, size < 64 ? size : 64);
  for (size_t i = 0; i < PROBES; i++) {
    const uint64_t word = ~UINT64_C(0);
    memcpy(p + probe_at(size, i), &word, 8);
  }
  return size;
}

BENCH_WORK uint64_t bench_work(slot_t* slots, size_t count, size_t steps) {
  bench_rng_t rng = bench_seed(4);
  uint64_t check = 0;
  for (size_t i = 0; i < steps; i++) {
    slot_t* const slot = &slots[bench_below(&rng, count)];
    free(slot->p);
    const bool small = bench_below(&rng, 10) != 0;
    slot->size = small ? bench_between(&rng, 16, 512) : bench_log_size(&rng, 12, 15);
    slot->p = (char*)calloc(1, slot->size);
    if (slot->p == NULL) bench_fail("calloc(%zu) returned NULL", slot->size);
    check += probe_zero(slot->p, slot->size);
  }
  for (size_t i = 0; i < count; i++)
    free(slots[i].p);
  bench_ops = 2 * (uint64_t)steps;
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("slots", 2000);
  slot_t* const slots = (slot_t*)calloc(count, sizeof *slots);
  if (slots == NULL) bench_fail("calloc returned NULL");
  const uint64_t check = bench_work(slots, count, bench_scaled(4000000));
  free(slots);
  return bench_finish(bench_ops, check);
}
