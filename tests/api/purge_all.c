// SPDX-License-Identifier: MIT
// purge_all.c: a program returns memory by itself, in parts and within a time, and is told what
// went and when there is more.
// Catches: a report that counts what did not go, or not what went; a time that is not kept; what is
// not due returned.
#include "../check.h"

enum { BLOCKS = 64 * 1024, SIZE = 1000 };

static void* blocks[BLOCKS];

static void fill(void) {
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
    memset(blocks[i], 1, SIZE);
  }
}

static void all_at_once(void) {
  fill();
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  ri_purge_report_t r;
  errno = 5;
  CHECK(ri_purge_all(RI_PURGE_UNUSED, 0, &r));
  CHECK_ERRNO(5);
  CHECK_MSG(r.slices >= (size_t)BLOCKS * SIZE / 10 * 8, "%zu", r.slices);
  CHECK(!r.more && r.unreached < CHECK_MIB);
  CHECK(!ri_purge_all(RI_PURGE_UNUSED, 0, NULL));
}

static void what_is_due(void) {
  ri_option_set(ri_option_purge_delay, 3600000);
  fill();
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  ri_purge_report_t r;
  (void)ri_purge_all(RI_PURGE_DUE, 0, &r);
  CHECK_MSG(r.slices == 0 && r.unreached >= (size_t)BLOCKS * SIZE / 10 * 8, "%zu of %zu", r.slices,
            r.unreached);
  CHECK(r.next_ms > 3000000 && r.next_ms <= 3600000);
  CHECK(ri_purge_all(RI_PURGE_UNUSED, 0, &r) && r.next_ms == 0);
}

// A loop as a program with nothing else to do has it.
static void until_nothing_is_due(void) {
  ri_option_set(ri_option_purge_delay, 100);
  fill();
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  size_t slices = 0;
  const uint64_t until = check_now_ms() + 20000;
  ri_purge_report_t r;
  do {
    (void)ri_purge_all(RI_PURGE_DUE, 1, &r);
    slices += r.slices;
    const struct timespec t = {0, (long)(r.next_ms % 1000) * 1000000};
    nanosleep(&t, NULL);
  } while (r.next_ms != 0 && check_now_ms() < until);
  // Where it takes long to free, some of it is due while the rest is freed, and returned then.
  CHECK_MSG(r.next_ms == 0 && slices > 0 && r.unreached < CHECK_MIB, "%zu, %zu", slices,
            r.unreached);
}

static void holes(void) {
  fill();
  for (size_t i = 0; i < BLOCKS; i++) {
    if (i % 100 != 0) ri_free(blocks[i]);
  }
  ri_purge_report_t r;
  CHECK(ri_purge_all(RI_PURGE_UNUSED, 0, &r));
  if (check_os_page() == 4096) CHECK_MSG(r.holes >= BLOCKS / 2 * SIZE, "%zu", r.holes);
  for (size_t i = 0; i < BLOCKS; i += 100)
    ri_free(blocks[i]);
  CHECK(ri_audit());
}

static void large_ones(void) {
  ri_option_set(ri_option_purge_delay, 60000);
  ri_option_set(ri_option_disallow_arena_alloc, 1);
  enum { LARGE = 40 * CHECK_MIB };
  void* const p = ri_malloc(LARGE);
  CHECK(p != NULL);
  ri_free(p);
  ri_purge_report_t r;
  CHECK(ri_purge_all(RI_PURGE_UNUSED, 0, &r));
  CHECK_MSG(r.mappings + r.slices >= LARGE, "%zu %zu", r.mappings, r.slices);
  ri_option_set(ri_option_disallow_arena_alloc, 0);
}

static void* in_a_thread(void* arg) {
  ri_thread_done();
  (void)ri_purge_all(RI_PURGE_UNUSED, 0, NULL);
  (void)ri_purge_all(RI_PURGE_DUE, 5, NULL);
  return arg;
}

int main(void) {
  check_watchdog(60);
  all_at_once();
  what_is_due();
  until_nothing_is_due();
  holes();
  large_ones();
  check_in_thread(in_a_thread, NULL);
  CHECK(check_summary().blocks == 0);
  return 0;
}
