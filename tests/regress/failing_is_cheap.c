// SPDX-License-Identifier: MIT
// failing_is_cheap.c: every allocation that failed gave all unused memory back to the OS, so that a
// program that now and then asks for too much spent its time with madvise and page faults; and
// asking for all unused memory to be returned, when there was none, looked at all pages. The test
// that should have seen it: counts of calls in unit/purge.
#include "arena/arena.h"
#include "arena/mapping.h"
#include "../check.h"

enum { LIVE = 1000, ROUNDS = 20000 };

static void* blocks[LIVE];

static void churn(uint64_t* rng) {
  void** const slot = &blocks[check_below(rng, LIVE)];
  ri_free(*slot);
  *slot = ri_malloc(1000 + check_below(rng, 120000));
  CHECK(*slot != NULL);
}

static void failing(void) {
  uint64_t rng = 1;
  for (int i = 0; i < ROUNDS; i++)
    churn(&rng);
  const size_t purges = rix_os_calls_of(RIX_OS_CALL_PURGE);
  for (int i = 0; i < ROUNDS; i++) {
    churn(&rng);
    if (i % 10 != 0) continue;
    errno = 0;
    CHECK(ri_malloc(check_hide(PTRDIFF_MAX)) == NULL);
    CHECK_ERRNO(ENOMEM);
  }
  const size_t more = rix_os_calls_of(RIX_OS_CALL_PURGE) - purges;
  CHECK_MSG(more < ROUNDS / 10, "%zu calls for %d failures", more, ROUNDS / 10);
  for (int i = 0; i < LIVE; i++)
    ri_free(blocks[i]);
}

// What waits in the cache goes, once: its addresses are what may be missing.
static void failing_takes_the_cache(void) {
  rix_mapping_t m;
  CHECK(rix_mapping_claim(10 * CHECK_MIB, RIX_SLICE_SIZE, 0, true, &m));
  rix_mapping_release(m.start, m.size, 0, true);
  CHECK(rix_mapping_cached() > 0);
  CHECK(ri_malloc(check_hide(PTRDIFF_MAX)) == NULL);
  CHECK(rix_mapping_cached() == 0);
}

static int64_t purges_of_arenas(void) {
  ri_stats_t s;
  ri_stats_init(&s);
  CHECK(ri_stats_get(&s));
  return s.arena_purges.total;
}

static void nothing_to_give(void) {
  void* const p = ri_malloc(100000);
  ri_collect(true);
  const size_t calls = rix_os_calls();
  const int64_t purges = purges_of_arenas();
  for (int i = 0; i < 100; i++)
    ri_collect(true);
  CHECK(rix_os_calls() == calls && purges_of_arenas() == purges);
  ri_free(p);
  ri_collect(true);
  CHECK(rix_os_calls() > calls && purges_of_arenas() == purges + 1);
}

int main(void) {
  ri_option_set(ri_option_purge_delay, 3600000);
  failing();
  failing_takes_the_cache();
  nothing_to_give();
  CHECK(ri_audit());
  return 0;
}
