// SPDX-License-Identifier: MIT
// slow_paths_take_no_lock.c: all threads were serialised by a global lock that every slow-path
// allocation took to look for due purges. Here four threads do nothing but slow paths in pages of
// their own, while purges are due all the time. A thread that waits for a lock yields its
// processor: on that bug voluntary context switches run to thousands; without it they are few.
#include "../check.h"

enum { THREADS = 4, BLOCKS = 512 };
static size_t rounds;
static pthread_barrier_t start;

static void* run(void* arg) {
  (void)arg;
  static const size_t size = 2048;  // two blocks for each piece a page is extended by
  struct rusage before, after;
  pthread_barrier_wait(&start);
  CHECK(getrusage(RUSAGE_THREAD, &before) == 0);
  void* blocks[BLOCKS];
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < BLOCKS; i++) {
      blocks[i] = ri_malloc(size);
      CHECK(blocks[i] != NULL);
    }
    for (size_t i = 0; i < BLOCKS; i++)
      ri_free(blocks[i]);
  }
  CHECK(getrusage(RUSAGE_THREAD, &after) == 0);
  return (void*)(uintptr_t)(after.ru_nvcsw - before.ru_nvcsw);
}

int main(void) {
  check_watchdog(60);
  if (check_sanitized()) check_skip("a sanitizer's run-time waits for locks of its own");
  rounds = check_scaled(2000);
  ri_option_set(ri_option_purge_delay, 1000);  // something is scheduled, nothing is due
  pthread_barrier_init(&start, NULL, THREADS);
  pthread_t threads[THREADS];
  size_t switches = 0;
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(run, NULL);
  for (size_t t = 0; t < THREADS; t++)
    switches += (size_t)(uintptr_t)check_join(threads[t]);
  const size_t slow_calls = THREADS * rounds * BLOCKS / 2;
  CHECK_MSG(switches <= 20 + slow_calls / 20000, "%zu waits in %zu slow calls", switches,
            slow_calls);
  CHECK(ri_audit());
  return 0;
}
