// SPDX-License-Identifier: MIT
// purge.c: a program returns memory by itself, in parts; and says whether a task of ours may do so.
#include "api/api.h"
#include "arena/arena.h"
#include "arena/due.h"
#include "arena/mapping.h"
#include "arena/pace.h"
#include "heap/heap.h"
#include "heap/scavenge.h"
#include "heap/sparse.h"

enum { PURGE_PART = 4 << 20, PURGE_STEPS = 32 * 1024 };

typedef struct purge_time_s {
  uint64_t until;  // in ms; UINT64_MAX: no end
  bool more;
} purge_time_t;

static bool purge_has_time(purge_time_t* time) {
  if (time->until == UINT64_MAX || rix_os_clock_ms() < time->until) return true;
  time->more = true;
  return false;
}

// What the calling thread can reach besides free slices.
static void purge_own(unsigned flags, purge_time_t* time) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  if (flags == RI_PURGE_UNUSED) rix_heap_settle();
  rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL && purge_has_time(time); theap = theap->next) {
    if (flags == RI_PURGE_DUE) {
      rix_sparse_pass_any(theap);
    } else {
      rix_heap_collect_theap(theap);
      rix_sparse_punch(theap);
    }
  }
}

static void purge_unowned(unsigned flags, purge_time_t* time) {
  if (!purge_has_time(time)) return;
  if (flags == RI_PURGE_UNUSED) {
    rix_sparse_punch_unowned();
    return;
  }
  if (rix_sparse_punch_some(PURGE_STEPS)) time->more = true;
}

bool ri_purge_all(unsigned flags, size_t ms, ri_purge_report_t* out) {
  const size_t purged = rix_purged_bytes(), cached = rix_mapping_cached();
  const size_t holes = rix_gauge_now(RIX_GAUGE_HOLES);
  purge_time_t time = {UINT64_MAX, false};
  if (ms > 0) time.until = rix_os_clock_ms() + ms;
  purge_own(flags, &time);
  purge_unowned(flags, &time);
  const rix_purge_by_t by = flags == RI_PURGE_DUE ? RIX_PURGE_DUE : RIX_PURGE_ALL;
  if (purge_has_time(&time)) {
    while (rix_arena_purge_part(PURGE_PART, by) && purge_has_time(&time)) {}
  }
  ri_purge_report_t done = {.more = time.more};
  done.mappings = cached - rix_min(cached, rix_mapping_cached());
  const size_t punched = rix_gauge_now(RIX_GAUGE_HOLES);
  done.holes = punched - rix_min(punched, holes);
  const size_t all = rix_purged_bytes() - purged;
  done.slices = all - rix_min(all, done.holes);
  done.unreached = rix_pace_waiting();
  const uint64_t next = rix_due_next(), now = rix_os_clock_ms();
  if (next != 0) done.next_ms = next > now ? (size_t)(next - now) : 1;
  if (done.more) done.next_ms = 1;
  if (out != NULL) *out = done;
  return all > 0 || done.mappings > 0;
}

void ri_scavenger_stop(void) { rix_scavenge_forbid(RIX_SCAVENGE_PROGRAM); }

void ri_scavenger_allow(void) {
  rix_scavenge_trust();
  rix_scavenge_allow(RIX_SCAVENGE_PROGRAM);
}
