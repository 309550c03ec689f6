// SPDX-License-Identifier: MIT
// damaged_link_checked.c: a link that the program wrote over, with the option `check`: it is
// neither followed nor marked as a live block, wherever it leads. It is reported, the list is
// dropped, and no live block is handed out again.
#include "misuse.h"

enum { COUNT = 40 };

static void* blocks[COUNT];

static void check_told(void) {
  CHECK(check_captured()->errors == 1);
  check_reported(EFAULT, "free list damaged", NULL);
}

static void damaged_with(size_t size, uintptr_t link) {
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(size);
    check_fill(blocks[i], size, i);
  }
  for (size_t i = 0; i < COUNT; i += 2)
    ri_free(blocks[i]);
  memcpy(misuse_pointer(blocks[COUNT - 2]), &link, sizeof(link));
  void* again[2 * COUNT];
  for (size_t i = 0; i < 2 * COUNT; i++) {
    again[i] = ri_malloc(size);
    check_fill(again[i], size, i + 1000);
  }
  check_told();
  for (size_t i = 1; i < COUNT; i += 2)
    CHECK_FILLED(blocks[i], size, i);
  for (size_t i = 0; i < 2 * COUNT; i++)
    CHECK_FILLED(again[i], size, i + 1000);
  for (size_t i = 0; i < 2 * COUNT; i++)
    ri_free(again[i]);
  for (size_t i = 1; i < COUNT; i += 2)
    ri_free(blocks[i]);
  misuse_intact();
}

int main(void) {
  misuse_begin(1);
  static char elsewhere[256];
  for (size_t size = 16; size < 20000; size = size * 4) {
    damaged_with(size, (uintptr_t)-1 / 3);  // no address of a program
    damaged_with(size, (uintptr_t)elsewhere);
    void* const live = ri_malloc(size);
    check_fill(live, size, 7);
    damaged_with(size, (uintptr_t)live);
    damaged_with(size, (uintptr_t)live + 1);
    CHECK_FILLED(live, size, 7);
    ri_free(live);
  }
  return 0;
}
