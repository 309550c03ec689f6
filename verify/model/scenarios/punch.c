// SPDX-License-Identifier: MIT
// punch.c: parts of a page go back to the OS (page/holes.h) while others free its blocks, look for
// pages to adopt, and exit. Blocks of two OS pages; of the 8 of the page 1, 4 and 6 are live.
#include <rimalloc/rimalloc.h>

#include "heap/sparse.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "page/unowned.h"
#include "world.h"

static void* block[8];
static rix_heap_t* heap;

static void prepare(int owner) {
  for (int i = 0; i < 8; i++)
    block[i] = world_malloc_as(owner, WORLD_BLOCK);
  world_name_page(block[0]);
  static const int freed[] = {0, 2, 3, 5, 7};
  for (int i = 0; i < 5; i++)
    world_free_as(owner, block[freed[i]]);
}
static void setup(void) {
  world_setup(6, true);
  prepare(0);
}
static void setup_unowned(void) {
  world_setup(6, true);
  prepare(5);
  world_thread_exit_as(5);
}
// With one live block.
static void setup_unowned_one(void) {
  world_setup(6, true);
  prepare(5);
  world_free_as(5, block[4]);
  world_free_as(5, block[6]);
  world_thread_exit_as(5);
}
// As left behind by a thread that had punched it.
static void punches(void) {
  rix_sparse_punch(rix_thread_theap());
  rix_punch_t punch = {.all = true};
  rix_unowned_punch(&punch);
}
static void setup_unowned_holes(void) {
  world_setup(6, true);
  prepare(5);
  model_as(5, punches);
  MODEL_CHECK(rix_holes_any(world_page(block[1])));
  world_thread_exit_as(5);
}
static void allocates_of_heap(void) {
  heap = ri_heap_new();
  for (int i = 0; i < 3; i++) {
    block[i] = ri_heap_malloc(heap, WORLD_BLOCK);
    model_take(block[i], 32);
  }
  world_free(block[0]);
}
static void setup_heap(void) {
  world_setup(6, true);
  model_as(5, allocates_of_heap);
  world_name_page(block[1]);
  world_thread_exit_as(5);
}

static void punches_unowned(void) {
  rix_punch_t punch = {.all = true};
  rix_unowned_punch(&punch);
}
static void punches_and_allocates(void) {
  punches();
  for (int i = 0; i < 2; i++)
    world_malloc(WORLD_BLOCK);
}
static void collects(void) { rix_theap_collect(rix_thread_theap()); }
static void collects_and_punches(void) {
  collects();
  punches();
}
static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void punches_and_ends(void) {
  punches();
  world_thread_exit();
}
static void frees_1(void) { world_free(block[1]); }
static void frees_4(void) { world_free(block[4]); }
static void pushes_1(void) { world_free_remote(block[1]); }
static void destroys(void) {
  model_give(block[1]);
  model_give(block[2]);
  ri_heap_destroy(heap);
}
static void deletes(void) { ri_heap_delete(heap); }

static void finish(void) { world_check(); }
// A thread can have all blocks of the page again, and needs no other.
static void finish_room(void) {
  world_check();
  const size_t slices = world_slices_in_use();
  for (size_t n = model_taken(); n < 8; n++)
    world_malloc_as(1, WORLD_BLOCK);
  MODEL_CHECK(world_slices_in_use() == slices && !rix_holes_any(world_page(block[1])));
  world_check();
}

#define LOST "no block is lost, handed out twice, or gone while it is live"
#define OWNER "exactly one owner at any time, whoever gives parts of the page back"

const model_scenario_t model_scenarios[] = {
    {.name = "punch_free_1",
     .property = LOST,
     .setup = setup,
     .thread = {punches, frees_1},
     .finish = finish,
     .spurious = 1},
    {.name = "punch_free_2",
     .property = LOST,
     .setup = setup,
     .thread = {punches_and_allocates, frees_1, frees_4},
     .finish = finish},
    {.name = "punch_collect",
     .property = LOST,
     .setup = setup,
     .thread = {collects_and_punches, frees_1, frees_4},
     .finish = finish},
    {.name = "punch_and_end",
     .property = OWNER,
     .setup = setup,
     .thread = {punches_and_ends, pushes_1},
     .finish = finish},
    {.name = "punch_unowned_free",
     .property = OWNER,
     .setup = setup_unowned,
     .thread = {punches_unowned, frees_1},
     .finish = finish,
     .spurious = 1},
    {.name = "punch_unowned_room",
     .property = LOST,
     .setup = setup_unowned,
     .thread = {punches_unowned, punches_unowned},
     .finish = finish_room},
    {.name = "punch_unowned_claim",
     .property = OWNER,
     .setup = setup_unowned,
     .thread = {punches_unowned, allocates},
     .finish = finish},
    {.name = "punch_unowned_claim_holes",
     .property = OWNER,
     .setup = setup_unowned_holes,
     .thread = {punches_unowned, allocates},
     .finish = finish},
    {.name = "punch_unowned_emptied",
     .property = OWNER,
     .setup = setup_unowned_one,
     .thread = {punches_unowned, pushes_1},
     .finish = finish},
    {.name = "punch_unowned_destroyed",
     .property = OWNER,
     .setup = setup_heap,
     .thread = {punches_unowned, destroys},
     .finish = finish},
    {.name = "punch_unowned_deleted",
     .property = OWNER,
     .setup = setup_heap,
     .thread = {punches_unowned, deletes},
     .finish = finish},
    {.name = NULL},
};
