// SPDX-License-Identifier: MIT
// excess_refused_os_fail.c: the OS keeps what fresh pages will not use of their slices (as where
// memory is locked), always or every second time. Nothing is lost, blocks keep what they hold, what
// stays counts as excess, and once the OS takes memory it goes. Where the program forbids it,
// nothing is asked.
#include "../check.h"
#include "../os_fail.h"

#include "base/events.h"

enum { CLASSES = 24, PAGES = 240, BLOCKS = PAGES * 64 };
static size_t refuse_step, calls, given;  // 0: none

static int os_answer(os_call_t* call) {
  if (call->kind != OS_ADVISE || call->advice != MADV_DONTNEED) return OS_PASS;
  const size_t n = calls++;
  if (refuse_step != 0 && n % refuse_step == 0) return EINVAL;
  given += call->size;
  return OS_PASS;
}

// Pages that are used as a whole, and released.
static void touch_all(void) {
  static void* blocks[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = ri_malloc(1024);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, 1024);
  }
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  ri_collect(false);
}

// One block in each of many classes, by heaps of their own: pages of which little is used.
static void use_little(void) {
  static void* blocks[PAGES];
  ri_heap_t* heaps[PAGES / CLASSES];
  for (size_t h = 0; h < PAGES / CLASSES; h++)
    CHECK((heaps[h] = ri_heap_new()) != NULL);
  for (size_t i = 0; i < PAGES; i++) {
    blocks[i] = ri_heap_malloc(heaps[i / CLASSES], 32 * (i % CLASSES + 1));
    CHECK(blocks[i] != NULL);
    check_fill(blocks[i], 32, i);
  }
  const size_t excess = rix_gauge_now(RIX_GAUGE_EXCESS);
  if (refuse_step == 1) CHECK_MSG(excess > 5 * (size_t)CHECK_MIB, "%zu KiB", excess >> 10);
  if (refuse_step == 0) CHECK(excess <= 4 * (size_t)CHECK_MIB + CHECK_MIB / 2);
  CHECK(ri_audit());
  for (size_t i = 0; i < PAGES; i++)
    CHECK_FILLED(blocks[i], 32, i);
  for (size_t h = 0; h < PAGES / CLASSES; h++)
    ri_heap_destroy(heaps[h]);
  CHECK(rix_gauge_now(RIX_GAUGE_EXCESS) <= excess);
}

static void round_with(size_t step) {
  touch_all();
  refuse_step = step, calls = 0, given = 0;
  const size_t purged = check_summary().purged;
  use_little();
  CHECK(calls > 0 && check_summary().purged == purged + given);
  refuse_step = 0;
}

// Nothing may go: nothing is asked for.
static void forbidden(ri_option_t option, long value) {
  const long before = ri_option_get(option);
  ri_option_set(option, value);
  touch_all();
  calls = 0;
  refuse_step = 1;
  use_little();
  CHECK_MSG(calls == 0, "%zu calls", calls);
  refuse_step = 0;
  ri_option_set(option, before);
}

int main(void) {
  check_watchdog(60);
  if (check_os_page() != 4096) check_skip("a page uses more than one OS page from the start");
  ri_option_set(ri_option_purge_delay, 3600000);
  round_with(1);
  round_with(2);
  round_with(0);
  forbidden(ri_option_purge_delay, -1);
  forbidden(ri_option_purge_holes, 0);
  forbidden(ri_option_minimal_purge_size, 64);
  forbidden(ri_option_purge_decommits, 0);
  round_with(0);
  ri_collect(true);
  CHECK(ri_audit());
  return 0;
}
