// SPDX-License-Identifier: MIT
// synonyms.c: names that programs moved from mimalloc may use. Catches: one that is bound to a
// function other than mimalloc's of that name, or that passes its arguments in the wrong order.
#include <rimalloc/mimalloc/synonyms.h>

#include "../check.h"

static void of_small_blocks(void) {
  size_t size = 0;
  uint8_t* p = ri_malloc_small(100);
  CHECK(ri_malloc_size(p) >= 100 && ri_malloc_size(p) == ri_malloc_usable_size(p));
  CHECK(ri_malloc_size(p) == ri_usable_size(p) && ri_malloc_good_size(100) == ri_good_size(100));
  memset(p, 0xA5, 100);
  ri_free_small(p);
  p = ri_zalloc_small(100);
  CHECK_ZERO(p, 0, ri_usable_size(p));
  memset(p, 0xA5, 100);
  ri_free_small(p);
  p = ri_umalloc_small(100, &size);
  CHECK(size == ri_usable_size(p));
  memset(p, 0xA5, 100);
  ri_free_small(p);
  size = 0;
  p = ri_uzalloc_small(100, &size);
  CHECK(size == ri_usable_size(p));
  CHECK_ZERO(p, 0, size);
  ri_free(p);
  errno = 0;
  CHECK(ri_uzalloc_small(check_hide(SIZE_MAX), &size) == NULL && size == 0);
  CHECK_ERRNO(ENOMEM);
}

static void of_heaps(void) {
  ri_heap_t* const heap = ri_heap_new();
  ri_theap_t* const theap = ri_heap_theap(heap);
  uint8_t* p = ri_heap_malloc_small(heap, 100);
  CHECK(ri_heap_of(p) == heap);
  memset(p, 0xA5, 100);
  ri_free(p);
  p = ri_heap_zalloc_small(heap, 100);
  CHECK(ri_heap_of(p) == heap);
  CHECK_ZERO(p, 0, 100);
  memset(p, 0xA5, 100);
  ri_free(p);
  p = ri_theap_malloc_small(theap, 100);
  CHECK(ri_heap_of(p) == heap);
  memset(p, 0xA5, 100);
  ri_free(p);
  p = ri_theap_zalloc_small(theap, 100);
  CHECK(ri_heap_of(p) == heap);
  CHECK_ZERO(p, 0, 100);
  ri_heap_destroy(heap);
}

static void of_resizing(void) {
  uint8_t* p = ri_aligned_recalloc(NULL, 3, 100, 256);
  CHECK(check_aligned(p, 256));
  CHECK_ZERO(p, 0, 300);
  p = ri_aligned_offset_recalloc(p, 5, 100, 256, 8);
  CHECK(check_aligned(p + 8, 256));
  CHECK_ZERO(p, 0, 500);
  ri_free(p);
}

static void of_freeing(void) {
  ri_option_set(ri_option_check, 1);  // looks at the size and the alignment
  check_capture_start();
  ri_free_size(ri_malloc(100), 100);
  ri_free_size_aligned(ri_malloc_aligned(100, 64), 100, 64);
  check_nothing_reported();
  void* const p = ri_malloc_aligned(100, 64);
  ri_free_size_aligned(p, 64, check_hide((size_t)1 << 30));
  check_reported(EINVAL, "not aligned", p);
  check_capture_stop();
  ri_option_set(ri_option_check, 0);
  int on_stack = 0;
  void* const q = ri_malloc(10);
  CHECK(ri_check_owned(q) && !ri_check_owned(&on_stack));
  ri_free(q);
}

static void of_printing(void) {
  ri_free(ri_malloc(10));
  check_capture_start();
  ri_debug_show_arenas();
  CHECK(check_captured()->length > 0);
  check_capture_stop();
}

int main(void) {
  of_small_blocks();
  of_heaps();
  of_resizing();
  of_freeing();
  of_printing();
  check_heap_intact();
  return 0;
}
