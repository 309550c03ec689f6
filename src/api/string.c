// SPDX-License-Identifier: MIT
// string.c: copies of strings.
#include <string.h>

#include "api/api.h"
#include "os/os.h"

static char* string_copy(const char* s, size_t length) {
  char* const copy = ri_malloc(length + 1);
  if (copy == NULL) return NULL;
  memcpy(copy, s, length);
  copy[length] = '\0';
  return copy;
}

char* ri_strdup(const char* s) { return s != NULL ? string_copy(s, strlen(s)) : NULL; }

char* ri_strndup(const char* s, size_t n) {
  if (s == NULL) return NULL;
  const char* const end = memchr(s, '\0', n);
  return string_copy(s, end != NULL ? (size_t)(end - s) : n);
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
