// SPDX-License-Identifier: MIT
// string.c: copies of strings, and of environment variables.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "api/api.h"
#include "os/os.h"

char* rix_string_copy(void* block, const char* s, size_t length) {
  char* const copy = block;
  if (copy == NULL) return NULL;
  memcpy(copy, s, length);
  copy[length] = '\0';
  return copy;
}

size_t rix_string_length(const char* s, size_t n) {
  const char* const end = memchr(s, '\0', n);
  return end != NULL ? (size_t)(end - s) : n;
}

char* ri_strdup(const char* s) {
  if (s == NULL) return NULL;
  const size_t length = strlen(s);
  return rix_string_copy(ri_malloc(length + 1), s, length);
}

char* ri_strndup(const char* s, size_t n) {
  if (s == NULL) return NULL;
  const size_t length = rix_string_length(s, n);
  return rix_string_copy(ri_malloc(length + 1), s, length);
}

unsigned char* ri_mbsdup(const unsigned char* s) {
  return (unsigned char*)ri_strdup((const char*)s);
}

wchar_t* ri_wcsdup(const wchar_t* s) {
  if (s == NULL) return NULL;
  const size_t size = (wcslen(s) + 1) * sizeof(wchar_t);  // s is an object, so this fits
  wchar_t* const copy = ri_malloc(size);
  return copy != NULL ? memcpy(copy, s, size) : NULL;
}

char* ri_realpath(const char* path, char* resolved) {
  if (resolved != NULL) return rix_os_realpath(path, resolved);
  char* const buffer = ri_malloc(rix_os_path_max());
  if (buffer == NULL) return NULL;
  char* const full = rix_os_realpath(path, buffer);
  char* const copy = full != NULL ? ri_strdup(full) : NULL;
  ri_free(buffer);
  return copy;
}

// ---- Environment --------------------------------------------------------------------------------

static int string_dupenv(char** buf, size_t* size, const char* name) {
  const char* const value = getenv(name);
  if (value == NULL) return 0;
  *buf = ri_strdup(value);
  if (*buf == NULL) return ENOMEM;
  *size = strlen(value) + 1;
  return 0;
}

int ri_dupenv_s(char** buf, size_t* size, const char* name) {
  size_t count = 0;
  const int saved = rix_os_errno();
  if (buf != NULL) *buf = NULL;
  const int error = buf != NULL && name != NULL ? string_dupenv(buf, &count, name) : EINVAL;
  if (size != NULL) *size = count;
  rix_os_set_errno(saved);
  return error;
}

// A new multibyte string for a wide one; NULL with errno ENOMEM or EILSEQ.
static char* string_to_multibyte(const wchar_t* s) {
  mbstate_t state = {0};
  const wchar_t* from = s;
  const size_t length = wcsrtombs(NULL, &from, 0, &state);
  if (length == (size_t)-1) return NULL;
  char* const copy = ri_malloc(length + 1);
  if (copy == NULL) return NULL;
  wcsrtombs(copy, &from, length + 1, &state);
  return copy;
}

static wchar_t* string_to_wide(const char* s, size_t* count) {
  mbstate_t state = {0};
  const char* from = s;
  const size_t length = mbsrtowcs(NULL, &from, 0, &state);
  if (length == (size_t)-1) return NULL;
  wchar_t* const copy = ri_mallocn(length + 1, sizeof(wchar_t));
  if (copy == NULL) return NULL;
  mbsrtowcs(copy, &from, length + 1, &state);
  *count = length + 1;
  return copy;
}

static int string_wdupenv(wchar_t** buf, size_t* size, const wchar_t* name) {
  char* const narrow = string_to_multibyte(name);
  if (narrow == NULL) return rix_os_errno();
  const char* const value = getenv(narrow);
  ri_free(narrow);
  if (value == NULL) return 0;
  *buf = string_to_wide(value, size);
  return *buf != NULL ? 0 : rix_os_errno();
}

int ri_wdupenv_s(wchar_t** buf, size_t* size, const wchar_t* name) {
  size_t count = 0;
  const int saved = rix_os_errno();
  if (buf != NULL) *buf = NULL;
  const int error = buf != NULL && name != NULL ? string_wdupenv(buf, &count, name) : EINVAL;
  if (size != NULL) *size = count;
  rix_os_set_errno(saved);
  return error;
}
