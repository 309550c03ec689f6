// SPDX-License-Identifier: MIT
// purge.c: unused slices go back to the OS some time after they became free.
//
// A release marks its slices and notes when they are due: per arena, and the earliest of all in one
// word that everybody reads before looking any further, so that this costs nothing while nothing is
// due. When the time has come, the slices that were marked at the time before are given back, and
// those marked since become the next: so each stays for one to two delays. The purger claims marked
// slices in the `free` bitmap like any other user; so no lock is held while the OS works, nobody
// can use them meanwhile, and a slice that was claimed in time is left alone.
//
// CONCURRENCY: any thread; one purger at a time (rix_purge_lock), which no allocation waits for
// unless there is no memory.
#include "arena/arena.h"
#include "arena/mapping.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

#define PURGE_SLICES_MAX 256  // claimed at a time: meanwhile nobody else can use them

rix_lock_t rix_purge_lock = RIX_LOCK_OPEN(RIX_LEVEL_PURGE);

static struct {
  ri_atomic(uint64_t) xnext_due;  // no later than the earliest due time; 0: nothing is due ever
  rix_counter_t xpurged;          // bytes
} purge;

size_t rix_purged_bytes(void) { return rix_counter_get(&purge.xpurged); }

void rix_purge_at(uint64_t due) {
  uint64_t next = ri_load_relaxed(&purge.xnext_due);
  while ((next == 0 || due < next) && !ri_cas_weak_relaxed(&purge.xnext_due, &next, due)) {}
}

bool rix_purge_is_due(void) {
  const uint64_t next = ri_load_relaxed(&purge.xnext_due);
  return next != 0 && rix_os_clock_ms() >= next;
}

// How long free slices are kept, in ms; -1: for ever.
static int64_t purge_delay(void) {
  const int64_t delay = rix_option(ri_option_purge_delay);
  return delay < 0 ? -1 : delay * rix_option(ri_option_arena_purge_mult);
}

// Whether unused memory of the arena may go back.
static bool purge_allowed(const rix_arena_t* a) {
  return !a->pinned && (a->commit != NULL || !rix_arena_os_forbidden());
}

void rix_purge_schedule(rix_arena_t* a, size_t index, size_t count) {
  const int64_t delay = purge_delay();
  if (delay < 0 || !purge_allowed(a)) return;
  rix_bitmap_set_run(&a->purge, index, count);
  const uint64_t due = rix_os_clock_ms() + (uint64_t)delay;
  uint64_t earlier = ri_load_relaxed(&a->xpurge_due);
  do {
    if (earlier != 0 && earlier <= due) return;
  } while (!ri_cas_weak_relaxed(&a->xpurge_due, &earlier, due));
  rix_purge_at(due);
}

// Gives back the claimed run and frees it again.
static void purge_run(rix_arena_t* a, size_t index, size_t count) {
  void* const p = rix_arena_address(a, index);
  const size_t size = count * RIX_SLICE_SIZE;
  bool zero = false;
  if (a->commit != NULL) {
    bool ignored = false;
    rix_annotate_open(p, size);  // the program's function may write there
    if (a->commit(false, p, size, &ignored, a->commit_arg)) {
      rix_bitmap_clear_run(&a->committed, index, count);
      zero = true;  // or it is marked when it is made usable again
    }
  } else if (rix_option(ri_option_purge_decommits) == 0) {
    if (rix_os_reset(p, size)) rix_event_add(RIX_EVENT_RESET_BYTES, size);
    zero = false;
  } else if (rix_os_strict_commit() && rix_option(ri_option_arena_eager_commit) != 1) {
    zero = rix_os_decommit(p, size);
    if (zero) rix_bitmap_clear_run(&a->committed, index, count);
  } else {
    zero = rix_os_purge(p, size);
  }
  if (zero) {
    const size_t dirty = rix_bitmap_clear_run(&a->dirty, index, count);
    rix_gauge_down(RIX_GAUGE_COMMITTED, dirty * RIX_SLICE_SIZE);
    rix_event_add(RIX_EVENT_PURGED_BYTES, size);
    rix_counter_add(&purge.xpurged, size);
  }
  rix_bitmap_set_run(&a->free, index, count);
}

typedef struct purge_run_s {
  size_t index, count;
} purge_run_t;

static bool purge_claim_slice(rix_arena_t* a, size_t index) {
  if (!rix_bitmap_claim_run(&a->free, index, 1)) return false;
  rix_bitmap_clear_run(&a->purge, index, 1);
  rix_bitmap_clear_run(&a->aged, index, 1);
  return true;
}

// The longest run of slices from `index` on that are marked and could be claimed.
static purge_run_t purge_claim(rix_arena_t* a, const rix_bitmap_t* marks, size_t index) {
  purge_run_t run = {index, 0};
  while (run.count < PURGE_SLICES_MAX && run.index + run.count < a->slice_count &&
         rix_bitmap_count_run(marks, run.index + run.count, 1) == 1 &&
         purge_claim_slice(a, run.index + run.count)) {
    run.count++;
  }
  return run;
}

