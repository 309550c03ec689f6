// SPDX-License-Identifier: MIT
// small_sizes_are_aligned.c: size 8 with alignment 16 took the plain path and half of the blocks
// were misaligned. Here every size is asked for with every alignment above it, thousands of times,
// so that blocks of all positions in a page are seen. On that bug every second address is odd.
#include "../check.h"

enum { COUNT = 8000 };
static void* blocks[COUNT];

static void many(size_t size, size_t alignment, int how, size_t count) {
  for (size_t i = 0; i < count; i++) {
    void* p = NULL;
    switch (how) {
      case 0:
        p = ri_malloc_aligned(size, alignment);
        break;
      case 1:
        p = ri_zalloc_aligned(size, alignment);
        break;
      case 2:
        p = ri_realloc_aligned(ri_malloc(1), size, alignment);
        break;
      default:
        CHECK(ri_posix_memalign(&p, alignment < 8 ? 8 : alignment, size) == 0);
        break;
    }
    CHECK_MSG(p != NULL && check_aligned(p, alignment), "size %zu alignment %zu block %zu: %p",
              size, alignment, i, p);
    blocks[i] = p;
  }
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
}

int main(void) {
  for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
    const size_t count = alignment <= 64 ? COUNT : COUNT * 64 / alignment;
    for (int how = 0; how < 4; how++) {
      for (size_t size = 0; size < alignment; size = size * 2 + 1) {
        many(size, alignment, how, count);
      }
      if (alignment > 8) many(8, alignment, how, count);
    }
  }
  CHECK(ri_audit());
  return 0;
}
