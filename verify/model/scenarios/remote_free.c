// SPDX-License-Identifier: MIT
// remote_free.c: blocks freed by threads that do not own their page, while the owner allocates from
// it and collects. All 8 blocks of the page are live at the start.
#include <rimalloc/rimalloc.h>

#include "heap/theap.h"
#include "heap/thread.h"
#include "world.h"

static void* block[8];

static void setup(void) {
  world_setup(6, true);
  for (int i = 0; i < 8; i++)
    block[i] = world_malloc_as(0, WORLD_BLOCK);
  world_name_page(block[0]);
}

static void collects(void) { rix_theap_collect(rix_thread_theap()); }
static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void allocates_and_frees(void) { world_free(world_malloc(WORLD_BLOCK)); }
// Reads both lists of the page: a block is live, or it was freed.
static bool counts(const ri_heap_t* heap, const ri_heap_area_t* area, void* p, size_t size,
                   void* arg) {
  (void)heap, (void)area;
  if (p != NULL && size == WORLD_BLOCK) ++*(size_t*)arg;
  return true;
}
static void visits(void) {
  size_t n = 0;
  (void)ri_heap_visit_blocks(NULL, true, counts, &n);
  MODEL_CHECK(n >= 6 && n <= 8);
}
static void frees_1(void) { world_free(block[1]); }
static void frees_2(void) { world_free(block[2]); }
static void frees_3(void) { world_free(block[3]); }
static void frees_4(void) { world_free(block[4]); }
static void pushes_1(void) { world_free_remote(block[1]); }
static void pushes_2(void) { world_free_remote(block[2]); }
static void frees_two(void) {
  world_free(block[5]);
  world_free(block[6]);
}

// Everything is accounted for, and the owner can have all that was freed.
static void finish(void) {
  world_check();
  const size_t slices = world_slices_in_use();
  for (size_t n = model_taken(); n < 8; n++)
    world_malloc_as(0, WORLD_BLOCK);
  MODEL_CHECK(world_slices_in_use() == slices);
  world_check();
}

#define PROPERTY "no block is lost or handed out twice, counts and lists agree"

const model_scenario_t model_scenarios[] = {
    {.name = "remote_free_2",
     .property = PROPERTY,
     .setup = setup,
     .thread = {collects, frees_1, frees_2},
     .finish = finish,
     .spurious = 1},
    {.name = "remote_free_3",
     .property = PROPERTY,
     .setup = setup,
     .thread = {collects, frees_1, frees_2, frees_3},
     .finish = finish},
    {.name = "remote_free_4",
     .property = PROPERTY,
     .setup = setup,
     .thread = {collects, frees_1, frees_2, frees_3, frees_4},
     .finish = finish},
    {.name = "remote_free_each_two",
     .property = PROPERTY,
     .setup = setup,
     .thread = {collects, frees_two, frees_1},
     .finish = finish},
    {.name = "allocate_1",
     .property = PROPERTY,
     .setup = setup,
     .thread = {allocates, frees_1},
     .finish = finish,
     .spurious = 1},
    {.name = "allocate_2",
     .property = PROPERTY,
     .setup = setup,
     .thread = {allocates, frees_1, frees_2},
     .finish = finish,
     .spurious = 1},
    {.name = "allocate_and_free_2",
     .property = PROPERTY,
     .setup = setup,
     .thread = {allocates_and_frees, frees_1, frees_2},
     .finish = finish},
    {.name = "visit_2",
     .property = "who visits the blocks of its own page may read those that others freed",
     .setup = setup,
     .thread = {visits, pushes_1, pushes_2},
     .finish = finish},
    {.name = NULL},
};
