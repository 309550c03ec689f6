// SPDX-License-Identifier: MIT
// told_size.c: the functions that tell the size of a block with it, those that answer what a size
// would become, and resizing in place. Catches: a told size that differs from ri_usable_size, one
// left alone on failure, an ri_nallocx that the allocation contradicts, a block that ri_xallocx
// moves, cuts or damages.
#include "../check.h"

static void told(void* p, size_t block_size, size_t size) {
  CHECK_MSG(p != NULL && block_size == ri_usable_size(p) && block_size >= size, "%zu for %zu",
            block_size, size);
  check_fill_sparse(p, block_size, size);
  size_t freed = 0;
  ri_ufree(p, &freed);
  CHECK(freed == block_size);
}

static void all_forms(size_t size) {
  size_t n = 1;
  void* p = ri_umalloc(size, &n);
  told(p, n, size);
  p = ri_ucalloc(3, size, &n);
  CHECK_ZERO(p, 0, 3 * size < 100000 ? 3 * size : 100000);
  told(p, n, 3 * size);
  for (size_t alignment = 1; alignment <= 65536; alignment *= 16) {
    p = ri_umalloc_aligned(size, alignment, &n);
    CHECK(check_aligned(p, alignment));
    told(p, n, size);
    p = ri_uzalloc_aligned(size, alignment, &n);
    CHECK(check_aligned(p, alignment));
    CHECK_ZERO(p, 0, n < 100000 ? n : 100000);
    told(p, n, size);
  }
}