// The slices of a unit that memory goes back in: more than one when the program asks for it.
static size_t purge_unit(void) {
  const size_t smallest = rix_option_bytes(ri_option_minimal_purge_size, 10);
  if (smallest > 0) return rix_div_up(smallest, RIX_SLICE_SIZE);
  return rix_option(ri_option_allow_thp) == 2 ? RIX_OS_HUGE_SIZE / RIX_SLICE_SIZE : 1;
}

// Takes the free neighbours in the same chunks of so many slices along.
static purge_run_t purge_widen(rix_arena_t* a, purge_run_t run, size_t chunk) {
  const size_t first = (uintptr_t)a->base / RIX_SLICE_SIZE;
  while (run.index > 0 && (first + run.index) % chunk != 0 && purge_claim_slice(a, run.index - 1)) {
    run.index--;
    run.count++;
  }
  while (run.index + run.count < a->slice_count && (first + run.index + run.count) % chunk != 0 &&
         purge_claim_slice(a, run.index + run.count)) {
    run.count++;
  }
  return run;
}

// Puts claimed slices back, marked for another time.
static void purge_keep(rix_arena_t* a, size_t index, size_t count) {
  if (count == 0) return;
  rix_bitmap_set_run(&a->purge, index, count);
  rix_bitmap_set_run(&a->free, index, count);
}

// The whole units of a claimed run; what is left over at its ends is put back.
static purge_run_t purge_trim(rix_arena_t* a, purge_run_t run, size_t unit) {
  const size_t first = (uintptr_t)a->base / RIX_SLICE_SIZE;
  const size_t end = run.index + run.count;
  const size_t from = rix_min(rix_div_up(first + run.index, unit) * unit - first, end);
  const size_t whole = (first + end) / unit * unit;
  const size_t to = whole > first + from ? whole - first : from;
  purge_keep(a, run.index, from - run.index);
  purge_keep(a, to, end - to);
  return (purge_run_t){from, to - from};
}

// Gives back the slices that are set in `marks` and free; `unit`: in such aligned units only.
static void purge_arena(rix_arena_t* a, const rix_bitmap_t* marks, size_t unit) {
  rix_event(RIX_EVENT_PURGES);
  size_t index = 0;
  while (rix_bitmap_next_set(marks, index, &index)) {
    purge_run_t run = purge_claim(a, marks, index);
    if (run.count == 0) {
      index++;
      continue;
    }
    // In a dense arena a slice may be resident without having been used, as part of a huge page.
    if (a->dense) run = purge_widen(a, run, RIX_OS_HUGE_SIZE / RIX_SLICE_SIZE);
    if (unit > 1) run = purge_widen(a, run, unit);
    index = run.index + run.count;
    if (unit > 1) run = purge_trim(a, run, unit);
    if (run.count > 0) purge_run(a, run.index, run.count);
  }
}

// What is marked now is due the next time. Returns whether there is anything.
static bool purge_age(rix_arena_t* a) {
  bool any = false;
  for (size_t i = 0; i < rix_bitmap_words(a->slice_count); i++) {
    if (ri_load_relaxed(&a->purge.words[i]) == 0) continue;
    ri_fetch_or_relaxed(&a->aged.words[i], ri_exchange_relaxed(&a->purge.words[i], 0));
    any = true;
  }
  return any;
}

// The arena's time has come.
static void purge_due(rix_arena_t* a, uint64_t now) {
  const int64_t delay = purge_delay();
  const size_t unit = purge_unit();
  if (delay <= 0) {
    purge_arena(a, &a->purge, unit);
    purge_arena(a, &a->aged, unit);
    return;
  }
  purge_arena(a, &a->aged, unit);
  if (!purge_age(a)) return;
  ri_store_relaxed(&a->xpurge_due, now + (uint64_t)delay);
  rix_purge_at(now + (uint64_t)delay);
}

static void purge_all(bool force) {
  const uint64_t now = rix_os_clock_ms();
  ri_store_relaxed(&purge.xnext_due, 0);
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_acquire(&a->xsubproc) == RIX_SUBPROC_NONE) continue;  // N4: pairs with N3
    if (!purge_allowed(a)) continue;
    uint64_t due = ri_load_relaxed(&a->xpurge_due);
    if (force) {
      ri_store_relaxed(&a->xpurge_due, 0);
      purge_arena(a, &a->dirty, 1);
    } else if (due != 0 && now < due) {
      rix_purge_at(due);
    } else if (due != 0 && ri_cas_strong_relaxed(&a->xpurge_due, &due, 0)) {
      purge_due(a, now);
    }
  }
  rix_mapping_purge(force);
}

bool rix_arena_lets_purge(const rix_arena_t* a) { return a->commit == NULL && purge_allowed(a); }

void rix_purge_arena_all(rix_arena_t* a) {
  ri_store_relaxed(&a->xpurge_due, 0);
  if (purge_allowed(a)) purge_arena(a, &a->dirty, 1);
}

void rix_arena_purge(bool force) {
  if (!force && !rix_purge_is_due()) return;
  // One at a time. A forced purge waits, so that what another has in its hands is free afterwards.
  if (force) {
    rix_lock(&rix_purge_lock);
  } else if (!rix_lock_try(&rix_purge_lock)) {
    return;
  }
  purge_all(force);
  rix_unlock(&rix_purge_lock);
}
