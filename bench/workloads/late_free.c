// SPDX-License-Identifier: MIT
// late_free: one thread builds long-lived data; others free it much later, in between their own
// work.
//
// Stresses: remote frees into pages that nobody allocates from. A builder thread makes `nodes`
// nodes of 16 to 400 bytes and ends (or, with keep=1, sleeps on). Then `threads` workers do work of
// their own and, after every fourth operation, free one of the builder's nodes, in an order that
// jumps through memory. The pages of the builder are full, belong to no thread or to one that
// sleeps, and empty slowly, from the outside.
//
// Why it is here: programs that load a data set at start and release it piece by piece: caches with
// expiry, compilers between phases, games between levels. Allocators that collect remote frees only
// when the owner allocates never reuse this memory; those that let the freeing thread adopt the
// page do. Two rounds: the second builder should be able to use what the first one's nodes left.
//
// A bad result means: peak memory of two data sets instead of one, or remote frees that take a
// lock.
//
// Arguments: threads (2), nodes (600000), keep (0).
#include <semaphore.h>

#include "batch.h"

typedef struct builder_s {
  batch_item_t* nodes;
  uint64_t seed;
} builder_t;

typedef struct worker_s {
  size_t index;
  uint64_t check;
  char padding[64];
} worker_t;

#define OWN 1000

static size_t node_count;
static size_t thread_count;
static batch_item_t* nodes;
static sem_t built;
static sem_t leave;

static void fill(batch_item_t* item, bench_rng_t* rng) {
  item->size = (uint32_t)bench_between(rng, 16, 400);
  item->tag = bench_next(rng);
  item->p = bench_malloc(item->size);
  bench_stamp(item->p, item->size, item->tag);
}

static uint64_t drop(const batch_item_t* item) {
  const uint64_t check = bench_verify(item->p, item->size, item->tag);
  free(item->p);
  return check;
}

static void* build(void* arg) {
  bench_rng_t rng = bench_seed(((builder_t*)arg)->seed);
  for (size_t i = 0; i < node_count; i++)
    fill(&nodes[i], &rng);
  sem_post(&built);
  sem_wait(&leave);
  return NULL;
}

static void* work(void* arg) {
  worker_t* const worker = (worker_t*)arg;
  bench_rng_t rng = bench_seed(600 + worker->index);
  batch_item_t own[OWN];
  for (size_t i = 0; i < OWN; i++)
    fill(&own[i], &rng);
  const size_t share = node_count / thread_count;
  for (size_t i = 0; i < share; i++) {
    for (size_t k = 0; k < 4; k++) {
      batch_item_t* const item = &own[bench_below(&rng, OWN)];
      worker->check += drop(item);
      fill(item, &rng);
    }
    // 7919 is prime and no divisor of share: every node once, neighbours far apart in time.
    worker->check += drop(&nodes[worker->index * share + i * 7919 % share]);
  }
  for (size_t i = 0; i < OWN; i++)
    worker->check += drop(&own[i]);
  return NULL;
}

static uint64_t round_of(size_t number, bool keep) {
  static worker_t workers[BENCH_MAX_THREADS];
  builder_t builder = {nodes, 700 + number};
  const pthread_t thread = bench_thread(build, &builder);
  sem_wait(&built);
  if (!keep) {
    sem_post(&leave);
    bench_join(thread);
  }
  for (size_t i = 0; i < thread_count; i++)
    workers[i] = (worker_t){.index = i};
  bench_run(thread_count, work, workers, sizeof workers[0]);
  if (keep) {
    sem_post(&leave);
    bench_join(thread);
  }
  uint64_t check = 0;
  for (size_t i = 0; i < thread_count; i++)
    check += workers[i].check;
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  thread_count = bench_arg("threads", 2);
  if (thread_count < 1 || thread_count > BENCH_MAX_THREADS) bench_fail("too many threads");
  const bool keep = bench_arg("keep", 0) != 0;
  node_count = bench_scaled(bench_arg("nodes", 600000)) / thread_count * thread_count;
  if (node_count == 0) node_count = thread_count;
  if (node_count / thread_count % 7919 == 0) node_count += thread_count;
  nodes = (batch_item_t*)bench_malloc(node_count * sizeof *nodes);
  sem_init(&built, 0, 0);
  sem_init(&leave, 0, 0);
  uint64_t check = 0;
  for (size_t i = 0; i < 2; i++)
    check += round_of(i, keep);
  free(nodes);
  return bench_finish(4 * (uint64_t)node_count * 5, check);
}
