// SPDX-License-Identifier: MIT
// assert.c: the end of the process where an assertion does not hold.
#include "base/assert.h"

#include <stdio.h>

#include "base/bits.h"
#include "os/os.h"

void rix_assert_failed(const char* condition, const char* file, int line) {
  char text[400];
  const int n = snprintf(text, sizeof(text), "rimalloc: assertion failed: %s (%s:%d)\n", condition,
                         file, line);
  if (n > 0) rix_os_write_error(text, rix_min((size_t)n, sizeof(text) - 1));
  rix_os_abort();
}
