// SPDX-License-Identifier: MIT
// idle_threads_keep_little.c: a thread that freed all it had kept a page of each class, and one
// that freed nineteen blocks of twenty kept all its pages: no other could use them, and they
// were never returned: 3 MiB a thread, and 271 of 271 MB. Now others use them: so what a row of
// such threads leaves is little more than what lives. The first and the last page of each thread
// stayed its own for a while longer: 12 MiB of 48 such threads, now 9.
#include "../check.h"

#include <pthread.h>

enum { THREADS = 48, EACH = 1300, SIZE = 1000, POOL = 16, MIXED = 1500 };

static pthread_barrier_t end;
static pthread_barrier_t step;

static void meet(pthread_barrier_t* b) {
  const int r = pthread_barrier_wait(b);
  CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void* blocks[THREADS][EACH];

static void* drops_most(void* arg) {
  void** const b = arg;
  for (size_t i = 0; i < EACH; i++) {
    b[i] = ri_malloc(SIZE);
    CHECK(b[i] != NULL);
    check_fill(b[i], SIZE, i);
  }
  for (size_t i = 0; i < EACH; i++) {
    CHECK_FILLED(b[i], SIZE, i);
    if (i % 20 != 0) ri_free(b[i]);
  }
  meet(&step);
  meet(&end);
  for (size_t i = 0; i < EACH; i += 20) {
    CHECK_FILLED(b[i], SIZE, i);
    ri_free(b[i]);
  }
  CHECK(ri_audit());
  return NULL;
}

static void* drops_all(void* arg) {
  void** const b = ri_malloc(MIXED * sizeof(void*));
  CHECK(b != NULL);
  for (size_t i = 0; i < MIXED; i++) {
    b[i] = ri_malloc(16 + i * 8191 % 8176);
    CHECK(b[i] != NULL);
    memset(b[i], 1, 16 + i * 8191 % 8176);
  }
  for (size_t i = 0; i < MIXED; i++)
    ri_free(b[i]);
  ri_free(b);
  CHECK(ri_audit());
  meet(&step);
  meet(&end);
  return arg;
}

// Starts the threads, one after the other when `row`; what they have then is at most so much.
static void idle(void* (*work)(void*), size_t count, bool row, size_t most) {
  CHECK(pthread_barrier_init(&end, NULL, (unsigned)count + 1) == 0);
  CHECK(pthread_barrier_init(&step, NULL, row ? 2 : (unsigned)count + 1) == 0);
  ri_collect(true);
  const size_t before = check_resident();
  pthread_t threads[THREADS];
  for (size_t t = 0; t < count; t++) {
    threads[t] = check_start(work, blocks[t]);
    if (row) meet(&step);
  }
  if (!row) meet(&step);
  ri_collect(true);
  const size_t now = check_resident(), more = now > before ? now - before : 0;
  printf("%zu threads have %zu KiB\n", count, more / 1024);
  if (check_measurable() && !check_counted())
    CHECK_MSG(more <= most, "%zu threads have %zu KiB", count, more / 1024);
  meet(&end);
  for (size_t t = 0; t < count; t++)
    check_join(threads[t]);
  CHECK(pthread_barrier_destroy(&end) == 0 && pthread_barrier_destroy(&step) == 0);
}

int main(void) {
  check_watchdog(120);
  if (check_os_page() != 4096) check_skip("OS pages with too many blocks");
  idle(drops_most, THREADS, true, (size_t)THREADS * EACH * SIZE / 6);
  idle(drops_all, POOL, false, (size_t)POOL * 1100 * 1024);
  CHECK(ri_audit());
  return 0;
}
