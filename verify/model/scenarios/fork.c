// SPDX-License-Identifier: MIT
// fork.c: the child of a fork: one thread, in memory that others left at any point, except for what
// locks protect (heap/fork.c). It may do everything, with blocks of all; what the others had in
// their hands may be lost. Fork against the locks in the parent: locks.c.
#include <rimalloc/rimalloc.h>

#include "heap/subproc.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "world.h"

static void* block[12];  // 0 to 7 are all of a page of thread 0, which is full; others thread 1's
static ri_heap_t* heap;
static void* in_heap;
static void* left[2];  // by a thread that has exited

static void allocates_in_heap(void) {
  in_heap = ri_heap_malloc(heap, WORLD_BLOCK);
  model_take(in_heap, 32);
}
static void setup(void) {
  world_setup(6, true);
  for (int i = 0; i < 8; i++)
    block[i] = world_malloc_as(0, WORLD_BLOCK);
  world_name_page(block[0]);
  for (int i = 8; i < 12; i++)
    block[i] = world_malloc_as(1, WORLD_BLOCK);
}
static void setup_told(void) {
  setup();
  world_malloc_as(0, WORLD_BLOCK);
  MODEL_CHECK(world_page(block[0])->place == RIX_PLACE_FULL);
}
static void setup_due(void) {
  setup();
  block[0] = world_malloc_as(1, 70000);
  os_model.clock_ms = 1000;
  ri_option_set(ri_option_purge_delay, 0);
}
static void makes_heap(void) { heap = ri_heap_new(); }
static void setup_heap(void) {
  setup();
  model_as(0, makes_heap);
  model_as(1, allocates_in_heap);
}
// A page of a thread that has exited, with a free block.
static void setup_abandoned(void) {
  setup();
  for (int i = 0; i < 2; i++)
    left[i] = world_malloc_as(5, 2 * WORLD_BLOCK);
  world_thread_exit_as(5);
}
// Blocks of 70000 have a mapping of their own; one that was freed waits in the table.
static void setup_mappings(void) {
  setup();
  ri_option_set(ri_option_arena_max_object_size, 64);
  world_free_as(1, world_malloc_as(1, 70000));
}

// Thread 1 belongs to a sub-process.
static rix_subproc_t* sub;
static void joins(void) {
  ri_subproc_add_current_thread((ri_subproc_id_t){sub});
  in_heap = ri_malloc(WORLD_BLOCK);
}
static void setup_sub(void) {
  setup();
  sub = rix_subproc_create();
  model_as(1, joins);
  world_leave_out_statistics(2);
}

// ---- The thread that forks ----------------------------------------------------------------------

static void becomes_child(void) {
  os_model.fork_before();
  model_fork();
  os_model.fork_child();
}
// What it takes and gives back needs every lock but those of heaps and messages.
static void uses(void) {
  world_free(block[9]);
  world_free(world_malloc(WORLD_BLOCK));
  world_free(world_malloc(2 * WORLD_BLOCK));
  world_free(world_malloc(70000));
  rix_theap_collect(rix_thread_theap());
}
static void forks(void) {
  becomes_child();
  uses();
}
static void forks_and_frees(void) {
  becomes_child();
  world_free(block[9]);
  world_free(block[10]);
}
static void forks_and_frees_left(void) {
  becomes_child();
  world_free(left[1]);
  world_malloc(2 * WORLD_BLOCK);
}
static void forks_and_registers(void) {
  becomes_child();
  ri_register_error(NULL, NULL);
  ri_register_deferred_free(NULL, NULL);
}
static void forks_and_purges(void) {
  becomes_child();
  rix_arena_purge(true);
  world_free(world_malloc(70000));
}
static void forks_and_ends_heap(void) {
  becomes_child();
  ri_heap_delete(heap);
  world_free(in_heap);
}
static void forks_and_destroys_heap(void) {
  becomes_child();
  model_give(in_heap);
  ri_heap_destroy(heap);
}
static void forks_and_ends_sub(void) {
  becomes_child();
  rix_subproc_end(sub);
  uses();
}
static void forks_twice_and_ends(void) {
  becomes_child();
  os_model.fork_before();
  os_model.fork_child();
  world_thread_exit();
  world_free(world_malloc(WORLD_BLOCK));  // of the orphans'
}

// ---- What the other was doing -------------------------------------------------------------------

