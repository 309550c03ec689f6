// SPDX-License-Identifier: MIT
// visit.c: pages without owner are visited (api/visit.c) while they are released and become others.
#include <rimalloc/rimalloc.h>

#include "world.h"

enum { LARGE = 100000 };  // a page of one block, in two slices

static ri_heap_t* heap;  // NULL: the main one
static void* block;

static void allocates_of_heap(void) {
  heap = ri_heap_new();
  block = ri_heap_malloc(heap, WORLD_BLOCK);
  model_take(block, 32);
}
static void leave(void) {
  world_name_page(block);
  world_thread_exit_as(5);
}
static void setup(void) {
  world_setup(6, true);
  heap = NULL;
  block = world_malloc_as(5, WORLD_BLOCK);
  leave();
}
static void setup_heap(void) {
  world_setup(6, true);
  model_as(5, allocates_of_heap);
  leave();
}

// What a running thread has was not left behind.
static bool sees(const ri_heap_t* of, const ri_heap_area_t* area, void* p, size_t size, void* arg) {
  (void)arg;
  MODEL_CHECK(of == (heap != NULL ? heap : &rix_heap_default));
  MODEL_CHECK(size == WORLD_BLOCK && area->block_size == WORLD_BLOCK);
  MODEL_CHECK(p == NULL || p == block);
  return true;
}
static void visits(void) { MODEL_CHECK(ri_heap_visit_abandoned_blocks(heap, true, sees, NULL)); }
static void becomes_single(void) {
  world_free_remote(block);
  world_malloc(LARGE);
}
static void becomes_single_and_free(void) {
  world_free_remote(block);
  world_free(world_malloc(LARGE));
}
static void becomes_own(void) {
  world_free_remote(block);
  world_malloc(WORLD_BLOCK / 2);
}
static void frees(void) { world_free_remote(block); }

#define PROPERTY "only what an ended thread left is visited, and is then as it was"

const model_scenario_t model_scenarios[] = {
    {.name = "visit_single",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_single, visits},
     .finish = world_check},
    {.name = "visit_single_freed",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_single_and_free, visits},
     .finish = world_check},
    {.name = "visit_own",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_own, visits},
     .finish = world_check},
    {.name = "visit_twice",
     .property = PROPERTY,
     .setup = setup,
     .thread = {visits, visits, frees},
     .finish = world_check},
    {.name = "visit_heap",
     .property = PROPERTY,
     .setup = setup_heap,
     .thread = {becomes_single, visits},
     .finish = world_check},
    {.name = NULL},
};
