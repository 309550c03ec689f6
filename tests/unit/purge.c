// SPDX-License-Identifier: MIT
// purge.c: which free slices are returned to the OS, and when: after one to two delays, in units,
// never what was claimed meanwhile. Time passes here by setting an arena's due time to long ago.
#include "arena/arena.h"
#include "arena/due.h"
#include "options/options.h"
#include "../check.h"

enum { UNIT = 4, SLICES = 256 };
static rix_arena_t* a;  // serves nobody else
static rix_space_t space;

static size_t claim(size_t count, size_t align, bool zero) {
  rix_slices_t got;
  CHECK(rix_arena_claim(&space, count, align, false, &got) && got.arena == a);
  if (zero) CHECK(got.zero);
  return got.index;
}

static void use(size_t index, size_t count) {
  memset(rix_arena_address(a, index), 0xA5, count * RIX_SLICE_SIZE);
}

static size_t set_in(const rix_bitmap_t* map) { return rix_bitmap_count_run(map, 0, SLICES); }

static bool is_zero(size_t index, size_t count) {
  const uint8_t* const p = rix_arena_address(a, index);
  for (size_t i = 0; i < count * RIX_SLICE_SIZE; i += 512)
    if (p[i] != 0) return false;
  return true;
}

static void time_passes(void) {
  if (ri_load_relaxed(&a->xpurge_due) != 0) ri_store_relaxed(&a->xpurge_due, 1);
  rix_due_at(1);
  CHECK(rix_due_is_now());
  rix_arena_purge(false);
}

// As at first: nothing used, nothing marked, nothing due.
static void clean(void) {
  rix_arena_purge(true);
  CHECK(set_in(&a->free) == SLICES && set_in(&a->dirty) == 0);
  CHECK(set_in(&a->purge) == 0 && set_in(&a->aged) == 0);
  CHECK(ri_load_relaxed(&a->xpurge_due) == 0 && !rix_due_is_now());
}

// The earliest time counts, whatever is noted after it, until somebody has looked.
static void earliest_time_counts(void) {
  const uint64_t later = rix_os_clock_ms() + 3600000;
  clean();
  rix_due_at(later);
  CHECK(!rix_due_is_now());
  rix_due_at(1);
  rix_due_at(later);
  CHECK(rix_due_is_now());
  rix_arena_purge(false);
  CHECK(!rix_due_is_now());
}

static void one_to_two_delays(void) {
  clean();
  ri_option_set(ri_option_purge_delay, 3600000);
  const size_t index = claim(3, RIX_SLICE_SIZE, true);
  use(index, 3);
  CHECK(set_in(&a->dirty) == 3);
  const size_t purged = rix_purged_bytes();
  rix_arena_release(a, index, 3);
  CHECK(set_in(&a->purge) == 3 && ri_load_relaxed(&a->xpurge_due) > rix_os_clock_ms());
  rix_arena_purge(false);
  CHECK(set_in(&a->purge) == 3);  // its time has not come
  time_passes();
  CHECK(set_in(&a->purge) == 0 && set_in(&a->aged) == 3 && set_in(&a->dirty) == 3);
  CHECK(rix_purged_bytes() == purged && ri_load_relaxed(&a->xpurge_due) > rix_os_clock_ms());
  time_passes();
  CHECK(set_in(&a->aged) == 0 && set_in(&a->dirty) == 0 && set_in(&a->free) == SLICES);
  CHECK(rix_purged_bytes() == purged + 3 * RIX_SLICE_SIZE && is_zero(index, 3));
  CHECK(ri_load_relaxed(&a->xpurge_due) == 0);
  clean();
}

