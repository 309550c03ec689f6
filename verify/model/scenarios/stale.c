// SPDX-License-Identifier: MIT
// stale.c: a thread finds a page in the abandoned bitmap, or left a block in it, and when it claims
// it, the page is gone and its memory is something else.
#include "world.h"

enum { LARGE = 100000 };  // a page of one block, in two slices

static void* block;

static void setup(void) {
  world_setup(6, true);
  block = world_malloc_as(5, WORLD_BLOCK);
  world_name_page(block);
  world_thread_exit_as(5);
}

// With two blocks: a thread that frees one and leaves the page looks at it once more.
static void* other_block;
static void setup_two(void) {
  world_setup(6, true);
  block = world_malloc_as(5, WORLD_BLOCK);
  other_block = world_malloc_as(5, WORLD_BLOCK);
  world_name_page(block);
  world_thread_exit_as(5);
}
static void leaves(void) { world_free(other_block); }
static void leave_becomes_single(void) {
  world_free(block);
  world_malloc(LARGE);
}
static void leave_becomes_single_and_free(void) {
  world_free(block);
  world_free(world_malloc(LARGE));
}
static void leave_becomes_other_and_ends(void) {
  world_free(block);
  world_malloc(WORLD_BLOCK / 2);
  world_thread_exit();
}

static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void allocates_other(void) { world_malloc(2 * WORLD_BLOCK); }
static void becomes_single(void) {
  world_free_remote(block);
  world_malloc(LARGE);
}
static void becomes_single_and_free(void) {
  world_free_remote(block);
  world_free(world_malloc(LARGE));
}
static void becomes_other_class(void) {
  world_free_remote(block);
  world_malloc(WORLD_BLOCK / 2);
}
static void becomes_other_and_ends(void) {
  world_free_remote(block);
  world_malloc(WORLD_BLOCK / 2);
  world_thread_exit();
}

static void finish(void) { world_check(); }

#define PROPERTY "a claim by a stale bit takes nothing from the page's new user"

const model_scenario_t model_scenarios[] = {
    {.name = "stale_single",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_single, allocates},
     .finish = finish},
    {.name = "stale_single_freed",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_single_and_free, allocates},
     .finish = finish},
    {.name = "stale_other_class",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_other_class, allocates},
     .finish = finish},
    {.name = "stale_other_class_abandoned",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_other_and_ends, allocates},
     .finish = finish},
    {.name = "release_claim",
     .property = PROPERTY,
     .setup = setup,
     .thread = {becomes_single, allocates_other},
     .finish = finish},
    {.name = "left_single",
     .property = PROPERTY,
     .setup = setup_two,
     .thread = {leave_becomes_single, leaves},
     .finish = finish},
    {.name = "left_single_freed",
     .property = PROPERTY,
     .setup = setup_two,
     .thread = {leave_becomes_single_and_free, leaves},
     .finish = finish},
    {.name = "left_other_class_abandoned",
     .property = PROPERTY,
     .setup = setup_two,
     .thread = {leave_becomes_other_and_ends, leaves},
     .finish = finish},
    {.name = NULL},
};
