// SPDX-License-Identifier: MIT
// traffic.h: blocks that carry their own check, for the stress tests. A block of at least 16 bytes
// starts with its size and is filled with a pattern that follows from its address and its size;
// whoever takes it, in whatever thread, verifies it before it is freed. Two owners of one block, a
// block that overlaps another or memory given back too early show up as a broken pattern.
#ifndef RIMALLOC_TESTS_STRESS_TRAFFIC_H
#define RIMALLOC_TESTS_STRESS_TRAFFIC_H

#include "../check.h"

#include <stdatomic.h>

// A place where threads exchange blocks.
typedef _Atomic(void*) traffic_slot_t;
static inline void* traffic_swap(traffic_slot_t* slot, void* p) {
  // Release: what this thread wrote is in place when the next owner takes the block (acquire).
  return atomic_exchange_explicit(slot, p, memory_order_acq_rel);
}

// Large blocks are filled sparsely: a stress test should spend its time in the allocator.
enum { TRAFFIC_FULL = 8192 };

static inline uint64_t traffic_key(const void* p, size_t size) {
  return (uint64_t)(uintptr_t)p * 31 + size;
}

static inline void* traffic_sign(void* p, size_t size) {
  CHECK_MSG(p != NULL, "size %zu errno %d", size, errno);
  if (size <= TRAFFIC_FULL) {
    check_fill(p, size, traffic_key(p, size));
  } else {
    check_fill_sparse(p, size, traffic_key(p, size));
  }
  memcpy(p, &size, sizeof(size));
  return p;
}

static inline size_t traffic_verify(void* p) {
  size_t size;
  memcpy(&size, p, sizeof(size));
  CHECK_MSG(size >= 16 && size <= ri_usable_size(p), "block %p says %zu, usable %zu", p, size,
            ri_usable_size(p));
  const uint64_t word = check_word(traffic_key(p, size), 0);
  memcpy(p, &word, sizeof(word));  // under the size the pattern starts like any other
  const size_t bad = size <= TRAFFIC_FULL ? check_differs(p, 0, size, traffic_key(p, size))
                                          : check_differs_sparse(p, size, traffic_key(p, size));
  CHECK_MSG(bad == SIZE_MAX, "block %p of %zu is broken at %zu", p, size, bad);
  return size;
}

// A new block, of any kind that a program may ask for.
static inline void* traffic_make(uint64_t* rng, size_t max) {
  const size_t size = 16 + check_any_size(rng, check_below(rng, 200) == 0 ? max : max / 64);
  switch (check_below(rng, 8)) {
    case 0:
      return traffic_sign(ri_calloc(1, size), size);
    case 1: {
      const size_t alignment = (size_t)16 << check_below(rng, 9);
      void* const p = ri_malloc_aligned(size, alignment);
      CHECK_MSG(check_aligned(p, alignment), "%p, alignment %zu", p, alignment);
      return traffic_sign(p, size);
    }
    default:
      return traffic_sign(ri_malloc(size), size);
  }
}

static inline void traffic_free(void* p) {
  if (p == NULL) return;
  (void)traffic_verify(p);
  ri_free(p);
}

// Resizes a block that the caller holds; its content is verified across the move.
static inline void* traffic_resize(void* p, uint64_t* rng) {
  const size_t old = traffic_verify(p);
  const size_t size = 16 + check_below(rng, 2 * old);
  const uint64_t key = traffic_key(p, old);
  void* const q = ri_realloc(p, size);
  CHECK(q != NULL);
  const size_t kept = old < size ? old : size;
  if (kept <= TRAFFIC_FULL && old <= TRAFFIC_FULL) CHECK_FILLED(q, kept, key);
  return traffic_sign(q, size);
}

// What every stress test promises at its end: nothing is left, and the structures are sound.
static inline void traffic_all_gone(const ri_summary_t* before) {
  ri_collect(true);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before->blocks, "%zu blocks, before %zu", after.blocks, before->blocks);
  CHECK_MSG(after.in_use == before->in_use, "%zu bytes, before %zu", after.in_use, before->in_use);
  CHECK_MSG(after.threads == before->threads, "%zu threads, before %zu", after.threads,
            before->threads);
  CHECK_MSG(after.abandoned == 0, "%zu abandoned pages", after.abandoned);
  CHECK(ri_audit());
}

#endif
