// SPDX-License-Identifier: MIT
// no_memory.c: every function that allocates, when there is none: the default theap is that of a
// heap whose quota nothing fits in. NULL and ENOMEM, or the error as the function returns it; what
// was there before is whole. Catches: a function that goes on with NULL, an errno that is not set,
// a block that is lost when its copy cannot be made.
#include "../check.h"

#include <locale.h>
#include <wchar.h>

static ri_heap_t* heap;

// There are pages for nothing from here on.
static void use_up(void) {
  CHECK(ri_heap_set_quota(heap, 1));
  CHECK(ri_theap_set_default(ri_heap_theap(heap)) != NULL);
}

static void refused(const void* p) {
  CHECK_ERRNO(ENOMEM);
  CHECK(p == NULL);
  errno = 0;
}

static void plain(void) {
  size_t told = 7;
  errno = 0;
  refused(ri_malloc(10));
  refused(ri_malloc(5000));
  refused(ri_malloc(100000));
  refused(ri_calloc(10, 10));
  refused(ri_zalloc(10));
  refused(ri_mallocn(10, 10));
  refused(ri_umalloc(10, &told));
  CHECK(told == 0);
  told = 7;
  refused(ri_ucalloc(1, 10, &told));
  CHECK(told == 0);
  told = 7;
  refused(ri_umalloc_aligned(10, 64, &told));
  CHECK(told == 0);
  told = 7;
  refused(ri_uzalloc_aligned(10, 64, &told));
  CHECK(told == 0);
  refused(ri_malloc_aligned(10, 64));
  refused(ri_malloc_aligned_at(10, 64, 8));
  refused(ri_zalloc_aligned(100000, 4096));
  refused(ri_zalloc_aligned_at(10, 64, 8));
  refused(ri_calloc_aligned(10, 10, 64));
  refused(ri_calloc_aligned_at(10, 10, 64, 8));
  refused(ri_realloc(NULL, 10));
  refused(ri_rezalloc_aligned(NULL, 10, 64));
  refused(ri_aligned_alloc(64, 10));
  refused(ri_memalign(64, 10));
  refused(ri_valloc(10));
  refused(ri_pvalloc(10));
  void* p = &told;
  CHECK(ri_posix_memalign(&p, 64, 10) == ENOMEM && p == &told);
  CHECK(ri_posix_memalign(NULL, 64, 10) == EINVAL && errno == 0);
  void* out[3] = {NULL};
  CHECK(ri_malloc_batch(100, 3, out) == 0);
  CHECK_ERRNO(ENOMEM);
  CHECK(ri_new_nothrow(10) == NULL && ri_new_aligned_nothrow(10, 64) == NULL);
  CHECK(ri_new_aligned_nothrow(10, check_hide(48)) == NULL);
}

static void strings(void) {
  char* text = (char*)&text;
  wchar_t* wide = (wchar_t*)&wide;
  size_t size = 7;
  errno = 0;
  refused(ri_strdup("abc"));
  refused(ri_strndup("abc", 2));
  refused(ri_mbsdup((const unsigned char*)"abc"));
  refused(ri_wcsdup(L"abc"));
  refused(ri_realpath("/", NULL));
  refused(ri_heap_strdup(heap, "abc"));
  refused(ri_heap_realpath(heap, "/", NULL));
  CHECK(setenv("RIMALLOC_TEST_WORD", "word", 1) == 0);
  CHECK(ri_dupenv_s(&text, &size, "RIMALLOC_TEST_WORD") == ENOMEM && text == NULL && size == 0);
  CHECK(ri_wdupenv_s(&wide, &size, L"RIMALLOC_TEST_WORD") == ENOMEM && wide == NULL && size == 0);
  // A name that the C locale cannot say.
  static const wchar_t strange[] = {0x263A, 0};
  CHECK(ri_wdupenv_s(&wide, &size, strange) == EILSEQ && wide == NULL);
  errno = 0;
  refused(ri_stats_get_json(0, NULL));
  refused(ri_heap_stats_get_json(heap, 0, NULL));
}

// Of a block that is there already.
static void resizes(void* p) {
  memset(p, 0x5A, 1000);
  errno = 0;
  refused(ri_realloc(p, 100000));
  refused(ri_rezalloc(p, 100000));
  refused(ri_reallocn(p, 1000, 100));
  refused(ri_recalloc(p, 1000, 100));
  refused(ri_reallocarray(p, 1000, 100));
  refused(ri_realloc_aligned(p, 100000, 64));
  refused(ri_realloc_aligned_at(p, 100000, 64, 8));
  refused(ri_rezalloc_aligned(p, 100000, 64));
  refused(ri_rezalloc_aligned_at(p, 100000, 64, 8));
  refused(ri_recalloc_aligned(p, 1000, 100, 64));
  refused(ri_recalloc_aligned_at(p, 1000, 100, 64, 8));
  refused(ri_realloc_aligned(p, 1000, check_hide(CHECK_HUGE(40))));  // it fits, but is not so
  refused(ri__expand(p, 100000));
  CHECK(ri_expand(p, 100000) == NULL && errno == 0);
  void* q = p;
  CHECK(ri_reallocarr(&q, 1000, 100) == ENOMEM && q == p && errno == 0);
  CHECK(ri_reallocarr(NULL, 1000, 100) == EINVAL && errno == 0);
  size_t before = 0, after = 7;
  refused(ri_urealloc(p, 100000, &before, &after));
  CHECK(before == ri_usable_size(p) && after == 0);
  for (size_t i = 0; i < 1000; i++)
    CHECK(((uint8_t*)p)[i] == 0x5A);
  refused(ri_reallocf(p, 100000));  // which frees it
}

// The second half of a conversion, after the first found memory: quotas that a few pages fit in.
static void second_allocations(void) {
  char name[3000];
  wchar_t wide_name[3000];
  for (size_t i = 0; i < 2999; i++) {
    name[i] = 'n';
    wide_name[i] = L'n';
  }
  name[2999] = '\0';
  wide_name[2999] = L'\0';
  CHECK(setenv(name, "the value", 1) == 0);
  wchar_t* value = NULL;
  CHECK(ri_heap_set_quota(heap, 64 * CHECK_KIB));
  void* held = ri_malloc(3000);  // the only page is one for the narrow name
  const int error = ri_wdupenv_s(&value, NULL, wide_name);
  CHECK_MSG(error == ENOMEM && value == NULL, "%d", error);
  ri_free(held);
  held = ri_malloc(4096);  // and here one for the buffer
  errno = 0;
  refused(ri_realpath("/", NULL));
  ri_free(held);
}

int main(void) {
  heap = ri_heap_new();
  void* const p = ri_heap_malloc(heap, 1000);
  void* const other = ri_malloc(1000);
  check_capture_start();  // of the errors
  use_up();
  void* filled;
  while ((filled = ri_malloc(1000)) != NULL)
    CHECK(ri_heap_of(filled) == heap);
  plain();
  strings();
  resizes(p);
  resizes(other);
  ri_collect(true);
  check_capture_stop();
  ri_heap_destroy(heap);
  heap = ri_heap_new();
  check_capture_start();
  use_up();
  second_allocations();
  check_capture_stop();
  ri_heap_destroy(heap);
  CHECK(ri_theap_get_default() == ri_heap_theap(NULL));
  check_heap_intact();
  return 0;
}
