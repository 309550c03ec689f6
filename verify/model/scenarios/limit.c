// SPDX-License-Identifier: MIT
// limit.c: the hard limit of the process while several threads take memory (arena/limit.c,
// arena.c): it is never exceeded, what fits is never refused because of a request that does not,
// and what is counted is what may be resident.
#include "arena/limit.h"
#include "heap/alloc.h"
#include "world.h"

enum { ROOM = 3 };  // slices that may be used beyond those of the beginning

static size_t before;
static bool taken[3];

static bool take(size_t slices) {
  rix_slices_t got;
  return rix_arena_claim(&rix_heap_default.space, slices, RIX_SLICE_SIZE, false, &got);
}

static void setup(void) {
  world_setup(3, true);
  ri_option_set(ri_option_limit_cgroup, 0);
  MODEL_CHECK(take(1));  // the one that was used before: it is counted already
  before = rix_limit_used();
  ri_option_set(ri_option_limit_hard, (long)((before + (size_t)ROOM * RIX_SLICE_SIZE) >> 10));
  rix_limit_look();
  for (size_t i = 0; i < 3; i++)
    taken[i] = false;
  model_name(&rix_limit.xused, "limit.xused");
}

static bool charge(size_t slices) {
  const bool done = rix_limit_charge(slices * RIX_SLICE_SIZE);
  MODEL_CHECK(rix_limit_used() <= before + (size_t)ROOM * RIX_SLICE_SIZE);
  return done;
}
static void charges_1(void) { MODEL_CHECK(charge(1)); }
static void charges_2(void) { taken[model_thread()] = charge(2); }
static void charges_too_much(void) { MODEL_CHECK(!charge(ROOM + 1)); }

static void takes_1(void) { MODEL_CHECK(take(1)); }
static void takes_2(void) { taken[model_thread()] = take(2); }
static void takes_too_much(void) { MODEL_CHECK(!take(ROOM + 1)); }

static size_t used(void) { return (rix_limit_used() - before) / RIX_SLICE_SIZE; }
static void finish_charged(void) { MODEL_CHECK(taken[0] + taken[1] == 1 && used() == ROOM); }
static void finish_taken(void) {
  MODEL_CHECK(taken[0] + taken[1] == 1 && used() == 2);
  MODEL_CHECK(world_slices_in_use() == 1 + used());
}
static void finish_one(void) { MODEL_CHECK(used() == 1 && world_slices_in_use() == 2); }

#define FITS "what fits is there, whatever others ask for, and the limit is kept"

const model_scenario_t model_scenarios[] = {
    {.name = "limit_charge",
     .property = FITS,
     .setup = setup,
     .thread = {charges_2, charges_2, charges_1},
     .finish = finish_charged,
     .spurious = 1},
    {.name = "limit_charge_too_much",
     .property = FITS,
     .setup = setup,
     .thread = {charges_1, charges_too_much, charges_2},
     .finish = NULL},
    {.name = "limit_claim",
     .property = "of two claims that exclude each other one is there; what counts is in use",
     .setup = setup,
     .thread = {takes_2, takes_2},
     .finish = finish_taken},
    {.name = "limit_claim_too_much",
     .property = FITS,
     .setup = setup,
     .thread = {takes_1, takes_too_much},
     .finish = finish_one},
    {.name = NULL},
};
