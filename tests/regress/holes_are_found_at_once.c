// SPDX-License-Identifier: MIT
// holes_are_found_at_once.c: where blocks are as large as OS pages, each free one is a hole after a
// collection by force, so no page of a long queue has a block on its list. Each slow allocation
// walked over all of them to find that out, for the one or two blocks of a hole: 175,000 blocks
// into 25,000 such pages took 16 seconds. It looks at a few now.
#include "../check.h"

enum { BLOCKS = 16 * 1000, SIZE = 4096, LOOKED_MAX = 20 };  // 1000 pages of 16
static void* blocks[BLOCKS];

static int64_t searched(void) {
  ri_stats_t stats;
  ri_stats_init(&stats);
  ri_stats_get(&stats);
  return stats.page_searches.total;
}

static void fill(void) {
  for (size_t i = 0; i < BLOCKS; i++) {
    if (blocks[i] == NULL) blocks[i] = ri_malloc(SIZE);
    CHECK(blocks[i] != NULL);
  }
}

// All but one of 16 go, and come again.
static void once(long candidates) {
  ri_option_set(ri_option_page_max_candidates, candidates);
  fill();
  for (size_t i = 0; i < BLOCKS; i++) {
    if (i % 16 == 0) continue;
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  ri_collect(true);
  const int64_t before = searched();
  fill();
  const int64_t steps = (searched() - before) / BLOCKS;
  CHECK_MSG(steps <= LOOKED_MAX, "%lld pages for each block", (long long)steps);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 3600000);
  once(1);
  once(4);
  return 0;
}
