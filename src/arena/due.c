// SPDX-License-Identifier: MIT
// due.c: see due.h.
#include "arena/due.h"

#include "arena/limit.h"
#include "arena/pace.h"
#include "options/options.h"

rix_due_t rix_due_xnext;

void rix_due_clear(void) { ri_store_relaxed(&rix_due_xnext, 0); }

// Makes a due time no later than `time`; returns whether that changed it.
static bool due_hasten(rix_due_t* due, uint64_t time) {
  uint64_t earlier = ri_load_relaxed(due);
  do {
    if (earlier != 0 && earlier <= time) return false;
  } while (!ri_cas_weak_relaxed(due, &earlier, time));
  return true;
}

void rix_due_at(uint64_t time) { (void)due_hasten(&rix_due_xnext, time); }

int64_t rix_due_delay(void) {
  const int64_t delay = rix_option(ri_option_purge_delay);
  if (delay < 0) return -1;
  return rix_limit_delay(delay * rix_option(ri_option_arena_purge_mult) *
                         (int64_t)rix_pace_factor());
}

void rix_due_watch(uint64_t now) {
  if (rix_pace_asks(now)) rix_due_at(1);
}

bool rix_due_allowed(const rix_arena_t* a) {
  return !a->pinned && (a->commit != 0 || !rix_option_os_forbidden());
}

void rix_due_mark(rix_arena_t* a, size_t index, size_t count) {
  const int64_t delay = rix_due_delay();
  if (delay < 0 || !rix_due_allowed(a)) return;
  rix_bitmap_set_run(&a->purge, index, count);
  const uint64_t now = rix_os_clock_ms(), time = now + (uint64_t)delay;
  if (due_hasten(&a->xpurge_due, time)) rix_due_at(time);
  rix_due_watch(now);
}
