// SPDX-License-Identifier: MIT
// bits.c: base/bits.h against slow and plain versions of the same functions.
#include "base/bits.h"

#include "../check.h"

static unsigned slow_bsr(size_t x) {
  unsigned n = 0;
  while (x > 1) {
    x >>= 1;
    n++;
  }
  return n;
}

static void powers(size_t x) {
  unsigned ones = 0;
  for (size_t y = x; y != 0; y >>= 1)
    ones += y & 1;
  CHECK(rix_is_pow2(x) == (ones == 1));
  CHECK(rix_popcount64(x) == ones);
  if (x == 0) return;
  CHECK(rix_bsr(x) == slow_bsr(x));
  CHECK(rix_bsr(x) < 64 && (x >> rix_bsr(x)) == 1);
  CHECK(((x >> rix_ctz64(x)) & 1) == 1 && (x & (((size_t)1 << rix_ctz64(x)) - 1)) == 0);
}

static void rounding(size_t x) {
  for (unsigned bit = 0; bit < 40; bit++) {
    const size_t pow2 = (size_t)1 << bit;
    const size_t down = rix_align_down(x, pow2);
    CHECK(down <= x && x - down < pow2 && down % pow2 == 0);
    const size_t up = rix_align_up(x, pow2);
    CHECK(up >= x && up - x < pow2 && up % pow2 == 0);
    CHECK(rix_is_aligned((const void*)x, pow2) == (x % pow2 == 0));
  }
  for (size_t d = 1; d < 70; d++) {
    const size_t q = rix_div_up(x, d);
    CHECK(q * d >= x && (q == 0 || (q - 1) * d < x));
  }
}

static void masks(void) {
  for (unsigned first = 0; first < 64; first++) {
    for (unsigned count = 1; first + count <= 64; count++) {
      const uint64_t mask = rix_mask64(first, count);
      for (unsigned bit = 0; bit < 64; bit++) {
        CHECK(((mask >> bit) & 1) == (bit >= first && bit < first + count));
      }
    }
  }
}

int main(void) {
  uint64_t rng = 1;
  powers(0);
  for (size_t x = 0; x < 5000; x++) {
    powers(x);
    rounding(x);
  }
  for (unsigned bit = 0; bit < CHECK_SIZE_BITS; bit++) {
    powers((size_t)1 << bit);
    powers(((size_t)1 << bit) - 1);
    powers(((size_t)1 << bit) + 1);
  }
  for (int i = 0; i < 5000; i++) {
    powers((size_t)check_rng(&rng));
    rounding((size_t)check_rng(&rng) >> 8);
  }
  masks();
  CHECK(rix_div_up(SIZE_MAX, 1) == SIZE_MAX && rix_div_up(SIZE_MAX, SIZE_MAX) == 1);
  CHECK(rix_min(3, 4) == 3 && rix_min(4, 3) == 3 && rix_max(3, 4) == 4 && rix_max(4, 3) == 4);
  size_t product;
  const size_t root = (size_t)1 << CHECK_SIZE_BITS / 2;
  CHECK(!rix_mul_overflows(root / 2, root, &product));
  CHECK(product == (size_t)1 << (CHECK_SIZE_BITS - 1));
  CHECK(rix_mul_overflows(root, root, &product));
  CHECK(rix_mul_overflows(SIZE_MAX, 2, &product) && !rix_mul_overflows(SIZE_MAX, 1, &product));
  return 0;
}
