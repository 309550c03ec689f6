// SPDX-License-Identifier: MIT
// limit_race.c: threads at the hard limit, and one that looks: never more is used than that,
// whatever is claimed, resized, freed by others, punched and filled again at once; a limit that
// changes meanwhile; and nothing is lost: in the end as much can be had as in the beginning, and
// the count is what the audit finds. Catches: a claim that is refused and stays on the account,
// memory that is counted twice or not at all. (A limit that is compared first and counted later is
// found by the model: verify/model/scenarios/limit.c.)
#include "../check.h"

#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, SLOTS = 3000, LIMIT = 32 };

static size_t limit;
static atomic_bool over;
static atomic_size_t refused, changes;
static _Atomic(void*) shared[64];

static size_t size_of(uint64_t* seed) {
  static const size_t kinds[] = {200, 3000, 20000, 300000, 2500000};
  const size_t kind = kinds[check_below(seed, 5)];
  return 1 + check_below(seed, kind);
}

static void step(void** slots, uint64_t* seed) {
  void** const slot = &slots[check_below(seed, SLOTS)];
  if (*slot == NULL) {
    const size_t size = size_of(seed);
    *slot = ri_malloc(size);
    if (*slot == NULL) {
      atomic_fetch_add(&refused, 1);
      for (size_t i = 0; i < SLOTS; i++) {  // most of it goes, here and there some stays
        if (check_below(seed, 20) == 0) continue;
        ri_free(slots[i]);
        slots[i] = NULL;
      }
    } else {
      memset(*slot, 1, size < 5000 ? size : 5000);
    }
  } else if (check_below(seed, 3) == 0) {
    void* const p = ri_realloc(*slot, size_of(seed));
    if (p != NULL) *slot = p;
  } else {
    ri_free(atomic_exchange(&shared[check_below(seed, 64)], *slot));
    *slot = NULL;
  }
}

static void* works(void* arg) {
  static __thread void* slots[SLOTS];
  uint64_t seed = (uint64_t)(uintptr_t)arg;
  const size_t steps = check_scaled(6000);
  for (size_t i = 0; i < steps; i++)
    step(slots, &seed);
  for (size_t i = 0; i < SLOTS; i++)
    ri_free(slots[i]);
  return NULL;
}

// Pages with holes that are released count whole for a moment, and no more than one for each thread
// that frees is under way.
static void* looks(void* arg) {
  size_t* const worst = arg;
  while (!atomic_load(&over)) {
    const size_t used = ri_limit_used();
    if (used > *worst) *worst = used;
    sched_yield();
  }
  return NULL;
}

static void* changes_it(void* arg) {
  (void)arg;
  while (!atomic_load(&over)) {
    ri_limit_set(0, limit / 2 + limit / 2 * (atomic_load(&changes) % 2));
    atomic_fetch_add(&changes, 1);
    ri_free(ri_malloc(100000));
    sched_yield();
  }
  return NULL;
}

static void race(void* (*beside)(void*), void* arg) {
  atomic_store(&over, false);
  pthread_t threads[THREADS];
  const pthread_t other = check_start(beside, arg);
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(works, (void*)(uintptr_t)(t + 1));
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  atomic_store(&over, true);
  check_join(other);
  for (size_t i = 0; i < 64; i++)
    ri_free(atomic_exchange(&shared[i], NULL));
}

int main(void) {
  check_watchdog(100);
  ri_free(ri_malloc(100));
  ri_collect(true);
  limit = ri_limit_used() + LIMIT * CHECK_MIB;
  ri_limit_set(0, limit);
  ri_limit_get(NULL, &limit);
  size_t worst = 0;
  race(looks, &worst);
  CHECK(atomic_load(&refused) > 0);
  CHECK_MSG(worst <= limit + THREADS * 512 * 1024, "%zu used, limit %zu", worst, limit);
  CHECK(ri_audit());
  race(changes_it, NULL);
  CHECK(atomic_load(&changes) > 2);
  ri_limit_set(0, limit);
  ri_collect(true);
  CHECK(ri_audit());
  void* const p = ri_malloc(LIMIT * CHECK_MIB * 3 / 4);
  CHECK(p != NULL);
  ri_free(p);
  ri_limit_set(0, 0);
  check_heap_intact();
  return 0;
}
