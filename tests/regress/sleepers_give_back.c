// SPDX-License-Identifier: MIT
// sleepers_give_back.c: threads that sleep for ever kept what others freed into their pages:
// 271 of 271 MB after 200 of them, and 1,273 MB where producers of 400 that were consumed went
// to sleep one after the other. Now it goes back when somebody asks, also in pages of which
// some blocks live, and about as much as a process is about to grow by; the owners find all of
// it when they wake.
#include "../check.h"

#include <pthread.h>
#include <semaphore.h>

enum { THREADS = 12, EACH = 1300, SIZE = 1000, PRODUCED = 48 * 1024 };

static pthread_barrier_t phase;  // of the sleepers
static pthread_barrier_t made;   // of the producers

static void meet(pthread_barrier_t* b) {
  const int r = pthread_barrier_wait(b);
  CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void* blocks[THREADS][EACH];

static void make(size_t t, size_t size) {
  for (size_t i = 0; i < EACH; i++) {
    if (blocks[t][i] != NULL) continue;
    blocks[t][i] = ri_malloc(size);
    CHECK(blocks[t][i] != NULL);
    check_fill(blocks[t][i], size, t * EACH + i);
  }
}

static void drop(size_t t, size_t size, size_t but) {
  for (size_t i = 0; i < EACH; i++) {
    if (but != 0 && i % but == 0) continue;
    if (blocks[t][i] != NULL) CHECK_FILLED(blocks[t][i], size, t * EACH + i);
    ri_free(blocks[t][i]);
    blocks[t][i] = NULL;
  }
}

static size_t size_of(size_t t) { return t % 3 == 0 ? SIZE : t % 3 == 1 ? 200 : 20000; }

// Each makes its blocks, sleeps, makes those that are missing, and drops all.
static void* sleeps(void* arg) {
  const size_t t = (size_t)(uintptr_t)arg;
  make(t, size_of(t));
  for (int i = 0; i < 4; i++)
    meet(&phase);
  make(t, size_of(t));
  CHECK(ri_audit());
  drop(t, size_of(t), 0);
  CHECK(ri_audit());
  meet(&phase);
  return NULL;
}

static size_t holes(void) {
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  return (size_t)s.holes.current;
}

static void gives_back_to_the_os(size_t least) {
  const size_t before = holes();
  ri_collect(true);
  CHECK_MSG(holes() >= before + least, "%zu MiB more of holes", (holes() - before) / CHECK_MIB);
}

static void sleepers(void) {
  CHECK(pthread_barrier_init(&phase, NULL, THREADS + 1) == 0);
  pthread_t threads[THREADS];
  size_t bytes = 0;
  for (size_t t = 0; t < THREADS; t++) {
    threads[t] = check_start(sleeps, (void*)(uintptr_t)t);
    bytes += EACH * size_of(t);
  }
  meet(&phase);
  // Most are freed, then the rest, and then what is left where nothing more goes.
  for (size_t t = 0; t < THREADS; t++)
    drop(t, size_of(t), 100);
  gives_back_to_the_os(bytes * 7 / 10);
  meet(&phase);
  for (size_t t = 0; t < THREADS; t++)
    drop(t, size_of(t), 0);
  gives_back_to_the_os(bytes / 1000);
  ri_collect(true);
  meet(&phase);
  meet(&phase);
  meet(&phase);
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  CHECK(pthread_barrier_destroy(&phase) == 0);
}

static void* produced[PRODUCED];
static sem_t never;

static void* produces(void* arg) {
  for (size_t i = 0; i < PRODUCED; i++) {
    produced[i] = ri_malloc(16 + i * 7 % 2000);
    CHECK(produced[i] != NULL);
    memset(produced[i], 1, 16 + i * 7 % 2000);
  }
  meet(&made);
  CHECK(sem_wait(&never) == 0);
  return arg;
}

static void* consumes(void* arg) {
  for (size_t i = 0; i < PRODUCED; i++)
    ri_free(produced[i]);
  return arg;
}

// One producer after the other, each of which sleeps when its blocks were consumed.
static void producers(void) {
  CHECK(pthread_barrier_init(&made, NULL, 2) == 0);
  CHECK(sem_init(&never, 0, 0) == 0);
  size_t first = 0, last = 0;
  for (int i = 0; i < 4; i++) {
    CHECK(pthread_detach(check_start(produces, NULL)) == 0);
    meet(&made);
    last = check_resident();
    if (i == 0) first = last;
    (void)check_in_thread(consumes, NULL);
  }
  printf("first %zu MiB, last %zu MiB\n", first / CHECK_MIB, last / CHECK_MIB);
  if (check_measurable() && !check_counted()) CHECK(last <= first + first / 4);
}

int main(void) {
  check_watchdog(120);
  if (sizeof(void*) < 8) check_skip("the word of a page has no room for it");
  if (check_os_page() != 4096) check_skip("OS pages with too many blocks");
  producers();  // first: what a process once used is no growth
  sleepers();
  CHECK(ri_audit());
  return 0;
}
