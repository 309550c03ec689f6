// SPDX-License-Identifier: MIT
// machine.c: tests of the symbolic machine itself: correct functions that it must prove, and wrong
// ones, each with one mistake that it must find and name.
#include "symbolic.h"

// ---- Right --------------------------------------------------------------------------------------

void right_average(void) {
  INPUT(32, a);
  INPUT(32, b);
  const uint32_t middle = (a & b) + ((a ^ b) >> 1);
  ASSERT(middle == (uint32_t)(((uint64_t)a + b) / 2));
}

void right_signed_average(void) {
  const int32_t a = (int32_t)sym_u32("a"), b = (int32_t)sym_u32("b");
  sym_assume(a >= 0 && b >= a);
  const int32_t middle = a + (b - a) / 2;
  ASSERT(middle >= a && middle <= b);
}

void right_loop(void) {
  INPUT(8, n);
  unsigned sum = 0;
  for (unsigned i = 1; i <= n; i++)
    sum += i;
  ASSERT(sum == (unsigned)n * (n + 1u) / 2);
}

void right_table(void) {
  static const uint16_t squares[] = {0, 1, 4, 9, 16, 25, 36, 49};
  INPUT(8, i);
  sym_assume(i < 8);
  ASSERT(squares[i] == i * i);
}

typedef struct pair_s {
  uint32_t a;
  uint8_t b;
} pair_t;

static pair_t pair_swap(pair_t p) { return (pair_t){p.b, (uint8_t)p.a}; }

void right_structures(void) {
  INPUT(8, x);
  INPUT(8, y);
  pair_t p = pair_swap((pair_t){x, y});
  p = pair_swap(p);
  ASSERT(p.a == x && p.b == y);
}

void right_switch(void) {
  INPUT(32, x);
  unsigned y;
  switch (x) {
    case 1:
      y = 10;
      break;
    case 7:
      y = 70;
      break;
    default:
      y = x;
      break;
  }
  ASSERT(y >= x);
}

void right_atomics(void) {
  INPUT(64, x);
  uint64_t word = x, expected = x;
  ASSERT(__atomic_fetch_or(&word, 5, __ATOMIC_ACQ_REL) == x);
  ASSERT(!__atomic_compare_exchange_n(&word, &expected, 1, false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_RELAXED) ||
         (x & 5) == 5);
  ASSERT((expected & 5) == 5 && (x & 5) == 5 ? word == 1 : word == (x | 5));
}

// ---- Wrong --------------------------------------------------------------------------------------

// expect: the property does not hold
void wrong_average(void) {
  INPUT(32, a);
  INPUT(32, b);
  ASSERT((a + b) / 2 == (uint32_t)(((uint64_t)a + b) / 2));
}

// expect: a signed overflow (add)
void wrong_signed_add(void) {
  const int32_t a = (int32_t)sym_u32("a"), b = (int32_t)sym_u32("b");
  ASSERT((a + b) - b == a);
}

// expect: a signed overflow (mul)
void wrong_signed_mul(void) {
  const int32_t a = (int32_t)sym_u32("a");
  ASSERT(a * 3 != 1 || a != 0);
}

// expect: a signed overflow (sub)
void wrong_negation(void) {
  const int32_t a = (int32_t)sym_u32("a");
  ASSERT(-a != 1 || a == -1);
}

// expect: a shift of 64 bits by as many or more
void wrong_shift(void) {
  INPUT(32, n);
  sym_assume(n <= 64);
  ASSERT((uint64_t)1 << n != 0);
}

// expect: a division by zero
void wrong_division(void) {
  INPUT(32, x);
  INPUT(32, y);
  ASSERT(x / y <= x);
}

// expect: a signed division that overflows
void wrong_signed_division(void) {
  const int32_t x = (int32_t)sym_u32("x"), y = (int32_t)sym_u32("y");
  sym_assume(y != 0);
  ASSERT(x / y != 1 || x == y || y > 1 || y < -1);
}

// expect: a count of the zeros of 0
void wrong_ctz(void) {
  INPUT(64, x);
  ASSERT(__builtin_ctzll(x) < 64);
}

// expect: a pointer that leaves
void wrong_index(void) {
  uint32_t a[4] = {1, 2, 3, 4};
  INPUT(32, i);
  sym_assume(i <= 5);
  ASSERT(*(a + i) <= 4);
}

// expect: outside of all objects
void wrong_one_past(void) {
  uint8_t a[4] = {1, 2, 3, 4};
  INPUT(32, i);
  sym_assume(i <= 4);
  ASSERT(a[i] <= 4);
}

// expect: a value that was never set
void wrong_unset(void) {
  INPUT(8, x);
  uint32_t a[2];
  if (x > 3) a[0] = 1;
  a[1] = x;
  ASSERT(a[x > 2 ? 0 : 1] < 4);
}

static const uint32_t* dangling(uint32_t x) {
  const uint32_t local = x;
  const uint32_t* volatile p = &local;
  return p;
}

// expect: outside of all objects
void wrong_dangling(void) {
  INPUT(32, x);
  ASSERT(*dangling(x) == x);
}

// expect: a comparison of pointers into different objects
void wrong_comparison(void) {
  uint8_t a = 1, b = 2;
  uint8_t *p = &a, *q = &b;
  ASSERT(p < q || q < p);
}

// expect: which is not a multiple of 4
void wrong_alignment(void) {
  __attribute__((aligned(4))) uint8_t a[8] = {0};
  INPUT(8, i);
  sym_assume(i <= 4);
  ASSERT(*(const uint32_t*)(const void*)(a + i) == 0);
}

static const uint32_t fixed = 3;

// expect: a write to the constant
void wrong_constant(void) {
  INPUT(32, x);
  *(uint32_t*)(uintptr_t)&fixed = x;
  ASSERT(fixed == x);
}

// expect: arithmetic with a null pointer
void wrong_null(void) {
  INPUT(32, i);
  const uint8_t* p = NULL;
  p = p + i;
  ASSERT(p == NULL || i != 0);
}

// expect: a loop without end
void wrong_endless(void) {
  INPUT(32, x);
  for (uint32_t i = 1; i != 0; i += 2) {}
  ASSERT(x == 0);
}

// expect: was never reached
void wrong_vacuous(void) {
  INPUT(32, x);
  sym_assume(x > 5);
  sym_assume(x < 3);
  ASSERT(x == 4);
}

// expect: asserts nothing
void wrong_empty(void) {
  INPUT(32, x);
  sym_assume(x > 5);
}

uint32_t somewhere_else(uint32_t x);

// expect: which has no body here
void wrong_unknown_call(void) {
  INPUT(32, x);
  ASSERT(somewhere_else(x) == x);
}

// expect: code that must not be reached
void wrong_unreachable(void) {
  INPUT(32, x);
  if (x == 77) __builtin_unreachable();
  ASSERT(x != 77);
}
