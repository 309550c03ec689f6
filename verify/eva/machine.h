// SPDX-License-Identifier: MIT
// machine.h: what Eva sees about the compiler before the traces, on top of verify/acsl/prelude.h:
// built-ins that Frama-C 25 does not know, as C code that says what they do. Trusted.
#ifndef RIMALLOC_VERIFY_MACHINE_H
#define RIMALLOC_VERIFY_MACHINE_H

#include "../acsl/prelude.h"

static inline int machine_clz(unsigned long long x) {
  int n = 0;
  for (unsigned long long bit = 1ull << 63; (x & bit) == 0; bit >>= 1)
    n++;
  return n;
}
static inline int machine_ctz(unsigned long long x) {
  int n = 0;
  for (; (x & 1) == 0; x >>= 1)
    n++;
  return n;
}
static inline int machine_popcount(unsigned long long x) {
  int n = 0;
  for (; x != 0; x &= x - 1)
    n++;
  return n;
}
static inline _Bool machine_mul(unsigned long a, unsigned long b, unsigned long* product) {
  *product = a * b;
  return a != 0 && *product / a != b;
}
#define __builtin_clzll(x) machine_clz(x)
#define __builtin_ctzll(x) machine_ctz(x)
#define __builtin_popcountll(x) machine_popcount(x)
#define __builtin_mul_overflow(a, b, product) machine_mul(a, b, product)

// Eva's own: on whole ranges at once.
#include <string.h>
void* Frama_C_memset(void* p, int byte, size_t n);
void* Frama_C_memcpy(void* to, const void* from, size_t n);
#define memset Frama_C_memset
#define memcpy Frama_C_memcpy
#define __builtin_memset Frama_C_memset
#define __builtin_memcpy Frama_C_memcpy

static inline int machine_strcmp(const char* a, const char* b) {
  for (; *a != 0 && *a == *b; a++)
    b++;
  return (unsigned char)*a - (unsigned char)*b;
}
#define strcmp machine_strcmp

// As the type of a function, this attribute would make it differ from that of its result.
#define visibility(x) unused
// And this one, a result that is a structure: Eva then knows nothing of its members.
#define gnu_inline unused

#endif
