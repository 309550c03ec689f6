// SPDX-License-Identifier: MIT
// few_allocations_give_back_os_fake.c: what sparse pages hold was looked at every 64 slow
// allocations, of which a program that works lightly makes one or two a second: of 200 MiB that two
// gigabytes had left, 60 were returned in ten seconds. Now it looks more often, where it has much.
#include "../os_fake.h"

enum { BLOCKS = 64 * 1024, SIZE = 1000, SECONDS = 60, EACH = 4 };
static void* blocks[BLOCKS];
static void* work[SECONDS * EACH];

static int os_answer(os_call_t* call) { return (void)call, OS_PASS; }
long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f) {
  return OS_REAL(call)(number, a, b, c, d, e, f);
}

int main(void) {
  check_watchdog(60);
  if (check_os_page() != 4096) check_skip("OS pages with too many blocks");
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = ri_malloc(SIZE);
    CHECK(blocks[i] != NULL);
    check_fill(blocks[i], SIZE, i);
  }
  for (size_t i = 0; i < BLOCKS; i++)
    if (i % 20 != 0) ri_free(blocks[i]);
  for (size_t i = 0; i < SECONDS * EACH; i++) {
    if (i % EACH == 0) os_ahead_ms += 1000;
    work[i] = ri_malloc(8192);  // each is cut when it is asked for
    CHECK(work[i] != NULL);
  }
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  CHECK_MSG((size_t)s.holes.current >= (size_t)BLOCKS * SIZE * 6 / 10, "%lld KiB of holes",
            (long long)s.holes.current / 1024);
  for (size_t i = 0; i < BLOCKS; i += 20) {
    CHECK_FILLED(blocks[i], SIZE, i);
    ri_free(blocks[i]);
  }
  for (size_t i = 0; i < SECONDS * EACH; i++)
    ri_free(work[i]);
  CHECK(ri_audit());
  return 0;
}
