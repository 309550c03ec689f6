// SPDX-License-Identifier: MIT
// fuzz.c: one input from beginning to end, operations and values, errors, and the clock.
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
      return value % (value % 16 == 0 ? FUZZ_SURE_MAX : FUZZ_SURE_MAX / 8);
    case 13:  // a mapping of its own
      return around(FUZZ_MAPPED_MIN, value) + (size_t)(value >> 24) * 4096;
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

void fuzz_change_option(fuzz_op_t op) {
  static const struct {
    ri_option_t option;
    long values[4];
  } choices[] = {{ri_option_check, {0, 1, 2, 1}},
                 {ri_option_purge_delay, {0, 100, -1, 500}},
                 {ri_option_page_reclaim_on_free, {0, 1, 0, 1}},
                 {ri_option_thp, {0, 1, 2, 3}},
                 {ri_option_mapping_cache, {0, 1, 256, 1024}},
                 {ri_option_arena_purge_mult, {0, 1, 3, 10}},
                 {ri_option_purge_decommits, {0, 1, 0, 1}},
                 {ri_option_minimal_purge_size, {0, 64, 192, 2048}},
                 {ri_option_arena_eager_commit, {0, 1, 2, 0}},
                 {ri_option_arena_max_object_size, {64, 100, 1024, 32768}},
                 {ri_option_disallow_arena_alloc, {0, 1, 0, 1}},
                 {ri_option_page_cross_thread_max_reclaim, {-1, 0, 1, 4}},
                 {ri_option_generic_collect, {0, 1, 256, 16384}}};
  const size_t i = op.a % (sizeof(choices) / sizeof(choices[0]));
  fuzz_set_option(choices[i].option, choices[i].values[op.b % 4]);
}

enum {
  RESTS_FIRST = 50,  // the corpus is read, and the allocator has its arenas
  RESTS_LATE = 64
};

// What the allocator holds when nothing is live and all that is kept was given back, at first and
// at last: resident memory also grows by what a fuzzing engine learns.
typedef struct rest_s {
  ri_summary_t summary;
  size_t resident;  // of the process
} rest_t;

static struct {
  rest_t first, last;
  size_t count;
  size_t committed[RESTS_LATE];  // at the latest
} rest;

// Memory that the program's commit function refused to take back stays committed for a while;
// leaked memory, for ever. So the lowest of the latest readings counts.
static size_t least_committed(void) {
  size_t least = SIZE_MAX;
  for (size_t i = 0; i < RESTS_LATE && i < rest.count; i++)
    least = rest.committed[i] < least ? rest.committed[i] : least;
  return least == SIZE_MAX ? 0 : least;
}

static void tell_rest(void) {
  const ri_summary_t *const a = &rest.first.summary, *const b = &rest.last.summary;
  fprintf(
      stderr,
      "at rest: resident %zu -> %zu KiB, of the allocator's: committed %zu -> %zu KiB, reserved "
      "%zu -> %zu KiB, arenas %zu -> %zu\n",
      rest.first.resident >> 10, rest.last.resident >> 10, a->committed >> 10,
      least_committed() >> 10, a->reserved >> 10, b->reserved >> 10, a->arenas, b->arenas);
}

static void note_rest(ri_summary_t summary) {
  rest.last = (rest_t){summary, check_resident()};
  rest.committed[rest.count % RESTS_LATE] = summary.committed;
  if (++rest.count <= RESTS_FIRST) rest.first = rest.last;
}

static void begin_once(void) {
  static bool begun = false;
  if (begun) return;
  begun = true;
  atexit(tell_rest);
  ri_register_output(on_output, NULL);
  ri_register_error(on_error, NULL);
  // Small arenas: there are several, and an audit, which looks at every slice, is quick. Mappings
  // for single blocks begin at sizes that can be copied in no time.
  ri_option_set(ri_option_arena_reserve, 4096);
  ri_option_set(ri_option_arena_max_object_size, (long)(FUZZ_MAPPED_MIN >> 10));
  for (int i = 0; i < ri_option_last_; i++)
    option_values[i] = ri_option_get((ri_option_t)i);
}

enum { INPUTS_KEPT = 32 };

// Every block is freed and every structure intact. Now and then, since it is slow, everything
// retained is returned.
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
  if (!all) return;
  FUZZ_CHECK(ri_audit());
  note_rest(s);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  begin_once();
  const size_t most = (size_t)FUZZ_OPS_MAX * FUZZ_OP_BYTES;
  fuzz_run((fuzz_input_t){data, size < most ? size : most});
  end_input();
  return 0;
}
