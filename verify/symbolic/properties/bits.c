// SPDX-License-Identifier: MIT
// bits.c: src/base/bits.h and compiler.h, for every word, against definitions bit by bit.
// subject: rix_align_up
#include "subject.h"

#include "symbolic.h"

void prove_is_pow2(void) {
  INPUT(64, x);
  unsigned bits = 0;
  for (unsigned i = 0; i < 64; i++)
    bits += (unsigned)(x >> i) & 1;
  ASSERT(rix_is_pow2(x) == (bits == 1));
}

void prove_align(void) {
  INPUT(64, x);
  EACH(shift, 64);
  const uint64_t a = (uint64_t)1 << shift;
  const uint64_t down = rix_align_down(x, a);
  ASSERT(down <= x && x - down < a && down % a == 0);
  sym_assume(x <= UINT64_MAX - (a - 1));
  const uint64_t up = rix_align_up(x, a);
  ASSERT(up >= x && up - x < a && up % a == 0);
}

void prove_is_aligned(void) {
  INPUT(64, x);
  EACH(shift, 64);
  ASSERT(rix_is_aligned((const void*)x, (size_t)1 << shift) == (x % ((uint64_t)1 << shift) == 0));
}

// For the divisors that occur: constants, and sizes of pages and words.
void prove_div_up(void) {
  static const uint64_t divisors[] = {1, 8, 16, 64, 4096, RIX_SLICE_SIZE, (uint64_t)1 << 20};
  INPUT(64, x);
  const uint64_t d = divisors[sym_each(7, "divisor")];
  const uint64_t q = rix_div_up(x, d);
  ASSERT(x == 0 ? q == 0 : (q - 1) <= (x - 1) / d && q == (x - 1) / d + 1);
}

void prove_highest_and_lowest_bit(void) {
  INPUT(64, x);
  sym_assume(x != 0);
  const unsigned high = rix_bsr(x), low = rix_ctz64(x);
  ASSERT(high < 64 && low <= high);
  ASSERT(x >> high == 1);
  ASSERT((x >> low & 1) == 1 && (low == 0 || x << (64 - low) == 0));
}

void prove_popcount(void) {
  INPUT(64, x);
  ASSERT(rix_popcount64(x) <= 64);
}

void prove_mask(void) {
  INPUT(32, first);
  INPUT(32, count);
  INPUT(32, bit);
  sym_assume(count >= 1 && count <= 64 && first < 64 && first + count <= 64 && bit < 64);
  const bool in = bit >= first && bit < first + count;
  ASSERT((rix_mask64(first, count) >> bit & 1) == in);
}

void prove_min_max(void) {
  INPUT(64, a);
  INPUT(64, b);
  const uint64_t low = rix_min(a, b), high = rix_max(a, b);
  ASSERT(low <= a && low <= b && (low == a || low == b));
  ASSERT(high >= a && high >= b && (high == a || high == b));
}

__extension__ typedef unsigned __int128 wide_t;

void prove_multiplication_overflow(void) {
  INPUT(64, a);
  INPUT(64, b);
  size_t product;
  const bool over = rix_mul_overflows(a, b, &product);
  const wide_t whole = (wide_t)a * b;
  ASSERT(over == (whole >> 64 != 0));
  ASSERT(product == (uint64_t)whole);
}
