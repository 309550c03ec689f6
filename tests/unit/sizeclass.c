// SPDX-License-Identifier: MIT
// sizeclass.c: base/sizeclass.h, exhaustively: every size of every class, every offset of a page
// for every block size. The invariants at the head of that file are what is checked.
#include "base/sizeclass.h"

#include "../check.h"

static void sizes(void) {
  unsigned last = 0;
  for (size_t size = 0; size <= RIX_MEDIUM_BLOCK_MAX; size++) {
    const unsigned c = rix_class_of(size);
    CHECK_MSG(c < RIX_CLASS_COUNT, "size %zu class %u", size, c);
    CHECK_MSG(c == last || c == last + 1, "size %zu: class %u after %u", size, c, last);
    const size_t block = rix_class_block_size(c);
    CHECK_MSG(size <= block, "size %zu class %u block %zu", size, c, block);
    CHECK_MSG(c == 0 || rix_class_block_size(c - 1) < size, "size %zu fits class %u", size, c - 1);
    if (size <= 16 * RIX_CLASS_STEPS) {
      CHECK_MSG(block - size < 16, "size %zu block %zu", size, block);
    } else {
      CHECK_MSG((block - size) * RIX_CLASS_STEPS < block, "size %zu block %zu", size, block);
    }
    // Natural alignment: what divides the size divides the block.
    const size_t natural = size & (~size + 1);
    CHECK_MSG(size <= 8 || block % rix_min(natural, RIX_MEDIUM_BLOCK_MAX) == 0,
              "size %zu block %zu", size, block);
    CHECK(size <= 8 || block % 16 == 0);
    last = c;
  }
  CHECK(last == RIX_CLASS_COUNT - 1);
}

static void classes(void) {
  CHECK(rix_class_block_size(0) == 8);
  CHECK(rix_class_block_size(RIX_CLASS_COUNT - 1) == RIX_MEDIUM_BLOCK_MAX);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    CHECK(rix_class_of(rix_class_block_size(c)) == c);
    CHECK(c == 0 || rix_class_block_size(c) > rix_class_block_size(c - 1));
  }
}

// The multiplication gives what a division would, and whether there is a rest, for every offset of
// the largest page.
static void inverses(void) {
  const size_t end = (size_t)RIX_MEDIUM_SLICES * RIX_SLICE_SIZE;
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    const size_t block = rix_class_block_size(c);
    const uint64_t inverse = rix_class_inverse(block);
    for (size_t offset = 0; offset < end; offset++) {
      CHECK_MSG(rix_class_index_of(offset, inverse) == offset / block, "offset %zu block %zu",
                offset, block);
      CHECK_MSG((ri_product(offset, inverse).low < inverse) == (offset % block == 0),
                "offset %zu block %zu", offset, block);
    }
  }
}

int main(void) {
  sizes();
  classes();
  inverses();
  return 0;
}
