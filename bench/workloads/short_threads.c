// SPDX-License-Identifier: MIT
// short_threads: threads that live for about a millisecond.
//
// Stresses: the beginning and the end of a thread's use of the allocator. `spawners` threads each
// start one short-lived thread after the other; a short-lived thread allocates a few hundred blocks
// of 16 to 2,048 bytes, replaces them a few thousand times, frees all but `leave` of them and ends.
// The spawner checks and frees those that are left. The same memory should serve all of them in
// turn.
//
// Why it is here: thread-per-request servers, build tools, std::async. An allocator that sets up a
// large heap for each thread, registers it under a lock, or gives all memory of an exited thread
// back to the operating system pays here with every thread. An allocator that never finds the
// memory of exited threads again grows.
//
// A bad result means: system calls and page faults for each thread (see those columns), or slow
// adoption of the pages that exited threads left.
//
// Arguments: spawners (2), blocks (300), steps (8000), leave (20).
#include "batch.h"

typedef struct spawner_s {
  size_t index;
  uint64_t check;
  char padding[64];
} spawner_t;

typedef struct brief_s {
  bench_rng_t rng;
  batch_t* left;
  uint64_t check;
} brief_t;

#define BLOCKS_MAX 4096

static size_t block_count;
static size_t step_count;
static size_t leave_count;
static size_t thread_count;

static void fill(batch_item_t* item, bench_rng_t* rng) {
  item->size = (uint32_t)bench_log_size(rng, 4, 10);
  item->tag = bench_next(rng);
  item->p = bench_malloc(item->size);
  bench_stamp(item->p, item->size, item->tag);
}

static uint64_t drop(const batch_item_t* item) {
  const uint64_t check = bench_verify(item->p, item->size, item->tag);
  free(item->p);
  return check;
}

static void* live_briefly(void* arg) {
  brief_t* const brief = (brief_t*)arg;
  batch_item_t items[BLOCKS_MAX];
  for (size_t i = 0; i < block_count; i++)
    fill(&items[i], &brief->rng);
  for (size_t i = 0; i < step_count; i++) {
    batch_item_t* const item = &items[bench_below(&brief->rng, block_count)];
    brief->check += drop(item);
    fill(item, &brief->rng);
  }
  batch_t* const left = (batch_t*)bench_malloc(sizeof *left + leave_count * sizeof *left->items);
  left->count = leave_count;
  memcpy(left->items, items, leave_count * sizeof *items);
  for (size_t i = leave_count; i < block_count; i++)
    brief->check += drop(&items[i]);
  brief->left = left;
  return NULL;
}

static void* spawn(void* arg) {
  spawner_t* const spawner = (spawner_t*)arg;
  for (size_t i = 0; i < thread_count; i++) {
    brief_t brief = {.rng = bench_seed(spawner->index * 1000000 + i)};
    bench_join(bench_thread(live_briefly, &brief));
    spawner->check += brief.check + batch_drop(brief.left);
  }
  return NULL;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t spawners = bench_arg("spawners", 2);
  block_count = bench_arg("blocks", 300);
  step_count = bench_arg("steps", 8000);
  leave_count = bench_arg("leave", 20);
  if (block_count > BLOCKS_MAX || leave_count > block_count) bench_fail("too many blocks");
  thread_count = bench_scaled(2000 / spawners);
  static spawner_t all[BENCH_MAX_THREADS];
  if (spawners > BENCH_MAX_THREADS) bench_fail("too many spawners");
  for (size_t i = 0; i < spawners; i++)
    all[i].index = i;
  bench_run(spawners, spawn, all, sizeof all[0]);
  uint64_t check = 0;
  for (size_t i = 0; i < spawners; i++)
    check += all[i].check;
  return bench_finish(2 * (uint64_t)spawners * thread_count * (block_count + step_count), check);
}
