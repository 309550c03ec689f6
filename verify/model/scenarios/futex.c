// SPDX-License-Identifier: MIT
// futex.c: the lock that ships (os/lock.h), over a futex as the kernel has it: to look at the word
// and to fall asleep is one step, a wake ends one sleep, and what nobody wakes sleeps for ever.
#include "os/lock.h"

#include "model.h"

static ri_atomic_u32_t word;
static uint32_t bucket;  // the kernel's lock of those that sleep on the word
static ri_atomic_u32_t xasleep[MODEL_THREADS];
static int inside, done;

static void sleep_on(ri_atomic_u32_t* w, uint32_t value) {
  model_lock(&bucket);
  const bool sleeps = ri_load_relaxed(w) == value;
  if (sleeps) ri_store_relaxed(&xasleep[model_thread()], 1);
  model_unlock(&bucket);
  while (sleeps && ri_load_relaxed(&xasleep[model_thread()]) != 0)
    model_wait();
}
static void wake_one(ri_atomic_u32_t* w) {
  (void)w;
  model_lock(&bucket);
  for (int t = 0; t < MODEL_THREADS; t++) {
    if (ri_load_relaxed(&xasleep[t]) == 0) continue;
    ri_store_relaxed(&xasleep[t], 0);
    break;
  }
  model_unlock(&bucket);
}

static void works(void) {
  MODEL_CHECK(++inside == 1);
  done++;
  inside--;
}
static void locks(void) {
  rix_lock_word_take(&word, sleep_on);
  works();
  rix_lock_word_give(&word, wake_one);
}
static void locks_twice(void) {
  locks();
  locks();
}
static void tries(void) {
  if (!rix_lock_word_try(&word)) return;
  works();
  rix_lock_word_give(&word, wake_one);
}
static void finish(void) {
  MODEL_CHECK(ri_load_relaxed(&word) == 0 && inside == 0);
  model_outcome("%d", done);
}

#define LOCK "one at a time is inside, sees what the last one did, and nobody sleeps for ever"
const model_scenario_t model_scenarios[] = {
    {.name = "lock_2", .property = LOCK, .thread = {locks_twice, locks}, .finish = finish},
    {.name = "lock_3", .property = LOCK, .thread = {locks, locks, locks}, .finish = finish},
    {.name = "lock_try", .property = LOCK, .thread = {locks, tries, locks}, .finish = finish},
    {.name = NULL}};
