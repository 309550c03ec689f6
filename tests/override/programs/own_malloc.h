// SPDX-License-Identifier: MIT
// own_malloc.h: a malloc that a program brings: blocks from one static area, never used twice. What
// it is given back must be its own, whoever gives it. Programs define the public names with it, all
// or some, and say which with
//   OWN_ALIGNED   memalign, aligned_alloc, posix_memalign and malloc_usable_size too
//   OWN_BY_NEW    the first malloc uses operator new, as one written in C++ may (for C++)
#ifndef RIMALLOC_TESTS_OWN_MALLOC_H
#define RIMALLOC_TESTS_OWN_MALLOC_H

#include "../../check.h"

#if defined(__cplusplus)
#include <new>
extern "C" {
#endif
#pragma weak ri_is_in_heap_region

static char own_area[64 << 20] __attribute__((aligned(4096)));
static size_t own_used;
static int own_live;  // blocks
static int own_foreign;

static int own_is(const void* p) {
  return (const char*)p >= own_area && (const char*)p < own_area + sizeof(own_area);
}

static size_t* own_size(void* p) { return (size_t*)p - 1; }

static void* own_take(size_t alignment, size_t size) {
  if (alignment < 16) alignment = 16;
  size_t at, end;
  do {
    at = __atomic_load_n(&own_used, __ATOMIC_RELAXED);
    end = (at + 16 + alignment - 1) / alignment * alignment;
    if (size > sizeof(own_area) - end) {
      errno = ENOMEM;
      return NULL;
    }
  } while (!__atomic_compare_exchange_n(&own_used, &at, end + size, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  void* const p = own_area + end;
  *own_size(p) = size;
  __atomic_fetch_add(&own_live, 1, __ATOMIC_RELAXED);
  return p;
}

static void own_give(void* p) {
  if (p == NULL) return;
  if (own_is(p)) {
    __atomic_fetch_sub(&own_live, 1, __ATOMIC_RELAXED);
  } else {
    own_foreign++;
  }
}

void* malloc(size_t size) {
#if defined(OWN_BY_NEW)
  static int* state;
  static bool busy;
  if (state == NULL && !busy) {
    busy = true;
    state = new int(5);
  }
#endif
  return own_take(1, size);
}

void free(void* p) { own_give(p); }

void* calloc(size_t count, size_t size) { return own_take(1, count * size); }

void* realloc(void* p, size_t size) {
  if (p != NULL && !own_is(p)) {
    own_foreign++;
    return NULL;
  }
  if (p != NULL && size == 0) {
    own_give(p);
    return NULL;
  }
  void* const q = own_take(1, size);
  if (p == NULL || q == NULL) return q;
  const size_t old = *own_size(p);
  memcpy(q, p, old < size ? old : size);
  own_give(p);
  return q;
}

#if defined(OWN_ALIGNED)
void* memalign(size_t alignment, size_t size) { return own_take(alignment, size); }

void* aligned_alloc(size_t alignment, size_t size) {
  CHECK_MSG(size % alignment == 0, "aligned_alloc(%zu, %zu)", alignment, size);
  return own_take(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) {
  *out = own_take(alignment, size);
  return *out != NULL ? 0 : ENOMEM;
}

size_t malloc_usable_size(void* p) { return p != NULL ? *own_size(p) : 0; }
#endif

#if defined(__cplusplus)
}
#endif

// A block that some function made must be the program's own, and so many blocks must be in use.
static inline void* own_made(const char* what, void* p, int live) {
  CHECK_MSG(p != NULL, "%s: NULL", what);
  CHECK_MSG(own_is(p), "%s: %p is not the program's", what, p);
  CHECK_MSG(own_live == live, "%s: %d blocks instead of %d", what, own_live, live);
  return p;
}

// After it was given back by some function.
static inline void own_gone(const char* what, int live) {
  CHECK_MSG(own_foreign == 0, "%s: a block that is not the program's", what);
  CHECK_MSG(own_live == live, "%s: %d blocks instead of %d", what, own_live, live);
}

#endif
