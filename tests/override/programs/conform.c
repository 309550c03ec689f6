// SPDX-License-Identifier: MIT
// conform.c: every function of the malloc family under its libc name: errno, alignment, zero sizes,
// overflow. The expectations are those of C, POSIX and glibc's manual.
#include <malloc.h>

#include "ours.h"

// Not in glibc's headers, or not in glibc at all. Weak: when preloaded, only the loader adds them.
#define WEAK __attribute__((weak))
WEAK void cfree(void* p);
WEAK int reallocarr(void* p, size_t count, size_t size);
WEAK void* reallocf(void* p, size_t size);
WEAK void free_sized(void* p, size_t size);
WEAK void free_aligned_sized(void* p, size_t alignment, size_t size);
WEAK size_t malloc_good_size(size_t size);
WEAK size_t malloc_size(const void* p);
WEAK void vfree(void* p);
WEAK void* _aligned_malloc(size_t size, size_t alignment);
WEAK void* __libc_malloc(size_t size);
WEAK void* __libc_calloc(size_t count, size_t size);
WEAK void* __libc_realloc(void* p, size_t size);
WEAK void __libc_free(void* p);
WEAK void* __libc_memalign(size_t alignment, size_t size);
WEAK void* __libc_valloc(size_t size);
WEAK void* __libc_pvalloc(size_t size);
WEAK int __posix_memalign(void** out, size_t alignment, size_t size);

enum { UNTOUCHED = 7777 };

// An allocation that must work: in our heap, aligned, large enough, errno as it was.
static void* good(void* p, size_t size, size_t alignment) {
  CHECK_MSG(p != NULL, "size %zu alignment %zu errno %d", size, alignment, errno);
  CHECK_MSG(errno == UNTOUCHED, "size %zu alignment %zu: errno became %d", size, alignment, errno);
  CHECK_MSG(ours(p), "size %zu alignment %zu: not ours", size, alignment);
  CHECK_MSG(check_aligned(p, alignment), "%p is not aligned to %zu", p, alignment);
  const size_t usable = malloc_usable_size(p);
  CHECK_MSG(usable >= size && usable > 0, "size %zu usable %zu", size, usable);
  check_fill_sparse(p, usable, size);
  CHECK_FILLED_SPARSE(p, usable, size);
  errno = UNTOUCHED;
  return p;
}

static void bad(const void* p, int code) {
  CHECK_MSG(p == NULL, "%p instead of NULL", p);
  CHECK_MSG(errno == code, "errno is %d, expected %d", errno, code);
  errno = UNTOUCHED;
}

// free and its relatives leave errno alone.
static void release(void* p) {
  free(p);
  CHECK_ERRNO(UNTOUCHED);
}

// A pointer that stays valid because the call that takes it fails, which the compiler cannot know.
static void* kept(const void* p) { return check_hide_pointer((uintptr_t)p); }

static size_t natural(size_t size) { return size <= 8 ? 8 : 16; }

static const size_t huge_sizes[] = {SIZE_MAX,         SIZE_MAX - 1,  SIZE_MAX - 4096,
                                    SIZE_MAX / 2 + 1, CHECK_LARGEST, CHECK_LARGEST - 4096};
enum { HUGE_SIZES = sizeof(huge_sizes) / sizeof(huge_sizes[0]) };

static void malloc_and_free(void) {
  for (size_t size = 0; size <= 3000; size++)
    release(good(malloc(size), size, natural(size)));
  for (size_t size = 3001; size < 20 * CHECK_MIB; size += size / 3) {
    release(good(malloc(size), size, 16));
  }
  for (int i = 0; i < HUGE_SIZES; i++)
    bad(malloc(check_hide(huge_sizes[i])), ENOMEM);
  void* const a = good(malloc(0), 0, 1);
  void* const b = good(malloc(0), 0, 1);
  CHECK(a != b);
  release(a);
  cfree(b);
  CHECK_ERRNO(UNTOUCHED);
  release(NULL);
  cfree(NULL);
  free_sized(NULL, 0);
  free_aligned_sized(NULL, 64, 0);
  CHECK_ERRNO(UNTOUCHED);
  void* const aligned = good(_aligned_malloc(1000, 256), 1000, 256);
  CHECK(malloc_size(aligned) == malloc_usable_size(aligned) && malloc_size(NULL) == 0);
  vfree(aligned);
  vfree(NULL);
  CHECK_ERRNO(UNTOUCHED);
  // Large blocks go back to the OS with system calls; those may not show in errno.
  void* const large = good(malloc((size_t)300 * CHECK_MIB), (size_t)300 * CHECK_MIB, 16);
  release(large);
}