static void reallocated(size_t size, size_t next) {
  size_t before = 1, after = 1;
  void* p = ri_urealloc(NULL, size, &before, &after);
  CHECK(p != NULL && before == 0 && after == ri_usable_size(p));
  const size_t had = after;
  check_fill(p, size, 3);
  p = ri_urealloc(p, next, &before, &after);
  CHECK_MSG(before == had && after == ri_usable_size(p) && after >= next, "%zu %zu", before, after);
  CHECK_FILLED(p, size < next ? size : next, 3);
  const size_t have = after;
  check_fill(p, next, 4);
  errno = 0;
  CHECK(ri_urealloc(p, check_hide(SIZE_MAX), &before, &after) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(before == have && after == 0);
  CHECK_FILLED(p, next, 4);  // what could not be resized is as it was
  p = ri_urealloc(p, next, NULL, NULL);
  ri_ufree(p, NULL);
}

static void failures(void) {
  size_t n = 7;
  errno = 0;
  CHECK(ri_umalloc(check_hide(SIZE_MAX), &n) == NULL && n == 0);
  CHECK_ERRNO(ENOMEM);
  n = 7;
  CHECK(ri_ucalloc(check_hide(SIZE_MAX / 2), 3, &n) == NULL && n == 0);
  CHECK_ERRNO(ENOMEM);
  n = 7;
  CHECK(ri_umalloc_aligned(10, check_hide(48), &n) == NULL && n == 0);
  CHECK_ERRNO(EINVAL);
  n = 7;
  CHECK(ri_uzalloc_aligned(check_hide(SIZE_MAX), 64, &n) == NULL && n == 0);
  CHECK_ERRNO(ENOMEM);
  n = 7;
  CHECK(ri_uzalloc_aligned(10, check_hide(48), &n) == NULL && n == 0);
  CHECK_ERRNO(EINVAL);
  n = 7;
  CHECK(ri_umalloc(check_hide(SIZE_MAX), &n) == NULL && n == 0);
  CHECK_ERRNO(ENOMEM);
  n = 7;
  errno = 0;
  CHECK(ri_ucalloc(1, check_hide(SIZE_MAX), &n) == NULL && n == 0);
  CHECK_ERRNO(ENOMEM);
  n = 7;
  ri_ufree(NULL, &n);
  CHECK(n == 0);
  // Who does not ask is not told.
  ri_free(ri_umalloc(10, NULL));
  ri_free(ri_ucalloc(10, 10, NULL));
  ri_free(ri_umalloc_aligned(10, 64, NULL));
  ri_free(ri_uzalloc_aligned(10, 64, NULL));
  CHECK(ri_urealloc(NULL, check_hide(SIZE_MAX), NULL, NULL) == NULL);
}

static void what_it_would_be(void) {
  CHECK(ri_nallocx(10, 0) == 0 && ri_nallocx(10, 3) == 0);
  CHECK(ri_nallocx(check_hide(SIZE_MAX), 1) == 0);
  CHECK(ri_nallocx(check_hide((size_t)PTRDIFF_MAX + 1), 8) == 0);
  CHECK(ri_nallocx(10, ((size_t)PTRDIFF_MAX + 1)) == 0);
  for (size_t alignment = 1; alignment <= (size_t)1 << 21; alignment *= 2) {
    for (size_t size = 0; size < (size_t)1 << 20; size = size * 5 / 4 + 1) {
      void* const p = ri_malloc_aligned(size, alignment);
      CHECK_MSG(ri_usable_size(p) == ri_nallocx(size, alignment), "%zu at %zu: %zu, not %zu", size,
                alignment, ri_usable_size(p), ri_nallocx(size, alignment));
      CHECK(ri_is_in_heap_region(p));
      ri_free(p);
    }
  }
}

static void resized(size_t size, size_t next, size_t extra) {
  uint8_t* const p = ri_malloc(size);
  uint8_t* const neighbour = ri_malloc(size);
  const size_t usable = ri_usable_size(p);
  check_fill_sparse(p, usable, 1);
  check_fill_sparse(neighbour, ri_usable_size(neighbour), 2);
  errno = 77;
  const size_t now = ri_xallocx(p, next, extra);
  CHECK_ERRNO(77);
  CHECK(now == ri_usable_size(p));
  size_t most;
  if (__builtin_add_overflow(next, extra, &most)) most = SIZE_MAX;
  if (most >= usable) CHECK_MSG(now >= usable, "%zu shrank to %zu", usable, now);
  // A block of a class cannot change; a large one shrinks, but stays large.
  if (most < usable && usable > 65536) CHECK(now >= most && now >= 65536 && now <= usable);
  if (usable <= 65536) CHECK(now == usable);
  if (most < usable && now >= size) CHECK_FILLED_SPARSE(p, usable, 1);
  check_fill_sparse(p, now, 3);
  CHECK_FILLED_SPARSE(neighbour, ri_usable_size(neighbour), 2);
  ri_free(p);
  ri_free(neighbour);
}

static void in_place(void) {
  for (size_t size = 0; size < (size_t)3 << 20; size = size * 2 + 1) {
    for (size_t next = 1; next < (size_t)6 << 20; next = next * 3 + 1) {
      resized(size, next, 0);
      resized(size, next, next);
      resized(size, next, SIZE_MAX - next);
      resized(size, next, SIZE_MAX);
    }
  }
  CHECK(ri_xallocx(NULL, 10, 10) == 0);
  // The last block of an arena's used part can grow: what is asked as extra is given.
  bool grew = false;
  for (int i = 0; i < 64 && !grew; i++) {
    void* const p = ri_malloc(100000);
    grew = ri_xallocx(p, 200000, 300000) >= 500000;
    ri_free(p);
  }
  CHECK(grew);
  uint8_t* const p = ri_malloc((size_t)4 << 20);
  check_fill(p, 300000, 5);
  CHECK(ri_xallocx(p, 300000, 0) <= 300000 + 65536);
  CHECK_FILLED(p, 300000, 5);
  ri_free(p);
}

static void windows_expand(void) {
  void* const p = ri_malloc(100);
  errno = 0;
  CHECK(ri__expand(p, ri_usable_size(p)) == p);
  CHECK_ERRNO(0);
  CHECK(ri__expand(p, check_hide(SIZE_MAX)) == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
  CHECK(ri__expand(NULL, 10) == NULL);
  CHECK_ERRNO(ENOMEM);
  ri_free(p);
}

int main(void) {
  const ri_summary_t before = check_summary();
  for (size_t size = 0; size < (size_t)1 << 20; size = size * 3 / 2 + 1) {
    all_forms(size);
    reallocated(size, size * 3 + 1);
    reallocated(size, size / 3);
  }
  failures();
  what_it_would_be();
  in_place();
  windows_expand();
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before.blocks && after.in_use == before.in_use);
  CHECK(ri_audit());
  return 0;
}
