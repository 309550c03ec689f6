// SPDX-License-Identifier: MIT
// resize_reports_once.c: the error function is called once for each error. ri_reallocarr did not
// report a product that overflows, which ri_reallocarray and the others do; ri_reallocf of a
// pointer that is no block reported it twice, once as not resizable and once as not freeable.
#include "../check.h"

static int in_data;

static void overflow(void) {
  void* p = ri_malloc(10);
  void* const old = p;
  CHECK(ri_reallocarr(&p, check_hide(SIZE_MAX / 2), 3) == EOVERFLOW && p == old);
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == EOVERFLOW);
  check_capture_reset();
  CHECK(ri_reallocarray(p, check_hide(SIZE_MAX / 2), 3) == NULL);
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == EOVERFLOW);
  check_capture_reset();
  ri_free(p);
}

static void no_block(void) {
  void* const p = check_hide_pointer((uintptr_t)&in_data);
  errno = 0;
  CHECK(ri_reallocf(p, 10) == NULL);
  CHECK_ERRNO(EINVAL);
  check_reported(EINVAL, "invalid pointer", p);
  errno = 0;
  CHECK(ri_heap_reallocf(NULL, p, 10) == NULL);
  CHECK_ERRNO(EINVAL);
  check_reported(EINVAL, "invalid pointer", p);
}

// What is one is released, once.
static void released(void* p, ri_heap_t* heap) {
  const size_t before = check_summary().blocks;
  errno = 0;
  CHECK((heap != NULL ? ri_heap_reallocf(heap, p, check_hide(SIZE_MAX))
                      : ri_reallocf(p, check_hide(SIZE_MAX))) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(check_summary().blocks == before - 1);
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == ENOMEM);
  check_capture_reset();
}

int main(void) {
  check_capture_start();
  ri_heap_t* const heap = ri_heap_new();
  ri_heap_t* const guarded = ri_heap_new();
  ri_heap_guarded_set_sample_rate(guarded, 1, 1);
  overflow();
  no_block();
  for (size_t size = 0; size < 300000; size = size * 3 + 1) {
    released(ri_malloc(size), NULL);
    released(ri_malloc_aligned_at(size, 64, 8), NULL);
    released(ri_heap_malloc(heap, size), heap);
    released(ri_heap_malloc(guarded, size), NULL);  // at a guard page
  }
  check_capture_stop();
  ri_heap_destroy(guarded);
  ri_heap_destroy(heap);
  return 0;
}
