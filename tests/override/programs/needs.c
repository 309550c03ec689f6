// SPDX-License-Identifier: MIT
// needs.c: 85 MB of blocks of 1,000 bytes, of which one in twenty is kept; then 60 MB of blocks of
// 24,000. Says how long the slowest of these took, in microseconds of the processor.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SMALL = 85000, LARGE = 2500 };

static void* small[SMALL];

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int main(void) {
  for (int i = 0; i < SMALL; i++) {
    small[i] = malloc(1000);
    memset(small[i], 1, 1000);
  }
  for (int i = 0; i < SMALL; i++) {
    if (i % 20 != 0) free(small[i]);
  }
  long worst = 0;
  for (int i = 0; i < LARGE; i++) {
    const long before = now();
    char* const p = malloc(24000);
    const long took = now() - before;
    if (took > worst) worst = took;
    if (p == NULL) return 3;
    memset(p, 1, 24000);
  }
  printf("done, at most %ld us\n", worst);
  return 0;
}
