// SPDX-License-Identifier: MIT
// no_touch_after_purge.c: memory was touched after it had been given back, because a part of a
// range was decommitted while the bitmap with one bit for the range still said committed; and its
// twin, memory given back while a block in it was live, which loses contents. Here ranges of many
// sizes are claimed, freed in parts and claimed again by threads while everything is purged at once
// and one thread forces collections. On that bug a pattern turns to zero or the process is killed.
#include "../check.h"

enum { THREADS = 3, HELD = 40 };
static size_t rounds;

static void* run(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  void* held[HELD] = {NULL};
  size_t sizes[HELD] = {0};
  for (size_t i = 0; i < rounds; i++) {
    const size_t at = check_below(&rng, HELD);
    if (held[at] != NULL) CHECK_FILLED_SPARSE(held[at], sizes[at], at);
    if (i % 3 == 0 && held[at] != NULL) {
      // Shrinking gives back the end of a range.
      sizes[at] = sizes[at] / 2 + 1;
      held[at] = ri_realloc(held[at], sizes[at]);
      CHECK(held[at] != NULL);
    } else {
      ri_free(held[at]);
      sizes[at] = 4096 + check_any_size(&rng, (size_t)3 * CHECK_MIB);
      held[at] = i % 2 == 0 ? ri_malloc(sizes[at]) : ri_calloc(1, sizes[at]);
      CHECK(held[at] != NULL);
      if (i % 2 != 0) CHECK_ZERO(held[at], 0, sizes[at]);
    }
    check_fill_sparse(held[at], sizes[at], at);
    if (i % 64 == 0) ri_collect((uintptr_t)arg == 1);
  }
  for (size_t i = 0; i < HELD; i++) {
    if (held[i] != NULL) CHECK_FILLED_SPARSE(held[i], sizes[i], i);
    ri_free(held[i]);
  }
  return NULL;
}

int main(void) {
  check_watchdog(60);
  rounds = check_scaled(3000);
  static const long delays[] = {0, 1, 20};
  for (size_t d = 0; d < 3; d++) {
    ri_option_set(ri_option_purge_delay, delays[d]);
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++)
      threads[t] = check_start(run, (void*)(t + 1));
    for (size_t t = 0; t < THREADS; t++)
      check_join(threads[t]);
    CHECK(ri_audit());
  }
  return 0;
}
