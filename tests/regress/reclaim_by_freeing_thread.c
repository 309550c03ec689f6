// SPDX-License-Identifier: MIT
// reclaim_by_freeing_thread.c: a thread that only frees took over the pages of exited threads, one
// by one, and never looked at them again: what other threads freed into those pages was not
// collected and memory grew without bound. Here the main thread frees one block of each ended
// thread, later threads free the rest. On that bug 64 pages stay after each round.
#include "../check.h"

enum { COUNT = 64 * 64 };
static void* blocks[COUNT];

static void* makes(void* arg) {
  (void)arg;
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(1024);
    CHECK(blocks[i] != NULL);
  }
  return NULL;
}

static void* frees_the_rest(void* arg) {
  (void)arg;
  for (size_t i = 0; i < COUNT; i++) {
    if (i % 64 != 0) ri_free(blocks[i]);
  }
  return NULL;
}

int main(void) {
  check_watchdog(60);
  ri_free(ri_malloc(1));  // the main thread has a heap, but never allocates again
  const ri_summary_t before = check_summary();
  for (int round = 0; round < 100; round++) {
    check_in_thread(makes, NULL);
    for (size_t i = 0; i < COUNT; i += 64)
      ri_free(blocks[i]);
    check_in_thread(frees_the_rest, NULL);
  }
  const ri_summary_t after = check_summary();
  CHECK(after.blocks == before.blocks);
  CHECK_MSG(after.pages <= before.pages + 20 * 64, "%zu pages, before %zu", after.pages,
            before.pages);
  CHECK_MSG(after.reserved <= before.reserved + (size_t)128 * CHECK_MIB, "reserved %zu, before %zu",
            after.reserved, before.reserved);
  ri_collect(true);
  CHECK_MSG(check_summary().pages <= before.pages + 2, "%zu pages", check_summary().pages);
  CHECK(ri_audit());
  return 0;
}
