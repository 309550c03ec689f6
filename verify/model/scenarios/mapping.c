// SPDX-License-Identifier: MIT
// mapping.c: blocks that have a mapping of their own, and the table in which freed ones wait for
// the next, or for a purge that unmaps them (arena/mapping.c). The model's OS ends the execution
// when somebody touches what was unmapped.
#include "arena/mapping.h"
#include "world.h"

enum { SIZE = 70000 };

static void* block[2];

static void setup(void) {
  world_setup(3, true);
  ri_option_set(ri_option_arena_max_object_size, 64);
  for (int t = 0; t < 2; t++)
    block[t] = world_malloc_as(t, SIZE);
  MODEL_CHECK(rix_mapping_count() == 2);
}
static void setup_cached(void) {
  setup();
  world_free_as(0, block[0]);
  MODEL_CHECK(rix_mapping_cached() > 0);
}

static void frees_0(void) { world_free(block[0]); }
static void frees_1(void) { world_free(block[1]); }
static void allocates(void) {
  uint8_t* const p = world_malloc(SIZE);
  p[SIZE - 1] = 1;
}
static void allocates_and_frees(void) { world_free(world_malloc(SIZE)); }
static void purges(void) { rix_arena_purge(true); }

// Each mapping is somebody's, or in the table, or gone.
static void finish(void) {
  MODEL_CHECK(rix_mapping_count() == model_taken());
  MODEL_CHECK(rix_mapping_cached() % rix_align_up(SIZE, 4096) == 0);
  rix_arena_purge(true);
  MODEL_CHECK(rix_mapping_cached() == 0);
}

#define OWNER "a mapping has one owner, and is there while it has one"

const model_scenario_t model_scenarios[] = {{.name = "mapping_free_allocate",
                                             .property = OWNER,
                                             .setup = setup,
                                             .thread = {frees_0, allocates},
                                             .finish = finish},
                                            {.name = "mapping_two_take",
                                             .property = OWNER,
                                             .setup = setup_cached,
                                             .thread = {allocates, allocates_and_frees},
                                             .finish = finish},
                                            {.name = "mapping_take_purge",
                                             .property = OWNER,
                                             .setup = setup_cached,
                                             .thread = {allocates, purges, frees_1},
                                             .finish = finish},
                                            {.name = NULL}};
