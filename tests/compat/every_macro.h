// SPDX-License-Identifier: MIT
// every_macro.h: a program that includes <mimalloc-override.h> and goes on to say malloc. The
// library linked may be the one that leaves malloc alone, so a block that is in a heap region came
// through the macro. Catches: a macro that is missing, calls another function, or has its arguments
// in another order.
#ifndef RIMALLOC_TESTS_COMPAT_EVERY_MACRO_H
#define RIMALLOC_TESTS_COMPAT_EVERY_MACRO_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <mimalloc-override.h>

#define REQUIRE(e) ((e) ? (void)0 : failed(__LINE__, #e))

static void failed(int line, const char* what) {
  fprintf(stderr, "every_macro.h:%d: %s\n", line, what);
  exit(1);
}

// A block of at least `size` bytes, with (address + offset) aligned.
static void* good(void* p, size_t size, size_t alignment, size_t offset) {
  REQUIRE(p != NULL && mi_is_in_heap_region(p) && malloc_usable_size(p) >= size);
  REQUIRE(((uintptr_t)p + offset) % alignment == 0);
  memset(p, 0x5A, malloc_usable_size(p));
  return p;
}

static void* good_zero(void* p, size_t from, size_t size, size_t alignment, size_t offset) {
  REQUIRE(p != NULL);
  for (size_t i = from; i < size; i++)
    REQUIRE(((char*)p)[i] == 0);
  return good(p, size, alignment, offset);
}

static void of_c(void) {
  void* p = good(malloc(100), 100, 16, 0);
  p = good(realloc(p, 5000), 5000, 16, 0);
  free(p);
  free(good_zero(calloc(10, 10), 0, 100, 16, 0));
  p = good(strdup("text"), 5, 1, 0);
  free(p);
  char* s = strdup("text");
  REQUIRE(strcmp(s, "text") == 0);
  cfree(s);
  s = strndup("text", 2);
  REQUIRE(strcmp(s, "te") == 0);
  free(good(s, 3, 1, 0));
  s = realpath("/proc/..", NULL);
  REQUIRE(strcmp(s, "/") == 0);
  free(good(s, 2, 1, 0));
}

static void of_posix_and_others(void) {
  free(good(valloc(100), 100, 4096, 0));
  free(good(pvalloc(100), 4096, 4096, 0));
  free(good(memalign(256, 100), 100, 256, 0));
  free(good(aligned_alloc(256, 100), 100, 256, 0));
  void* p = NULL;
  REQUIRE(posix_memalign(&p, 256, 100) == 0);
  free(good(p, 100, 256, 0));
  REQUIRE(_posix_memalign(&p, 512, 100) == 0);
  free(good(p, 100, 512, 0));
  REQUIRE(posix_memalign(&p, 3, 100) == EINVAL);
  volatile size_t many = SIZE_MAX / 2;  // the compiler does not know it
  errno = 0;
  REQUIRE(reallocarray(NULL, many, 3) == NULL && errno == EOVERFLOW);
  p = good(reallocarray(NULL, 10, 10), 100, 16, 0);
  REQUIRE(reallocarr(&p, 100, 10) == 0);
  p = good(p, 1000, 16, 0);
  p = good(reallocf(p, 3000), 3000, 16, 0);
  REQUIRE(malloc_size(p) == malloc_usable_size(p) && _msize(p) == malloc_size(p));
  REQUIRE(malloc_good_size(100) >= 100 && _expand(p, 2000) == p);
  REQUIRE(_aligned_msize(p, 16, 0) == malloc_size(p));
  cfree(p);
}

static void of_windows(void) {
  free(good_zero(_recalloc(NULL, 10, 10), 0, 100, 16, 0));
  char* s = _strdup("text");
  REQUIRE(strcmp(s, "text") == 0);
  free(good(s, 5, 1, 0));
  s = _strndup("text", 2);
  REQUIRE(strcmp(s, "te") == 0);
  free(good(s, 3, 1, 0));
  wchar_t* w = _wcsdup(L"text");
  REQUIRE(wcscmp(w, L"text") == 0);
  free(good(w, 5 * sizeof(wchar_t), 1, 0));
  unsigned char* const m = _mbsdup((const unsigned char*)"text");
  REQUIRE(memcmp(m, "text", 5) == 0);
  free(good(m, 5, 1, 0));
  size_t n = 0;
  REQUIRE(setenv("RI_TEST_VARIABLE", "value", 1) == 0);
  REQUIRE(_dupenv_s(&s, &n, "RI_TEST_VARIABLE") == 0 && n == 6 && strcmp(s, "value") == 0);
  free(good(s, 6, 1, 0));
  REQUIRE(_wdupenv_s(&w, &n, L"RI_TEST_VARIABLE") == 0 && n == 6 && wcscmp(w, L"value") == 0);
  free(good(w, 6 * sizeof(wchar_t), 1, 0));
}

static void of_windows_aligned(void) {
  void* p = good(_aligned_malloc(100, 256), 100, 256, 0);
  p = good(_aligned_realloc(p, 2000, 512), 2000, 512, 0);
  const size_t had = _aligned_msize(p, 512, 0);
  p = good_zero(_aligned_recalloc(p, 10, 2000, 512), had, 20000, 512, 0);
  _aligned_free(p);
  p = good(_aligned_offset_malloc(100, 256, 24), 100, 256, 24);
  p = good(_aligned_offset_realloc(p, 2000, 512, 40), 2000, 512, 40);
  _aligned_free(p);
  _aligned_free(good_zero(_aligned_offset_recalloc(NULL, 10, 200, 512, 24), 0, 2000, 512, 24));
}

static int all_macros(void) {
  of_c();
  of_posix_and_others();
  of_windows();
  of_windows_aligned();
  return 0;
}

#endif
