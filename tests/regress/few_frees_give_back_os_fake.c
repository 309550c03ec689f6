// SPDX-License-Identifier: MIT
// few_frees_give_back_os_fake.c: a program that kept one block in thirteen of a gigabyte, and whose
// light work found room without a slow allocation, kept all of the pages of larger blocks: nobody
// looked. Frees that empty pages look too.
#include "../os_fake.h"

enum { BLOCKS = 8 * 1024, SIZE = 20 * 1024, LIVE_IN = 13, SECONDS = 100, EACH = 4 };
static void* blocks[BLOCKS];

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
    if (i % LIVE_IN != 0) ri_free(blocks[i]);
  size_t freed = 0, live = BLOCKS / LIVE_IN + 1;
  for (size_t i = 0; i < SECONDS * EACH; i++, freed += LIVE_IN, live--) {
    if (i % EACH == 0) os_ahead_ms += 1000;
    CHECK_FILLED(blocks[freed], SIZE, freed);
    ri_free(blocks[freed]);
  }
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  const size_t rest = (size_t)(BLOCKS - freed) * SIZE - live * SIZE;
  CHECK_MSG((size_t)s.holes.current >= rest * 6 / 10, "%lld KiB of holes, of %zu",
            (long long)s.holes.current / 1024, rest / 1024);
  for (; freed < BLOCKS; freed += LIVE_IN) {
    CHECK_FILLED(blocks[freed], SIZE, freed);
    ri_free(blocks[freed]);
  }
  CHECK(ri_audit());
  return 0;
}
