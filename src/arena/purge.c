// SPDX-License-Identifier: MIT
// purge.c: unused slices go back to the OS some time after they became free.
//
// Releases mark slices and note when they are due (due.h). When the time has come, the slices that
// had been marked by the previous time are returned, and those marked since become the next: so
// each stays for one to two delays. The purger claims marked slices in the `free` bitmap like any
// other user; so no lock is held while the OS works, nobody can use them meanwhile, and a slice
// that was claimed in time is left alone.
//
// CONCURRENCY: any thread; one purger at a time (rix_purge_lock), which no allocation waits for
// unless there is no memory.
#include "arena/arena.h"
#include "arena/due.h"
#include "arena/huge.h"
#include "arena/limit.h"
#include "arena/mapping.h"
#include "arena/pace.h"
#include "arena/touched.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

#define PURGE_SLICES_MAX 256  // claimed at a time: meanwhile nobody else can use them

// A part of a purge. NULL: all of it.
typedef struct purge_part_s {
  size_t left;  // bytes that it may still return
  rix_purge_by_t by;
} purge_part_t;

static struct {
  rix_counter_t xpurged;  // bytes
} purge;

size_t rix_purged_bytes(void) { return rix_counter_get(&purge.xpurged); }

// Returns the claimed run to the OS and frees it again.
static void purge_run(rix_arena_t* a, size_t index, size_t count) {
  void* const p = rix_arena_address(a, index);
  const size_t size = count * RIX_SLICE_SIZE;
  bool zero = false;
  if (a->dense) rix_huge_before_purge(a, index, count);
  if (a->commit != 0) {
    bool ignored = false;
    rix_annotate_open(p, size);  // the program's function may write there
    if (rix_arena_commit_fun(a)(false, p, size, &ignored, a->commit_arg)) {
      rix_bitmap_clear_run(&a->committed, index, count);
      zero = true;  // or it is marked when it is made usable again
    }
  } else if (rix_option(ri_option_purge_decommits) == 0) {
    if (rix_os_reset(p, size)) rix_event_add(RIX_EVENT_RESET_BYTES, size);
    zero = false;
  } else if (rix_os_strict_commit() && !a->external &&
             rix_option(ri_option_arena_eager_commit) != 1) {
    zero = rix_os_decommit(p, size);
    if (zero) rix_bitmap_clear_run(&a->committed, index, count);
  } else {
    zero = rix_os_purge(p, size);
  }
  if (zero) {
    const size_t dirty = rix_bitmap_clear_run(&a->dirty, index, count);
    rix_touched_clear(a, index, count);
    rix_gauge_down(RIX_GAUGE_COMMITTED, dirty * RIX_SLICE_SIZE);
    rix_limit_uncharge(dirty * RIX_SLICE_SIZE);
    rix_event_add(RIX_EVENT_PURGED_BYTES, size);
    rix_counter_add(&purge.xpurged, size);
    if (a->dense) rix_huge_after_purge(a, index, count);
  } else if (rix_option(ri_option_purge_decommits) != 0) {
    ri_store_relaxed(&a->xfreed, 1);  // refused: perhaps not the next time
  }
  (void)rix_arena_free(a, index, count);
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
  return rix_option(ri_option_thp) == RIX_THP_WHOLE ? RIX_OS_HUGE_SIZE / RIX_SLICE_SIZE : 1;
}

// Adds the free neighbours in the same chunks of this many slices.
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
  (void)rix_arena_free(a, index, count);
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

// The first slice from `from` on that is set in `marks` and free.
static bool purge_next(const rix_arena_t* a, const rix_bitmap_t* marks, size_t from,
                       size_t* found) {
  const size_t words = rix_bitmap_words(marks->bits);
  uint64_t mask = UINT64_MAX << (from % RIX_WORD_BITS);
  for (size_t w = from / RIX_WORD_BITS; w < words; w++, mask = UINT64_MAX) {
    const uint64_t marked = ri_load_relaxed(&marks->words[w]) & mask;
    if (marked == 0) continue;
    const uint64_t both = marked & ri_load_relaxed(&a->free.words[w]);
    if (both == 0) continue;
    *found = w * RIX_WORD_BITS + rix_ctz64(both);
    return true;
  }
  return false;
}

