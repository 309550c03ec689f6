// SPDX-License-Identifier: MIT
// purge_after_destroy.c: a thread that had blocks of a heap, and called ri_purge_all(RI_PURGE_DUE)
// after another thread had destroyed that, walked along the pages that it once had, and punched
// holes into what had become pages of the other.
#include "base/events.h"
#include "os/os.h"
#include "../check.h"

#include <pthread.h>

enum { BLOCKS = 8000, SIZE = 1000, LIVE = 20, PURGES_MS = 500 };

static pthread_barrier_t phase;
static ri_heap_t* heap;
static void* blocks[BLOCKS];

static void meet(void) {
  const int r = pthread_barrier_wait(&phase);
  CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
}

// Full pages, and then all but one block in LIVE is free.
static void sparse(ri_heap_t* of) {
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = ri_heap_malloc(of, SIZE);
    CHECK(blocks[i] != NULL);
  }
  for (size_t i = 0; i < BLOCKS; i++) {
    if (i % LIVE != 0) ri_free(blocks[i]);
  }
}

static void* purges(void* arg) {
  (void)arg;
  sparse(heap);
  meet();
  meet();
  const uint64_t from = rix_os_clock_ms();
  while (rix_os_clock_ms() - from < PURGES_MS)
    ri_purge_all(RI_PURGE_DUE, 0, NULL);
  return NULL;
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 10);
  ri_option_set(ri_option_scavenger, 0);
  CHECK(pthread_barrier_init(&phase, NULL, 2) == 0);
  heap = ri_heap_new();
  CHECK(heap != NULL);
  const pthread_t thread = check_start(purges, NULL);
  meet();
  ri_heap_destroy(heap);
  sparse(ri_heap_main());
  const size_t before = rix_gauge_now(RIX_GAUGE_HOLES);
  meet();
  check_join(thread);
  // Only this thread may look at its pages.
  CHECK(rix_gauge_now(RIX_GAUGE_HOLES) <= before);
  CHECK(ri_audit());
  return 0;
}
