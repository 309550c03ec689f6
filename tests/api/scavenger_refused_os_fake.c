// SPDX-License-Identifier: MIT
// scavenger_refused_os_fake.c: a system that has no task for the scavenger is asked once and never
// again, until the program says so; one that only has too many is asked again, each time twice as
// much later. The program notices nothing of it: everything goes on as without. The clock is the
// test's, and so is the answer to the call that starts tasks.
// Catches: a refusal that is asked for again with each batch of blocks; one for a lack of tasks
// that is taken for good; an errno that is left behind.
#include "../check.h"
#include "../os_fake.h"

enum { BLOCKS = 96 * 1024, SIZE = 1000, STEP = 3000 };

static int os_answer(os_call_t* call) { return (void)call, OS_PASS; }
long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f) {
  return OS_REAL(call)(number, a, b, c, d, e, f);
}

static void* blocks[BLOCKS];

// Frees much, some ms later. Returns how often a task was asked for.
static size_t asked_after(uint64_t ms) {
  os_ahead_ms += ms;
  const size_t before = os_clones;
  errno = 0;
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
    memset(blocks[i], 1, SIZE);
  }
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  CHECK(errno == 0);
  return os_clones - before;
}

int main(void) {
  if (check_sanitized()) check_skip("there is none under a sanitizer");
#if !defined(__x86_64__) && !defined(__aarch64__) && !(defined(__riscv) && __riscv_xlen == 64)
  check_skip("there is none on this processor");
#endif
  ri_option_set(ri_option_purge_delay, 100000);
  os_clone_error = EPERM;
  CHECK(asked_after(0) == 0);  // this program has not malloc from here
  ri_scavenger_allow();
  CHECK(asked_after(0) == 1);
  for (int i = 0; i < 5; i++)
    CHECK(asked_after(1000000) == 0);
  os_clone_error = EAGAIN;
  ri_scavenger_allow();
  CHECK(asked_after(0) == 1);
  size_t asked = 0;
  uint64_t waited = 0;
  for (; asked == 0 && waited < 100; waited++)
    asked = asked_after(STEP);
  CHECK_MSG(asked == 1 && waited >= 3, "%zu times after %llu steps", asked,
            (unsigned long long)waited);
  const uint64_t first = waited;
  for (asked = 0, waited = 0; asked == 0 && waited < 100; waited++)
    asked = asked_after(STEP);
  CHECK_MSG(asked == 1 && waited >= 2 * first - 1, "%zu times after %llu steps", asked,
            (unsigned long long)waited);
  os_clone_error = 0;
  for (asked = 0, waited = 0; asked == 0 && waited < 100; waited++)
    asked = asked_after(STEP);
  CHECK(asked == 1);
  ri_stats_t s;
  ri_stats_init(&s);
  CHECK(ri_stats_get(&s) && s.scavenger_runs.total == 1);
  ri_scavenger_stop();
  ri_collect(true);
  CHECK(check_summary().blocks == 0 && ri_audit());
  return 0;
}
