// SPDX-License-Identifier: MIT
// aligned_realloc_shrinks.c: realloc_aligned kept the block whenever the new size fitted, without a
// lower bound, so a block never shrank; and realloc(p, 0) left its byte undefined. Here aligned
// blocks are shrunk far and must give memory back, and the byte after realloc(p, 0) must be the old
// one or zero, although the memory it comes from was full of another value.
#include "../check.h"

static void shrinks(size_t size, size_t alignment, size_t offset) {
  uint8_t* p = offset == 0 ? ri_malloc_aligned(size, alignment)
                           : ri_malloc_aligned_at(size, alignment, offset);
  CHECK(p != NULL);
  check_fill(p, size, 2);
  const size_t small = size / 40 + 1;
  p = offset == 0 ? ri_realloc_aligned(p, small, alignment)
                  : ri_realloc_aligned_at(p, small, alignment, offset);
  CHECK(p != NULL && check_aligned(p + offset, alignment));
  CHECK_FILLED(p, small, 2);
  const size_t room = small > alignment ? small : alignment;
  CHECK_MSG(ri_usable_size(p) <= 2 * room + 64 || ri_usable_size(p) <= size / 2,
            "%zu to %zu aligned to %zu keeps %zu", size, small, alignment, ri_usable_size(p));
  ri_free(p);
}

static void zero_size(size_t size) {
  // Free blocks of the smallest class full of 0xEE.
  uint8_t* dirty[64];
  for (size_t i = 0; i < 64; i++) {
    dirty[i] = ri_malloc(1);
    memset(dirty[i], 0xEE, ri_usable_size(dirty[i]));
  }
  for (size_t i = 0; i < 64; i++)
    ri_free(dirty[i]);
  uint8_t* p = ri_malloc(size);
  memset(p, 0x55, size);
  p = ri_realloc(p, check_hide(0));
  CHECK(p != NULL);
  CHECK_MSG(p[0] == 0x55 || p[0] == 0, "size %zu: byte is %x", size, p[0]);
  ri_free(p);
}

int main(void) {
  for (size_t size = 2000; size < (size_t)3 * CHECK_MIB; size *= 3) {
    for (size_t alignment = 16; alignment <= 4096; alignment *= 4) {
      shrinks(size, alignment, 0);
      shrinks(size, alignment, 8);
    }
  }
  for (size_t size = 1; size < 300000; size = size * 3 + 4)
    zero_size(size);
  CHECK(ri_audit());
  return 0;
}
