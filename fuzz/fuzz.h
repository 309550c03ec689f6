// SPDX-License-Identifier: MIT
// fuzz.h: what the fuzzers share. An input is a list of operations of 8 bytes; each fuzzer gives
// them a meaning. Any bytes are a valid input, so nothing is wasted on refusals.
//
//   byte 0: code   1: slot   2: a   3: b   4-7: value, little endian
//
// A fuzzer defines fuzz_run. LLVMFuzzerTestOneInput (fuzz.c) resets what inputs can change, runs
// the input, and checks that the allocator is as it was: nothing live, all invariants hold. A
// failed FUZZ_CHECK prints the place and aborts, which the fuzzing engine keeps as a crash.
#ifndef RIMALLOC_FUZZ_FUZZ_H
#define RIMALLOC_FUZZ_FUZZ_H

#include "../tests/check.h"

#define FUZZ_CHECK(e) ((e) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #e))

// Whether the allocator tells AddressSanitizer of every block (preset fuzz-poisoned): blocks then
// have exactly the size that was asked for, and what lies behind them or was freed is poisoned.
#ifndef FUZZ_POISONED
#define FUZZ_POISONED 0
#endif

__attribute__((noreturn)) void fuzz_failed(const char* file, int line, const char* expression);

typedef struct fuzz_op_s {
  uint8_t code, slot, a, b;
  uint32_t value;
} fuzz_op_t;

typedef struct fuzz_input_s {
  const uint8_t* data;
  size_t size;
} fuzz_input_t;

enum { FUZZ_OP_BYTES = 8, FUZZ_OPS_MAX = 512 };

// The next operation; false at the end. The last one is filled up with zeroes.
bool fuzz_next(fuzz_input_t* in, fuzz_op_t* op);

// ---- Values -------------------------------------------------------------------------------------

// The largest size that must be had; beyond it the OS may refuse.
#define FUZZ_SURE_MAX ((size_t)9 << 19)
// Blocks larger than this get a mapping of their own (option arena_max_object_size).
#define FUZZ_MAPPED_MIN ((size_t)6 << 20)

// A size from a selector and a value: mostly small, around class and page boundaries, sometimes
// large, seldom impossible.
size_t fuzz_size(unsigned selector, uint32_t value);
// A power of two, seldom another number.
size_t fuzz_alignment(unsigned selector);

// ---- The world ----------------------------------------------------------------------------------

// The clock that the allocator sees; it moves only here.
void fuzz_clock_forward(uint64_t ms);

// Reports of misuse so far. An input that expects one says so; any other fails.
size_t fuzz_errors(void);
void fuzz_expect_errors(size_t count, int code);

// Sets an option that the end of the input sets back; or, as the operation says, one of those that
// may change at any time without an allocation being refused.
void fuzz_set_option(ri_option_t option, long value);
void fuzz_change_option(fuzz_op_t op);

// To be defined by each fuzzer. Everything is freed when it returns.
void fuzz_run(fuzz_input_t in);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed);

#endif
