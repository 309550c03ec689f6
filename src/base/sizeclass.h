// SPDX-License-Identifier: MIT
// sizeclass.h: from a size to the class of blocks that serve it, and back.
//
// Class 0 has 8 bytes. All others are multiples of 16: every multiple up to 16 * STEPS, then STEPS
// sizes evenly in each doubling, to 64 KiB. With u = ceil(size / 16) and STEPS = 2^S:
//
//   u <= STEPS      class = u
//   otherwise       w = u - 1, b = index of w's highest bit, s = b - S,
//                   class = (s << S) + (w >> s) + 1
//
// INVARIANTS
//   size <= block_size(class_of(size)), and class_of is the least such class
//   waste < 16 bytes up to 16 * STEPS; above, waste < size / STEPS (S = 3: 12.5 %)
//   if `a` is a power of two and divides `size` then it divides block_size(class_of(size)), for all
//   sizes over 8: so blocks are naturally aligned when their page starts at a multiple of 64 KiB
// (A class of 24 bytes would break the last one for 16.)
#ifndef RIX_BASE_SIZECLASS_H
#define RIX_BASE_SIZECLASS_H

#include <rimalloc/layout.h>

#include "base/bits.h"

enum {
  RIX_CLASS_STEPS = 1 << RIX_CLASS_STEP_SHIFT,
  RIX_CLASS_UNITS_MAX = RIX_MEDIUM_BLOCK_MAX / 16,  // 2^12
  RIX_CLASS_COUNT = (12 - RIX_CLASS_STEP_SHIFT) * RIX_CLASS_STEPS + RIX_CLASS_STEPS + 1,
};

/*@ // For proofs: the size of a class, as so many steps of 16 bytes times a power of two.
    logic integer class_steps(integer steps, integer shift) =
      16 * bits_times(steps, shift);
    logic integer class_size(integer c) =
      c == 0 ? 8 : c <= 8 ? 16 * c : class_steps((c - 1) % 8 + 9, (c - 1) / 8 - 1);
*/

// The class for a size of at most RIX_MEDIUM_BLOCK_MAX.
/*@ requires size <= RIX_MEDIUM_BLOCK_MAX;
    assigns \nothing;
    ensures \result < RIX_CLASS_COUNT;
    ensures fits: size <= class_size(\result); */
RIX_INLINE unsigned rix_class_of(size_t size) {
  if (size <= 8) return 0;
  const size_t units = (size + 15) / 16;
  if (units <= RIX_CLASS_STEPS) return (unsigned)units;
  const size_t w = units - 1;
  const unsigned shift = rix_bsr(w) - RIX_CLASS_STEP_SHIFT;
  /*@ assert shifts: shift == 0 || shift == 1 || shift == 2 || shift == 3 || shift == 4 ||
        shift == 5 || shift == 6 || shift == 7 || shift == 8; */
  /*@ ghost const size_t steps = w >> shift; */
  /*@ assert steps: steps == w / bits_power(shift) && 8 <= steps < 16; */
  /*@ assert before: (shift << RIX_CLASS_STEP_SHIFT) == 8 * shift; */
  /*@ assert over: w < bits_times(steps + 1, shift); */
  /*@ assert doubling: (8 * shift + steps) / 8 - 1 == shift; */
  /*@ assert step: (8 * shift + steps) % 8 + 9 == steps + 1; */
  /*@ assert size: class_size(8 * shift + steps + 1) == class_steps(steps + 1, shift); */
  return (shift << RIX_CLASS_STEP_SHIFT) + (unsigned)(w >> shift) + 1;
}

/*@ requires class_index < RIX_CLASS_COUNT;
    assigns \nothing;
    ensures \result == class_size(class_index);
    ensures 8 <= \result <= RIX_MEDIUM_BLOCK_MAX; */
RIX_INLINE size_t rix_class_block_size(unsigned class_index) {
  if (class_index == 0) return 8;
  const unsigned k = class_index - 1;
  if (k < RIX_CLASS_STEPS) return (size_t)(k + 1) * 16;
  const unsigned m = (k & (RIX_CLASS_STEPS - 1)) + RIX_CLASS_STEPS;
  const unsigned shift = (k >> RIX_CLASS_STEP_SHIFT) - 1;
  /*@ assert step: m == k % 8 + 8; */
  /*@ assert shifts: shift == k / 8 - 1; */
  /*@ assert each: shift == 0 || shift == 1 || shift == 2 || shift == 3 || shift == 4 ||
        shift == 5 || shift == 6 || shift == 7 || shift == 8; */
  /*@ assert product: bits_times(m + 1, shift) <= 16 * 256; */
  /*@ assert shifted: ((size_t)(m + 1) << shift) == bits_times(m + 1, shift); */
  /*@ assert size: class_size(class_index) == class_steps(m + 1, shift); */
  return ((size_t)(m + 1) << shift) * 16;
}

// Index of the block that holds the byte at `offset` of a page, and whether that is its first byte:
// a multiplication by the inverse of the block size, 2^64 / block_size rounded up, that is, by
// e / block_size with e < block_size. With offset == index * block_size + rest,
//
//   offset * inverse == index * 2^64 + index * e + rest * inverse
//
// where the last two terms are below 2^64 for offsets below 512 KiB (index * e < 2^35): so the high
// word is the index. index * e < inverse; so the low word is less than the inverse only if
// rest == 0. The size is 8 at least.
RIX_INLINE uint64_t rix_class_inverse(size_t block_size) { return UINT64_MAX / block_size + 1; }
RIX_INLINE size_t rix_class_index_of(size_t offset, uint64_t inverse) {
  return (size_t)ri_product(offset, inverse).high;
}

#endif
