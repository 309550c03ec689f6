// SPDX-License-Identifier: MIT
// environment.c: copies of environment variables, of wide strings, and recalloc under the names
// they have on Windows. Catches: a size without the final zero, a result left over from before, a
// changed errno, a wide form that knows ASCII only.
#include "../check.h"

#include <locale.h>
#include <wchar.h>

static void narrow(void) {
  char* value = check_hide_pointer(8);
  size_t size = 7;
  CHECK(setenv("RI_TEST_VARIABLE", "some value", 1) == 0);
  errno = 77;
  CHECK(ri_dupenv_s(&value, &size, "RI_TEST_VARIABLE") == 0);
  CHECK(strcmp(value, "some value") == 0 && size == sizeof("some value"));
  CHECK(ri_usable_size(value) >= size);
  ri_free(value);
  CHECK(ri_dupenv_s(&value, NULL, "RI_TEST_VARIABLE") == 0);
  ri_free(value);
  CHECK(setenv("RI_TEST_VARIABLE", "", 1) == 0);
  CHECK(ri_dupenv_s(&value, &size, "RI_TEST_VARIABLE") == 0 && size == 1 && value[0] == '\0');
  ri_free(value);
  CHECK(unsetenv("RI_TEST_VARIABLE") == 0);
  CHECK(ri_dupenv_s(&value, &size, "RI_TEST_VARIABLE") == 0 && value == NULL && size == 0);
  size = 7;
  CHECK(ri_dupenv_s(NULL, &size, "X") == EINVAL && size == 0);
  value = check_hide_pointer(8);
  CHECK(ri_dupenv_s(&value, &size, NULL) == EINVAL && value == NULL);
  CHECK_ERRNO(77);
}

static void wide(void) {
  wchar_t* value = check_hide_pointer(8);
  size_t size = 7;
  const bool utf8 = setlocale(LC_ALL, "C.UTF-8") != NULL;
  CHECK(setenv("RI_TEST_VARIABLE", utf8 ? "gr\xC3\xBC\xC3\x9F" : "green", 1) == 0);
  const wchar_t* const expected = utf8 ? L"gr\u00FC\u00DF" : L"green";
  errno = 77;
  CHECK(ri_wdupenv_s(&value, &size, L"RI_TEST_VARIABLE") == 0);
  CHECK(wcscmp(value, expected) == 0 && size == wcslen(expected) + 1);
  ri_free(value);
  if (utf8) {
    CHECK(setenv("RI_TEST_VARIABLE", "\xFF\xFE", 1) == 0);
    CHECK(ri_wdupenv_s(&value, &size, L"RI_TEST_VARIABLE") == EILSEQ && value == NULL && size == 0);
  }
  CHECK(ri_wdupenv_s(&value, &size, L"RI_TEST_NO_SUCH") == 0 && value == NULL && size == 0);
  CHECK(ri_wdupenv_s(NULL, &size, L"X") == EINVAL);
  CHECK(ri_wdupenv_s(&value, NULL, NULL) == EINVAL && value == NULL);
  CHECK_ERRNO(77);
}

static void copies(void) {
  errno = 77;
  wchar_t* const w = ri_wcsdup(L"wide \u00FC");
  CHECK(w != NULL && wcscmp(w, L"wide \u00FC") == 0);
  CHECK(ri_usable_size(w) >= 7 * sizeof(wchar_t));
  ri_free(w);
  wchar_t* const empty = ri_wcsdup(L"");
  CHECK(empty != NULL && empty[0] == 0 && ri_usable_size(empty) >= sizeof(wchar_t));
  ri_free(empty);
  CHECK(ri_wcsdup(NULL) == NULL);
  const unsigned char text[] = {'a', 0xC3, 0xBC, 0};
  unsigned char* const m = ri_mbsdup(text);
  CHECK(m != NULL && memcmp(m, text, sizeof(text)) == 0);
  ri_free(m);
  CHECK(ri_mbsdup(NULL) == NULL);
  CHECK_ERRNO(77);
}

// Leaves memory full of ones behind that the next block of these numbers gets.
static void dirty(size_t size, size_t alignment, size_t offset) {
  void* blocks[8];
  for (size_t i = 0; i < 8; i++) {
    blocks[i] = ri_malloc_aligned_at(size, alignment, offset);
    memset(blocks[i], 0xFF, ri_usable_size(blocks[i]));
  }
  for (size_t i = 0; i < 8; i++)
    ri_free(blocks[i]);
}

static void recallocs(void) {
  for (size_t offset = 0; offset <= 40; offset += 8) {
    uint8_t* p = NULL;
    size_t zeroed = 0;
    for (size_t count = 0; count < 3000; count = count * 2 + 3) {
      dirty(count * 24, 256, offset);
      p = offset == 0 ? ri_recalloc_aligned(p, count, 24, 256)
                      : ri_recalloc_aligned_at(p, count, 24, 256, offset);
      CHECK(p != NULL && check_aligned(p + offset, 256));
      CHECK_ZERO(p, zeroed / 8 * 8, ri_usable_size(p));
      zeroed = count * 24;
    }
    errno = 0;
    CHECK(ri_recalloc_aligned(p, check_hide(SIZE_MAX), 24, 256) == NULL);
    CHECK_ERRNO(ENOMEM);
    errno = 0;
    CHECK(ri_recalloc_aligned_at(p, 1, 24, check_hide(24), 8) == NULL);
    CHECK_ERRNO(EINVAL);
    CHECK_ZERO(p, 0, zeroed);
    ri_free(p);
  }
}

int main(void) {
  const ri_summary_t before = check_summary();
  narrow();
  wide();
  copies();
  recallocs();
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu, before %zu", after.blocks, before.blocks);
  return 0;
}
