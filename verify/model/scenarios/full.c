// SPDX-License-Identifier: MIT
// full.c: pages in the full list, which the owner looks at only when it is told to (NOTIFY in the
// remote word, xwoken in the theap).
#include "heap/queue.h"
#include "heap/thread.h"
#include "world.h"

static void* block[9];

// The page of blocks 0 to 7 is full; block 8 lies in another one.
static void setup(void) {
  world_setup(4, true);
  for (int i = 0; i < 9; i++)
    block[i] = world_malloc_as(0, WORLD_BLOCK);
  world_name_page(block[0]);
  model_name(&world_theap(0)->xwoken[world_page(block[0])->class_index], "theap.xwoken");
  MODEL_CHECK(world_page(block[0])->place == RIX_PLACE_FULL);
}

// Two pages are full.
static void* other[8];
static void setup_two(void) {
  setup();
  other[0] = block[8];
  for (int i = 1; i < 8; i++)
    other[i] = world_malloc_as(0, WORLD_BLOCK);
  block[8] = world_malloc_as(0, WORLD_BLOCK);
  MODEL_CHECK(world_page(other[0])->place == RIX_PLACE_FULL);
}
// A page without owner that has one free block.
static void setup_adopt(void) {
  world_setup(6, true);
  for (int i = 0; i < 8; i++)
    block[i] = world_malloc_as(5, WORLD_BLOCK);
  world_name_page(block[0]);
  world_free_as(5, block[0]);
  world_thread_exit_as(5);
}
static void adopts_and_fills(void) {
  world_malloc(WORLD_BLOCK);
  world_malloc(WORLD_BLOCK);
}

static void looks(void) {
  rix_theap_t* const theap = rix_thread_theap();
  rix_queue_sweep_full(theap, world_page(block[0])->class_index);
}
static void looks_twice(void) {
  looks();
  looks();
}
static void frees_own(void) { world_free(block[0]); }
static void frees_own_and_looks(void) {
  world_free(block[0]);
  looks();
}
static void frees_1(void) { world_free(block[1]); }
static void frees_2(void) { world_free(block[2]); }
static void frees_3(void) { world_free(block[3]); }
static void frees_other(void) { world_free_remote(other[1]); }
static void pushes_1(void) { world_free_remote(block[1]); }
static void frees_two(void) {
  world_free(block[4]);
  world_free(block[5]);
}

// world_check: the owner has been told of each full page with freed blocks. Then it finds them.
static void finish(void) {
  world_check();
  rix_theap_t* const theap = world_theap(0);
  const ri_page_t* const page = world_page(block[0]);
  rix_queue_sweep_full(theap, page->class_index);
  MODEL_CHECK(page->place == RIX_PLACE_QUEUE && rix_remote_count(page) <= model_taken());
  world_check();
}

static void finish_two(void) {
  world_check();
  rix_queue_sweep_full(world_theap(0), world_page(block[0])->class_index);
  MODEL_CHECK(world_page(block[0])->place == RIX_PLACE_QUEUE);
  MODEL_CHECK(world_page(other[0])->place == RIX_PLACE_QUEUE);
  world_check();
}

#define PROPERTY "the owner is told of every full page with freed blocks"

const model_scenario_t model_scenarios[] = {
    {.name = "full_sweep_1",
     .property = PROPERTY,
     .setup = setup,
     .thread = {looks, frees_1},
     .finish = finish,
     .spurious = 1},
    {.name = "full_sweep_2",
     .property = PROPERTY,
     .setup = setup,
     .thread = {looks, frees_1, frees_2},
     .finish = finish,
     .spurious = 1},
    {.name = "full_sweep_3",
     .property = PROPERTY,
     .setup = setup,
     .thread = {looks, frees_1, frees_2, frees_3},
     .finish = finish},
    {.name = "full_sweep_twice",
     .property = PROPERTY,
     .setup = setup,
     .thread = {looks_twice, frees_1, frees_two},
     .finish = finish},
    {.name = "full_own_free",
     .property = PROPERTY,
     .setup = setup,
     .thread = {frees_own, frees_1, frees_2},
     .finish = finish},
    {.name = "full_own_free_and_sweep",
     .property = PROPERTY,
     .setup = setup,
     .thread = {frees_own_and_looks, frees_1, frees_2},
     .finish = finish},
    {.name = "full_two_pages",
     .property = PROPERTY,
     .setup = setup_two,
     .thread = {looks, pushes_1, frees_other},
     .finish = finish_two},
    {.name = "full_adopted",
     .property = PROPERTY,
     .setup = setup_adopt,
     .thread = {adopts_and_fills, pushes_1},
     .finish = world_check},
    {.name = NULL},
};
