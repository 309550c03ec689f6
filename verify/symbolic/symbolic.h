// SPDX-License-Identifier: MIT
// symbolic.h: what properties are written with. A property is a function prove_*(void) that takes
// its inputs from sym_u*, each of which stands for all values of its type at once, restricts them
// with sym_assume, and states with sym_assert what must hold. verify/symbolic/prove runs it.
#ifndef RIMALLOC_VERIFY_SYMBOLIC_H
#define RIMALLOC_VERIFY_SYMBOLIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint8_t sym_u8(const char* name);
uint16_t sym_u16(const char* name);
uint32_t sym_u32(const char* name);
uint64_t sym_u64(const char* name);
// A number below `count`, one path for each: for what should be a constant to the solver.
unsigned sym_each(unsigned count, const char* name);
void sym_assume(bool condition);
void sym_assert(bool condition, const char* text);

#define ASSERT(e) sym_assert((e), #e)
// The name of an input is that of its variable in the counterexample.
#define INPUT(bits, name) const uint##bits##_t name = sym_u##bits(#name)
#define EACH(name, count) const unsigned name = sym_each((count), #name)

#endif
