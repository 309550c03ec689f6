// SPDX-License-Identifier: MIT
// mapping_cache_races.c: threads hung for ever in a lock-free stack of cached mappings (ABA: an
// entry was popped and pushed again while another thread still held its old successor). Here four
// threads take and give mappings of a few sizes as fast as they can, some that fit the cache and
// some that do not, and stamp both ends. On that bug the watchdog ends the test, or two threads get
// one mapping and a stamp is wrong.
#include "../check.h"

enum { THREADS = 4 };
static size_t rounds;

static void* run(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  void* held[3] = {NULL};
  size_t sizes[3] = {0};
  for (size_t i = 0; i < rounds; i++) {
    const size_t at = check_below(&rng, 3);
    uint64_t* const old = held[at];
    if (old != NULL) {
      const size_t last = sizes[at] / 8 - 1;
      CHECK_MSG(old[0] == (uintptr_t)old + at && old[last] == (uintptr_t)arg, "%p is shared",
                (void*)old);
      ri_free(old);
    }
    sizes[at] = (size_t)(257 + 16 * check_below(&rng, 3)) * CHECK_MIB;
    uint64_t* const p = check_below(&rng, 2) == 0 ? ri_malloc(sizes[at]) : ri_calloc(1, sizes[at]);
    CHECK(p != NULL);
    p[0] = (uintptr_t)p + at;
    p[sizes[at] / 8 - 1] = (uintptr_t)arg;
    held[at] = p;
  }
  for (size_t i = 0; i < 3; i++)
    ri_free(held[i]);
  return NULL;
}

int main(void) {
  check_watchdog(60);
  if (CHECK_SIZE_BITS == 32) check_skip("there is no address space for the blocks of all threads");
  rounds = check_scaled(2000);
  ri_option_set(ri_option_mapping_cache, 1024);
  ri_free(ri_malloc(1));
  const ri_summary_t before = check_summary();
  pthread_t threads[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(run, (void*)(t + 1));
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  const ri_summary_t after = check_summary();
  CHECK(after.mappings == before.mappings);
  CHECK_MSG(after.cached <= (size_t)1024 * CHECK_MIB, "cached %zu", after.cached);
  ri_collect(true);
  CHECK(check_summary().cached == 0);
  CHECK(ri_audit());
  return 0;
}
