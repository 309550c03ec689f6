// SPDX-License-Identifier: MIT
// large_classes_are_aligned.c: a 40 KiB class in a 64 KiB page left no room to move the block to
// its alignment. Here every class from 4 to 64 KiB and sizes beyond are asked for with every
// alignment up to 1 MiB, several live at once, with all usable bytes written. On that bug an
// address is not aligned, or the last block hangs over the end of its page into a neighbour.
#include "../check.h"

enum { LIVE = 12 };

static void aligned(size_t size, size_t alignment) {
  void* blocks[LIVE];
  for (size_t i = 0; i < LIVE; i++) {
    blocks[i] = ri_malloc_aligned(size, alignment);
    CHECK_MSG(blocks[i] != NULL && check_aligned(blocks[i], alignment),
              "size %zu alignment %zu: %p", size, alignment, blocks[i]);
    CHECK(ri_usable_size(blocks[i]) >= size);
    check_fill(blocks[i], ri_usable_size(blocks[i]), i);
  }
  for (size_t i = 0; i < LIVE; i++) {
    CHECK_FILLED(blocks[i], ri_usable_size(blocks[i]), i);
    ri_free(blocks[i]);
  }
}

int main(void) {
  for (size_t size = 4096; size <= 100000; size = ri_good_size(size + 1)) {
    for (size_t alignment = 16; alignment <= CHECK_MIB; alignment *= 4) {
      aligned(size, alignment);
      aligned(size - 1, alignment);
      if (alignment > CHECK_SPARSE) aligned(alignment + 16, alignment);
    }
    if (size > 70000) size += 10000;
  }
  CHECK(ri_audit());
  return 0;
}
