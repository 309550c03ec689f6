// SPDX-License-Identifier: MIT
// compiler.h: names for hints and attributes of the compiler. Nothing here has run-time behaviour.
#ifndef RIX_BASE_COMPILER_H
#define RIX_BASE_COMPILER_H

#include <rimalloc/layout.h>
#include <rimalloc/rimalloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

#define RIX_INTERNAL __attribute__((visibility("hidden")))  // shared by files, not by libraries
#ifndef RIX_INLINE  // coverage builds count a function once, not each place that it is inlined in
#define RIX_INLINE static inline __attribute__((always_inline))
#endif
#define RIX_SLOW __attribute__((noinline, cold))  // every exit from a fast path
#define RIX_NOINLINE __attribute__((noinline))
#define RIX_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define RIX_LIKELY(e) __builtin_expect(!!(e), 1)
#define RIX_UNLIKELY(e) __builtin_expect(!!(e), 0)
#define RIX_UNUSED(e) ((void)(e))

RIX_INLINE bool rix_mul_overflows(size_t a, size_t b, size_t* product) {
  return __builtin_mul_overflow(a, b, product);
}

#endif
