// SPDX-License-Identifier: MIT
// aligned: blocks with an alignment that malloc does not promise.
//
// Stresses: aligned_alloc and posix_memalign over a live set. Alignments are 32, 64 and 128
// (vectors and cache lines: nine of ten), and 256 to 4096 (buffers for devices and pages: one of
// ten); sizes are 32 bytes to 8 KiB and are not multiples of the alignment with posix_memalign.
//
// Why it is here: C++17 new with alignment, SIMD libraries and databases allocate this way all the
// time. An allocator whose classes are naturally aligned serves most of it on the fast path; one
// that over-allocates and hands out an inner pointer pays in memory and again in free, which must
// find the start of the block.
//
// Every address is checked for its alignment, every block for its contents.
//
// A bad result means: the aligned path always goes through the generic one, or interior pointers
// make free slow for the page.
//
// Arguments: slots (5000).
#include "bench.h"

typedef struct slot_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} slot_t;

static uint64_t bench_ops;

static void* take(size_t alignment, size_t* size, bool posix) {
  void* p = NULL;
  if (posix) {
    const int error = posix_memalign(&p, alignment, *size);
    if (error != 0) bench_fail("posix_memalign: %s", strerror(error));
  } else {
    *size = (*size + alignment - 1) & ~(alignment - 1);
    p = aligned_alloc(alignment, *size);
  }
  if (p == NULL || ((uintptr_t)p & (alignment - 1)) != 0) {
    bench_fail("block %p is not aligned to %zu", p, alignment);
  }
  return p;
}

BENCH_WORK uint64_t bench_work(slot_t* slots, size_t count, size_t steps) {
  bench_rng_t rng = bench_seed(5);
  uint64_t check = 0;
  for (size_t i = 0; i < steps; i++) {
    slot_t* const slot = &slots[bench_below(&rng, count)];
    if (slot->p != NULL) check += bench_verify(slot->p, slot->size, slot->tag);
    free(slot->p);
    const bool usual = bench_below(&rng, 10) != 0;
    const size_t alignment = (size_t)1
                             << (usual ? bench_between(&rng, 5, 7) : bench_between(&rng, 8, 12));
    size_t size = bench_log_size(&rng, 5, 12);
    slot->p = take(alignment, &size, (i & 1) != 0);
    slot->size = (uint32_t)size;
    slot->tag = bench_next(&rng);
    bench_stamp(slot->p, size, slot->tag);
  }
  for (size_t i = 0; i < count; i++)
    free(slots[i].p);
  bench_ops = 2 * (uint64_t)steps;
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("slots", 5000);
  slot_t* const slots = (slot_t*)calloc(count, sizeof *slots);
  if (slots == NULL) bench_fail("calloc returned NULL");
  const uint64_t check = bench_work(slots, count, bench_scaled(6000000));
  free(slots);
  return bench_finish(bench_ops, check);
}
