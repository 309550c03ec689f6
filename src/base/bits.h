// SPDX-License-Identifier: MIT
// bits.h: arithmetic on words and on powers of two. Pure functions.
#ifndef RIX_BASE_BITS_H
#define RIX_BASE_BITS_H

#include "base/assert.h"
#include "base/compiler.h"

#define RIX_WORD_BITS 64

RIX_INLINE bool rix_is_pow2(size_t x) { return x != 0 && (x & (x - 1)) == 0; }

RIX_INLINE size_t rix_align_down(size_t x, size_t pow2) { return x & ~(pow2 - 1); }

// Rounds up; the caller knows that it does not overflow.
RIX_INLINE size_t rix_align_up(size_t x, size_t pow2) { return (x + pow2 - 1) & ~(pow2 - 1); }

RIX_INLINE size_t rix_div_up(size_t x, size_t d) { return x / d + (x % d != 0); }

// Index of the highest and of the lowest set bit; x is not 0.
RIX_INLINE unsigned rix_bsr(size_t x) {
  return (unsigned)(sizeof(unsigned long long) * 8 - 1) - (unsigned)__builtin_clzll(x);
}
RIX_INLINE unsigned rix_ctz64(uint64_t x) { return (unsigned)__builtin_ctzll(x); }
RIX_INLINE unsigned rix_popcount64(uint64_t x) { return (unsigned)__builtin_popcountll(x); }

// A word with bits [first, first + count) set; 1 <= count, first + count <= 64.
RIX_INLINE uint64_t rix_mask64(unsigned first, unsigned count) {
  return (UINT64_MAX >> (RIX_WORD_BITS - count)) << first;
}

RIX_INLINE size_t rix_min(size_t a, size_t b) { return a < b ? a : b; }
RIX_INLINE size_t rix_max(size_t a, size_t b) { return a > b ? a : b; }

RIX_INLINE bool rix_is_aligned(const void* p, size_t pow2) {
  return ((uintptr_t)p & (pow2 - 1)) == 0;
}

#endif
