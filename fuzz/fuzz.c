// SPDX-License-Identifier: MIT
// fuzz.c: one input from begin to end, operations and values, errors, and the clock.
#include "fuzz.h"

#include <limits.h>

void fuzz_failed(const char* file, int line, const char* expression) {
  fprintf(stderr, "%s:%d: FUZZ_CHECK(%s) failed\n", file, line, expression);
  abort();
}

// ---- Operations ---------------------------------------------------------------------------------

bool fuzz_next(fuzz_input_t* in, fuzz_op_t* op) {
  if (in->size == 0) return false;
  uint8_t bytes[FUZZ_OP_BYTES] = {0};
  const size_t n = in->size < FUZZ_OP_BYTES ? in->size : FUZZ_OP_BYTES;
  memcpy(bytes, in->data, n);
  in->data += n;
  in->size -= n;
  *op = (fuzz_op_t){bytes[0], bytes[1], bytes[2], bytes[3], 0};
  for (int i = 0; i < 4; i++)
    op->value |= (uint32_t)bytes[4 + i] << (8 * i);
  return true;
}

// ---- Values -------------------------------------------------------------------------------------

static size_t around(size_t size, uint32_t value) {
  const size_t delta = value % 5;  // two less to two more
  return size + delta < 2 ? 0 : size + delta - 2;
}

size_t fuzz_size(unsigned selector, uint32_t value) {
  switch (selector % 16) {
    case 0:
    case 1:
    case 2:
      return value % 130;
    case 3:
    case 4:
      return value % 1100;
    case 5:
    case 6:  // around a size class
      return around((size_t)(8 + (value >> 8) % 8) << (value >> 16) % 14, value);
    case 7:
      return value % 9000;
    case 8:
      return value % 70000;
    case 9:
      return around(65536 * (size_t)(1 + (value >> 8) % 16), value);
    case 10:
      return value % (1 << 20);
    case 11:  // around what realloc moves, and the largest of a medium page
      return around((size_t)65536 << (value >> 8) % 6, value);
    case 12:
      return value % (value % 8 == 0 ? FUZZ_SURE_MAX : FUZZ_SURE_MAX / 8);
    case 13:  // a mapping of its own
      return around((size_t)256 << 20, value) + (size_t)(value >> 20) * 4096;
    case 14:
      return (size_t)PTRDIFF_MAX - value % 70000;
    default:
      return SIZE_MAX - value % 70000;
  }
}

size_t fuzz_alignment(unsigned selector) {
  selector %= 64;
  if (selector < 60) return (size_t)1 << selector % 23;
  static const size_t odd[4] = {0, 3, 48, (size_t)1 << 29};
  return odd[selector - 60];
}

// ---- The clock ----------------------------------------------------------------------------------

int __real_clock_gettime(clockid_t clock, struct timespec* t);
int __wrap_clock_gettime(clockid_t clock, struct timespec* t);

static uint64_t clock_ms = 1000000;

// Only the allocator asks for this clock.
int __wrap_clock_gettime(clockid_t clock, struct timespec* t) {
  if (clock != CLOCK_MONOTONIC_COARSE) return __real_clock_gettime(clock, t);
  const uint64_t now = __atomic_load_n(&clock_ms, __ATOMIC_RELAXED);
  *t = (struct timespec){(time_t)(now / 1000), (long)(now % 1000) * 1000000};
  return 0;
}

void fuzz_clock_forward(uint64_t ms) { __atomic_fetch_add(&clock_ms, ms, __ATOMIC_RELAXED); }

// ---- Errors -------------------------------------------------------------------------------------

static size_t error_count;
static int error_code;

static void on_output(const char* message, void* arg) {
  (void)arg;
  FUZZ_CHECK(strlen(message) < 400);
}

static void on_error(int code, void* arg) {
  (void)arg;
  // No memory, or a size that cannot be: the caller sees NULL and errno, and checks them.
  if (code == ENOMEM || code == EOVERFLOW) return;
  __atomic_store_n(&error_code, code, __ATOMIC_RELAXED);
  __atomic_fetch_add(&error_count, 1, __ATOMIC_RELAXED);
}

size_t fuzz_errors(void) { return __atomic_load_n(&error_count, __ATOMIC_RELAXED); }

void fuzz_expect_errors(size_t count, int code) {
  FUZZ_CHECK(fuzz_errors() == count);
  FUZZ_CHECK(count == 0 || __atomic_load_n(&error_code, __ATOMIC_RELAXED) == code);
  __atomic_store_n(&error_count, 0, __ATOMIC_RELAXED);
}

// ---- One input ----------------------------------------------------------------------------------

static long option_values[ri_option_last_];
static bool option_changed[ri_option_last_];

void fuzz_set_option(ri_option_t option, long value) {
  option_changed[option] = true;
  ri_option_set(option, value);
}

static void begin_once(void) {
  static bool begun = false;
  if (begun) return;
  begun = true;
  ri_register_output(on_output, NULL);
  ri_register_error(on_error, NULL);
  for (int i = 0; i < ri_option_last_; i++)
    option_values[i] = ri_option_get((ri_option_t)i);
}

enum { INPUTS_KEPT = 8 };

// Every block is freed and every structure whole. Now and then, since it is slow, all that is kept
// is given back.
static void end_input(void) {
  static unsigned inputs = 0;
  FUZZ_CHECK(ri_audit());
  fuzz_expect_errors(0, 0);
  for (int i = 0; i < ri_option_last_; i++) {
    if (option_changed[i]) ri_option_set((ri_option_t)i, option_values[i]);
    option_changed[i] = false;
  }
  const bool all = ++inputs % INPUTS_KEPT == 0;
  ri_collect(all);
  const ri_summary_t s = check_summary();
  FUZZ_CHECK(s.blocks == 0 && s.in_use == 0 && s.mappings == 0);
  FUZZ_CHECK(!all || s.cached == 0);
  FUZZ_CHECK(s.committed <= s.reserved);
  FUZZ_CHECK(ri_audit());
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  begin_once();
  const size_t most = (size_t)FUZZ_OPS_MAX * FUZZ_OP_BYTES;
  fuzz_run((fuzz_input_t){data, size < most ? size : most});
  end_input();
  return 0;
}
