// SPDX-License-Identifier: MIT
// runs.c: claims that go by lanes (arena/runs.c) while other threads claim and free beside them and
// lower the lanes. Lanes are advice, all of it relaxed: whatever they say, a run has one owner, who
// sees what the last one wrote, a search ends, and what it does not find is still in the bits.
#include "arena/runs.h"
#include "world.h"

enum { BITS = 128 };

static rix_word_t words[2], lanes[1];
static const rix_bitmap_t map = {words, BITS};
static const rix_runs_t runs = {lanes, 2};
static uint8_t slices[BITS];
static size_t all;

static void gives(size_t index, size_t count) {
  rix_bitmap_set_run(&map, index, count);
  rix_runs_freed(&runs, &map, index, count);
}
static void setup(void) {
  gives(10, 2);
  gives(62, 4);
  all = 6;
  model_name(&words[0], "word 0");
  model_name(&words[1], "word 1");
  model_name(&lanes[0], "lanes");
}
static void uses(size_t index, size_t count) {
  rix_runs_claimed(&runs, &map, index, count);
  for (size_t i = 0; i < count; i++)
    model_take(&slices[index + i], 1);
}
// Claims so many where a search says, and frees them when asked to.
static void claims(size_t count, bool back) {
  size_t index;
  if (!rix_runs_find(&runs, &map, count, 1, 0, &index)) return;
  if (!rix_bitmap_claim_run(&map, index, count)) return;
  uses(index, count);
  for (size_t i = 0; back && i < count; i++)
    model_give(&slices[index + i]);
  if (back) gives(index, count);
}
static void two(void) { claims(2, false); }
static void two_and_back(void) { claims(2, true); }
static void three(void) { claims(3, false); }
// Of the lower half of the run that goes on in the second word.
static void middle_and_back(void) {
  if (!rix_bitmap_claim_run(&map, 62, 2)) return;
  uses(62, 2);
  model_give(&slices[62]);
  model_give(&slices[63]);
  gives(62, 2);
}

static void finish(void) {
  MODEL_CHECK(rix_bitmap_count_run(&map, 0, BITS) + model_taken() == all);
}

#define ADVICE "a run has one owner whatever the lanes say; no bit is lost"
const model_scenario_t model_scenarios[] = {
    {.name = "two_two", .property = ADVICE, .setup = setup, .thread = {two, two}, .finish = finish},
    {.name = "two_three",
     .property = ADVICE,
     .setup = setup,
     .thread = {two_and_back, three},
     .finish = finish},
    {.name = "lower_free",
     .property = ADVICE,
     .setup = setup,
     .thread = {middle_and_back, three},
     .finish = finish},
    {.name = NULL},
};
