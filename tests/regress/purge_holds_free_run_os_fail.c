// SPDX-License-Identifier: MIT
// purge_holds_free_run_os_fail.c: whoever purges claims the free slices that it gives back, and an
// allocation that found no others meanwhile returned NULL although memory was free. Here a thread
// is stopped inside madvise, with all that is free in its hands and no room for another arena: an
// allocation must wait for it, not fail.
#include "../check.h"
#include "../os_fail.h"

#include <stdatomic.h>

#include "arena/arena.h"

enum { LARGE = 12 * CHECK_MIB };  // less than a purge takes at a time
static atomic_int armed;          // a word: gcc for riscv64 exchanges less by a library
static _Atomic(bool) holds, done;

// Stops the purger until the other thread waits for it, or did not wait.
static int os_answer(os_call_t* call) {
  if (call->kind == OS_ADVISE && call->advice == MADV_DONTNEED && atomic_exchange(&armed, false)) {
    atomic_store(&holds, true);
    while (ri_load_relaxed(&rix_purge_lock.xstate) != 2 && !atomic_load(&done)) {}
  }
  return OS_PASS;
}

static void* allocates(void* arg) {
  (void)arg;
  while (!atomic_load(&holds)) {}
  void* const p = ri_malloc(LARGE / 4);
  atomic_store(&done, true);
  return p;
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 3600000);
  ri_option_set(ri_option_arena_reserve, LARGE / 1024);
  ri_option_set(ri_option_limit_address_space, LARGE / 1024 * 5 / 4);
  ri_option_set(ri_option_thp, 0);
  void* blocks[LARGE / CHECK_MIB];
  for (size_t i = 0; i < LARGE / CHECK_MIB; i++)
    blocks[i] = ri_malloc(CHECK_MIB);
  CHECK(check_summary().arenas == 1);
  const pthread_t other = check_start(allocates, NULL);
  for (size_t i = 0; i < LARGE / CHECK_MIB; i++)
    ri_free(blocks[i]);
  atomic_store(&armed, true);
  ri_collect(true);
  CHECK_MSG(atomic_load(&holds), "no purge was stopped");
  void* const p = check_join(other);
  CHECK_MSG(p != NULL, "malloc returned NULL while %d MiB were free", LARGE / CHECK_MIB);
  ri_free(p);
  CHECK(ri_audit());
  return 0;
}
