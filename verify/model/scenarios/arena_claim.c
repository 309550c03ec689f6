// SPDX-License-Identifier: MIT
// arena_claim.c: runs of slices claimed and given back by several threads (arena/bitmap.c), in one
// word of a bitmap and across two. Each bit stands for a byte of `slices`: whoever claims it writes
// to it, so that two owners, or one that does not see the end of the previous one, are reported.
#include "arena/bitmap.h"
#include "world.h"

static rix_word_t words[2];
static const rix_bitmap_t map = {words, 128};
static uint8_t slices[128];
static size_t all;
static bool got[MODEL_THREADS];

static void setup(size_t first, size_t count) {
  rix_bitmap_set_run(&map, first, count);
  all = count;
  model_name(&words[0], "word 0");
  model_name(&words[1], "word 1");
}
static void setup_one(void) { setup(10, 1); }
static void setup_within(void) { setup(8, 4); }
static void setup_across(void) { setup(62, 4); }

static bool claims(size_t index, size_t count) {
  const bool done = rix_bitmap_claim_run(&map, index, count);
  for (size_t i = 0; done && i < count; i++)
    model_take(&slices[index + i], 1);
  got[model_thread()] = done;
  return done;
}
static void claims_and_frees(size_t index, size_t count) {
  if (!claims(index, count)) return;
  for (size_t i = 0; i < count; i++)
    model_give(&slices[index + i]);
  const bool was_clear = rix_bitmap_set_run(&map, index, count);
  MODEL_CHECK(was_clear);
}
static void one(void) { claims(10, 1); }
static void one_and_back(void) { claims_and_frees(10, 1); }
static void first_3(void) { claims(8, 3); }
static void first_3_and_back(void) { claims_and_frees(8, 3); }
static void last_2_and_back(void) { claims_and_frees(10, 2); }
static void across(void) { claims(62, 4); }
static void across_and_back(void) { claims_and_frees(62, 4); }
static void below(void) { claims(63, 1); }
static void below_and_back(void) { claims_and_frees(63, 1); }
static void above_and_back(void) { claims_and_frees(64, 2); }

// No bit is lost, and none is there twice: what was rolled back is whole again.
static void finish(void) {
  const size_t set = rix_bitmap_count_run(&map, 0, 128);
  model_outcome("%d%d%d%d:%zu", got[0], got[1], got[2], got[3], set);
  MODEL_CHECK(set + model_taken() == all);
}

#define ALONE "a run has one owner, who sees what the last one wrote; roll-back is complete"
const model_scenario_t model_scenarios[] = {
    {.name = "claim_one",
     .property = ALONE,
     .setup = setup_one,
     .thread = {one_and_back, one_and_back, one},
     .finish = finish,
     .spurious = 1},
    {.name = "claim_within_word",
     .property = ALONE,
     .setup = setup_within,
     .thread = {first_3_and_back, last_2_and_back, first_3},
     .finish = finish,
     .spurious = 1},
    {.name = "claim_across_words",
     .property = ALONE,
     .setup = setup_across,
     .thread = {across_and_back, below_and_back, across},
     .finish = finish},
    {.name = "claim_across_both_ends",
     .property = ALONE,
     .setup = setup_across,
     .thread = {across_and_back, below, above_and_back},
     .finish = finish,
     .spurious = 1},
    {.name = "claim_across_4",
     .property = ALONE,
     .setup = setup_across,
     .thread = {across, below_and_back, above_and_back, across_and_back},
     .finish = finish},
    {.name = NULL}};
