// SPDX-License-Identifier: MIT
// bursts_do_not_grow.c: each burst of threads made pages of slices that others had touched further,
// and what was behind stayed resident inside of pages in use: nine bursts grew to three times what
// the first one took. Now a page gets a slice that fits, or returns what it will not use; what that
// is counts as excess within its bound; and all that is freed can be returned.
#include "../check.h"

#include "base/events.h"

enum { THREADS = 160, BURSTS = 6, KIB = 300, BLOCKS = 4096 };
static pthread_barrier_t barrier;
static size_t largest;

static void* works(void* arg) {
  static __thread void* blocks[BLOCKS];
  static __thread size_t sizes[BLOCKS];
  uint64_t rng = (uintptr_t)arg * 2654435761u + 12345;
  size_t n = 0;
  for (size_t bytes = 0; bytes < KIB * (size_t)1024 && n < BLOCKS; n++) {
    sizes[n] = 16 + check_below(&rng, largest);
    blocks[n] = ri_malloc(sizes[n]);
    CHECK(blocks[n] != NULL);
    memset(blocks[n], (int)n, sizes[n]);
    bytes += sizes[n];
  }
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  for (size_t i = 0; i < n; i++) {
    for (size_t at = 0; at < sizes[i]; at += 1024)
      CHECK(((uint8_t*)blocks[i])[at] == (uint8_t)i);
    ri_free(blocks[i]);
  }
  return NULL;
}

// Resident bytes while all threads of a burst have their blocks.
static size_t burst(size_t seed) {
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    threads[i] = check_start(works, (void*)(uintptr_t)(seed * THREADS + i));
  pthread_barrier_wait(&barrier);
  const size_t resident = check_resident();
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  CHECK(s.excess.current <= 4 * (int64_t)CHECK_MIB + s.page_committed.current / 128);
  pthread_barrier_wait(&barrier);
  for (size_t i = 0; i < THREADS; i++)
    check_join(threads[i]);
  return resident;
}

static void bursts(size_t size) {
  largest = size;
  size_t first = 0, last = 0;
  for (size_t i = 0; i < BURSTS; i++) {
    last = burst(i);
    if (i == 0) first = last;
  }
  printf("to %zu bytes: %zu KiB, then %zu KiB\n", size, first >> 10, last >> 10);
  if (check_measurable() && !check_counted() && check_os_page() == 4096) {
    CHECK_MSG(last <= first + first * 15 / 100, "%zu KiB, then %zu", first >> 10, last >> 10);
  }
  CHECK(rix_gauge_now(RIX_GAUGE_EXCESS) <= CHECK_MIB);
  ri_collect(true);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(120);
  ri_option_set(ri_option_purge_delay, 3600000);  // no purge helps
  CHECK(pthread_barrier_init(&barrier, NULL, THREADS + 1) == 0);
  const size_t before = check_resident();
  bursts(8192);
  bursts(65536);
  if (check_measurable() && !check_counted() && check_os_page() == 4096) {
    CHECK_MSG(check_resident() <= before + 12 * (size_t)CHECK_MIB, "%zu KiB stay",
              (check_resident() - before) >> 10);
  }
  return 0;
}
