// SPDX-License-Identifier: MIT
// bits.h: arithmetic on words and on powers of two. Pure functions.
#ifndef RIX_BASE_BITS_H
#define RIX_BASE_BITS_H

#include "base/assert.h"
#include "base/compiler.h"

#define RIX_WORD_BITS 64

/*@ // For proofs: what shifts and masks are to arithmetic.
    axiomatic bits_powers {
      logic integer bits_power(integer k);
      logic integer bits_times(integer x, integer k) = x * bits_power(k);
      axiom bits_power_values: bits_power(0) == 1 && bits_power(1) == 2 && bits_power(2) == 4 &&
        bits_power(3) == 8 && bits_power(4) == 16 && bits_power(5) == 32 && bits_power(6) == 64 &&
        bits_power(7) == 128 && bits_power(8) == 256 && bits_power(9) == 512 &&
        bits_power(10) == 1024 && bits_power(11) == 2048 && bits_power(12) == 4096;
      axiom bits_power_grows: \forall integer i, j; 0 <= i <= j < 64 ==>
        1 <= bits_power(i) <= bits_power(j);
      axiom bits_shift_left: \forall integer x, k; 0 <= x <= UINT32_MAX && 0 <= k < 32 ==>
        (x << k) == bits_times(x, k);
      axiom bits_shift_one: \forall integer k; 0 <= k < 64 ==> (1 << k) == bits_power(k);
      axiom bits_shift_right: \forall integer x, k; 0 <= x <= UINT64_MAX && 0 <= k < 64 ==>
        (x >> k) == x / bits_power(k);
    }
    predicate bits_is_power(integer a) = \exists integer k; 0 <= k < 64 && a == bits_power(k);
    axiomatic bits_masks {
      axiom bits_one: \forall integer x; 0 < x <= UINT64_MAX ==>
        ((x & (uint64_t)(x - 1)) == 0 <==> bits_is_power(x));
      axiom bits_low: \forall integer x, a, m; 0 <= x <= UINT64_MAX && bits_is_power(a) &&
        m == a - 1 ==> (x & m) == x % a;
      axiom bits_high: \forall integer x, a; 0 <= x <= UINT64_MAX && bits_is_power(a) ==>
        (x & (uint64_t)(~(a - 1))) == x - x % a;
      axiom bits_high_next: \forall integer x, a; 0 < x <= SIZE_MAX + 1 && bits_is_power(a) ==>
        ((uint64_t)((uint64_t)x - 1) & (uint64_t)(~(a - 1))) == x - 1 - (x - 1) % a;
    }
*/

/*@ assigns \nothing;
    ensures \result <==> bits_is_power(x); */
RIX_INLINE bool rix_is_pow2(size_t x) { return x != 0 && (x & (x - 1)) == 0; }

/*@ requires bits_is_power(pow2);
    assigns \nothing;
    ensures \result == x - x % pow2; */
RIX_INLINE size_t rix_align_down(size_t x, size_t pow2) { return x & ~(pow2 - 1); }

// Rounds up; the caller ensures that it does not overflow.
/*@ requires bits_is_power(pow2);
    assigns \nothing;
    ensures x + pow2 - 1 <= SIZE_MAX ==> \result == x + pow2 - 1 - (x + pow2 - 1) % pow2; */
RIX_INLINE size_t rix_align_up(size_t x, size_t pow2) { return (x + pow2 - 1) & ~(pow2 - 1); }

/*@ requires d > 0;
    assigns \nothing;
    ensures \result == x / d + (x % d == 0 ? 0 : 1); */
RIX_INLINE size_t rix_div_up(size_t x, size_t d) { return x / d + (x % d != 0); }

// Index of the highest and of the lowest set bit; x is not 0.
/*@ requires x != 0;
    assigns \nothing;
    ensures \result < 64 && bits_power(\result) <= x < 2 * bits_power(\result); */
