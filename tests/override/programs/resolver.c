// SPDX-License-Identifier: MIT
// resolver.c: a program that allocates in the resolver of an IFUNC, while it is being relocated.
#include "ours.h"

#include <malloc.h>

#pragma weak ri_stats_get

enum { COUNT = 300 };
static void* early[COUNT];
static size_t made;

static size_t size_of(size_t i) { return 1 + i * i % 9000 + (i % 50 == 0 ? 200000 : 0); }

static int answer(void) { return 42; }

typedef int answer_t(void);

__attribute__((used)) static answer_t* resolve(void) {
  for (size_t i = 0; i < COUNT; i++) {
    char* const p = malloc(size_of(i));
    if (p == NULL) return answer;
    p[0] = p[size_of(i) - 1] = 'a';
    early[i] = p;
    if (i % 3 == 0) {
      free(p);
      early[i] = calloc(1, size_of(i));
    } else if (i % 3 == 1) {
      early[i] = realloc(p, 2 * size_of(i));
    }
    if (early[i] == NULL) return answer;
    made++;
  }
  return answer;
}

answer_t choose __attribute__((ifunc("resolve")));

static void* in_thread(void* arg) {
  for (size_t i = 0; i < COUNT; i += 2)
    free(early[i]);
  return arg;
}

int main(void) {
  check_watchdog(30);
  CHECK(choose() == 42);
  CHECK_MSG(made == COUNT, "%zu blocks", made);
  for (size_t i = 0; i < COUNT; i++) {
    CHECK(ours(early[i]));
    CHECK(malloc_usable_size(early[i]) >= size_of(i));
    if (i % 3 == 0) CHECK_ZERO(early[i], 0, size_of(i));
    if (i % 3 == 1) CHECK(((char*)early[i])[0] == 'a');
  }
  // From here on this thread is like any other.
  void* const p = ours_malloc(100);
  ours_free(p, 100);
  check_in_thread(in_thread, NULL);
  for (size_t i = 1; i < COUNT; i += 2)
    free(early[i]);
  ri_stats_t stats;
  ri_stats_init(&stats);
  ri_stats_get(&stats);
  CHECK_MSG(stats.threads.current >= 1, "the main thread has no heap of its own");
  return 0;
}