static void calloc_is_zero(void) {
  for (size_t size = 0; size < 3 * CHECK_MIB; size += 1 + size / 7) {
    void* const dirty = good(malloc(size), size, natural(size));
    release(dirty);
    void* const p = calloc(1, size);
    CHECK(p != NULL);
    CHECK_ZERO(p, 0, size);
    release(good(p, size, natural(size)));
  }
  void* const p = calloc(7, 11);
  CHECK(p != NULL);
  CHECK_ZERO(p, 0, 77);
  release(good(p, 77, 16));
  release(good(calloc(0, 5), 0, 1));
  release(good(calloc(5, 0), 0, 1));
  bad(calloc(check_hide(SIZE_MAX), 2), ENOMEM);
  bad(calloc(2, check_hide(SIZE_MAX)), ENOMEM);
  bad(calloc(check_hide(CHECK_HUGE(33)), CHECK_HUGE(33)), ENOMEM);
  bad(calloc(1, check_hide(SIZE_MAX)), ENOMEM);
}

static void realloc_keeps(void) {
  void* p = good(realloc(NULL, 100), 100, 16);
  size_t size = 100;
  uint64_t rng = 5;
  for (int i = 0; i < 2000; i++) {
    const size_t next = 1 + check_any_size(&rng, 4 * CHECK_MIB);
    check_fill(p, size, 9);
    p = realloc(p, next);
    CHECK(p != NULL);
    CHECK_FILLED(p, next < size ? next : size, 9);
    size = next;
    p = good(p, size, natural(size));
  }
  check_fill(p, size, 9);
  for (int i = 0; i < HUGE_SIZES; i++) {
    bad(realloc(kept(p), check_hide(huge_sizes[i])), ENOMEM);
    bad(reallocarray(kept(p), check_hide(huge_sizes[i]), 1), ENOMEM);
  }
  bad(reallocarray(kept(p), check_hide(SIZE_MAX / 2), 3), ENOMEM);
  bad(reallocarray(NULL, check_hide(SIZE_MAX / 2), 3), ENOMEM);
  CHECK_FILLED(p, size, 9);
  CHECK(realloc(p, check_hide(0)) == NULL);  // freed; errno untouched
  CHECK_ERRNO(UNTOUCHED);
  release(good(realloc(NULL, check_hide(0)), 0, 1));
  release(good(reallocarray(NULL, 3, 5), 15, 16));
  release(good(reallocarray(NULL, check_hide(0), 5), 0, 1));
  CHECK(reallocarray(good(malloc(50), 50, 16), 5, check_hide(0)) == NULL);
  CHECK_ERRNO(UNTOUCHED);
  release(good(reallocarray(good(malloc(50), 50, 16), 20, 10), 200, 16));
}

// The blocks that "frees on failure" and "frees for 0" promise to free are really gone.
static void nothing_leaks(void) {
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 100; i++) {
    CHECK(reallocf(good(malloc(50000), 50000, 16), check_hide(SIZE_MAX)) == NULL);
    errno = UNTOUCHED;
    CHECK(reallocf(good(malloc(50000), 50000, 16), check_hide(0)) == NULL);
    CHECK(realloc(good(malloc(50000), 50000, 16), check_hide(0)) == NULL);
    CHECK(reallocarray(good(malloc(50000), 50000, 16), check_hide(0), 8) == NULL);
    free_sized(good(malloc(50000), 50000, 16), 50000);
    free_aligned_sized(good(aligned_alloc(256, 51200), 51200, 256), 256, 51200);
    CHECK_ERRNO(UNTOUCHED);
  }
  const size_t after = mallinfo2().uordblks;
  CHECK_MSG(after < before + 100000, "%zu bytes in use before, %zu after", before, after);
}

static void bsd_forms(void) {
  void* p = good(reallocf(NULL, 10), 10, 16);
  p = good(reallocf(p, 1000), 1000, 16);
  check_fill(p, 1000, 3);
  CHECK(reallocarr(&p, check_hide(SIZE_MAX / 4), 8) == EOVERFLOW);
  CHECK(reallocarr(&p, check_hide(SIZE_MAX), 1) == ENOMEM);
  CHECK_ERRNO(UNTOUCHED);
  CHECK_FILLED(p, 1000, 3);
  CHECK(reallocarr(&p, 1000, 3) == 0);
  CHECK_FILLED(p, 1000, 3);
  p = good(p, 3000, 16);
  CHECK(reallocarr(&p, check_hide(0), 3) == 0);
  CHECK(p == NULL);
  CHECK(reallocarr(&p, 10, 10) == 0);
  release(good(p, 100, 16));
  for (size_t size = 0; size < 100000; size += 1 + size / 5) {
    void* const q = good(malloc(size), size, natural(size));
    CHECK(malloc_good_size(size) == malloc_usable_size(q));
    release(q);
  }
}

static void alignment_works(void) {
  static const size_t sizes[] = {0, 1, 7, 8, 9, 24, 40, 100, 1000, 5000, 70000, 3000000};
  for (size_t alignment = 1; alignment <= 8 * CHECK_MIB; alignment *= 2) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
      const size_t size = sizes[i];
      void* p = good(memalign(alignment, size), size, alignment);
      void* q = good(aligned_alloc(alignment, size), size, alignment);
      release(p);
      free_aligned_sized(q, alignment, size);
      CHECK_ERRNO(UNTOUCHED);
      p = q = check_hide_pointer(16);
      const int result = posix_memalign(&p, alignment, size);
      if (alignment >= sizeof(void*)) {
        CHECK(result == 0);
        p = good(p, size, alignment);
        p = realloc(p, size + 100);
        CHECK(p != NULL);
        release(p);
      } else {
        CHECK(result == EINVAL && p == q);
      }
      CHECK_ERRNO(UNTOUCHED);
    }
  }
}

