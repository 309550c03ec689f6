// SPDX-License-Identifier: MIT
// expand.c: ri_expand grows a block where it is or says NULL with nothing changed. Catches: an
// answer of p for a size that the block does not hold, growth over a neighbour, a changed errno.
#include "../check.h"

static void within(size_t size) {
  void* const p = ri_malloc(size);
  const size_t usable = ri_usable_size(p);
  check_fill(p, usable, size);
  errno = 4321;
  CHECK(ri_expand(p, usable) == p);
  CHECK(ri_expand(p, size / 2) == p);
  CHECK(ri_expand(p, 0) == p);
  CHECK(ri_expand(p, check_hide(SIZE_MAX)) == NULL);
  CHECK(ri_expand(p, check_hide(CHECK_LARGEST)) == NULL);
  CHECK_ERRNO(4321);
  CHECK(ri_usable_size(p) == usable);
  CHECK_FILLED(p, usable, size);
  ri_free(p);
}

// Beyond the usable size: either all of it is there, or nothing has changed.
static void beyond(size_t size, size_t more) {
  enum { COUNT = 8 };
  uint8_t* blocks[COUNT];
  size_t usable[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(size);
    CHECK(blocks[i] != NULL);
    usable[i] = ri_usable_size(blocks[i]);
    check_fill_sparse(blocks[i], usable[i], i);
  }
  for (size_t i = 0; i < COUNT; i += 2) {
    errno = 4321;
    void* const p = ri_expand(blocks[i], usable[i] + more);
    CHECK_ERRNO(4321);
    CHECK(p == NULL || p == blocks[i]);
    CHECK_FILLED_SPARSE(blocks[i], usable[i], i);
    if (p == NULL) {
      CHECK(ri_usable_size(blocks[i]) == usable[i]);
      continue;
    }
    CHECK(ri_usable_size(p) >= usable[i] + more);
    usable[i] = ri_usable_size(p);
    check_fill_sparse(p, usable[i], i);
  }
  for (size_t i = 0; i < COUNT; i++) {
    CHECK_FILLED_SPARSE(blocks[i], usable[i], i);
    ri_free(blocks[i]);
  }
}

int main(void) {
  const ri_summary_t before = check_summary();
  for (size_t size = 0; size < (size_t)4 * CHECK_MIB; size += 1 + size / 5) {
    within(size);
    beyond(size, 1);
    beyond(size, 16 + size);
  }
  beyond((size_t)300 * CHECK_MIB, (size_t)10 * CHECK_MIB);  // mappings of their own
  CHECK(ri_expand(NULL, 10) == NULL);
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before.blocks);
  CHECK_MSG(after.in_use == before.in_use, "%zu, before %zu", after.in_use, before.in_use);
  CHECK(ri_audit());
  return 0;
}
