// SPDX-License-Identifier: MIT
// double_free_large.c: blocks above 64 KiB have a page of their own that goes with them, so a
// second free finds nothing and is always reported, also without the option `check`, in the same
// thread, in another, and when the memory has gone back to the OS.
#include "misuse.h"

static void* frees_again(void* p) {
  misuse_free_gone(p);
  return NULL;
}

static void size_of(size_t size) {
  void* const p = ri_malloc(size);
  CHECK(p != NULL);
  memset(p, 1, 1000);
  ri_free(p);
  misuse_free_gone(p);
  check_in_thread(frees_again, p);
  ri_collect(true);
  misuse_free_gone(p);
  CHECK(ri_usable_size(p) == 0);
  errno = 0;
  CHECK(ri_realloc(misuse_pointer(p), 10) == NULL);
  CHECK_ERRNO(EINVAL);
  check_capture_reset();
}

// Used again at once: the second free of the old pointer would hit the new block. That cannot be
// told from a right free; but after it was freed once more it can.
static void used_again(size_t size) {
  void* const p = ri_malloc(size);
  ri_free(p);
  void* const q = ri_malloc(size);
  ri_free(q);
  misuse_free_gone(q);
  misuse_free_gone(p);
}

int main(void) {
  misuse_begin(0);
  for (int i = 0; i < MISUSE_LARGE_SIZES; i++) {
    size_of(misuse_large_sizes[i]);
    used_again(misuse_large_sizes[i]);
    misuse_intact();
  }
  return 0;
}