static void what_is_used_again_stays(void) {
  ri_option_set(ri_option_purge_delay, 3600000);
  const size_t first = claim(4, RIX_SLICE_SIZE, true);
  use(first, 4);
  rix_arena_release(a, first, 4);
  time_passes();
  CHECK(rix_bitmap_claim_run(&a->free, first + 1, 2));  // with their marks, as by another thread
  const size_t purged = rix_purged_bytes();
  time_passes();
  CHECK(rix_purged_bytes() == purged + 2 * RIX_SLICE_SIZE);
  CHECK(is_zero(first, 1) && is_zero(first + 3, 1));
  for (size_t i = 0; i < 2 * RIX_SLICE_SIZE; i++)
    CHECK(rix_arena_address(a, first + 1)[i] == 0xA5);
  rix_arena_release(a, first + 1, 2);
  clean();
}

static void no_delay_and_never(void) {
  ri_option_set(ri_option_purge_delay, 0);
  size_t index = claim(2, RIX_SLICE_SIZE, true);
  use(index, 2);
  rix_arena_release(a, index, 2);
  rix_arena_purge(false);
  CHECK(set_in(&a->dirty) == 0 && is_zero(index, 2));
  ri_option_set(ri_option_purge_delay, -1);
  index = claim(2, RIX_SLICE_SIZE, true);
  use(index, 2);
  rix_arena_release(a, index, 2);
  CHECK(set_in(&a->purge) == 0 && ri_load_relaxed(&a->xpurge_due) == 0);
  time_passes();
  CHECK(set_in(&a->dirty) == 2);
  clean();  // by force it goes all the same
}

// Units lie at multiples of their size. What is left of a run at its ends is marked again.
static void whole_units_only(void) {
  ri_option_set(ri_option_purge_delay, 0);
  ri_option_set(ri_option_minimal_purge_size, UNIT * (RIX_SLICE_SIZE >> 10));
  const size_t one = claim(1, UNIT * RIX_SLICE_SIZE, true);
  use(one, 1);
  rix_arena_release(a, one, 1);
  rix_arena_purge(false);  // with its neighbours, which are free and were never used
  CHECK(set_in(&a->dirty) == 0 && set_in(&a->purge) == 0);
  const size_t first = claim(3 * UNIT, UNIT * RIX_SLICE_SIZE, true);
  use(first, 3 * UNIT);
  rix_arena_release(a, first + 1, 3 * UNIT - 2);
  rix_arena_purge(false);
  CHECK(set_in(&a->dirty) == 2 * UNIT && is_zero(first + UNIT, UNIT));
  CHECK(set_in(&a->purge) == 2 * UNIT - 2 && !is_zero(first + 1, UNIT - 1));
  CHECK(set_in(&a->free) == SLICES - 2);
  rix_arena_release(a, first, 1);  // completes the first unit
  rix_arena_purge(false);
  CHECK(set_in(&a->dirty) == UNIT && is_zero(first, 2 * UNIT));
  rix_arena_release(a, first + 3 * UNIT - 1, 1);
  ri_option_set(ri_option_minimal_purge_size, 0);
  clean();
}

static void pinned_memory_stays(void) {
  ri_option_set(ri_option_purge_delay, 0);
  a->pinned = true;
  CHECK(!rix_arena_can_purge(a));
  const size_t index = claim(2, RIX_SLICE_SIZE, true);
  use(index, 2);
  rix_arena_release(a, index, 2);
  CHECK(set_in(&a->purge) == 0);
  rix_arena_purge(true);
  rix_purge_arena_all(a);
  CHECK(set_in(&a->dirty) == 2 && !is_zero(index, 2));
  a->pinned = false;
  CHECK(rix_arena_can_purge(a));
  rix_purge_arena_all(a);
  CHECK(set_in(&a->dirty) == 0);
  clean();
}

int main(void) {
  check_watchdog(30);
  a = rix_arena_reserve(SLICES * RIX_SLICE_SIZE,
                        (rix_arena_request_t){.commit = true, .exclusive = true});
  CHECK(a != NULL && a->slice_count == SLICES);
  space.only = a;
  earliest_time_counts();
  one_to_two_delays();
  what_is_used_again_stays();
  no_delay_and_never();
  whole_units_only();
  pinned_memory_stays();
  CHECK(ri_audit());
  return 0;
}
