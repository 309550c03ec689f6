// SPDX-License-Identifier: MIT
// wrong_size.c: a free with a size that the block cannot have been asked for is reported in every
// build; one with such an alignment in debug builds and with the option `check`, and harmless
// without. Right ones are never reported.
#include "misuse.h"

static void* block_of_a_thread(void* size) { return ri_malloc(*(size_t*)size); }

static void right(void) {
  for (size_t size = 0; size < 300000; size = size * 2 + 3) {
    ri_free_sized(ri_malloc(size), size);
    ri_free_sized(ri_calloc(1, size), size);
    ri_free_sized(check_in_thread(block_of_a_thread, &size), size);
    for (size_t alignment = 8; alignment <= 8192; alignment *= 4) {
      ri_free_aligned_sized(ri_malloc_aligned(size, alignment), alignment, size);
      ri_free_aligned(ri_malloc_aligned(size, alignment), alignment);
    }
  }
  check_nothing_reported();
}

static void wrong_size(void* p, size_t size) {
  const ri_summary_t before = check_summary();
  errno = 5;
  ri_free_sized(p, size);
  CHECK_ERRNO(5);
  CHECK(check_summary().blocks == before.blocks - 1);  // freed all the same
  CHECK_MSG(check_captured()->errors == 1, "size %zu: %zu errors", size, check_captured()->errors);
  CHECK(check_captured()->codes[0] == EINVAL);
  char pointer[32];
  snprintf(pointer, sizeof(pointer), "%p", p);
  CHECK_MSG(strstr(check_captured()->text, pointer) != NULL, "%s", check_captured()->text);
  check_capture_reset();
}

// Reported once, and freed all the same.
static void wrong_alignment(int form) {
  void* const p = ri_malloc_aligned(64, 64);
  const size_t bad =
      check_hide(form < 2 ? CHECK_HUGE(46) : 48);  // more than it has; no power of two
  const ri_summary_t before = check_summary();
  errno = 5;
  if (form % 2 == 0) ri_free_aligned_sized(p, bad, 64);
  if (form % 2 == 1) ri_free_aligned(p, bad);
  CHECK_ERRNO(5);
  check_reported(EINVAL, "not aligned", p);
  CHECK(check_summary().blocks == before.blocks - 1);
}

static void wrong_sizes(void) {
  wrong_size(ri_malloc(100), 1000);
  wrong_size(ri_malloc(100), 113);
  wrong_size(ri_malloc(1000), 100000);
  wrong_size(ri_malloc(100000), (size_t)1 << 20);
  wrong_size(ri_malloc(65536), (size_t)1 << 20);
  size_t size = 100;
  wrong_size(check_in_thread(block_of_a_thread, &size), 1000);
}

static void wrong_with_check(void) {
  wrong_sizes();
  for (int form = 0; form < 4; form++)
    wrong_alignment(form);
}

static void wrong_without_check(void) {
  const ri_summary_t before = check_summary();
  ri_free_sized(ri_malloc(100000), check_hide(5));
  ri_free_aligned_sized(ri_malloc(100), CHECK_HUGE(40), 64);
  ri_free_aligned(ri_malloc(100), CHECK_HUGE(40));
  check_nothing_reported();
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before.blocks && after.in_use == before.in_use);
}

int main(void) {
  misuse_begin(1);
  right();
  wrong_with_check();
  misuse_intact();
  ri_option_set(ri_option_check, 0);
  right();
  wrong_sizes();
  if (RIX_DEBUG == 0) wrong_without_check();  // debug builds always look
  misuse_intact();
  return 0;
}
