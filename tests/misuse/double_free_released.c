// SPDX-License-Identifier: MIT
// double_free_released.c: a block of a page that was given back since it was freed is no block any
// more, and freeing it is reported without the option `check`; also when the page belonged to a
// thread that has exited.
#include "misuse.h"

enum { COUNT = 3000 };
static void* blocks[COUNT];

static void* allocates(void* arg) {
  const size_t size = (size_t)(uintptr_t)arg;
  for (size_t i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(size);
  return NULL;
}

static void frees(void) {
  for (size_t i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
}

static void* allocates_and_frees(void* arg) {
  allocates(arg);
  frees();
  return NULL;
}

static void all_again(void) {
  ri_collect(true);
  for (size_t i = 0; i < COUNT; i += 37) {
    misuse_free_gone(blocks[i]);
    CHECK(ri_usable_size(blocks[i]) == 0);
  }
}

int main(void) {
  misuse_begin(0);
  for (size_t size = 16; size < 20000; size = size * 3 + 8) {
    void* const arg = (void*)(uintptr_t)size;
    allocates_and_frees(arg);
    all_again();
    check_in_thread(allocates_and_frees, arg);
    all_again();
    check_in_thread(allocates, arg);
    frees();
    all_again();
    misuse_intact();
  }
  return 0;
}
