// SPDX-License-Identifier: MIT
// every_position_is_aligned.c: a class of 24 bytes puts every second block at an address that is no
// multiple of 16. The rule is: a block of more than 8 bytes is aligned to 16, and a block whose
// class serves a multiple of a power of two (to 4,096) is aligned to that power. Here thousands of
// blocks of each size are held at once, so that every position in a page is seen, and the block
// distances of the small classes as well.
#include "../check.h"

enum { COUNT = 6000 };
static void* blocks[COUNT];

int main(void) {
  for (size_t size = 1; size <= 8192; size += size < 300 ? 1 : 97) {
    const size_t count = size <= 600 ? COUNT : 600;
    const size_t natural = size > 8 ? (size & (~size + 1)) : 8;
    const size_t expected = natural < 16 ? (size > 8 ? 16 : 8) : natural > 4096 ? 4096 : natural;
    for (size_t i = 0; i < count; i++) {
      blocks[i] = ri_malloc(size);
      CHECK_MSG(check_aligned(blocks[i], expected), "size %zu block %zu: %p, expected %zu", size, i,
                blocks[i], expected);
    }
    for (size_t i = 0; i < count; i++)
      ri_free(blocks[i]);
  }
  for (size_t size = 256; size <= 65536; size *= 2) {
    for (size_t i = 0; i < 40; i++) {
      blocks[i] = ri_malloc(size + size / 2);  // a multiple of size / 2
      CHECK(check_aligned(blocks[i], size / 2 > 4096 ? 4096 : size / 2));
    }
    for (size_t i = 0; i < 40; i++)
      ri_free(blocks[i]);
  }
  CHECK(ri_audit());
  return 0;
}
