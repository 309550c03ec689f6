// SPDX-License-Identifier: MIT
// idle_threads: 200 threads, each of which holds a little memory and is nearly always asleep.
//
// Stresses: memory per thread. Every thread allocates some blocks of many sizes (16 bytes to 4
// KiB), frees half of them and sleeps; every now and then it is woken, replaces a few blocks and
// sleeps again. An allocator that gives each thread a heap with a page for each class, or a cache
// filled in batches, multiplies its waste by 200, and caches of sleeping threads can be returned by
// nobody else.
//
// Why it is here: thread pools, browsers and language runtimes hold hundreds of such threads.
//
// The number that counts is resident memory while all threads are asleep (`phase asleep`, and
// final, which is taken before the threads end). Wake-ups are one thread at a time, in turn, so the
// time is not a race; it is dominated by the switches between threads.
//
// A bad result means: hundreds of kibibytes for each thread that uses ten.
//
// Arguments: threads (200), blocks (60), wakes (20) of each thread.
#include <semaphore.h>

#include "batch.h"

#define BLOCKS_MAX 1024

typedef struct sleeper_s {
  sem_t wake;
  bench_rng_t rng;
  uint64_t check;
  bool ends;
} sleeper_t;

static size_t block_count;
static sem_t asleep;

static void fill(batch_item_t* item, bench_rng_t* rng) {
  item->size = (uint32_t)bench_log_size(rng, 4, 11);
  item->tag = bench_next(rng);
  item->p = bench_malloc(item->size);
  bench_stamp(item->p, item->size, item->tag);
}

static uint64_t drop(batch_item_t* item) {
  if (item->p == NULL) return 0;
  const uint64_t check = bench_verify(item->p, item->size, item->tag);
  free(item->p);
  item->p = NULL;
  return check;
}

static void* sleeper(void* arg) {
  sleeper_t* const self = (sleeper_t*)arg;
  batch_item_t items[BLOCKS_MAX];
  for (size_t i = 0; i < block_count; i++)
    fill(&items[i], &self->rng);
  for (size_t i = 0; i < block_count; i += 2)
    self->check += drop(&items[i]);
  for (;;) {
    sem_post(&asleep);
    sem_wait(&self->wake);
    if (self->ends) break;
    for (size_t i = 0; i < 10; i++) {
      batch_item_t* const item = &items[bench_below(&self->rng, block_count)];
      self->check += drop(item);
      fill(item, &self->rng);
      self->check += drop(&items[bench_below(&self->rng, block_count)]);
    }
  }
  for (size_t i = 0; i < block_count; i++)
    self->check += drop(&items[i]);
  return NULL;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t threads = bench_arg("threads", 200);
  const size_t wakes = bench_scaled(bench_arg("wakes", 20));
  block_count = bench_arg("blocks", 60);
  if (threads > BENCH_MAX_THREADS || block_count > BLOCKS_MAX) bench_fail("too many");
  static sleeper_t sleepers[BENCH_MAX_THREADS];
  pthread_t ids[BENCH_MAX_THREADS];
  sem_init(&asleep, 0, 0);
  for (size_t i = 0; i < threads; i++) {
    sem_init(&sleepers[i].wake, 0, 0);
    sleepers[i].rng = bench_seed(800 + i);
    ids[i] = bench_thread(sleeper, &sleepers[i]);
    sem_wait(&asleep);
  }
  bench_phase("asleep");
  for (size_t wake = 0; wake < wakes; wake++) {
    for (size_t i = 0; i < threads; i++) {
      sem_post(&sleepers[i].wake);
      sem_wait(&asleep);
    }
  }
  const size_t resident = bench_resident();
  uint64_t check = 0;
  for (size_t i = 0; i < threads; i++) {
    sleepers[i].ends = true;
    sem_post(&sleepers[i].wake);
    bench_join(ids[i]);
    check += sleepers[i].check;
  }
  bench_print("ops %zu check %016llx\nfinal %zu\n", threads * (block_count + wakes * 20),
              (unsigned long long)check, resident);
  return 0;
}
