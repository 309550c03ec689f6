// SPDX-License-Identifier: MIT
// pace_os_fake.c: memory that comes back soon after it was returned makes the delay longer, and
// time in which nothing does makes it shorter again. The clock is the test's.
// Catches: a delay that stays, in either direction; one beyond its limit; refaults that nobody
// sees.
#include "../check.h"
#include "../os_fake.h"

enum { SIZE = 32 * CHECK_MIB, DELAY = 1000 };

static int os_answer(os_call_t* call) { return (void)call, OS_PASS; }
long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f) {
  return OS_REAL(call)(number, a, b, c, d, e, f);
}

static ri_stats_t now(void) {
  ri_stats_t s;
  ri_stats_init(&s);
  CHECK(ri_stats_get(&s));
  return s;
}

static void later(uint64_t ms) {
  os_ahead_ms += ms;
  ri_collect(false);
}

static void use(void) {
  char* const p = ri_malloc(SIZE);
  CHECK(p != NULL);
  memset(p, 1, SIZE);
  ri_free(p);
}

int main(void) {
  ri_option_set(ri_option_purge_delay, DELAY);
  CHECK(now().purge_wait.current == DELAY);
  int64_t longest = 0;
  for (int i = 0; i < 200; i++) {
    use();
    later(DELAY);
    later(DELAY);
    const int64_t wait = now().purge_wait.current;
    CHECK(wait <= 8000);
    if (wait > longest) longest = wait;
  }
  CHECK_MSG(longest >= 2 * DELAY, "the delay was never more than %lld", (long long)longest);
  CHECK(now().refaulted.total >= SIZE);
  CHECK(now().refaulted.total <= now().purged.total);
  // One use in a long time is no storm.
  for (int i = 0; i < 8; i++) {
    use();
    later(100 * DELAY);
    later(100 * DELAY);
  }
  CHECK_MSG(now().purge_wait.current == DELAY, "%lld", (long long)now().purge_wait.current);
  return 0;
}
