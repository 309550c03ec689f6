// SPDX-License-Identifier: MIT
// draw.h: the arithmetic of sampling. Points lie at random along the bytes that are handed out, one
// in `interval` on average (a Poisson process); a block is sampled if a point lies in it. So the
// distance from the end of a sampled block to the next point is exponential, whatever the sizes,
// and a block of b bytes is sampled with the probability p = 1 - e^(-b / interval), whatever came
// before. What is counted is divided by p.
#ifndef RIX_PROFILE_DRAW_H
#define RIX_PROFILE_DRAW_H

#include <stdint.h>

#include "base/compiler.h"

// ln(x) for 0 < x <= 1, to 13 digits.
RIX_INLINE double rix_draw_ln(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof(bits));
  const int exponent = (int)(bits >> 52) - 1022;
  bits = (bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1022 << 52;
  double m;  // 1/2 <= m < 1
  __builtin_memcpy(&m, &bits, sizeof(m));
  const double z = (m - 0.75) / (m + 0.75);  // ln(m / 0.75) = 2 artanh(z), |z| <= 1/5
  const double q = z * z;
  double sum = 0;
  for (int i = 19; i >= 1; i -= 2)
    sum = sum * q + 1.0 / i;
  return exponent * 0.69314718055994531 - 0.28768207245178093 + 2 * z * sum;
}

// 1 - e^(-x) for x >= 0, to 13 digits of itself.
RIX_INLINE double rix_draw_probability(double x) {
  if (x > 40) return 1;
  int halvings = 0;
  while (x > 0.0625) {
    x /= 2;
    halvings++;
  }
  double p = 0;  // the series of e^(-x), by Horner's rule
  for (int i = 8; i >= 1; i--)
    p = (1 - p) * x / i;
  for (; halvings > 0; halvings--)
    p = p * (2 - p);  // 1 - (1 - p)^2
  return p;
}

RIX_INLINE uint64_t rix_draw_next(uint64_t* state) {
  *state = *state * 0x5851F42D4C957F2Du + 0x14057B7EF767814Fu;
  return (*state ^ *state >> 32) * 0x9E3779B97F4A7C15u;
}

// Bytes to the next point, from 0; at most 2^62. With the interval 1 each block is sampled.
RIX_INLINE int64_t rix_draw_distance(uint64_t* state, uint64_t interval) {
  if (interval == 1) return 0;
  const double u = ((double)(rix_draw_next(state) >> 11) + 1) * 0x1p-53;
  const double bytes = -rix_draw_ln(u) * (double)interval;
  return bytes < 0x1p62 ? (int64_t)bytes : (int64_t)1 << 62;
}

#endif
