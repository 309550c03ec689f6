// SPDX-License-Identifier: MIT
// committed_stays_sane.c: the committed statistic went below zero, because overlapping ranges were
// counted twice, or counted before a call that then failed. Here the same mixed work runs under
// every option value that changes what is committed and given back, and after each step the summary
// must be sane: on that bug a number is huge or committed exceeds reserved.
#include "../check.h"

#include <sys/wait.h>

typedef struct setting_s {
  ri_option_t option;
  long value;
} setting_t;

// `alone`: no other thread allocates, so the numbers are of one moment.
static void sane(bool alone) {
  const ri_summary_t s = check_summary();
  // Where sizes have 32 bits, more than half of all addresses may be reserved.
  const size_t huge = CHECK_SIZE_BITS == 32 ? SIZE_MAX - (size_t)256 * CHECK_MIB : CHECK_HUGE(45);
  CHECK_MSG(s.committed < huge && s.reserved < huge && s.in_use < huge, "%zu %zu %zu", s.committed,
            s.reserved, s.in_use);
  CHECK_MSG(!alone || s.committed <= s.reserved, "committed %zu reserved %zu", s.committed,
            s.reserved);
  CHECK_MSG(!alone || s.in_use <= s.committed, "in use %zu committed %zu", s.in_use, s.committed);
  CHECK_MSG(s.cached < huge && s.purged < huge && s.metadata < huge, "%zu %zu %zu", s.cached,
            s.purged, s.metadata);
  CHECK_MSG(s.blocks < 1000000 && s.pages < 1000000 && s.abandoned < 1000000, "%zu %zu %zu",
            s.blocks, s.pages, s.abandoned);
  CHECK(s.mappings < 1000);
}

enum { HELD = 200 };

// Mappings of their own, from and to the cache.
static void map_and_unmap(void) {
  void* mapped[3];
  for (size_t i = 0; i < 3; i++)
    mapped[i] = ri_malloc((size_t)(257 + 20 * i) * CHECK_MIB);
  for (size_t i = 0; i < 3; i++)
    ri_free(mapped[i]);
}

static void* work(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  const bool alone = (uintptr_t)arg == 1;
  void* held[HELD] = {NULL};
  for (size_t i = 0; i < 3000; i++) {
    const size_t at = check_below(&rng, HELD);
    const size_t max = i % 100 == 0 ? (size_t)280 * CHECK_MIB : (size_t)400 * CHECK_KIB;
    const size_t size = check_any_size(&rng, max);
    void* const p = ri_realloc(held[at], size);
    if (p != NULL) {  // one of the settings refuses some
      held[at] = p;
      memset(p, 1, size < 9000 ? size : 9000);
    }
    if (i % 3 == 0) {
      ri_free(held[at]);
      held[at] = NULL;
    }
    if (i % 50 == 0) sane(alone);
    if (i % 100 == 0) map_and_unmap();
    if (i % 500 == 0) ri_collect(i % 1000 == 0);
  }
  for (size_t i = 0; i < HELD; i++)
    ri_free(held[i]);
  sane(alone);
  return NULL;
}

static void run(setting_t setting) {
  check_watchdog(60);
  ri_option_set(setting.option, setting.value);
  ri_free(ri_malloc(1));
  const ri_summary_t before = check_summary();
  work((void*)1);
  pthread_t threads[2];
  for (size_t t = 0; t < 2; t++)
    threads[t] = check_start(work, (void*)(t + 2));
  for (size_t t = 0; t < 2; t++)
    check_join(threads[t]);
  sane(true);
  ri_collect(true);
  sane(true);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu blocks, before %zu", after.blocks, before.blocks);
  CHECK_MSG(after.in_use == before.in_use, "%zu bytes, before %zu", after.in_use, before.in_use);
  CHECK(ri_audit());
}

int main(void) {
  static const setting_t settings[] = {
      {ri_option_purge_delay, 100},
      {ri_option_purge_delay, 0},
      {ri_option_purge_delay, -1},
      {ri_option_purge_delay, 1},
      {ri_option_mapping_cache, 0},
      {ri_option_mapping_cache, 2048},
      {ri_option_arena_reserve, 1024},
      {ri_option_arena_reserve, 1048576},
      {ri_option_page_reclaim_on_free, 0},
      {ri_option_check, 1},
      {ri_option_check, 2},
      {ri_option_limit_address_space, 400 * 1024},
      {ri_option_verbose, 0},
  };
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      run(settings[i]);
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "option %d = %ld: status %x", (int)settings[i].option, settings[i].value,
              (unsigned)status);
  }
  return 0;
}
