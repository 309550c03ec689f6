// SPDX-License-Identifier: MIT
// short_threads.c: 2,000 threads that live for a few allocations each, several at a time. Some free
// all, some leave one block. The cost of a thread does not grow with the number of threads before
// it, and nothing is kept for those that ended. Catches: a list of abandoned pages that every exit
// walks again, a heap or a descriptor that is not used again.
#include "traffic.h"

enum { AT_ONCE = 4, KEPT = 1 << 16 };
static void* kept[KEPT];
static size_t kept_count;  // lock kept_lock
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static void* short_life(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  void* own[20];
  for (size_t i = 0; i < 20; i++)
    own[i] = traffic_make(&rng, 64 * 1000);
  const bool leaves = check_below(&rng, 4) == 0;
  for (size_t i = leaves; i < 20; i++)
    traffic_free(own[i]);
  if (leaves) {
    pthread_mutex_lock(&kept_lock);
    CHECK(kept_count < KEPT);
    kept[kept_count++] = own[0];
    pthread_mutex_unlock(&kept_lock);
  }
  return NULL;
}

static void run(size_t count, uint64_t seed) {
  for (size_t i = 0; i < count; i += AT_ONCE) {
    pthread_t threads[AT_ONCE];
    for (size_t t = 0; t < AT_ONCE; t++) {
      threads[t] = check_start(short_life, (void*)(uintptr_t)(seed + i + t));
    }
    for (size_t t = 0; t < AT_ONCE; t++)
      check_join(threads[t]);
  }
}

int main(void) {
  check_watchdog(120);
  ri_register_output(check_capture_output, check_captured());
  ri_free(ri_malloc(1));
  const ri_summary_t before = check_summary();
  const size_t count = check_scaled(2000);
  run(count / 10 + AT_ONCE, 1);
  const ri_summary_t early = check_summary();
  run(count, 100000);
  const ri_summary_t late = check_summary();
  // A quarter left one block: at most one page each, and far fewer when pages are taken over.
  CHECK_MSG(late.metadata <= early.metadata + (size_t)256 * CHECK_KIB, "metadata %zu, before %zu",
            late.metadata, early.metadata);
  CHECK_MSG(late.threads == before.threads, "%zu threads", late.threads);
  CHECK_MSG(late.reserved <= early.reserved + (size_t)128 * CHECK_MIB, "reserved %zu, before %zu",
            late.reserved, early.reserved);
  for (size_t i = 0; i < kept_count; i++)
    traffic_free(kept[i]);
  traffic_all_gone(&before);
  check_nothing_reported();
  return 0;
}
