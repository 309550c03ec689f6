// SPDX-License-Identifier: MIT
// purge.c: unused slices go back to the OS some time after they became free.
//
// A release marks its slices and notes when they are due: per arena, and the earliest of all in one
// word that everybody reads before looking any further, so that this costs nothing while nothing is
// due. The purger claims marked slices in the `free` bitmap like any other user; so no lock is held
// while the OS works, nobody can use them meanwhile, and a slice that was claimed in time is left
// alone.
//
// CONCURRENCY: any thread. Two purgers share the work slice by slice.
#include "arena/arena.h"
#include "arena/mapping.h"
#include "base/assert.h"
#include "options/options.h"

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

void rix_purge_schedule(rix_arena_t* a, size_t index, size_t count) {
  const long delay = rix_option(ri_option_purge_delay);
  if (delay < 0) return;
  rix_bitmap_set_run(&a->purge, index, count);
  if (ri_load_relaxed(&a->xpurge_due) != 0) return;
  const uint64_t due = rix_os_clock_ms() + (uint64_t)delay;
  ri_store_relaxed(&a->xpurge_due, due);
  rix_purge_at(due);
}

// Gives back the claimed run and frees it again.
static void purge_run(rix_arena_t* a, size_t index, size_t count) {
  void* const p = rix_arena_address(a, index);
  const size_t size = count * RIX_SLICE_SIZE;
  bool zero;
  if (rix_os_strict_commit()) {
    zero = rix_os_decommit(p, size);
    if (zero) rix_bitmap_clear_run(&a->committed, index, count);
  } else {
    zero = rix_os_purge(p, size);
  }
  if (zero) {
    rix_bitmap_clear_run(&a->dirty, index, count);
    rix_counter_add(&purge.xpurged, size);
  }
  rix_bitmap_set_run(&a->free, index, count);
}

// The longest run of slices from `index` on that are marked and could be claimed.
static size_t purge_claim(rix_arena_t* a, const rix_bitmap_t* marks, size_t index) {
  size_t count = 0;
  while (index + count < a->slice_count && rix_bitmap_count_run(marks, index + count, 1) == 1 &&
         rix_bitmap_claim_run(&a->free, index + count, 1)) {
    rix_bitmap_clear_run(&a->purge, index + count, 1);
    count++;
  }
  return count;
}

// Purges what is marked in `marks`: the slices that are due, or all that are dirty.
static void purge_arena(rix_arena_t* a, const rix_bitmap_t* marks) {
  size_t index = 0;
  while (rix_bitmap_next_set(marks, index, &index)) {
    const size_t count = purge_claim(a, marks, index);
    if (count > 0) purge_run(a, index, count);
    index += rix_max(count, 1);
  }
}

void rix_arena_purge(bool force) {
  const uint64_t now = rix_os_clock_ms();
  uint64_t next = ri_load_relaxed(&purge.xnext_due);
  if (!force && (next == 0 || now < next)) return;
  // One thread takes the due time away and with it the work; the others go on.
  if (!ri_cas_strong_acq_rel(&purge.xnext_due, &next, 0) && !force) return;
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    uint64_t due = ri_load_relaxed(&a->xpurge_due);
    if (force) {
      ri_store_relaxed(&a->xpurge_due, 0);
      purge_arena(a, &a->dirty);
    } else if (due != 0 && now < due) {
      rix_purge_at(due);
    } else if (due != 0 && ri_cas_strong_acq_rel(&a->xpurge_due, &due, 0)) {
      purge_arena(a, &a->purge);
    }
  }
  rix_mapping_purge(force);
}