static void allocates(void) {
  model_may_stop();
  world_malloc(2 * WORLD_BLOCK);
}
static void allocates_large(void) {
  model_may_stop();
  world_malloc(70000);
}
static void frees_told(void) {
  model_may_stop();
  world_free(block[2]);
}
static void frees_large(void) {
  model_may_stop();
  world_free(block[0]);
}
static void ends(void) {
  model_may_stop();
  world_thread_exit();
}
static void collects(void) {
  model_may_stop();
  world_free(block[8]);
  rix_theap_collect(rix_thread_theap());
}
static void uses_heap(void) {
  model_may_stop();
  model_take(ri_heap_malloc(heap, 2 * WORLD_BLOCK), 32);
}
static void ends_another_heap(void) {
  model_may_stop();
  ri_heap_delete(ri_heap_new());
}

static void frees_another(void) {
  model_may_stop();
  world_free(block[3]);
}

static void frees_left(void) {
  model_may_stop();
  world_free(left[0]);
}
static void begins(void) {
  model_may_stop();
  ri_thread_done();
  ri_thread_init();
}
static void uses_mappings(void) {
  model_may_stop();
  world_free(world_malloc(70000));
  world_malloc(70000);
}
static void registers(void) {
  model_may_stop();
  ri_register_error(NULL, NULL);
  ri_register_deferred_free(NULL, NULL);
}

static void finish(void) { world_check_child(0); }
static void finish_ended(void) { MODEL_CHECK(model_taken() > 0); }

#define ALONE "the child comes to its end, has its heap whole, and gets nothing twice"

const model_scenario_t model_scenarios[] = {
    {.name = "fork_allocate",
     .property = ALONE,
     .setup = setup,
     .thread = {forks, allocates},
     .finish = finish},
    {.name = "fork_allocate_large",
     .property = ALONE,
     .setup = setup,
     .thread = {forks, allocates_large},
     .finish = finish},
    {.name = "fork_claim",
     .property = ALONE,
     .setup = setup_abandoned,
     .thread = {forks, allocates},
     .finish = finish},
    {.name = "fork_told",
     .property = "the owner is told of each full page with freed blocks, or finds out",
     .setup = setup_told,
     .thread = {forks_and_frees, frees_told},
     .finish = finish},
    {.name = "fork_exit",
     .property = ALONE,
     .setup = setup,
     .thread = {forks, ends},
     .finish = finish},
    {.name = "fork_collect",
     .property = ALONE,
     .setup = setup,
     .thread = {forks_and_frees, collects},
     .finish = finish},
    {.name = "fork_purge",
     .property = ALONE,
     .setup = setup_due,
     .thread = {forks_and_purges, frees_large},
     .finish = finish},
    {.name = "fork_heap_delete",
     .property = ALONE,
     .setup = setup_heap,
     .thread = {forks_and_ends_heap, uses_heap},
     .finish = finish},
    {.name = "fork_heap_destroy",
     .property = ALONE,
     .setup = setup_heap,
     .thread = {forks_and_destroys_heap, uses_heap},
     .finish = finish},
    {.name = "fork_heaps",
     .property = ALONE,
     .setup = setup_heap,
     .thread = {forks_and_ends_heap, ends_another_heap},
     .finish = finish},
    {.name = "fork_twice",
     .property = "a child may fork, and its only thread end",
     .setup = setup,
     .thread = {forks_twice_and_ends, allocates},
     .finish = finish_ended},
    {.name = "fork_two_others",
     .property = ALONE,
     .setup = setup_told,
     .thread = {forks_and_frees, frees_told, frees_another},
     .finish = finish},
    {.name = "fork_allocate_exit",
     .property = ALONE,
     .setup = setup,
     .thread = {forks, allocates, ends},
     .finish = finish},
    {.name = "fork_free_abandoned",
     .property = ALONE,
     .setup = setup_abandoned,
     .thread = {forks_and_frees_left, frees_left},
     .finish = finish},
    {.name = "fork_begin",
     .property = ALONE,
     .setup = setup,
     .thread = {forks, begins},
     .finish = finish},
    {.name = "fork_mapping",
     .property = ALONE,
     .setup = setup_mappings,
     .thread = {forks, uses_mappings},
     .finish = finish},
    {.name = "fork_subproc",
     .property = ALONE,
     .setup = setup_sub,
     .thread = {forks_and_ends_sub, allocates},
     .finish = finish},
    {.name = "fork_hooks",
     .property = ALONE,
     .setup = setup,
     .thread = {forks_and_registers, registers},
     .finish = finish},
    {.name = NULL},
};
