// SPDX-License-Identifier: MIT
// low.c: an owner that only frees gives a page up when few of its blocks are left (the low mark,
// page/page.h), while others free into it and look for pages.
#include "heap/theap.h"
#include "heap/thread.h"
#include "world.h"

static void* block[8];

static void expects_few(void) {
  rix_theap_t* const theap = rix_thread_theap();
  theap->freeing = (rix_freeing_t){.calls = theap->slow_calls, .pages = 100, .only = true};
  rix_page_set_low(world_page(block[0]));
}

// Blocks 0 to 2 of a page live, and the mark is at one. Pages of other classes have room as well:
// more than the owner may keep.
static void setup(void) {
  world_setup(6, true);
  for (size_t size = 5000; size <= 7000; size += 1000)
    world_malloc_as(0, size);
  for (int i = 0; i < 8; i++)
    block[i] = world_malloc_as(0, WORLD_BLOCK);
  for (int i = 3; i < 8; i++)
    world_free_as(0, block[i]);
  world_name_page(block[0]);
  model_as(0, expects_few);
  MODEL_CHECK(rix_page_low(world_page(block[0])) == 1 && rix_page_live(world_page(block[0])) == 3);
}

static void frees_to_mark(void) {
  world_free(block[0]);
  world_free(block[1]);
}
static void frees_all(void) {
  frees_to_mark();
  world_free(block[2]);
}
static void frees_1(void) { world_free_remote(block[1]); }
static void frees_2(void) { world_free_remote(block[2]); }
static void frees_0(void) { world_free(block[0]); }
static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void collects(void) { rix_theap_collect(rix_thread_theap()); }
static void ends(void) { world_thread_exit(); }

static void finish(void) { world_check(); }
// The page has no owner.
static void finish_left(void) {
  world_check();
  MODEL_CHECK((ri_load_relaxed(&world_page(block[2])->xremote) & RIX_REMOTE_ABANDONED) != 0);
}
// Nothing but the pages of the other classes is left.
static void finish_empty(void) {
  world_check();
  for (int t = 0; t < 5; t++)
    world_collect_as(t);
  world_check();
  MODEL_CHECK(world_slices_in_use() == 3);
}

#define OWNER "exactly one owner at any time; no block is lost"
#define EMPTY "who frees the last block sees the page released, once"

const model_scenario_t model_scenarios[] = {
    {.name = "low_alone",
     .property = "a page with few live blocks has no owner",
     .setup = setup,
     .thread = {frees_to_mark},
     .finish = finish_left},
    {.name = "low_all",
     .property = EMPTY,
     .setup = setup,
     .thread = {frees_all},
     .finish = finish_empty},
    {.name = "low_push",
     .property = EMPTY,
     .setup = setup,
     .thread = {frees_to_mark, frees_2},
     .finish = finish_empty,
     .spurious = 1},
    {.name = "low_push_2",
     .property = EMPTY,
     .setup = setup,
     .thread = {frees_0, frees_1, frees_2},
     .finish = finish_empty},
    {.name = "low_claim",
     .property = OWNER,
     .setup = setup,
     .thread = {frees_to_mark, frees_2, allocates},
     .finish = finish},
    {.name = "low_collect",
     .property = OWNER,
     .setup = setup,
     .thread = {collects, frees_1, frees_2},
     .finish = finish},
    {.name = "low_end",
     .property = OWNER,
     .setup = setup,
     .thread = {ends, frees_1, frees_2},
     .finish = finish},
    {.name = NULL},
};
