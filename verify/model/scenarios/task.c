// SPDX-License-Identifier: MIT
// task.c: the word that says whether the allocator's own task runs (os/task.h), over a futex as the
// kernel has it. The task is played by the thread that begins it: what matters is the order of what
// one task leaves behind and what the next one, or who held until it ended, finds.
#include "os/task.h"

#include "model.h"

static ri_atomic_u32_t word;
static uint32_t bucket;  // the kernel's lock of those that sleep on the word
static ri_atomic_u32_t xasleep[MODEL_THREADS];
static int credit, inside;  // plain: the task's

static bool sleep_on(ri_atomic_u32_t* w, uint32_t value) {
  model_lock(&bucket);
  const bool sleeps = ri_load_relaxed(w) == value;
  if (sleeps) ri_store_relaxed(&xasleep[model_thread()], 1);
  model_unlock(&bucket);
  while (sleeps && ri_load_relaxed(&xasleep[model_thread()]) != 0)
    model_wait();
  return true;
}
static void wake_all(ri_atomic_u32_t* w) {
  (void)w;
  model_lock(&bucket);
  for (int t = 0; t < MODEL_THREADS; t++)
    ri_store_relaxed(&xasleep[t], 0);
  model_unlock(&bucket);
}

static void runs(void) {
  if (!rix_task_begin(&word)) return;
  MODEL_CHECK(++inside == 1);
  credit++;
  inside--;
  rix_task_end(&word, wake_all);
}
// One that sleeps until somebody wants its end, unless that was before its time.
static void runs_until_asked(void) {
  if (!rix_task_begin(&word)) return;
  MODEL_CHECK(++inside == 1);
  const bool first = credit++ == 0;
  while (first && !rix_task_is_asked(&word))
    sleep_on(&word, RIX_TASK_THERE);
  inside--;
  rix_task_end(&word, wake_all);
}
static void holds(void) {
  rix_task_hold(&word, sleep_on, wake_all);
  MODEL_CHECK(inside == 0);
  credit++;
  rix_task_release(&word);
}
static void finish(void) {
  MODEL_CHECK(ri_load_relaxed(&word) == 0 && inside == 0);
  model_outcome("%d", credit);
}

const model_scenario_t model_scenarios[] = {
    {.name = "task_twice",
     .property = "one task at a time, and it sees what the last one left",
     .thread = {runs, runs, runs},
     .finish = finish},
    {.name = "task_hold",
     .property = "who holds sees what the task did, and none begins meanwhile",
     .thread = {runs, holds},
     .finish = finish},
    {.name = "task_asked",
     .property = "a task that sleeps ends for who holds, and nobody sleeps for ever",
     .thread = {runs_until_asked, holds},
     .finish = finish},
    {.name = NULL}};
