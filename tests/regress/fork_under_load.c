// SPDX-License-Identifier: MIT
// fork_under_load.c: a child hung after fork on a lock that another thread held at that moment.
// Here threads allocate, free, map large blocks and end all the time while the main thread forks;
// each child allocates and frees all kinds of sizes, starts a thread, frees blocks of threads that
// do not exist in it, and forks once more. On that bug a child hangs and its watchdog kills it.
#include "../check.h"

#include <stdatomic.h>
#include <sys/wait.h>

enum { THREADS = 3, SHARED = 64 };
static _Atomic(bool) stop;
static _Atomic(void*) shared[SHARED];

static void* short_life(void* arg) {
  (void)arg;
  check_workload(20, 9);
  return NULL;
}

static void* churn(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
    void* const p = ri_malloc(check_any_size(&rng, CHECK_MIB));
    CHECK(p != NULL);
    ri_free(atomic_exchange_explicit(&shared[check_below(&rng, SHARED)], p, memory_order_acq_rel));
    if (check_below(&rng, 50) == 0) ri_free(ri_malloc((size_t)257 * CHECK_MIB));
    if (check_below(&rng, 50) == 0) ri_collect(check_below(&rng, 2) == 0);
    if (check_below(&rng, 100) == 0) check_in_thread(short_life, NULL);
  }
  return NULL;
}

// Holds one kind of lock for much of its time: of mappings, of threads, of reports.
static void* holds_locks(void* arg) {
  const uintptr_t which = (uintptr_t)arg % 3;
  while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
    if (which == 0) {
      ri_free(ri_malloc((size_t)257 * CHECK_MIB));
    } else if (which == 1) {
      ri_thread_init();
      ri_thread_done();
    } else {
      ri_register_error(NULL, NULL);
    }
  }
  return NULL;
}

static void grandchild(void) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    check_workload(100, 3);
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void in_child(size_t round) {
  check_watchdog(20);
  check_workload(200, round);
  for (size_t i = 0; i < SHARED; i++) {
    ri_free(atomic_exchange_explicit(&shared[i], NULL, memory_order_acq_rel));
  }
  void* const large = ri_malloc((size_t)300 * CHECK_MIB);
  CHECK(large != NULL);
  ri_free(large);
  ri_register_error(NULL, NULL);
  // Sanitizers do not support threads in such a child: ThreadSanitizer allows none, and a lock of
  // AddressSanitizer's own allocator, which threads use at their ends, may be held for ever. Nor
  // does qemu's user mode: it stops at an assertion of its own.
  if (!check_sanitized() && !check_emulated()) check_in_thread(short_life, NULL);
  ri_collect(true);
  check_workload(200, round + 1);
  CHECK(ri_audit());
  CHECK(check_summary().threads >= 1);
  if (round % 10 == 0) grandchild();
  _exit(0);
}

int main(void) {
  check_watchdog(100);
  pthread_t threads[2 * THREADS];
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(churn, (void*)(t + 1));
  for (size_t t = 0; t < THREADS; t++) {
    threads[THREADS + t] = check_start(holds_locks, (void*)t);
  }
  const size_t rounds = check_scaled(100);
  for (size_t round = 0; round < rounds; round++) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) in_child(round);
    check_workload(20, round);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_MSG(status == 0, "round %zu: status %x", round, (unsigned)status);
  }
  atomic_store_explicit(&stop, true, memory_order_relaxed);
  for (size_t t = 0; t < 2 * THREADS; t++)
    check_join(threads[t]);
  for (size_t i = 0; i < SHARED; i++) {
    ri_free(atomic_load_explicit(&shared[i], memory_order_acquire));
  }
  CHECK(ri_audit());
  return 0;
}
