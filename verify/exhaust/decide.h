// SPDX-License-Identifier: MIT
// decide.h: how the programs of this folder report that something does not hold.
#ifndef RIMALLOC_VERIFY_DECIDE_H
#define RIMALLOC_VERIFY_DECIDE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noreturn, format(printf, 3, 4))) static inline void decide_failed(
    const char* condition, int line, const char* format, ...) {
  printf("WRONG line %d: %s: ", line, condition);
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
  exit(1);
}

#define HOLDS(e, ...) ((e) ? (void)0 : decide_failed(#e, __LINE__, __VA_ARGS__))

#endif
