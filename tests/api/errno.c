// SPDX-License-Identifier: MIT
// errno.c: each function says ENOMEM, EINVAL or EOVERFLOW as documented, gives NULL (or a code) and
// changes nothing, and leaves errno alone when it succeeds. Catches: a product that wraps around, a
// size that becomes small when an alignment is added, an alignment of 0 or 24 that is accepted, a
// system call whose errno shines through.
#include "../check.h"

static const int untouched = 9876;

#define FAILS(call, code)         \
  do {                            \
    errno = untouched;            \
    void* const r_ = (call);      \
    CHECK_MSG(r_ == NULL, #call); \
    CHECK_ERRNO(code);            \
  } while (0)

#define WORKS(call)               \
  do {                            \
    errno = untouched;            \
    void* const r_ = (call);      \
    CHECK_MSG(r_ != NULL, #call); \
    CHECK_ERRNO(untouched);       \
    ri_free(r_);                  \
    CHECK_ERRNO(untouched);       \
  } while (0)

static void too_large(void) {
  const size_t larges[] = {SIZE_MAX,        SIZE_MAX - 1,          SIZE_MAX - 15,
                           SIZE_MAX - 4095, SIZE_MAX - 65535,      (size_t)PTRDIFF_MAX + 1,
                           CHECK_LARGEST,   CHECK_LARGEST - 65536, CHECK_HUGE(62),
                           CHECK_HUGE(56)};
  for (size_t i = 0; i < sizeof(larges) / sizeof(larges[0]); i++) {
    const size_t n = check_hide(larges[i]);
    void* out = &out;
    FAILS(ri_malloc(n), ENOMEM);
    FAILS(ri_zalloc(n), ENOMEM);
    FAILS(ri_calloc(1, n), ENOMEM);
    FAILS(ri_calloc(n, 1), ENOMEM);
    FAILS(ri_mallocn(n, 1), ENOMEM);
    FAILS(ri_realloc(NULL, n), ENOMEM);
    FAILS(ri_rezalloc(NULL, n), ENOMEM);
    FAILS(ri_reallocf(NULL, n), ENOMEM);
    FAILS(ri_reallocn(NULL, 1, n), ENOMEM);
    FAILS(ri_recalloc(NULL, n, 1), ENOMEM);
    FAILS(ri_reallocarray(NULL, 1, n), ENOMEM);
    FAILS(ri_umalloc(n, NULL), ENOMEM);
    FAILS(ri_ucalloc(1, n, NULL), ENOMEM);
    FAILS(ri_urealloc(NULL, n, NULL, NULL), ENOMEM);
    FAILS(ri_valloc(n), ENOMEM);
    FAILS(ri_pvalloc(n), ENOMEM);
    for (size_t alignment = 1; alignment != 0 && alignment <= CHECK_HUGE(40); alignment *= 8) {
      FAILS(ri_malloc_aligned(n, alignment), ENOMEM);
      FAILS(ri_zalloc_aligned(n, alignment), ENOMEM);
      FAILS(ri_calloc_aligned(n, 1, alignment), ENOMEM);
      FAILS(ri_malloc_aligned_at(n, alignment, 8), ENOMEM);
      FAILS(ri_zalloc_aligned_at(n, alignment, 8), ENOMEM);
      FAILS(ri_calloc_aligned_at(1, n, alignment, 8), ENOMEM);
      FAILS(ri_umalloc_aligned(n, alignment, NULL), ENOMEM);
      FAILS(ri_uzalloc_aligned(n, alignment, NULL), ENOMEM);
      FAILS(ri_realloc_aligned(NULL, n, alignment), ENOMEM);
      FAILS(ri_realloc_aligned_at(NULL, n, alignment, 16), ENOMEM);
      FAILS(ri_rezalloc_aligned(NULL, n, alignment), ENOMEM);
      FAILS(ri_rezalloc_aligned_at(NULL, n, alignment, 16), ENOMEM);
      FAILS(ri_recalloc_aligned(NULL, n, 1, alignment), ENOMEM);
      FAILS(ri_recalloc_aligned_at(NULL, 1, n, alignment, 16), ENOMEM);
      FAILS(ri_aligned_alloc(alignment, n), ENOMEM);
      FAILS(ri_memalign(alignment, n), ENOMEM);
      errno = untouched;
      CHECK(ri_posix_memalign(&out, alignment < 8 ? 8 : alignment, n) == ENOMEM);
      CHECK(out == &out);
      CHECK_ERRNO(untouched);
    }
  }
}

static void overflow(void) {
  const size_t half = check_hide(CHECK_HUGE(32));
  const size_t odd = check_hide(SIZE_MAX / 3 + 2);
  void* p = ri_malloc(40);
  check_fill(p, 40, 1);
  FAILS(ri_calloc(half, half), ENOMEM);
  FAILS(ri_calloc(odd, 3), ENOMEM);
  FAILS(ri_calloc(3, odd), ENOMEM);
  FAILS(ri_mallocn(half, half), ENOMEM);
  FAILS(ri_reallocn(p, half, half), ENOMEM);
  FAILS(ri_reallocn(NULL, odd, 3), ENOMEM);
  FAILS(ri_recalloc(p, half, half), ENOMEM);
  FAILS(ri_calloc_aligned(half, half, 64), ENOMEM);
  FAILS(ri_calloc_aligned_at(odd, 3, 64, 8), ENOMEM);
  FAILS(ri_recalloc_aligned(p, half, half, 64), ENOMEM);
  FAILS(ri_recalloc_aligned_at(p, odd, 3, 64, 8), ENOMEM);
  FAILS(ri_ucalloc(half, half, NULL), ENOMEM);
  FAILS(ri_reallocarray(p, half, half), EOVERFLOW);
  FAILS(ri_reallocarray(p, 3, odd), EOVERFLOW);
  CHECK_FILLED(p, 40, 1);
  // No overflow: too large only.
  FAILS(ri_reallocarray(p, check_hide(SIZE_MAX / 2), 1), ENOMEM);
  CHECK_FILLED(p, 40, 1);
  ri_free(p);
  // Releases p on failure too: the count of blocks tells.
  const ri_summary_t before = check_summary();
  p = ri_malloc(40);
  FAILS(ri_reallocf(p, check_hide(SIZE_MAX)), ENOMEM);
  CHECK(check_summary().blocks == before.blocks);
}

static void reallocarr(void) {
  const size_t half = check_hide(CHECK_HUGE(32));
  void* p = NULL;
  errno = untouched;
  CHECK(ri_reallocarr(&p, 10, 10) == 0);
  CHECK(p != NULL && ri_usable_size(p) >= 100);
  check_fill(p, 100, 3);
  void* const old = p;
  CHECK(ri_reallocarr(&p, half, half) == EOVERFLOW);
  CHECK(p == old);
  CHECK(ri_reallocarr(&p, check_hide(SIZE_MAX / 2), 1) == ENOMEM);
  CHECK(p == old);
  CHECK_FILLED(p, 100, 3);
  CHECK(ri_reallocarr(&p, 1000, 10) == 0);
  CHECK(p != NULL && ri_usable_size(p) >= 10000);
  CHECK_FILLED(p, 100, 3);
  const ri_summary_t before = check_summary();
  CHECK(ri_reallocarr(&p, 0, 10) == 0);
  CHECK(p == NULL);
  CHECK(check_summary().blocks == before.blocks - 1);
  CHECK(ri_reallocarr(&p, 10, 0) == 0);
  CHECK(p == NULL);
  CHECK(ri_reallocarr(&p, 1, 1) == 0);
  CHECK(p != NULL);
  CHECK(ri_reallocarr(&p, 7, 0) == 0);
  CHECK(p == NULL);
  CHECK_ERRNO(untouched);
}

static void bad_alignment(void) {
  const size_t bad[] = {0, 3, 6, 24, 48, 1000, 4097, SIZE_MAX, 3 * (CHECK_HUGE(41) / 2)};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    const size_t a = check_hide(bad[i]);
    void* out = &out;
    void* const p = ri_malloc(100);
    check_fill(p, 100, 8);
    FAILS(ri_malloc_aligned(100, a), EINVAL);
    FAILS(ri_zalloc_aligned(100, a), EINVAL);
    FAILS(ri_calloc_aligned(10, 10, a), EINVAL);
    FAILS(ri_malloc_aligned_at(100, a, 8), EINVAL);
    FAILS(ri_zalloc_aligned_at(100, a, 8), EINVAL);
    FAILS(ri_calloc_aligned_at(10, 10, a, 8), EINVAL);
    FAILS(ri_realloc_aligned(p, 200, a), EINVAL);
    FAILS(ri_realloc_aligned(p, 100, a), EINVAL);
    FAILS(ri_realloc_aligned(NULL, 200, a), EINVAL);
    FAILS(ri_realloc_aligned_at(p, 200, a, 8), EINVAL);
    FAILS(ri_rezalloc_aligned(p, 200, a), EINVAL);
    FAILS(ri_rezalloc_aligned_at(p, 200, a, 8), EINVAL);
    FAILS(ri_recalloc_aligned(p, 20, 10, a), EINVAL);
    FAILS(ri_recalloc_aligned_at(p, 20, 10, a, 8), EINVAL);
    FAILS(ri_recalloc_aligned(NULL, 20, 10, a), EINVAL);
    FAILS(ri_rezalloc_aligned_at(NULL, 20, a, 8), EINVAL);
    FAILS(ri_umalloc_aligned(100, a, NULL), EINVAL);
    FAILS(ri_uzalloc_aligned(100, a, NULL), EINVAL);
    CHECK(ri_nallocx(100, a) == 0);
    FAILS(ri_aligned_alloc(a, 100), EINVAL);
    FAILS(ri_memalign(a, 100), EINVAL);
    errno = untouched;
    CHECK(ri_posix_memalign(&out, a, 100) == EINVAL);
    CHECK(out == &out);
    CHECK_ERRNO(untouched);
    CHECK_FILLED(p, 100, 8);
    ri_free(p);
  }
  void* out = &out;
  for (size_t a = 1; a < sizeof(void*); a *= 2) {  // powers of two, but no multiple of a pointer
    CHECK(ri_posix_memalign(&out, a, 100) == EINVAL);
    CHECK(out == &out);
  }
}

// Alignments that cost more than there is either work or say ENOMEM; the heap stays sound.
static void huge_alignment(void) {
  for (unsigned bit = 20; bit <= 63; bit++) {
    const size_t a = check_hide((size_t)1 << bit);
    for (size_t size = 1; size <= (size_t)1 << 21; size <<= 7) {
      errno = untouched;
      void* const p = ri_malloc_aligned(size, a);
      if (p == NULL) {
        CHECK_ERRNO(ENOMEM);
        CHECK_MSG(bit > 30, "alignment 2^%u refused", bit);
        continue;
      }
      CHECK_ERRNO(untouched);
      CHECK_MSG(check_aligned(p, a), "%p, 2^%u", p, bit);
      CHECK(ri_usable_size(p) >= size);
      memset(p, 1, size);
      ri_free(p);
    }
  }
}

static void resizing_leaves_errno(size_t n) {
  WORKS(ri_reallocarray(ri_malloc(n), 2, n));
  WORKS(ri_reallocn(ri_malloc(n), 2, n));
  WORKS(ri_reallocf(ri_malloc(n), 2 * n));
  WORKS(ri_rezalloc(ri_zalloc(n), 2 * n));
  WORKS(ri_recalloc(ri_zalloc(n), 2, n));
  WORKS(ri_urealloc(ri_malloc(n), 2 * n, NULL, NULL));
  WORKS(ri_realloc_aligned(ri_malloc(n), 2 * n, 4096));
  WORKS(ri_realloc_aligned_at(ri_malloc(n), 2 * n, 64, 8));
  WORKS(ri_rezalloc_aligned(ri_zalloc(n), 2 * n, 4096));
  WORKS(ri_rezalloc_aligned_at(ri_zalloc(n), 2 * n, 64, 8));
  WORKS(ri_recalloc_aligned(ri_zalloc(n), 2, n, 4096));
  WORKS(ri_recalloc_aligned_at(ri_zalloc(n), 2, n, 64, 8));
}

static void success_leaves_errno(void) {
  static const size_t sizes[] = {0, 1, 16, 1000, 5000, 60000, 100000, 1 << 20, 20 << 20, 300 << 20};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    const size_t n = sizes[i];
    WORKS(ri_malloc(n));
    WORKS(ri_zalloc(n));
    WORKS(ri_calloc(1, n));
    WORKS(ri_mallocn(n, 1));
    WORKS(ri_umalloc(n, NULL));
    WORKS(ri_ucalloc(1, n, NULL));
    WORKS(ri_umalloc_aligned(n, 256, NULL));
    WORKS(ri_uzalloc_aligned(n, 256, NULL));
    WORKS(ri_malloc_aligned(n, 65536));
    WORKS(ri_malloc_aligned_at(n, 4096, 100));
    WORKS(ri_zalloc_aligned(n, 4096));
    WORKS(ri_zalloc_aligned_at(n, 64, 8));
    WORKS(ri_calloc_aligned(1, n, 4096));
    WORKS(ri_calloc_aligned_at(n, 1, 64, 8));
    WORKS(ri_aligned_alloc(256, n));
    WORKS(ri_memalign(256, n));
    WORKS(ri_realloc(ri_malloc(n), 2 * n));
    WORKS(ri_realloc(ri_malloc(n), n / 3));
    WORKS(ri_reallocarray(NULL, n, 1));
    if (n <= 20 << 20) resizing_leaves_errno(n);
    WORKS(ri_valloc(n));
    WORKS(ri_pvalloc(n));
    errno = untouched;
    void* p = NULL;
    CHECK(ri_posix_memalign(&p, 64, n) == 0);
    CHECK(ri_expand(p, ri_usable_size(p)) == p);
    CHECK_ERRNO(untouched);
    ri_free(p);
    ri_collect(i % 2 == 0);
    CHECK_ERRNO(untouched);
  }
  errno = untouched;
  ri_free(NULL);
  CHECK_ERRNO(untouched);
}

int main(void) {
  ri_register_output(check_capture_output, check_captured());
  const ri_summary_t before = check_summary();
  too_large();
  overflow();
  reallocarr();
  bad_alignment();
  huge_alignment();
  success_leaves_errno();
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu, before %zu", after.blocks, before.blocks);
  ri_register_output(NULL, NULL);
  check_heap_intact();
  return 0;
}
