// SPDX-License-Identifier: MIT
// pipeline.c: blocks that always move on: one producer and one consumer, then a ring of threads in
// which every block is made by one, verified by each and freed by the last. No thread ever frees
// what it made, so memory comes back only if owners collect what others freed. Catches: a lost
// remote free (memory grows without bound), a block collected twice.
#include "traffic.h"

#include <sched.h>

#ifndef RIX_STRESS_EMPTY  // set by the preset `stress` (src/base/config.h)
#define RIX_STRESS_EMPTY 0
#endif

// A bounded queue for one writer and one reader.
enum { CAPACITY = 256 };
typedef struct queue_s {
  _Atomic(size_t) head;  // read next
  _Atomic(size_t) tail;  // written next
  void* items[CAPACITY];
} queue_t;

static void put(queue_t* q, void* p) {
  const size_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
  while (tail - atomic_load_explicit(&q->head, memory_order_acquire) == CAPACITY)
    sched_yield();
  q->items[tail % CAPACITY] = p;
  atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
}

static void* take(queue_t* q) {
  const size_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
  while (head == atomic_load_explicit(&q->tail, memory_order_acquire))
    sched_yield();
  void* const p = q->items[head % CAPACITY];
  atomic_store_explicit(&q->head, head + 1, memory_order_release);
  return p;
}

enum { RING = 4 };
static queue_t queues[RING];
static size_t block_count;
static size_t block_max;
static size_t pages_max;

static void* producer(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  for (size_t i = 0; i < block_count; i++)
    put(&queues[0], traffic_make(&rng, block_max));
  // A few hundred blocks are alive at once. What is in pages for them is far from the sum of all
  // that were made; it is near that sum when what the consumer freed does not come back.
  const ri_summary_t s = check_summary();
  CHECK_MSG(s.pages <= pages_max, "%zu pages for at most %d blocks", s.pages, RING * CAPACITY);
  put(&queues[0], NULL);
  return NULL;
}

static void* consumer(void* arg) {
  queue_t* const from = arg;
  for (void* p = take(from); p != NULL; p = take(from))
    traffic_free(p);
  return NULL;
}

static void* passes_on(void* arg) {
  queue_t* const from = arg;
  for (void* p = take(from); p != NULL; p = take(from)) {
    const size_t size = traffic_verify(p);  // which replaces the size field: sign it again
    put(from + 1, traffic_sign(p, size));
  }
  put(from + 1, NULL);
  return NULL;
}

static void pair(size_t max) {
  block_max = max;
  const ri_summary_t before = check_summary();
  pthread_t a = check_start(producer, (void*)(uintptr_t)max);
  pthread_t b = check_start(consumer, &queues[0]);
  check_join(a);
  check_join(b);
  traffic_all_gone(&before);
}

static void ring(void) {
  block_max = 100000;
  const ri_summary_t before = check_summary();
  pthread_t threads[RING + 1];
  threads[0] = check_start(producer, (void*)3);
  for (size_t i = 0; i + 1 < RING; i++)
    threads[i + 1] = check_start(passes_on, &queues[i]);
  threads[RING] = check_start(consumer, &queues[RING - 1]);
  for (size_t i = 0; i <= RING; i++)
    check_join(threads[i]);
  traffic_all_gone(&before);
}

// Whole pages are filled, and all of their blocks freed by another thread, again and again: full
// pages must come back into use; if they did not, there would be 40 times as many at the end. Where
// a stress build hides pages from their thread at random, there are some more meanwhile.
enum { BURST = 4096, BURSTS = 40, TIMES = RIX_STRESS_EMPTY == 0 ? 2 : 6 };
static void* burst[BURST];

static void* frees_the_burst(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BURST; i++)
    traffic_free(burst[i]);
  return NULL;
}

static void bursts(size_t size) {
  const ri_summary_t before = check_summary();
  size_t first = 0;
  for (size_t round = 0; round < BURSTS; round++) {
    for (size_t i = 0; i < BURST; i++)
      burst[i] = traffic_sign(ri_malloc(size), size);
    const size_t now = check_summary().pages;
    if (round == 0) first = now;
    CHECK_MSG(now <= TIMES * first + 8, "round %zu: %zu pages, at first %zu", round, now, first);
    check_in_thread(frees_the_burst, NULL);
  }
  traffic_all_gone(&before);
}

int main(void) {
  check_watchdog(120);
  ri_register_output(check_capture_output, check_captured());
  ri_free(ri_malloc(1));
  pages_max = check_summary().pages + 400;
  block_count = check_scaled(400000);
  pair(64 * 2000);
  block_count = check_scaled(60000);
  pages_max += 600;
  pair(64 * 20000);
  ring();
  bursts(64);
  bursts(1000);
  bursts(5000);
  check_nothing_reported();
  return 0;
}
