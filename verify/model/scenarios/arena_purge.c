// SPDX-License-Identifier: MIT
// arena_purge.c: slices claimed and freed while others give free ones back to the OS, with and
// without a commit of its own for each (arena/arena.c, purge.c, bitmap.c). The OS of the model ends
// the execution when memory is touched that it has, or zeroes what is in somebody's hands.
#include "arena/arena.h"
#include "arena/due.h"
#include "world.h"

static size_t slices;  // free ones, of 16; they hold something other than zero
static rix_slices_t taken[MODEL_THREADS];
static size_t count[MODEL_THREADS];

static uint8_t* memory(const rix_slices_t* s) { return rix_arena_address(s->arena, s->index); }

static void setup(size_t n, long delay, bool strict) {
  slices = n;
  world_setup(0, false);
  rix_arena_t* const a = rix_arena_at(0);
  rix_slices_t all;
  const bool claimed =
      rix_arena_claim(&rix_heap_default.space, a->slice_count, RIX_SLICE_SIZE, false, &all);
  MODEL_CHECK(claimed);
  rix_bitmap_clear_run(&a->dirty, slices, a->slice_count - slices);
  for (size_t i = 0; i < slices; i++)
    *rix_arena_address(a, i) = 0xFF;
  os_model.strict_commit = strict;
  os_model.clock_ms = 1000;
  ri_option_set(ri_option_purge_delay, delay);
  ri_option_set(ri_option_limit_address_space, 1);  // no other arena
  for (size_t i = 0; i < slices; i++)
    rix_bitmap_set_run(&a->free, i, 1);
}
static void setup_later_1(void) { setup(1, -1, false); }
static void setup_later_2(void) { setup(2, -1, false); }
static void setup_later_strict_1(void) { setup(1, -1, true); }
static void setup_later_strict_2(void) { setup(2, -1, true); }
static void setup_at_once_1(void) { setup(1, 0, false); }
static void setup_at_once_strict_2(void) { setup(2, 0, true); }

static bool claims(size_t n) {
  rix_slices_t* const s = &taken[model_thread()];
  if (!rix_arena_claim(&rix_heap_default.space, n, RIX_SLICE_SIZE, false, s)) return false;
  for (size_t i = 0; i < n; i++) {
    uint8_t* const p = memory(s) + i * RIX_SLICE_SIZE;
    MODEL_CHECK(!s->zero || *p == 0);
    model_take(p, 8);
  }
  count[model_thread()] = n;
  return true;
}
static void gives_back(void) {
  const rix_slices_t* const s = &taken[model_thread()];
  for (size_t i = 0; i < count[model_thread()]; i++)
    model_give(memory(s) + i * RIX_SLICE_SIZE);
  rix_arena_release(s->arena, s->index, count[model_thread()]);
  rix_due_purge();
  count[model_thread()] = 0;
}
static void claims_1(void) { (void)claims(1); }
static void claims_1_and_back(void) {
  if (claims(1)) gives_back();
}
static void claims_2_and_back(void) {
  if (claims(2)) gives_back();
}
// A block grows where it is.
static void claims_1_and_extends(void) {
  if (!claims(1)) return;
  const rix_slices_t* const s = &taken[model_thread()];
  bool zero;
  if (!rix_arena_extend(s->arena, s->index, 1, 1, &zero)) return;
  uint8_t* const p = memory(s) + RIX_SLICE_SIZE;
  MODEL_CHECK(!zero || *p == 0);
  model_take(p, 8);
  count[model_thread()] = 2;
}
static void purges(void) { rix_arena_purge(true); }
static void purges_if_due(void) { rix_arena_purge(false); }

// Every slice is free or somebody's; what is said of the free ones is true.
static void finish(void) {
  const rix_arena_t* const a = rix_arena_at(0);
  size_t free = 0;
  for (size_t i = 0; i < slices; i++) {
    if (rix_bitmap_count_run(&a->free, i, 1) == 0) {
      MODEL_CHECK(rix_bitmap_count_run(&a->committed, i, 1) == 1);
      continue;
    }
    free++;
    const bool committed = rix_bitmap_count_run(&a->committed, i, 1) == 1;
    MODEL_CHECK(committed || rix_bitmap_count_run(&a->dirty, i, 1) == 0);
    if (committed && rix_bitmap_count_run(&a->dirty, i, 1) == 0) {
      MODEL_CHECK(*rix_arena_address(a, i) == 0);
    }
  }
  MODEL_CHECK(free + model_taken() == slices);
}

#define SAFE "a slice has one owner, is committed while used, and zero when that is said of it"
const model_scenario_t model_scenarios[] = {{.name = "purge_and_claim",
                                             .property = SAFE,
                                             .setup = setup_later_2,
                                             .thread = {claims_2_and_back, purges},
                                             .finish = finish},
                                            {.name = "purge_and_claim_strict",
                                             .property = SAFE,
                                             .setup = setup_later_strict_2,
                                             .thread = {claims_1_and_back, purges},
                                             .finish = finish},
                                            {.name = "purge_and_claims",
                                             .property = SAFE,
                                             .setup = setup_later_1,
                                             .thread = {claims_1_and_back, claims_1, purges},
                                             .finish = finish},
                                            {.name = "purge_and_claims_strict",
                                             .property = SAFE,
                                             .setup = setup_later_strict_1,
                                             .thread = {claims_1_and_back, claims_1, purges},
                                             .finish = finish},
                                            {.name = "extend_and_claim",
                                             .property = SAFE,
                                             .setup = setup_later_2,
                                             .thread = {claims_1_and_extends, claims_1_and_back},
                                             .finish = finish},
                                            {.name = "extend_and_purge",
                                             .property = SAFE,
                                             .setup = setup_later_strict_2,
                                             .thread = {claims_1_and_extends, purges},
                                             .finish = finish},
                                            {.name = "purge_two",
                                             .property = SAFE,
                                             .setup = setup_later_strict_2,
                                             .thread = {claims_1, purges, purges},
                                             .finish = finish},
                                            {.name = "purge_at_once",
                                             .property = SAFE,
                                             .setup = setup_at_once_1,
                                             .thread = {claims_1_and_back, purges_if_due},
                                             .finish = finish},
                                            {.name = "purge_at_once_strict",
                                             .property = SAFE,
                                             .setup = setup_at_once_strict_2,
                                             .thread = {claims_1_and_back, claims_1_and_back},
                                             .finish = finish,
                                             .slow = true},
                                            {.name = NULL}};
