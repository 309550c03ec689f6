// SPDX-License-Identifier: MIT
// api.h: puts another allocator in place of malloc at compile time, for workloads linked
// statically.
//
// Included before everything else (-include). One of these is defined:
//   STATIC_FAST      rimalloc's inline functions (rimalloc/fast.h)
//   STATIC_PLAIN     rimalloc's functions as ordinary calls
//   STATIC_FLOOR     the inline floor (bench/floor/floor.h)
//   STATIC_PREFIX=p  functions called <p>malloc, <p>free and <p>calloc, as peers have them
// C++ programs get operators new and delete that call the same functions, defined where they are
// used, so that the compiler may inline them as well.
#ifndef BENCH_STATIC_API_H
#define BENCH_STATIC_API_H

#include <stdlib.h>
#include <string.h>

#if defined(STATIC_FAST)
#include <rimalloc/fast.h>
#define STATIC_NAME(f) ri_##f
#elif defined(STATIC_PLAIN)
#include <rimalloc/rimalloc.h>
#define STATIC_NAME(f) ri_##f
#elif defined(STATIC_FLOOR)
#include "floor.h"
#define STATIC_NAME(f) floor_##f
static inline void* floor_calloc(size_t count, size_t size) {
  void* const p = floor_malloc(count * size);
  return p == NULL ? NULL : memset(p, 0, count * size);
}
#elif defined(STATIC_PREFIX)
#define STATIC_JOIN_(a, b) a##b
#define STATIC_JOIN(a, b) STATIC_JOIN_(a, b)
#define STATIC_NAME(f) STATIC_JOIN(STATIC_PREFIX, f)
#if defined(__cplusplus)
extern "C" {
#endif
void* STATIC_NAME(malloc)(size_t size) __attribute__((malloc, alloc_size(1)));
void STATIC_NAME(free)(void* p);
void* STATIC_NAME(calloc)(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
#if defined(__cplusplus)
}
#endif
#endif

#if defined(STATIC_NAME)
#if defined(__cplusplus)
#include <new>
void* operator new(std::size_t size) {
  void* const p = STATIC_NAME(malloc)(size);
  if (__builtin_expect(p == nullptr, 0)) throw std::bad_alloc();
  return p;
}
void operator delete(void* p) noexcept { STATIC_NAME(free)(p); }
void operator delete(void* p, std::size_t) noexcept { STATIC_NAME(free)(p); }
#endif
#define malloc(size) STATIC_NAME(malloc)(size)
#define free(p) STATIC_NAME(free)(p)
#define calloc(count, size) STATIC_NAME(calloc)(count, size)
#endif

#endif
