// SPDX-License-Identifier: MIT
// punching.c: threads allocate, free each other's blocks and exit, while others ask for everything
// returnable to be returned and passes run all the time. Every block keeps its contents, and
// nothing is left over.
#include "../check.h"

#include <stdatomic.h>

enum { THREADS = 3, SLOTS = 3000, ROUNDS = 6, OPERATIONS = 20000 };
typedef struct slot_s {
  pthread_mutex_t lock;
  uint8_t* p;
  size_t size;
} slot_t;
static slot_t slots[SLOTS];
static _Atomic(bool) ends;

static void empty(slot_t* s) {
  if (s->p == NULL) return;
  CHECK_FILLED(s->p, s->size, s->size);
  ri_free(s->p);
  s->p = NULL;
}

static void fill(slot_t* s, size_t size) {
  s->size = size;
  s->p = ri_malloc(size);
  CHECK(s->p != NULL);
  check_fill(s->p, size, size);
}

// Grows, so that pages become full, and then thins out.
static void* works(void* arg) {
  uint64_t seed = (uint64_t)(uintptr_t)arg;
  static const size_t most[] = {100, 1000, 3000, 20000};
  const size_t operations = check_scaled(OPERATIONS);
  for (size_t n = 0; n < operations; n++) {
    slot_t* const s = &slots[check_below(&seed, SLOTS)];
    pthread_mutex_lock(&s->lock);
    const bool grows = n / (operations / 4 + 1) % 2 == 0;
    empty(s);
    if (grows || check_below(&seed, 20) == 0) {
      fill(s, check_below(&seed, most[check_below(&seed, 4)]) + 1);
    }
    pthread_mutex_unlock(&s->lock);
  }
  return NULL;
}

static void* punches(void* arg) {
  (void)arg;
  while (!atomic_load(&ends)) {
    ri_collect(true);
    sched_yield();
  }
  return NULL;
}

int main(void) {
  check_watchdog(120);
  ri_option_set(ri_option_purge_delay, 0);
  for (size_t i = 0; i < SLOTS; i++)
    pthread_mutex_init(&slots[i].lock, NULL);
  const pthread_t puncher = check_start(punches, NULL);
  for (uintptr_t round = 0; round < ROUNDS; round++) {
    pthread_t threads[THREADS];
    for (uintptr_t t = 0; t < THREADS; t++)
      threads[t] = check_start(works, (void*)(round * THREADS + t + 1));
    for (size_t t = 0; t < THREADS; t++)
      check_join(threads[t]);
  }
  atomic_store(&ends, true);
  check_join(puncher);
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s) && s.holes.total > 0);
  for (size_t i = 0; i < SLOTS; i++)
    empty(&slots[i]);
  ri_collect(true);
  CHECK(check_summary().blocks == 0 && ri_audit());
  return 0;
}
