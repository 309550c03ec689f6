// SPDX-License-Identifier: MIT
// locks.c: fork against whatever holds a lock, and the heap of threads that have exited. The locks
// of the model report a deadlock, an order that is not kept, and a thread that is never woken. What
// the child of a fork does: fork.c.
#include <errno.h>

#include <rimalloc/rimalloc.h>

#include "arena/meta.h"
#include "heap/orphan.h"
#include "options/report.h"
#include "world.h"

static void* block[2];

static void setup(void) {
  world_setup(3, true);
  block[0] = world_malloc_as(1, 70000);
}
// Threads 1 and 2 have ended; what they allocate comes from the orphan heap.
static void setup_ended(void) {
  world_setup(3, true);
  world_thread_exit_as(1);
  world_thread_exit_as(2);
}
static void setup_due(void) {
  setup();
  world_free_as(1, block[0]);
  ri_option_set(ri_option_purge_delay, 0);
}

static void forks(void) {
  os_model.fork_before();
  MODEL_CHECK(rix_lock_try(&rix_meta_lock));  // it passes through, as handlers of others may
  rix_unlock(&rix_meta_lock);
  os_model.fork_parent();
}
static void forks_and_allocates(void) {
  os_model.fork_before();
  world_free(world_malloc(70000));
  os_model.fork_parent();
}
static void allocates_and_frees(void) { world_free(world_malloc(70000)); }
static void frees(void) { world_free(block[0]); }
static void ends(void) { world_thread_exit(); }
static void purges(void) { rix_arena_purge(true); }
static void registers(void) { ri_register_error(NULL, NULL); }
static void small(void) { world_malloc(WORLD_BLOCK); }
static void collects(void) { rix_orphan_collect(false); }

// Locks of heaps and pages' lists.
static void ends_heap(void) {
  ri_heap_t* const heap = ri_heap_new();
  model_take(ri_heap_malloc(heap, WORLD_BLOCK), 32);
  ri_heap_delete(heap);
}
// Of mappings, and the page map's.
static void maps(void) {
  ri_option_set(ri_option_arena_max_object_size, 64);
  ri_free(ri_malloc(70000));
}
// Of arenas, and the page map's.
static void reserves(void) {
  const rix_arena_request_t request = {.commit = true};
  MODEL_CHECK(rix_arena_reserve((size_t)1 << 20, request) != NULL);
}
static void joins_and_ends(void) {
  ri_thread_done();
  ri_thread_init();
}

static void finish(void) { world_check(); }

#define FORK "fork and what holds a lock wait for each other, and both come to their end"
const model_scenario_t model_scenarios[] = {
    {.name = "fork_and_fork",
     .property = FORK,
     .setup = setup,
     .thread = {forks, forks_and_allocates},
     .finish = finish},
    {.name = "fork_and_exit",
     .property = FORK,
     .setup = setup,
     .thread = {forks, ends},
     .finish = finish},
    {.name = "fork_and_purge",
     .property = FORK,
     .setup = setup_due,
     .thread = {forks, purges},
     .finish = finish},
    {.name = "fork_and_hook",
     .property = FORK,
     .setup = setup,
     .thread = {forks, registers},
     .finish = finish},
    {.name = "fork_and_large",
     .property = FORK,
     .setup = setup,
     .thread = {forks_and_allocates, frees, allocates_and_frees},
     .finish = finish},
    {.name = "fork_and_orphan",
     .property = FORK,
     .setup = setup_ended,
     .thread = {forks, small},
     .finish = finish},
    {.name = "fork_and_heap",
     .property = FORK,
     .setup = setup,
     .thread = {forks, ends_heap},
     .finish = finish},
    {.name = "fork_and_mapping",
     .property = FORK,
     .setup = setup,
     .thread = {forks, maps},
     .finish = finish},
    {.name = "fork_and_arena",
     .property = FORK,
     .setup = setup,
     .thread = {forks, reserves},
     .finish = finish},
    {.name = "fork_and_begin",
     .property = FORK,
     .setup = setup,
     .thread = {forks, joins_and_ends},
     .finish = finish},
    {.name = "orphans",
     .property = "threads that have ended share a heap; nothing is handed out twice",
     .setup = setup_ended,
     .thread = {collects, small, small},
     .finish = finish},
    {.name = NULL}};
