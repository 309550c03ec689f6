// SPDX-License-Identifier: MIT
// init_first.c: the first use by several threads at once: of the process, with its options and the
// exit hook (heap/thread.c), when no constructor has run; of threads that have exited and begin
// again; and of memory, with the window of the page map and the first arena (arena/*.c).
#include "arena/pagemap.h"
#include "heap/thread.h"
#include "world.h"

static void* block[MODEL_THREADS];
static ri_atomic(void*) xpassed;

static void setup_for(int threads) {
  os_model_init();
  ri_option_set(ri_option_arena_reserve, 1024);  // a thread of the model can map 3 MiB
  for (int t = 0; t < threads; t++)
    model_as(t, ri_thread_init);
  world_leave_out_statistics(threads);
}
static void setup(void) { setup_for(0); }
// The threads have heaps, and there is no memory for blocks yet.
static void setup_threads(void) { setup_for(3); }
// As above, except for the heaps: they were given back, so that each begins with one of those.
static void setup_ended(void) {
  setup_threads();
  for (int t = 0; t < 3; t++)
    model_as(t, ri_thread_done);
}

static void begins(void) {
  ri_thread_init();
  MODEL_CHECK(((rix_tld_t*)rix_tls.self)->exit_known);
}
static void begins_and_ends(void) {
  begins();
  world_thread_exit();
}
static void starts(void) {
  rix_process_init();
  MODEL_CHECK(rix_os_thread_exit_set(NULL));
}
// As world_malloc and world_free, which need world_setup.
static void* takes(void) {
  void* const p = ri_malloc(100);
  MODEL_CHECK(p != NULL);
  model_take(p, 32);
  return p;
}
static void gives(void* p) {
  model_give(p);
  ri_free(p);
}
static void allocates(void) { block[model_thread()] = takes(); }
static void allocates_and_frees(void) { gives(takes()); }
static void passes(void) { ri_store_release(&xpassed, takes()); }
static void finds(void) {
  void* const p = ri_load_acquire(&xpassed);
  if (p != NULL) MODEL_CHECK(ri_usable_size(p) >= 100);
  static int foreign;
  MODEL_CHECK(rix_pagemap_find(&foreign) == NULL);
}
static void frees_nothing(void) { ri_free(NULL); }

// Whoever was started is known to the OS: its heap goes when it ends.
static void exit_is_known(void) {
  MODEL_CHECK(rix_tls.phase != RIX_THREAD_LIVE || ((rix_tld_t*)rix_tls.self)->exit_known);
}
static void finish(void) {
  MODEL_CHECK(os_model.exit != NULL);
  for (int t = 0; t < 3; t++)
    model_as(t, exit_is_known);
  const size_t n = rix_arena_count();
  model_outcome("%zu arenas", n);
  MODEL_CHECK(n <= 1);
  if (n == 1) world_check();
}

const model_scenario_t model_scenarios[] = {
    {.name = "init_process",
     .property = "three that begin at once begin once, and none goes on without the exit hook",
     .setup = setup,
     .thread = {starts, starts, starts},
     .finish = finish},
    {.name = "init_threads",
     .property = "threads that begin and end at once have heaps of their own; all ends are known",
     .setup = setup_ended,
     .thread = {begins, begins_and_ends},
     .finish = finish},
    {.name = "init_memory",
     .property = "the first allocations come from one arena",
     .setup = setup_threads,
     .thread = {allocates, allocates_and_frees},
     .finish = finish},
    {.name = "init_find",
     .property = "a look-up, and a free of nothing, before and while all begins, do no harm",
     .setup = setup_threads,
     .thread = {passes, finds, frees_nothing},
     .finish = finish},
    {.name = NULL}};
