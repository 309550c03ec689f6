// SPDX-License-Identifier: MIT
// quota_race.c: a request over a heap's quota was counted before it was refused, so that requests
// of others that fitted were meanwhile refused too; a block that could not grow did the same.
#include "../check.h"

#include <stdatomic.h>

enum { THREADS = 3, QUOTA = 10 << 20, ROUNDS = 20000 };

static ri_heap_t* heap;
static atomic_int stop;

// Asks for too much, and for a block to grow by too much or by a little: 3 MiB at most fit.
static void* asks(void* arg) {
  (void)arg;
  while (atomic_load(&stop) == 0) {
    CHECK(ri_heap_malloc(heap, (size_t)64 << 20) == NULL);
    void* const p = ri_heap_malloc(heap, 500000);
    CHECK(p != NULL);
    CHECK(ri_expand(p, (size_t)20 << 20) == NULL);
    void* const grown = ri_expand(p, 1000000);
    CHECK(grown == NULL || grown == p);
    CHECK(ri_heap_held(heap) <= QUOTA);
    ri_free(p);
  }
  return NULL;
}

int main(void) {
  check_watchdog(60);
  heap = ri_heap_new();
  CHECK(ri_heap_set_quota(heap, QUOTA));
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    threads[i] = check_start(asks, NULL);
  for (size_t i = 0; i < check_scaled(ROUNDS); i++) {
    void* const large = ri_heap_malloc(heap, 100000);
    void* const medium = ri_heap_malloc(heap, 20000);
    CHECK_MSG(large != NULL && medium != NULL, "round %zu", i);
    ri_free(large);
    ri_free(medium);
    if (i % 4 == 0) ri_heap_collect(heap, false);
  }
  atomic_store(&stop, 1);
  for (size_t i = 0; i < THREADS; i++)
    check_join(threads[i]);
  ri_heap_collect(heap, true);
  CHECK_MSG(ri_heap_held(heap) == 0, "%zu bytes", ri_heap_held(heap));
  ri_heap_destroy(heap);
  CHECK(ri_audit());
  return 0;
}
