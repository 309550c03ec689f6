// SPDX-License-Identifier: MIT
// floor.c: the floor as a library for LD_PRELOAD; see floor.h for what it is and is not.
//
// Owns the reserved region, the table of classes by chunk, and the malloc family. A class cuts its
// blocks from a chunk of its own (64 KiB, or eight blocks for classes above 8 KiB); each thread
// cuts from its own chunks. FLOOR_NO_OVERRIDE leaves only what floor.h needs. Blocks of a power of
// two are naturally aligned because chunks carry no header.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "floor.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FLOOR_PUBLIC __attribute__((visibility("default")))
#define FLOOR_CHUNK ((size_t)1 << FLOOR_CHUNK_SHIFT)
#define FLOOR_BYTES ((size_t)FLOOR_CHUNKS << FLOOR_CHUNK_SHIFT)

__thread floor_block_t* floor_lists[FLOOR_CLASSES] __attribute__((tls_model("initial-exec")));
uint8_t floor_class_of_chunk[FLOOR_CHUNKS];
const uint8_t floor_class_of_size[FLOOR_TABLE_MAX / 16 + 1] = {
    0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 16, 17, 17, 18,
    18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 24, 24, 24, 25, 25, 25, 25, 26, 26, 26,
    26, 27, 27, 27, 27, 28, 28, 28, 28, 29, 29, 29, 29, 30, 30, 30, 30, 31, 31, 31, 31};

typedef struct cut_s {
  char* next;
  char* end;
} cut_t;

static __thread cut_t cuts[FLOOR_CLASSES] __attribute__((tls_model("initial-exec")));
static atomic_size_t reserved;  // bytes of the region handed to threads; 0: not mapped yet
static atomic_flag mapping = ATOMIC_FLAG_INIT;

static void map_region(void) {
  if (!atomic_flag_test_and_set(&mapping)) {
    void* const p = mmap((void*)FLOOR_BASE, FLOOR_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != (void*)FLOOR_BASE) abort();
    atomic_store_explicit(&reserved, FLOOR_CHUNK, memory_order_release);
  }
  while (atomic_load_explicit(&reserved, memory_order_acquire) == 0) {}
}

// Takes `size` bytes of whole chunks for a class, from a multiple of `alignment`.
static char* take_chunks(size_t size, size_t alignment, unsigned size_class) {
  if (atomic_load_explicit(&reserved, memory_order_acquire) == 0) map_region();
  const size_t bytes = (size + FLOOR_CHUNK - 1) & ~(FLOOR_CHUNK - 1);
  const size_t slack = alignment > FLOOR_CHUNK ? alignment : 0;
  size_t at = atomic_fetch_add_explicit(&reserved, bytes + slack, memory_order_relaxed);
  if (at + bytes + slack > FLOOR_BYTES) return NULL;
  if (slack != 0) at = (at + alignment - 1) & ~(alignment - 1);
  memset(&floor_class_of_chunk[at >> FLOOR_CHUNK_SHIFT], (int)size_class,
         bytes >> FLOOR_CHUNK_SHIFT);
  return (char*)FLOOR_BASE + at;
}

__attribute__((noinline)) void* floor_refill(unsigned size_class) {
  if (size_class == FLOOR_CLASSES - 1) return NULL;
  cut_t* const cut = &cuts[size_class];
  const size_t size = floor_class_size(size_class);
  if (cut->next == NULL || cut->next + size > cut->end) {
    const size_t bytes = size <= 8192 ? FLOOR_CHUNK : size <= ((size_t)1 << 20) ? 8 * size : size;
    cut->next = take_chunks(bytes, 0, size_class);
    if (cut->next == NULL) return NULL;
    cut->end = cut->next + bytes;
  }
  char* const p = cut->next;
  cut->next += size;
  return p;
}

#if !defined(FLOOR_NO_OVERRIDE)

static void* allocate(size_t size) {
  void* const p = floor_malloc(size);
  if (__builtin_expect(p == NULL, 0)) errno = ENOMEM;
  return p;
}

static void* allocate_aligned(size_t alignment, size_t size) {
  if (alignment <= 16) return allocate(size);
  if (size < alignment) size = alignment;
  if (alignment > FLOOR_CHUNK) {
    const unsigned size_class = floor_class(size);
    return take_chunks(floor_class_size(size_class), alignment, size_class);
  }
  // The next power of two: its blocks are aligned to their own size, up to a chunk.
  return allocate((size_t)1 << (64 - __builtin_clzll(size - 1)));
}

// ---- The malloc family ------------------------------------------------------------------------

FLOOR_PUBLIC void* malloc(size_t size) { return floor_malloc(size); }

FLOOR_PUBLIC void free(void* p) { floor_free(p); }

FLOOR_PUBLIC void* calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  void* const p = allocate(bytes);
  if (p != NULL) memset(p, 0, bytes);
  return p;
}

FLOOR_PUBLIC size_t malloc_usable_size(void* p) {
  return p == NULL ? 0 : floor_class_size(floor_class_at(p));
}

FLOOR_PUBLIC void* realloc(void* p, size_t size) {
  if (p == NULL) return allocate(size);
  const size_t usable = malloc_usable_size(p);
  if (size <= usable) return p;
  void* const q = allocate(size);
  if (q == NULL) return NULL;
  memcpy(q, p, usable);
  floor_free(p);
  return q;
}

FLOOR_PUBLIC void* reallocarray(void* p, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  return realloc(p, bytes);
}

FLOOR_PUBLIC int posix_memalign(void** out, size_t alignment, size_t size) {
  *out = allocate_aligned(alignment, size);
  return *out == NULL ? ENOMEM : 0;
}

FLOOR_PUBLIC void* aligned_alloc(size_t alignment, size_t size) {
  return allocate_aligned(alignment, size);
}

FLOOR_PUBLIC void* memalign(size_t alignment, size_t size) {
  return allocate_aligned(alignment, size);
}

FLOOR_PUBLIC void* valloc(size_t size) { return allocate_aligned(4096, size); }

FLOOR_PUBLIC void* pvalloc(size_t size) {
  return allocate_aligned(4096, (size + 4095) & ~(size_t)4095);
}

// ---- C++ operators new and delete, by their names in the Itanium ABI ----------------------------
// Without them libstdc++ would add a call, and the floor would not be one for C++ programs.

FLOOR_PUBLIC void* _Znwm(size_t size) { return floor_malloc(size); }
FLOOR_PUBLIC void* _Znam(size_t size) { return floor_malloc(size); }
FLOOR_PUBLIC void _ZdlPv(void* p) { floor_free(p); }
FLOOR_PUBLIC void _ZdaPv(void* p) { floor_free(p); }
FLOOR_PUBLIC void _ZdlPvm(void* p, size_t size) {
  (void)size;
  floor_free(p);
}
FLOOR_PUBLIC void _ZdaPvm(void* p, size_t size) {
  (void)size;
  floor_free(p);
}

#endif
