// SPDX-License-Identifier: MIT
// floor.h: the least that an allocator can do; the zero of the project's scale. Not for production.
//
// Every thread has one list of free blocks for each size class. malloc pops, free pushes; a block
// belongs to whoever freed it last. Fresh blocks are cut from one reserved region by moving a
// pointer. Nothing is ever given back, checked, balanced between threads, counted, or made safe.
// The one thing that free cannot do without is the size class of a block, which is a byte in a
// table with an entry for each 64 KiB of the region: one subtraction, one shift, one load.
//
// What it is good for: the time of a workload under the floor is the time of the program itself
// plus about ten instructions for each pair of operations. No allocator with any of the features
// above is expected to be faster on one thread, except by using memory in a way that suits the
// caches better. Where blocks move between threads the floor's memory grows without bound, and it
// is no floor there.
//
// This header is for inlining (bench/static); floor.c makes the library for LD_PRELOAD from it.
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stddef.h>
#include <stdint.h>

#define FLOOR_BASE UINT64_C(0x200000000000)  // fixed, so that it is an immediate operand
#define FLOOR_CHUNK_SHIFT 16
#define FLOOR_CHUNKS (1u << 22)  // 256 GiB of address space
#define FLOOR_CLASSES 256
#define FLOOR_MAX ((size_t)1 << 37)
#define FLOOR_TABLE_MAX 1024  // sizes up to this find their class in a table

#if defined(__cplusplus)
extern "C" {
#endif

typedef struct floor_block_s {
  struct floor_block_s* next;
} floor_block_t;

extern __thread floor_block_t* floor_lists[FLOOR_CLASSES]
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern uint8_t floor_class_of_chunk[FLOOR_CHUNKS] __attribute__((visibility("hidden")));
extern const uint8_t floor_class_of_size[FLOOR_TABLE_MAX / 16 + 1]
    __attribute__((visibility("hidden")));

void* floor_refill(unsigned size_class) __attribute__((visibility("hidden"), malloc));

// Classes: multiples of 16 up to 128, then eight for each doubling.
static inline unsigned floor_class_large(size_t size) {
  if (size > FLOOR_MAX) return FLOOR_CLASSES - 1;  // larger than the region: floor_refill refuses
  const unsigned shift = 63u - (unsigned)__builtin_clzll(size - 1) - 3u;
  return (shift - 4u) * 8u + (unsigned)((size - 1) >> shift);
}

static inline size_t floor_class_size(unsigned size_class) {
  if (size_class < 8) return (size_t)(size_class + 1) * 16;
  const unsigned shift = size_class / 8 + 3;
  return (size_t)(size_class % 8 + 9) << shift;
}

static inline unsigned floor_class(size_t size) {
  if (__builtin_expect(size > FLOOR_TABLE_MAX, 0)) return floor_class_large(size);
  return floor_class_of_size[(size + 15) / 16];
}

static inline unsigned floor_class_at(const void* p) {
  return floor_class_of_chunk[((uintptr_t)p - FLOOR_BASE) >> FLOOR_CHUNK_SHIFT];
}

static inline void* floor_malloc(size_t size) {
  const unsigned size_class = floor_class(size);
  floor_block_t* const block = floor_lists[size_class];
  if (__builtin_expect(block == NULL, 0)) return floor_refill(size_class);
  floor_lists[size_class] = block->next;
  return block;
}

static inline void floor_free(void* p) {
  if (__builtin_expect(p == NULL, 0)) return;
  const unsigned size_class = floor_class_at(p);
  floor_block_t* const block = (floor_block_t*)p;
  block->next = floor_lists[size_class];
  floor_lists[size_class] = block;
}

#if defined(__cplusplus)
}
#endif

#endif