RIX_INLINE unsigned rix_bsr(size_t x) {
  return (unsigned)(sizeof(unsigned long long) * 8 - 1) - (unsigned)__builtin_clzll(x);
}
// The same of a word, whatever the size of a size_t.
RIX_INLINE unsigned rix_bsr64(uint64_t x) {
  return (unsigned)(RIX_WORD_BITS - 1 - __builtin_clzll(x));
}
/*@ axiomatic bits_of_words {  // bits_bit(w, k): whether bit k of the word w is set
      predicate bits_bit(integer w, integer k);
      axiom bits_none: \forall integer k; 0 <= k < 64 ==> !bits_bit(0, k);
      axiom bits_all: \forall integer k; 0 <= k < 64 ==> bits_bit(UINT64_MAX, k);
      axiom bits_not: \forall integer w, k; 0 <= w <= UINT64_MAX && 0 <= k < 64 ==>
        (bits_bit((uint64_t)(~w), k) <==> !bits_bit(w, k));
      axiom bits_and: \forall integer w, m, k;
        0 <= w <= UINT64_MAX && 0 <= m <= UINT64_MAX && 0 <= k < 64 ==>
        (bits_bit(w & m, k) <==> bits_bit(w, k) && bits_bit(m, k));
      axiom bits_or: \forall integer w, m, k;
        0 <= w <= UINT64_MAX && 0 <= m <= UINT64_MAX && 0 <= k < 64 ==>
        (bits_bit(w | m, k) <==> bits_bit(w, k) || bits_bit(m, k));
      axiom bits_from: \forall integer s, k; 0 <= s < 64 && 0 <= k < 64 ==>
        (bits_bit((uint64_t)(UINT64_MAX << s), k) <==> k >= s);
      axiom bits_outside: \forall integer w, x;
        0 <= w <= UINT64_MAX && 0 <= x <= UINT64_MAX && (w & x) != x ==>
        \exists integer k; 0 <= k < 64 && bits_bit(x, k) && !bits_bit(w, k);
      axiom bits_apart: \forall integer w, m;
        0 <= w <= UINT64_MAX && 0 <= m <= UINT64_MAX ==>
        ((w & m) == 0 <==> (\forall integer k; 0 <= k < 64 && bits_bit(m, k) ==> !bits_bit(w, k)));
    }
    // The contracts from here to rix_mask64 are believed; verify/symbolic (bits.c) proves them for
    // every word. */
/*@ requires x != 0;
    assigns \nothing;
    ensures \result < 64 && bits_bit(x, \result);
    ensures \forall integer k; 0 <= k < \result ==> !bits_bit(x, k); */
RIX_INLINE unsigned rix_ctz64(uint64_t x) { return (unsigned)__builtin_ctzll(x); }
/*@ assigns \nothing;
    ensures \result <= 64; */
RIX_INLINE unsigned rix_popcount64(uint64_t x) { return (unsigned)__builtin_popcountll(x); }

// A word with bits [first, first + count) set; 1 <= count, first + count <= 64.
/*@ requires 1 <= count && first + count <= 64;
    assigns \nothing;
    ensures \forall integer k; 0 <= k < 64 ==>
      (bits_bit(\result, k) <==> first <= k < first + count); */
RIX_INLINE uint64_t rix_mask64(unsigned first, unsigned count) {
  return (UINT64_MAX >> (RIX_WORD_BITS - count)) << first;
}

/*@ assigns \nothing;
    ensures \result == (a < b ? a : b); */
RIX_INLINE size_t rix_min(size_t a, size_t b) { return a < b ? a : b; }
/*@ assigns \nothing;
    ensures \result == (a > b ? a : b); */
RIX_INLINE size_t rix_max(size_t a, size_t b) { return a > b ? a : b; }

RIX_INLINE bool rix_is_aligned(const void* p, size_t pow2) {
  return ((uintptr_t)p & (pow2 - 1)) == 0;
}

#endif
