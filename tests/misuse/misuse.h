// SPDX-License-Identifier: MIT
// misuse.h: what the misuse tests share. Each makes one kind of mistake in its own process, with
// the hooks registered, and expects exactly one report with the right code, words and pointer;
// after each mistake all counts are as before and the heap works.
#ifndef RIMALLOC_TESTS_MISUSE_H
#define RIMALLOC_TESTS_MISUSE_H

#include "../check.h"

// To be called before anything is allocated, so that `check` holds for every page.
static inline void misuse_begin(long check) {
  check_watchdog(60);
  ri_option_set(ri_option_check, check);
  ri_option_set(ri_option_max_errors, 1000000);
  check_capture_start();
}

// Hides a pointer, so that the compiler does not see what is wrong with it.
static inline void* misuse_pointer(const void* p) { return check_hide_pointer((uintptr_t)p); }

// p is reported as invalid, and nothing else has happened.
static inline void misuse_free_invalid(const void* p, const ri_summary_t* before) {
  errno = 5;
  ri_free(misuse_pointer(p));
  CHECK_ERRNO(5);
  check_reported(EINVAL, "invalid pointer", p);
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before->blocks && after.in_use == before->in_use);
}

// p, which was freed before, is reported as freed twice, and nothing else has happened.
static inline void misuse_free_again(const void* p) {
  const ri_summary_t before = check_summary();
  errno = 5;
  ri_free(misuse_pointer(p));
  CHECK_ERRNO(5);
  check_reported(EAGAIN, "double free", p);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu blocks, before %zu", after.blocks, before.blocks);
  CHECK(after.in_use == before.in_use);
}

// As above for memory that may have gone back since, so that nobody knows what it was.
static inline void misuse_free_gone(const void* p) {
  const ri_summary_t before = check_summary();
  ri_free(misuse_pointer(p));
  const check_capture_t* const c = check_captured();
  const bool again = strstr(c->text, "double free") != NULL;
  check_reported(again ? EAGAIN : EINVAL, again ? "double free" : "invalid pointer", p);
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before.blocks && after.in_use == before.in_use);
}

static inline void misuse_intact(void) {
  check_heap_intact();
  check_nothing_reported();
}

static const size_t misuse_small_sizes[] = {1,   8,    16,   24,   48,   100,  128,   200,
                                            500, 1024, 1025, 4000, 8192, 9000, 30000, 65536};
enum { MISUSE_SMALL_SIZES = sizeof(misuse_small_sizes) / sizeof(misuse_small_sizes[0]) };
static const size_t misuse_large_sizes[] = {65537, 100000, 1 << 20, 5 << 20, 300 << 20};
enum { MISUSE_LARGE_SIZES = sizeof(misuse_large_sizes) / sizeof(misuse_large_sizes[0]) };

#endif
