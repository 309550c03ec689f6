// SPDX-License-Identifier: MIT
// watched_near_limit.c: watched blocks that were freed stayed, inaccessible, and counted as used,
// so that allocations near a limit failed. They give way; those that the program has do not.
#include "../check.h"

enum { LIMIT = 64 << 20, SIZE = 60000, ROUNDS = 4000, LIVE = 100 };

int main(void) {
  check_watchdog(120);
  ri_option_set(ri_option_watch_rate, 1);
  ri_option_set(ri_option_limit_hard, LIMIT / 1024);
  ri_watch_report_t r;
  void* live[LIVE];
  for (size_t i = 0; i < LIVE; i++) {
    live[i] = ri_malloc(SIZE);
    CHECK(live[i] != NULL);
    check_fill(live[i], SIZE, i);
  }
  if (!ri_watch_find(live[0], &r)) check_skip("no block can be watched here");
  for (size_t i = 0; i < ROUNDS; i++) {
    void* const p = ri_malloc(SIZE);
    CHECK_MSG(p != NULL, "round %zu", i);
    ri_free(p);
  }
  // A large one finds all of the room that freed ones had.
  void* const large = ri_malloc(LIMIT / 2);
  CHECK(large != NULL);
  ri_free(large);
  for (size_t i = 0; i < LIVE; i++) {
    CHECK_FILLED(live[i], SIZE, i);
    CHECK(ri_watch_find(live[i], &r) && r.block == live[i]);
    ri_free(live[i]);
  }
  return 0;
}
