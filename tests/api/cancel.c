// SPDX-License-Identifier: MIT
// cancel.c: no function that allocates, frees or reports is a cancellation point. A thread with a
// pending cancellation does everything that makes the library read a file or write a message; on
// the bug it ended in the middle, some of it with a lock held, so that all others hung. Then
// threads are cancelled at any time while they allocate, and none of their memory is lost.
#include "../check.h"

static bool went_through;

static void* pending(void* arg) {
  const int* const limited = arg;
  CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
  CHECK(pthread_cancel(pthread_self()) == 0);
  CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL) == 0);
  static int foreign;
  check_workload(100, 1);
  for (size_t size = 1; size <= (size_t)600 * CHECK_MIB; size = size * 5 / 2 + 1) {
    void* const p = ri_malloc(size);  // with a limit on address space it reads /proc/self/statm
    CHECK(p != NULL || *limited != 0);
    ri_free(ri_realloc(p, size * 2));
  }
  ri_free(&foreign);  // a message on standard error
  ri_stats_print(NULL);
  ri_options_print();
  ri_collect(true);
  went_through = true;
  pthread_testcancel();
  return NULL;
}

static void never_in_between(int limited) {
  went_through = false;
  CHECK(check_in_thread(pending, &limited) == PTHREAD_CANCELED);
  CHECK_MSG(went_through, "cancelled inside the library");
  check_heap_intact();  // no lock was left behind
}

static void* churn(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  while (arg != NULL) {
    check_workload(20, check_rng(&rng));
    pthread_testcancel();
  }
  return NULL;
}

static void at_any_time(void) {
  const ri_summary_t before = check_summary();
  const size_t rounds = check_scaled(40);
  for (size_t round = 0; round < rounds; round++) {
    pthread_t threads[4];
    for (size_t t = 0; t < 4; t++)
      threads[t] = check_start(churn, (void*)(round * 4 + t + 1));
    check_workload(200, round);
    for (size_t t = 0; t < 4; t++)
      CHECK(pthread_cancel(threads[t]) == 0);
    for (size_t t = 0; t < 4; t++)
      CHECK(check_join(threads[t]) == PTHREAD_CANCELED);
  }
  ri_collect(true);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu blocks, before %zu", after.blocks, before.blocks);
  CHECK_MSG(after.threads == before.threads, "%zu threads", after.threads);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(60);
  never_in_between(0);
  at_any_time();
  if (!check_sanitized()) {  // shadow memory alone is more than any limit
    const size_t most = check_address_space() + (size_t)1500 * CHECK_MIB;
    const struct rlimit limit = {most, most};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    never_in_between(1);
  }
  return 0;
}