static void bad_alignments(void) {
  static const size_t odd[] = {0, 3, 5, 6, 24, 48, 1000, 4097, SIZE_MAX};
  for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
    void* const mark = check_hide_pointer(16);
    void* p = mark;
    CHECK(posix_memalign(&p, check_hide(odd[i]), 100) == EINVAL);
    CHECK(p == mark);
    CHECK_ERRNO(UNTOUCHED);
    bad(aligned_alloc(check_hide(odd[i]), 100), EINVAL);
  }
  // memalign rounds up to a power of two.
  release(good(memalign(check_hide(0), 100), 100, 1));
  release(good(memalign(check_hide(3), 100), 100, 4));
  release(good(memalign(check_hide(48), 100), 100, 64));
  release(good(memalign(check_hide(4097), 100), 100, 8192));
  bad(memalign(check_hide(SIZE_MAX), 100), EINVAL);
  void* const mark = check_hide_pointer(16);
  void* p = mark;
  for (int i = 0; i < HUGE_SIZES; i++) {
    CHECK(posix_memalign(&p, 64, check_hide(huge_sizes[i])) == ENOMEM);
    CHECK(p == mark);
    CHECK_ERRNO(UNTOUCHED);
    bad(aligned_alloc(64, check_hide(huge_sizes[i])), ENOMEM);
    bad(memalign(64, check_hide(huge_sizes[i])), ENOMEM);
    bad(valloc(check_hide(huge_sizes[i])), ENOMEM);
    bad(pvalloc(check_hide(huge_sizes[i])), ENOMEM);
  }
  bad(memalign(check_hide(SIZE_MAX / 2 + 1), 1), ENOMEM);
}

static void whole_pages(void) {
  const size_t page = check_os_page();
  for (size_t size = 0; size < 200000; size += 1 + size / 3) {
    release(good(valloc(size), size, page));
    const size_t whole = size == 0 ? page : (size + page - 1) / page * page;
    release(good(pvalloc(size), whole, page));
  }
}

static void strings(void) {
  char text[5000];
  memset(text, 'x', sizeof(text));
  for (size_t n = 0; n < sizeof(text); n += 1 + n / 4) {
    text[n] = '\0';
    char* const copy = strdup(text);
    CHECK(copy != NULL && copy != text && strcmp(copy, text) == 0);
    char* const shorter = strndup(text, n / 2);
    CHECK(shorter != NULL && strlen(shorter) == n / 2);
    char* const same = strndup(text, check_hide(SIZE_MAX));
    CHECK(same != NULL && strlen(same) == n);
    text[n] = 'x';
    release(good(copy, n + 1, 1));
    release(good(shorter, n / 2 + 1, 1));
    release(good(same, n + 1, 1));
  }
  char two[2] = {'a', 'b'};  // strndup need not find an end
  char* const part = strndup(two, 2);
  CHECK(part != NULL && strcmp(part, "ab") == 0);
  release(part);
  char* const path = realpath("/", NULL);  // libc's, through our malloc
  CHECK(path != NULL && strcmp(path, "/") == 0);
  errno = UNTOUCHED;
  release(good(path, 2, 1));
}

static void inner_names(void) {
  release(good(__libc_malloc(100), 100, 16));
  release(good(__libc_calloc(10, 10), 100, 16));
  release(good(__libc_realloc(NULL, 100), 100, 16));
  release(good(__libc_memalign(128, 100), 100, 128));
  release(good(__libc_valloc(100), 100, check_os_page()));
  release(good(__libc_pvalloc(100), check_os_page(), check_os_page()));
  void* p = NULL;
  CHECK(__posix_memalign(&p, 256, 100) == 0);
  __libc_free(good(p, 100, 256));
  CHECK_ERRNO(UNTOUCHED);
}

static void usable_size_of_strangers(void) {
  static char foreign[64];
  char local[64];
  CHECK(malloc_usable_size(NULL) == 0);
  CHECK(malloc_usable_size(foreign + 16) == 0);
  CHECK(malloc_usable_size(local + 16) == 0);
  CHECK(malloc_usable_size(check_hide_pointer(16)) == 0);
  CHECK(malloc_usable_size(check_hide_pointer(UINTPTR_MAX - 15)) == 0);
  CHECK_ERRNO(UNTOUCHED);
}

int main(void) {
  check_watchdog(60);
  errno = UNTOUCHED;
  malloc_and_free();
  calloc_is_zero();
  realloc_keeps();
  nothing_leaks();
  bsd_forms();
  alignment_works();
  bad_alignments();
  whole_pages();
  strings();
  inner_names();
  usable_size_of_strangers();
  return 0;
}
