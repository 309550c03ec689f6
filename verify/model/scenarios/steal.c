// SPDX-License-Identifier: MIT
// steal.c: what others freed into a page goes back to the OS without its owner (page/steal.c), who
// may do anything meanwhile. Blocks of two OS pages, so each one that others freed is two gaps.
#include <rimalloc/rimalloc.h>

#include "heap/queue.h"
#include "heap/sparse.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "page/holes.h"
#include "world.h"

static void* block[9];
static rix_heap_t* heap;

static void steals(void) { rix_sparse_steal(); }

// The page of blocks 0 to 7 is full, but for block 1 that another thread freed.
static void setup(void) {
  world_setup(6, true);
  for (int i = 0; i < 9; i++)
    block[i] = world_malloc_as(0, WORLD_BLOCK);
  world_name_page(block[0]);
  model_name(&world_page(block[0])->xgaps, "page.xgaps");
  MODEL_CHECK(world_page(block[0])->place == RIX_PLACE_FULL);
  world_free_as(5, block[1]);
}
// Which went back.
static void setup_gaps(void) {
  setup();
  model_as(5, steals);
  MODEL_CHECK((ri_load_relaxed(&world_page(block[0])->xremote) & RIX_REMOTE_GAPS) != 0);
  world_free_as(5, block[2]);
}
// No other block is live.
static void setup_last(void) {
  setup();
  for (int i = 0; i < 8; i++)
    if (i != 1) world_free_as(5, block[i]);
}
// The owner uses other pages of the class first.
static void allocates_of_heap(void) {
  heap = ri_heap_new();
  for (int i = 0; i < 2; i++) {
    block[i] = ri_heap_malloc(heap, WORLD_BLOCK);
    model_take(block[i], 32);
  }
}
static void setup_heap(void) {
  world_setup(6, true);
  model_as(5, allocates_of_heap);
  world_name_page(block[1]);
  world_free_as(4, block[1]);
}

static void collects(void) { rix_theap_collect(rix_thread_theap()); }
static void looks(void) {
  rix_queue_sweep_full(rix_thread_theap(), world_page(block[0])->class_index);
}
static void looks_and_allocates(void) {
  looks();
  world_malloc(WORLD_BLOCK);
}
static void frees_own(void) { world_free(block[0]); }
static void frees_2(void) { world_free_remote(block[2]); }
static void frees_3(void) { world_free_remote(block[3]); }
static void ends(void) { world_thread_exit(); }
static void frees_own_and_ends(void) {
  world_free(block[0]);
  world_thread_exit();
}
static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void destroys(void) {
  model_give(block[0]);
  ri_heap_destroy(heap);
}
static void deletes(void) { ri_heap_delete(heap); }
static void forks_and_collects(void) {
  os_model.fork_before();
  model_fork();
  os_model.fork_child();
  collects();
}

static void steals_and_stops(void) {
  model_may_stop();
  steals();
}

static void finish(void) { world_check(); }
// The owner finds all that was freed, and needs no other page.
static void finish_room(void) {
  world_check();
  const size_t slices = world_slices_in_use();
  const ri_page_t* const page = world_page(block[0]);
  for (size_t n = model_taken(); n < 16; n++)
    world_malloc_as(0, WORLD_BLOCK);
  MODEL_CHECK(world_slices_in_use() == slices);
  MODEL_CHECK(rix_page_live(page) == 8 && !rix_holes_any(page));
  MODEL_CHECK(ri_load_relaxed(&page->xgaps) == 0);
  world_check();
}
static void finish_heap(void) {
  model_as(5, rix_heap_settle);
  world_check();
}
static void finish_child(void) { world_check_child(0); }

#define LOST "no block is lost, handed out twice, or gone while it is live"
#define TOLD "the owner of a full page is told of what a thief gives back"
#define OWNER "exactly one owner at any time, whoever steals from it"

const model_scenario_t model_scenarios[] = {
    {.name = "steal_free",
     .property = LOST,
     .setup = setup,
     .thread = {frees_own, frees_2, steals},
     .finish = finish_room,
     .spurious = 1},
    {.name = "steal_looks",
     .property = TOLD,
     .setup = setup,
     .thread = {looks_and_allocates, frees_2, steals},
     .finish = finish_room},
    {.name = "steal_collect",
     .property = LOST,
     .setup = setup,
     .thread = {collects, frees_2, steals},
     .finish = finish_room},
    {.name = "steal_gaps",
     .property = LOST,
     .setup = setup_gaps,
     .thread = {collects, frees_3, steals},
     .finish = finish_room},
    {.name = "steal_two_thieves",
     .property = LOST,
     .setup = setup_gaps,
     .thread = {looks, steals, steals},
     .finish = finish_room},
    {.name = "steal_end",
     .property = OWNER,
     .setup = setup,
     .thread = {ends, steals},
     .finish = finish},
    {.name = "steal_end_listed",
     .property = OWNER,
     .setup = setup,
     .thread = {frees_own_and_ends, steals},
     .finish = finish},
    {.name = "steal_end_last",
     .property = OWNER,
     .setup = setup_last,
     .thread = {ends, steals},
     .finish = finish},
    {.name = "steal_end_claim",
     .property = OWNER,
     .setup = setup,
     .thread = {ends, steals, allocates},
     .finish = finish},
    {.name = "steal_destroyed",
     .property = OWNER,
     .setup = setup_heap,
     .thread = {destroys, steals},
     .finish = finish_heap},
    {.name = "steal_deleted",
     .property = OWNER,
     .setup = setup_heap,
     .thread = {deletes, steals},
     .finish = finish_heap},
    {.name = "steal_fork",
     .property = "a child of a fork finds what a thief had",
     .setup = setup,
     .thread = {forks_and_collects, steals_and_stops},
     .finish = finish_child},
    {.name = NULL},
};
