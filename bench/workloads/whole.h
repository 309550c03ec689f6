// SPDX-License-Identifier: MIT
// whole.h: blocks of which every byte is written and checked.
//
// Where an allocator gives back parts of pages that still have live blocks, one mistake turns the
// middle of a block into zeroes. So these workloads do not stamp the ends of a block: they fill it
// with a byte that is never zero, and look at all of it.
#ifndef BENCH_WHOLE_H
#define BENCH_WHOLE_H

#include "bench.h"

typedef struct whole_s {
  void* p;
  uint32_t size;  // at least 16
  uint32_t tag;
} whole_t;

static inline void whole_write(void* p, size_t size, uint32_t tag) {
  memset(p, (int)((tag & 0xFF) | 1), size);
  bench_stamp(p, size, tag);
}

static inline uint64_t whole_read(const void* p, size_t size, uint32_t tag) {
  const unsigned char* const middle = (const unsigned char*)p + 4;
  const uint64_t check = bench_verify(p, size, tag);
  // All equal to the first and so to their neighbours.
  if (middle[0] != ((tag & 0xFF) | 1) || memcmp(middle, middle + 1, size - 9) != 0) {
    bench_fail("block %p of %zu was overwritten in the middle", p, size);
  }
  return check;
}

static inline void whole_fill(whole_t* block, size_t size, uint32_t tag) {
  block->p = bench_malloc(size);
  block->size = (uint32_t)size;
  block->tag = tag;
  whole_write(block->p, size, tag);
}

static inline uint64_t whole_check(const whole_t* block) {
  return block->p == NULL ? 0 : whole_read(block->p, block->size, block->tag);
}

// Of a place that may be empty.
static inline uint64_t whole_drop(whole_t* block) {
  const uint64_t check = whole_check(block);
  free(block->p);
  block->p = NULL;
  return check;
}

#endif
