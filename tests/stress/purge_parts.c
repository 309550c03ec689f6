// SPDX-License-Identifier: MIT
// purge_parts.c: threads allocate, free each other's blocks and end while another one does what the
// scavenger does, in small parts, all the time: for tools that cannot see the scavenger itself.
// Catches: memory returned that is in use; a race of what is returned with who takes it again.
#include "../check.h"

#include <stdatomic.h>

enum { THREADS = 3, BLOCKS = 2000, ROUNDS = 60 };

static void* _Atomic exchanged[THREADS];
static _Atomic(bool) over;

typedef struct batch_s {
  size_t count;
  void* blocks[BLOCKS];
} batch_t;

static void drop(batch_t* batch) {
  if (batch == NULL) return;
  for (size_t i = 0; i < batch->count; i++) {
    CHECK_MSG(check_differs_sparse(batch->blocks[i], 64, i) == SIZE_MAX, "block %zu", i);
    ri_free(batch->blocks[i]);
  }
  ri_free(batch);
}

static void* works(void* arg) {
  const size_t t = (size_t)(uintptr_t)arg;
  uint64_t state = t + 1;
  const size_t rounds = check_scaled(ROUNDS);
  for (size_t r = 0; r < rounds; r++) {
    batch_t* const batch = ri_malloc(sizeof(batch_t));
    CHECK(batch != NULL);
    batch->count = 1 + check_below(&state, BLOCKS);
    for (size_t i = 0; i < batch->count; i++) {
      CHECK((batch->blocks[i] = ri_malloc(64 + check_below(&state, 6000))) != NULL);
      check_fill_sparse(batch->blocks[i], 64, i);
    }
    drop(atomic_exchange(&exchanged[check_below(&state, THREADS)], batch));
    if (r % 16 == 15) ri_thread_done();
  }
  return NULL;
}

static void* returns(void* arg) {
  ri_thread_done();
  while (!over) {
    (void)ri_purge_all(RI_PURGE_DUE, 1, NULL);
    (void)ri_purge_all(RI_PURGE_UNUSED, 1, NULL);
  }
  return arg;
}

int main(void) {
  check_watchdog(120);
  ri_option_set(ri_option_purge_delay, 1);
  pthread_t threads[THREADS];
  const pthread_t purger = check_start(returns, NULL);
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(works, (void*)(uintptr_t)t);
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  over = true;
  check_join(purger);
  for (size_t t = 0; t < THREADS; t++)
    drop(exchanged[t]);
  ri_collect(true);
  CHECK(check_summary().blocks == 0 && ri_audit());
  return 0;
}
