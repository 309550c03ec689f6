// SPDX-License-Identifier: MIT
// arena.c: claiming, extending and releasing slices against a model that knows who owns each slice;
// only zero memory is reported as zero; alignments are honoured; arenas grow and stay; and purging
// (arena/purge.c) returns what is due and never what is in use.
#include "arena/arena.h"

#include "arena/due.h"
#include "arena/pagemap.h"
#include "options/options.h"
#include "../check.h"

enum { HELD = 64 };
static const rix_space_t space;  // the main sub-process

typedef struct run_s {
  rix_slices_t at;
  size_t count;
  uint64_t key;
} run_t;
static run_t held[HELD];
static size_t held_slices;

static uint8_t* memory(const run_t* r) { return rix_arena_address(r->at.arena, r->at.index); }

static void claim(run_t* r, size_t count, size_t align, uint64_t key) {
  CHECK(rix_arena_claim(&space, count, align, false, &r->at));
  r->count = count;
  r->key = key;
  held_slices += count;
  uint8_t* const p = memory(r);
  CHECK_MSG(check_aligned(p, align), "%p, align %zu", (void*)p, align);
  CHECK(r->at.index + count <= r->at.arena->slice_count);
  const size_t size = count * RIX_SLICE_SIZE;
  if (r->at.zero) CHECK_ZERO(p, 0, size < CHECK_MIB ? size : CHECK_MIB);
  check_fill_sparse(p, size, key);
}

static void release(run_t* r) {
  if (r->count == 0) return;
  CHECK_FILLED_SPARSE(memory(r), r->count * RIX_SLICE_SIZE, r->key);
  rix_arena_release(r->at.arena, r->at.index, r->count);
  rix_due_purge();
  held_slices -= r->count;
  r->count = 0;
}

static size_t slices_in_use(void) {
  size_t used = 0;
  for (size_t i = 0; i < rix_arena_count(); i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    used += rix_arena_slices(a) - rix_bitmap_count_run(&a->free, 0, a->slice_count);
  }
  return used;
}

static void extend(run_t* r, size_t extra) {
  if (r->count == 0) return;
  bool zero;
  if (!rix_arena_extend(r->at.arena, r->at.index, r->count, extra, &zero)) return;
  uint8_t* const end = memory(r) + r->count * RIX_SLICE_SIZE;
  if (zero) CHECK_ZERO(end, 0, extra * RIX_SLICE_SIZE);
  CHECK_FILLED_SPARSE(memory(r), r->count * RIX_SLICE_SIZE, r->key);
  r->count += extra;
  held_slices += extra;
  check_fill_sparse(memory(r), r->count * RIX_SLICE_SIZE, r->key);
}

static void random_work(uint64_t seed) {
  uint64_t rng = seed;
  const size_t steps = check_scaled(3000);
  for (size_t i = 0; i < steps; i++) {
    run_t* const r = &held[check_below(&rng, HELD)];
    const size_t count = 1 + check_any_size(&rng, 100);
    switch (check_below(&rng, 4)) {
      case 0:
        extend(r, 1 + check_below(&rng, 10));
        break;
      case 1:
        if (check_below(&rng, 8) == 0) rix_arena_purge(true);
        break;
      default:
        release(r);
        claim(r, count, (size_t)RIX_SLICE_SIZE << check_below(&rng, 6), i);
        break;
    }
    if (i % 64 == 0) {
      CHECK_MSG(slices_in_use() == held_slices, "%zu in use, %zu held", slices_in_use(),
                held_slices);
    }
  }
  for (size_t i = 0; i < HELD; i++)
    release(&held[i]);
  CHECK(slices_in_use() == 0);
}

// A claim that reports zero for slices that were dirty: only after a purge, and then rightly.
static void purging(void) {
  ri_option_set(ri_option_purge_delay, 3600000);
  rix_arena_purge(true);  // nothing of the work before is due any more
  run_t r = {0};
  claim(&r, 100, RIX_SLICE_SIZE, 1);
  memset(memory(&r), 1, 100 * RIX_SLICE_SIZE);
  check_fill_sparse(memory(&r), 100 * RIX_SLICE_SIZE, 1);
  const size_t resident = check_resident();
  rix_slices_t neighbour;
  CHECK(rix_arena_claim(&space, 1, RIX_SLICE_SIZE, false, &neighbour));
  memset(rix_arena_address(neighbour.arena, neighbour.index), 5, RIX_SLICE_SIZE);
  release(&r);
  const size_t purged = rix_purged_bytes();
  rix_arena_purge(false);  // nothing is due for an hour
  CHECK(rix_purged_bytes() == purged);
  rix_arena_purge(true);
  CHECK(rix_purged_bytes() >= purged + 100 * RIX_SLICE_SIZE);
  CHECK(check_sanitized() || check_resident() + 90 * RIX_SLICE_SIZE <= resident);
  CHECK(rix_arena_address(neighbour.arena, neighbour.index)[RIX_SLICE_SIZE - 1] == 5);
  rix_arena_release(neighbour.arena, neighbour.index, 1);
  CHECK(rix_arena_claim(&space, 100, RIX_SLICE_SIZE, false, &r.at));
  r.count = 100;
  held_slices += 100;
  CHECK(r.at.zero);
  CHECK_ZERO(memory(&r), 0, 100 * RIX_SLICE_SIZE);
  r.key = 2;
  check_fill_sparse(memory(&r), 100 * RIX_SLICE_SIZE, 2);
  // Due at once: who releases purges.
  ri_option_set(ri_option_purge_delay, 0);
  const size_t before = rix_purged_bytes();
  release(&r);
  const uint64_t deadline = check_now_ms() + 5000;
  while (rix_purged_bytes() < before + 100 * RIX_SLICE_SIZE && check_now_ms() < deadline) {
    if (rix_due_is_now()) rix_arena_purge(false);
  }
  CHECK(rix_purged_bytes() >= before + 100 * RIX_SLICE_SIZE);
}

static void reserving(void) {
  const size_t arenas = rix_arena_count();
  const size_t reserved = rix_arena_reserved();
  run_t big = {0};
  // More than all that there is: a new arena, entered into the page map's range.
  claim(&big, reserved / RIX_SLICE_SIZE + 10, RIX_SLICE_SIZE, 9);
  CHECK(rix_arena_count() == arenas + 1);
  CHECK(rix_arena_reserved() >= reserved + big.count * RIX_SLICE_SIZE);
  CHECK(rix_pagemap_find(memory(&big)) == NULL);
  release(&big);
  claim(&big, 3, (size_t)64 * CHECK_MIB, 9);
  release(&big);
  rix_slices_t out;
  CHECK(!rix_arena_claim(&space, CHECK_HUGE(40), RIX_SLICE_SIZE, false, &out));
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 5);
  for (uint64_t seed = 0; seed < 3; seed++)
    random_work(seed);
  purging();
  reserving();
  return 0;
}
