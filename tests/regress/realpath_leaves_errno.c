// SPDX-License-Identifier: MIT
// realpath_leaves_errno.c: the C library's realpath asks for each part of a path whether it is a
// link, and the answer no stays behind in errno (EINVAL) although the path was found. A function
// that succeeds leaves errno alone: ri_realpath and ri_heap_realpath, with and without a buffer.
#include "../check.h"

#include <limits.h>

static const char* const paths[] = {"/", ".", "/proc", "/proc/../proc/./", "/proc/self/exe"};

static void one(const char* path) {
  char buffer[PATH_MAX];
  errno = 77;
  char* const p = ri_realpath(path, NULL);
  CHECK_ERRNO(77);
  char* const q = ri_heap_realpath(NULL, path, NULL);
  CHECK_ERRNO(77);
  CHECK(ri_realpath(path, buffer) == buffer);
  CHECK_ERRNO(77);
  CHECK(p != NULL && q != NULL && strcmp(p, buffer) == 0 && strcmp(q, buffer) == 0);
  CHECK(ri_heap_realpath(NULL, path, buffer) == buffer && strcmp(p, buffer) == 0);
  CHECK_ERRNO(77);
  ri_free(p);
  ri_free(q);
}

int main(void) {
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
    one(paths[i]);
  errno = 77;
  CHECK(ri_realpath("/nowhere/at/all", NULL) == NULL);
  CHECK_ERRNO(ENOENT);
  CHECK(ri_heap_realpath(NULL, "/nowhere/at/all", NULL) == NULL);
  CHECK_ERRNO(ENOENT);
  CHECK(ri_realpath(check_hide_pointer(0), NULL) == NULL);
  CHECK_ERRNO(EINVAL);
  return 0;
}
