// SPDX-License-Identifier: MIT
// deep_lib.c: a library for deep_host.c to open with RTLD_DEEPBIND: it allocates and frees in every
// way that libc offers, for itself, in its constructor, and on behalf of the program.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char* deep_kept;  // the constructor's, for the program to free

void* deep_malloc(size_t size) { return malloc(size); }

void* deep_realloc(void* p, size_t size) { return realloc(p, size); }

void deep_free(void* p) { free(p); }

// What libc's functions allocate is freed here, and all kinds of blocks. 0: all as it should be.
int deep_work(void) {
  char* text = NULL;
  if (asprintf(&text, "%s %d", "some text", 5) < 0 || strcmp(text, "some text 5") != 0) return 1;
  char* const copy = strdup(text);
  if (strcmp(copy, text) != 0 || malloc_usable_size(copy) < strlen(text) + 1) return 2;
  free(text);
  text = realloc(copy, 1000);
  if (strcmp(text, "some text 5") != 0) return 3;
  free(text);
  char* line = NULL;
  size_t size = 0;
  FILE* const file = fopen("/proc/self/maps", "r");
  if (getline(&line, &size, file) < 0) return 4;
  fclose(file);
  free(reallocarray(line, 10, 1000));
  void* p = NULL;
  if (posix_memalign(&p, 256, 1000) != 0 || (uintptr_t)p % 256 != 0) return 5;
  free(p);
  free(memalign(128, 10));
  free(aligned_alloc(64, 128));
  free(valloc(10));
  free(pvalloc(10));
  free(realpath("/proc/self/..", NULL));
  char* const zero = calloc(100, 10);
  for (int i = 0; i < 1000; i++)
    if (zero[i] != 0) return 6;
  free(zero);
  return 0;
}

__attribute__((constructor)) static void deep_start(void) {
  if (deep_work() != 0) abort();
  deep_kept = strdup("kept");
}

__attribute__((destructor)) static void deep_end(void) {
  if (deep_work() != 0) abort();
}
