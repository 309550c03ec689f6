// SPDX-License-Identifier: MIT
// slices.c: runs of bits that threads claim and give back (arena/bitmap.c), and real slices that
// are claimed while others give theirs to the OS (arena/arena.c, purge.c).
#include "arena/bitmap.h"
#include "world.h"

enum { BITS = 72 };  // two words

static rix_word_t words[2];
static const rix_bitmap_t map = {words, BITS};
static char slice[BITS][8];

static void setup(void) { rix_bitmap_set_run(&map, 61, 6); }  // 61 .. 66 are free

// Claims a run, uses all of its slices, gives them back.
static void use(size_t from, size_t count) {
  size_t i;
  if (!rix_bitmap_find_run(&map, from, count, 1, 0, &i)) return;
  if (!rix_bitmap_claim_run(&map, i, count)) return;
  for (size_t k = i; k < i + count; k++)
    model_take(slice[k], sizeof(slice[k]));
  for (size_t k = i; k < i + count; k++)
    model_give(slice[k]);
  rix_bitmap_set_run(&map, i, count);
}

static void one(void) { use(0, 1); }
static void last(void) { use(66, 1); }
static void two(void) { use(61, 2); }
static void four(void) { use(62, 4); }
static void six(void) { use(61, 6); }
static void finish(void) { MODEL_CHECK(rix_bitmap_count_run(&map, 0, BITS) == 6); }

// ---- Real slices --------------------------------------------------------------------------------

static void* block;

static void setup_arena(void) {
  world_setup(2, true);
  os_model.clock_ms = 1000;  // what is freed is due at once
  ri_option_set(ri_option_purge_delay, 0);
  block = world_malloc_as(0, 100000);
  model_name(world_page(block), "page");
}
static void setup_strict(void) {
  setup_arena();
  os_model.strict_commit = true;
}
static void frees(void) { world_free(block); }
static void allocates(void) { world_malloc(100000); }
static void finish_arena(void) { world_check(); }

#define ONE "no slice has two owners; what its last owner wrote is seen by the next; none is lost"

const model_scenario_t model_scenarios[] = {
    {.name = "claim_one_one",
     .property = ONE,
     .setup = setup,
     .thread = {one, one},
     .finish = finish,
     .spurious = 1},
    {.name = "claim_one_four",
     .property = ONE,
     .setup = setup,
     .thread = {one, four},
     .finish = finish,
     .spurious = 1},
    {.name = "claim_four_six",
     .property = ONE,
     .setup = setup,
     .thread = {four, six},
     .finish = finish,
     .spurious = 1},
    {.name = "claim_six_last",
     .property = ONE,
     .setup = setup,
     .thread = {six, last},
     .finish = finish,
     .spurious = 1},
    {.name = "claim_three_threads",
     .property = ONE,
     .setup = setup,
     .thread = {four, last, two},
     .finish = finish},
    {.name = "purge_claim",
     .property = "no slice is used while the OS takes it",
     .setup = setup_arena,
     .thread = {frees, allocates},
     .finish = finish_arena},
    {.name = "decommit_claim",
     .property = "no slice is used while it is decommitted",
     .setup = setup_strict,
     .thread = {frees, allocates},
     .finish = finish_arena},
    {.name = NULL},
};
