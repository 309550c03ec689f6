// SPDX-License-Identifier: MIT
// heaps.c: heaps are made, deleted and destroyed while other threads, which have a part in them,
// free and resize blocks of theirs, allocate elsewhere, collect, and end. Catches: a delete that
// loses a page or a free, a thread's end that races with the end of a heap it had a part in, a
// block of a destroyed heap that stays, a theap that is used by a later heap in the same place.
#include "traffic.h"

enum { WORKERS = 3, LEFT = 400 };

typedef struct round_s {
  ri_heap_t* heap;
  traffic_slot_t left[WORKERS][LEFT];
  pthread_barrier_t allocated;
  atomic_bool freeing;
  uint64_t seed;
  bool destroy;
} round_t;

static void* heap_make(ri_heap_t* heap, uint64_t* rng) {
  const size_t size = 16 + check_any_size(rng, check_below(rng, 100) == 0 ? 3000000 : 20000);
  void* const p = check_below(rng, 5) == 0 ? ri_heap_malloc_aligned(heap, size, 64)
                                           : ri_heap_malloc(heap, size);
  CHECK(ri_heap_of(p) == heap);
  return traffic_sign(p, size);
}

typedef struct worker_s {
  round_t* round;
  size_t self;
} worker_t;

static void* work(void* arg) {
  const worker_t w = *(worker_t*)arg;
  round_t* const r = w.round;
  uint64_t rng = r->seed * WORKERS + w.self;
  for (size_t i = 0; i < LEFT; i++)
    traffic_swap(&r->left[w.self][i], heap_make(r->heap, &rng));
  // Some frees before the end of the heap in any case: own and others' blocks.
  for (size_t i = 0; i < LEFT; i += 7) {
    traffic_free(traffic_swap(&r->left[w.self][i], NULL));
    traffic_free(traffic_swap(&r->left[(w.self + 1) % WORKERS][i + 1 < LEFT ? i + 1 : i], NULL));
  }
  pthread_barrier_wait(&r->allocated);
  // From here on the heap may end at any moment.
  for (size_t i = 0; i < LEFT && !r->destroy; i += 2)
    traffic_free(traffic_swap(&r->left[(w.self + i) % WORKERS][i], NULL));
  if (w.self == 0) return NULL;  // ends while the heap ends
  for (size_t i = 0; i < 300; i++) {
    traffic_free(traffic_make(&rng, 30000));
    if (i % 100 == 50) ri_collect(false);
  }
  return NULL;
}

static void one_round(uint64_t seed) {
  static round_t r;
  r.heap = ri_heap_new();
  r.seed = seed;
  r.destroy = seed % 2 == 1;
  CHECK(pthread_barrier_init(&r.allocated, NULL, WORKERS + 1) == 0);
  pthread_t threads[WORKERS];
  worker_t workers[WORKERS];
  for (size_t t = 0; t < WORKERS; t++) {
    workers[t] = (worker_t){&r, t};
    threads[t] = check_start(work, &workers[t]);
  }
  uint64_t rng = seed;
  void* mine[50];
  for (size_t i = 0; i < 50; i++)
    mine[i] = heap_make(r.heap, &rng);
  pthread_barrier_wait(&r.allocated);
  if (r.destroy) {
    ri_heap_destroy(r.heap);
  } else {
    ri_heap_delete(r.heap);
  }
  // The next heap is the old one's memory: nobody may take one for the other.
  ri_heap_t* const next = ri_heap_new();
  void* const p = heap_make(next, &rng);
  for (size_t i = 0; i < 50 && !r.destroy; i++) {
    CHECK(ri_heap_of(mine[i]) == ri_heap_main());
    traffic_free(mine[i]);
  }
  for (size_t t = 0; t < WORKERS; t++)
    check_join(threads[t]);
  CHECK(ri_heap_of(p) == next);
  traffic_verify(p);
  ri_heap_destroy(next);
  for (size_t t = 0; t < WORKERS; t++) {
    for (size_t i = 0; i < LEFT; i++) {
      void* const left = traffic_swap(&r.left[t][i], NULL);
      if (!r.destroy) traffic_free(left);
    }
  }
  CHECK(pthread_barrier_destroy(&r.allocated) == 0);
}

int main(void) {
  check_watchdog(120);
  ri_register_output(check_capture_output, check_captured());
  ri_free(ri_malloc(1));
  const ri_summary_t before = check_summary();
  const size_t rounds = check_scaled(300);
  for (uint64_t i = 0; i < rounds; i++) {
    one_round(i);
    if (i % 50 == 0) CHECK(ri_audit());
  }
  traffic_all_gone(&before);
  check_nothing_reported();
  return 0;
}
