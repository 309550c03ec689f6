// SPDX-License-Identifier: MIT
// pace.c: see pace.h.
#include "arena/pace.h"

#include "base/bits.h"
#include "options/options.h"

enum {
  PACE_DELAYS = 10,           // in which what comes back counts
  PACE_PART = 10,             // one in so many bytes may come back
  PACE_DELAY_MAX = 8000,      // ms
  PACE_BYTES_MIN = 16 << 20,  // less in all this time is not worth a change
  PACE_THREADS_PART = 4,      // of scavenger_min, with several threads
  PACE_HINTS = 1 << 20,       // bytes
  PACE_QUIET = 8              // so many halvings make one of any factor
};

ri_atomic_u64_t rix_pace_xask_from = {UINT64_MAX};

static struct {
  ri_atomic(rix_pace_fun_t*) xfun;
  ri_atomic(uint32_t) xfactor;  // a power of two, less one
  rix_counter_t xrefaulted, xhints;
  // lock rix_purge_lock
  uint64_t since;            // when these ten delays began
  size_t purged, committed;  // after the last return
  size_t returned, back;     // in these ten delays
} pace;

void rix_pace_call(rix_pace_fun_t* fun) { ri_store_relaxed(&pace.xfun, fun); }

void rix_pace_hinted(size_t bytes) {
  const size_t hints = ri_fetch_add_relaxed(&pace.xhints, bytes) + bytes;
  if (hints % PACE_HINTS >= bytes) return;  // the clock is not looked at each time
  if (rix_pace_asks(rix_os_clock_ms())) rix_pace_ask();
}

void rix_pace_forget_hints(void) { ri_store_relaxed(&pace.xhints, 0); }

bool rix_pace_is_enough(void) {
  const size_t waiting = rix_pace_waiting() + rix_counter_get(&pace.xhints);
  if (rix_option(ri_option_scavenger) >= 2) return waiting > 0;
  const size_t least = rix_option_bytes(ri_option_scavenger_min, 10);
  const bool several = rix_gauge_now(RIX_GAUGE_THREADS) > 1;
  return waiting >= (several ? least / PACE_THREADS_PART : least);
}

void rix_pace_ask(void) {
  rix_pace_fun_t* const fun = ri_load_relaxed(&pace.xfun);
  if (fun != NULL) fun();
}

uint32_t rix_pace_factor(void) { return ri_load_relaxed(&pace.xfactor) + 1; }

size_t rix_pace_refaulted(void) { return rix_counter_get(&pace.xrefaulted); }

static void pace_slower(bool slower, uint64_t delay) {
  const uint32_t factor = rix_pace_factor();
  if (!slower) {
    ri_store_relaxed(&pace.xfactor, factor / 2 > 0 ? factor / 2 - 1 : 0);
  } else if (2 * factor * delay <= PACE_DELAY_MAX) {
    ri_store_relaxed(&pace.xfactor, 2 * factor - 1);
  }
}

// Ten delays are over.
static void pace_judge(uint64_t delay) {
  const bool much = pace.returned >= PACE_BYTES_MIN;
  pace_slower(much && pace.back > pace.returned / PACE_PART, delay);
}

void rix_pace_before(uint64_t now) {
  const size_t committed = rix_gauge_now(RIX_GAUGE_COMMITTED);
  const size_t grown = committed - rix_min(committed, pace.committed);
  const size_t more = rix_min(grown, pace.returned - pace.back);
  pace.back += more;
  rix_counter_add(&pace.xrefaulted, more);
  const long delay = rix_option(ri_option_purge_delay);
  const uint64_t span = delay > 0 ? (uint64_t)delay * rix_pace_factor() * PACE_DELAYS : 0;
  if (now - pace.since < span) return;
  if (span > 0 && pace.since != 0) pace_judge((uint64_t)delay);
  // Whoever had nothing to return for longer had nothing that came back.
  for (uint64_t n = 2; span > 0 && n <= PACE_QUIET && now - pace.since >= n * span; n++)
    pace_slower(false, (uint64_t)delay);
  pace.since = now;
  pace.returned = pace.back = 0;
}

void rix_pace_after(size_t purged) {
  pace.returned += purged - pace.purged;
  pace.purged = purged;
  pace.committed = rix_gauge_now(RIX_GAUGE_COMMITTED);
}
