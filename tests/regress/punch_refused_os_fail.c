// SPDX-License-Identifier: MIT
// punch_refused_os_fail.c: the OS keeps some of the memory that is given back from inside of pages:
// each call in turn, every second one, and all (as where memory is locked). No block is lost, live
// ones keep their contents, nothing counts as returned that was not, and the next time it is
// returned.
#include "../check.h"
#include "../os_fail.h"

#include "base/events.h"
#include "page/holes.h"

enum { BLOCKS = 300 };
static void* blocks[BLOCKS];
static size_t calls, refuse_from, refuse_step;  // step 0: none
static size_t given;                            // bytes

static int os_answer(os_call_t* call) {
  if (call->kind != OS_ADVISE || call->advice != MADV_DONTNEED) return OS_PASS;
  const size_t n = calls++;
  if (refuse_step != 0 && n >= refuse_from && (n - refuse_from) % refuse_step == 0) return EINVAL;
  given += call->size;
  return OS_PASS;
}

static void keeps(size_t size) {
  for (size_t i = 0; i < BLOCKS; i++)
    if (blocks[i] != NULL) CHECK_FILLED(blocks[i], size, i);
}

static void punch(size_t from, size_t step) {
  refuse_from = from, refuse_step = step, calls = 0, given = 0;
  const size_t purged = check_summary().purged, holes = rix_gauge_now(RIX_GAUGE_HOLES);
  ri_collect(true);
  CHECK(check_summary().purged == purged + given);
  CHECK(rix_gauge_now(RIX_GAUGE_HOLES) <= holes + given + BLOCKS * (size_t)4096);
  CHECK(ri_audit());
  refuse_step = 0;
}

static void once(size_t size, size_t from, size_t step) {
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = ri_malloc(size);
    CHECK(blocks[i] != NULL);
    check_fill(blocks[i], size, i);
  }
  for (size_t i = 0; i < BLOCKS; i++) {
    if (i % 11 == 0 || i % 13 == 0) continue;
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  punch(from, step);
  keeps(size);
  punch(0, 0);
  keeps(size);
  for (size_t i = 0; i < BLOCKS; i++) {
    if (blocks[i] != NULL) continue;
    blocks[i] = ri_malloc(size);
    CHECK(blocks[i] != NULL);
    check_fill(blocks[i], size, i);
  }
  keeps(size);
  CHECK(ri_audit());
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  ri_collect(true);
  CHECK(rix_gauge_now(RIX_GAUGE_HOLES) == 0);
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 3600000);
  static const size_t sizes[] = {1000, 3000, 8192, 12000, 40000};
  for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
    once(sizes[s], 0, 0);
    const size_t n = 12;
    for (size_t from = 0; from < n; from++)
      once(sizes[s], from, 1000000);
    once(sizes[s], 0, 1);
    once(sizes[s], 0, 2);
    once(sizes[s], 1, 2);
  }
  return 0;
}
