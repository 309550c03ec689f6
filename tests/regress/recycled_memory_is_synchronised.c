// SPDX-License-Identifier: MIT
// recycled_memory_is_synchronised.c: memory that thread creation recycled was reported as a race,
// because a slot was read without an atomic. This test matters under ThreadSanitizer: threads start
// threads, hand over blocks by pthread_create and pthread_join alone, and reuse each other's memory
// as fast as it can be recycled, in all ways: local, remote, abandoned, reclaimed, large. On that
// bug the sanitizer reports; in other builds the contents are checked.
#include "../check.h"

enum { DEPTH = 3, WIDTH = 3, PARCELS = 24 };

typedef struct task_s {
  size_t depth;
  uint64_t seed;
  void* in[PARCELS];
  void* out[PARCELS];
} task_t;

static size_t size_of(size_t i) { return 16 + i * i * 40 + (i % 8 == 7 ? 100000 : 0); }

static void* run(void* arg) {
  task_t* const task = arg;
  for (size_t i = 0; i < PARCELS; i++) {
    if (task->in[i] != NULL) CHECK_FILLED(task->in[i], size_of(i), i);
    ri_free(task->in[i]);
    task->out[i] = ri_malloc(size_of(i));
    CHECK(task->out[i] != NULL);
    check_fill(task->out[i], size_of(i), i);
  }
  if (task->depth == 0) return NULL;
  pthread_t threads[WIDTH];
  task_t* children[WIDTH];
  for (size_t t = 0; t < WIDTH; t++) {
    children[t] = ri_calloc(1, sizeof(task_t));  // the task itself travels, too
    CHECK(children[t] != NULL);
    children[t]->depth = task->depth - 1;
    for (size_t i = t; i < PARCELS; i += WIDTH) {
      children[t]->in[i] = task->out[i];
      task->out[i] = NULL;
    }
    threads[t] = check_start(run, children[t]);
  }
  for (size_t t = 0; t < WIDTH; t++) {
    check_join(threads[t]);
    for (size_t i = 0; i < PARCELS; i++) {
      CHECK(children[t]->out[i] == NULL || ri_usable_size(children[t]->out[i]) >= size_of(i));
      if (task->out[i] == NULL) {
        task->out[i] = children[t]->out[i];
        continue;
      }
      if (children[t]->out[i] != NULL) CHECK_FILLED(children[t]->out[i], size_of(i), i);
      ri_free(children[t]->out[i]);
    }
    ri_free(children[t]);
  }
  return NULL;
}

int main(void) {
  check_watchdog(100);
  ri_free(ri_malloc(1));
  const ri_summary_t before = check_summary();
  const size_t rounds = check_scaled(20);
  for (size_t round = 0; round < rounds; round++) {
    task_t task = {.depth = DEPTH};
    run(&task);
    for (size_t i = 0; i < PARCELS; i++)
      ri_free(task.out[i]);
  }
  ri_collect(true);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu blocks, before %zu", after.blocks, before.blocks);
  CHECK(after.threads == before.threads && after.abandoned == 0);
  CHECK(ri_audit());
  return 0;
}