// Returns the slices that are set in `marks` and free; `unit`: only in such aligned units. False:
// the part is over before.
static bool purge_arena(rix_arena_t* a, const rix_bitmap_t* marks, size_t unit,
                        purge_part_t* part) {
  rix_event(RIX_EVENT_PURGES);
  size_t index = 0;
  while (purge_next(a, marks, index, &index)) {
    if (part != NULL && part->left == 0) return false;
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
    if (part != NULL) part->left -= rix_min(part->left, run.count * RIX_SLICE_SIZE);
  }
  return true;
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

static void purge_again_at(rix_arena_t* a, uint64_t time) {
  ri_store_relaxed(&a->xpurge_due, time);
  rix_due_at(time);
}

// The arena's time has come.
static void purge_due(rix_arena_t* a, uint64_t now, purge_part_t* part) {
  const int64_t delay = rix_due_delay();
  const size_t unit = purge_unit();
  const bool at_once = delay <= 0;
  if ((at_once && !purge_arena(a, &a->purge, unit, part)) ||
      !purge_arena(a, &a->aged, unit, part)) {
    purge_again_at(a, now);
  } else if (!at_once && purge_age(a)) {
    purge_again_at(a, now + (uint64_t)delay);
  }
}

// All that is free, if anything was freed since the last time. (Some of what another thread frees
// right now may be seen only the next time.)
static void purge_all_of(rix_arena_t* a, purge_part_t* part) {
  if (ri_load_relaxed(&a->xfreed) == 0 || !ri_exchange_relaxed(&a->xfreed, 0)) return;
  if (!purge_arena(a, &a->dirty, 1, part)) ri_store_relaxed(&a->xfreed, 1);
}

// Whether it serves somebody: otherwise it may be turning into other memory.
static bool purge_serves(rix_arena_t* a) {
  return ri_load_acquire(&a->xsubproc) != RIX_SUBPROC_NONE;  // N4: pairs with N3
}

// A function of the program would be called.
static bool purge_skips(const rix_arena_t* a, const purge_part_t* part) {
  return part != NULL && part->by == RIX_PURGE_TASK && a->commit != 0;
}

static void purge_all(bool force, purge_part_t* part) {
  const uint64_t now = rix_os_clock_ms();
  rix_pace_before(now);
  rix_due_clear();
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (!purge_serves(a)) continue;
    if (!rix_due_allowed(a)) continue;
    uint64_t due = ri_load_relaxed(&a->xpurge_due);
    if (force) {
      ri_store_relaxed(&a->xpurge_due, 0);
      purge_all_of(a, part);
    } else if (due != 0 && (now < due || purge_skips(a, part))) {
      rix_due_at(due);
    } else if (due != 0 && ri_cas_strong_relaxed(&a->xpurge_due, &due, 0)) {
      purge_due(a, now, part);
    }
  }
  rix_mapping_purge(force);
  rix_pace_after(rix_purged_bytes());
}

bool rix_arena_can_purge(const rix_arena_t* a) { return a->commit == 0 && rix_due_allowed(a); }

bool rix_arena_can_change(const rix_arena_t* a) { return !a->external && rix_arena_can_purge(a); }

bool rix_arena_lets_discard(const rix_arena_t* a) {
  return rix_arena_can_purge(a) && rix_option(ri_option_purge_decommits) != 0;
}

bool rix_arena_discard(rix_arena_t* a, void* p, size_t size) {
  RI_ASSERT(rix_arena_lets_discard(a));
  if (a->dense) rix_huge_before_discard(a, p, size);
  if (!rix_os_purge(p, size)) return false;
  rix_event_add(RIX_EVENT_PURGED_BYTES, size);
  rix_counter_add(&purge.xpurged, size);
  return true;
}

// Whether a purge of the arena returns anything that an allocation could lack.
static bool purge_relieves(const rix_arena_t* a) {
  if (a->commit != 0) return true;
  const bool counts = rix_os_strict_commit() && rix_option(ri_option_arena_eager_commit) != 1;
  return counts && rix_option(ri_option_purge_decommits) != 0;
}

void rix_arena_relieve(void) {
  const bool counts = rix_limit_is_hard();
  rix_lock(&rix_purge_lock);
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (!purge_serves(a)) continue;
    if (rix_due_allowed(a) && (counts || purge_relieves(a))) purge_all_of(a, NULL);
  }
  rix_mapping_purge(true);
  rix_unlock(&rix_purge_lock);
}

void rix_purge_arena_all(rix_arena_t* a) {
  ri_store_relaxed(&a->xpurge_due, 0);
  if (rix_due_allowed(a)) (void)purge_arena(a, &a->dirty, 1, NULL);
}

void rix_arena_purge_pressed(void) {
  if (!rix_lock_try(&rix_purge_lock)) return;
  purge_all(true, NULL);
  rix_unlock(&rix_purge_lock);
}

void rix_arena_purge(bool force) {
  if (!force && !rix_due_is_now()) return;
  // One at a time. A forced purge waits, so that what another has claimed is free afterwards.
  if (force) {
    rix_lock(&rix_purge_lock);
  } else if (!rix_lock_try(&rix_purge_lock)) {
    return;
  }
  purge_all(force, NULL);
  rix_unlock(&rix_purge_lock);
  if (!force && rix_pace_asks(rix_os_clock_ms())) rix_pace_ask();
}

bool rix_arena_purge_part(size_t bytes, rix_purge_by_t by) {
  const bool all = by == RIX_PURGE_ALL;
  if ((!all && !rix_due_is_now()) || !rix_lock_try(&rix_purge_lock)) return false;
  purge_part_t part = {bytes, by};
  purge_all(all, &part);
  rix_unlock(&rix_purge_lock);
  return part.left == 0;
}
