// SPDX-License-Identifier: MIT
// usable_is_good_size.c: usable_size disagreed with good_size above 64 KiB, because two places
// rounded by two rules. Here both are compared for sizes around every border above 64 KiB where a
// rule could change, to over 256 MiB, and after every way to get a block of that size. On that bug
// two numbers differ.
#include "../check.h"

static void same(size_t size) {
  const size_t good = ri_good_size(size);
  void* const p = ri_malloc(size);
  void* const q = ri_calloc(1, size);
  void* const r = ri_realloc(ri_malloc(1), size);
  void* const s = ri_malloc_aligned(size, 16);
  CHECK(p != NULL && q != NULL && r != NULL && s != NULL);
  CHECK_MSG(ri_usable_size(p) == good, "malloc(%zu): %zu, %zu", size, ri_usable_size(p), good);
  CHECK_MSG(ri_usable_size(q) == good, "calloc(%zu): %zu, %zu", size, ri_usable_size(q), good);
  CHECK_MSG(ri_usable_size(r) == good, "realloc(%zu): %zu, %zu", size, ri_usable_size(r), good);
  CHECK_MSG(ri_usable_size(s) == good, "aligned(%zu): %zu, %zu", size, ri_usable_size(s), good);
  ri_free(p);
  ri_free(q);
  ri_free(r);
  ri_free(s);
}

int main(void) {
  for (size_t size = 60000; size < 80000; size++)
    same(size);
  for (size_t base = 65536; base <= (size_t)(CHECK_SIZE_BITS > 32 ? 512 : 256) * CHECK_MIB;
       base *= 2) {
    for (size_t part = 0; part < 8; part++) {
      const size_t size = base + base / 8 * part;
      same(size - 1);
      same(size);
      same(size + 1);
      same(size + 4095);
      same(size + 4097);
    }
  }
  CHECK(ri_audit());
  return 0;
}
