// SPDX-License-Identifier: MIT
// hoarded_pages.c: threads end and leave blocks; the main thread frees them, and allocates other
// sizes. Each such free used to take the block's page over, although the main thread had no use for
// its free blocks, so that the next threads had to make new pages: several times as much memory as
// was live. Found by bench/drift.
#include "../check.h"

enum { LIVE = 4096, NEW = 128, SIZE = 1000, ROUNDS = 400 };

static void* blocks[LIVE];
static size_t oldest;

static void* makes(void* arg) {
  (void)arg;
  for (size_t i = 0; i < NEW; i++) {
    void** const slot = &blocks[(oldest + i) % LIVE];
    *slot = ri_malloc(SIZE);
    CHECK(*slot != NULL);
    check_fill(*slot, 64, i);
  }
  return NULL;
}

// Allocations of other sizes, some of them slow.
static void works(size_t round) {
  static void* own[64];
  for (size_t i = 0; i < 64; i++) {
    ri_free(own[i]);
    own[i] = ri_malloc(3000 + 500 * (round % 4));
  }
  for (size_t i = 0; i < 64 && round == ROUNDS - 1; i++)
    ri_free(own[i]);
}

int main(void) {
  check_watchdog(60);
  uint64_t rng = 1;
  const ri_summary_t before = check_summary();
  for (size_t round = 0; round < ROUNDS; round++) {
    // What goes is not what came together.
    for (size_t i = 0; i < NEW; i++) {
      const size_t other = (oldest + NEW + check_below(&rng, LIVE - NEW)) % LIVE;
      void* const p = blocks[other];
      blocks[other] = blocks[(oldest + i) % LIVE];
      blocks[(oldest + i) % LIVE] = p;
      ri_free(blocks[(oldest + i) % LIVE]);
      blocks[(oldest + i) % LIVE] = NULL;
    }
    check_in_thread(makes, NULL);
    oldest += NEW;
    works(round);
  }
  const ri_summary_t s = check_summary();
  const size_t needed = (size_t)LIVE * SIZE / 65536;
  CHECK_MSG(s.pages - before.pages <= 2 * needed, "%zu pages, %zu are needed", s.pages, needed);
  for (size_t i = 0; i < LIVE; i++)
    ri_free(blocks[i]);
  CHECK(check_summary().blocks == before.blocks);
  check_heap_intact();
  return 0;
}
