// SPDX-License-Identifier: MIT
// light_work_gives_back.c: a program that freed nineteen blocks in twenty and went on working with
// a few kept all of its memory. Now it is returned without a call, also in pages that an ended
// thread left, while the work goes on; live blocks keep what they hold.
#include "../check.h"

enum { BLOCKS = 40000, SIZE = 1000, WORK = 512 };
static void* blocks[2][BLOCKS];

static void* makes(void* arg) {
  void** const b = arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    b[i] = ri_malloc(SIZE);
    CHECK(b[i] != NULL);
    check_fill(b[i], SIZE, i);
  }
  return NULL;
}

static void drops(void** b) {
  for (size_t i = 0; i < BLOCKS; i++) {
    if (i % 20 == 0) continue;
    ri_free(b[i]);
    b[i] = NULL;
  }
}

static void keeps(void** b) {
  for (size_t i = 0; i < BLOCKS; i += 20) {
    CHECK_FILLED(b[i], SIZE, i);
  }
}

// Blocks of another size: a few at a time, and all the time.
static void work(void) {
  void* few[WORK];
  for (size_t i = 0; i < WORK; i++)
    few[i] = ri_malloc(3000);
  for (size_t i = 0; i < WORK; i++)
    ri_free(few[i]);
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 100);
  makes(blocks[0]);
  check_in_thread(makes, blocks[1]);
  drops(blocks[0]);
  drops(blocks[1]);
  if (check_os_page() != 4096) check_skip("OS pages with too many blocks");
  // Most of it, of both: the watchdog ends what takes too long.
  const uint64_t start = check_now_ms();
  ri_stats_t_decl(s);
  size_t wanted = (size_t)2 * BLOCKS * SIZE * 7 / 10;
  do {
    work();
    CHECK(ri_stats_get(&s));
  } while ((size_t)s.holes.current < wanted);
  printf("after %llu ms\n", (unsigned long long)(check_now_ms() - start));
  keeps(blocks[0]);
  keeps(blocks[1]);
  CHECK(ri_audit());
  return 0;
}
