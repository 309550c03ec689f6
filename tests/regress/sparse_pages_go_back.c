// SPDX-License-Identifier: MIT
// sparse_pages_go_back.c: one block in twenty was enough to keep all memory of a program: 260 of
// 260 MB stayed resident after all others were freed, and asking for it returned nothing. Now
// memory without live blocks is returned, in pages of this thread, of exited threads, and of
// threads that exit later; live blocks keep their contents, and the memory comes back into use.
#include "../check.h"

enum { BLOCKS = 256 * 1024, SIZE = 1000, THREADS = 20, EACH = BLOCKS / 2 / THREADS };
static void* blocks[BLOCKS];

static void make(size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    blocks[i] = ri_malloc(SIZE);
    CHECK(blocks[i] != NULL);
    check_fill(blocks[i], SIZE, i);
  }
}

static void drop_but(size_t from, size_t to, size_t one_in) {
  for (size_t i = from; i < to; i++) {
    if (one_in != 0 && i % one_in == 0) continue;
    if (blocks[i] != NULL) CHECK_FILLED(blocks[i], SIZE, i);
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
}

static void keeps(size_t to) {
  for (size_t i = 0; i < to; i++)
    if (blocks[i] != NULL) CHECK_FILLED(blocks[i], SIZE, i);
}

static size_t program;  // what was resident before the first block

// Above that. A block of 1,000 bytes alone in its neighbourhood holds 1.24 OS pages.
static void resident_is(const char* what, size_t most) {
  if (!check_measurable() || check_counted() || check_os_page() != 4096) return;
  const size_t now = check_resident() - program;
  printf("%s: %zu KiB\n", what, now / 1024);
  CHECK_MSG(now <= most, "%s: %zu KiB are resident", what, now / 1024);
}

static void* works_and_ends(void* arg) {
  const size_t from = (size_t)(uintptr_t)arg * EACH;
  make(from, from + EACH);
  return NULL;
}

// One in twenty, then one in a hundred, then none.
static void own_pages(size_t count) {
  make(0, count);
  drop_but(0, count, 20);
  const size_t before = check_summary().purged;
  ri_collect(true);
  CHECK(check_summary().purged > before + count * SIZE / 2);
  resident_is("1 of 20", 60 * (size_t)CHECK_MIB);
  drop_but(0, count, 100);
  ri_collect(true);
  resident_is("1 of 100", 14 * (size_t)CHECK_MIB);
  keeps(count);
  CHECK(ri_audit());
  const size_t purged = check_summary().purged;
  ri_collect(true);
  CHECK(check_summary().purged == purged);  // there was no more
  for (size_t i = 0; i < count; i++)
    if (blocks[i] == NULL) make(i, i + 1);
  keeps(count);
  CHECK(ri_audit());
  drop_but(0, count, 0);
}

static void pages_of_ended_threads(size_t threads) {
  for (size_t i = 0; i < threads; i++)
    check_in_thread(works_and_ends, (void*)(uintptr_t)i);
  drop_but(0, threads * EACH, 20);
  ri_collect(true);
  resident_is("1 of 20, threads ended", 34 * (size_t)CHECK_MIB);
  keeps(threads * EACH);
  CHECK(ri_audit());
  drop_but(0, threads * EACH, 0);
}

int main(void) {
  check_watchdog(60);
  program = check_resident();
  own_pages(check_measurable() ? check_scaled(BLOCKS) : BLOCKS / 16);
  ri_collect(true);
  resident_is("nothing", 6 * (size_t)CHECK_MIB);
  pages_of_ended_threads(check_measurable() ? check_scaled(THREADS) : 2);
  ri_collect(true);
  const ri_summary_t s = check_summary();
  CHECK(s.blocks == 0 && ri_audit());
  ri_stats_t_decl(stats);
  CHECK(ri_stats_get(&stats) && stats.holes.current == 0 && stats.holes.total > 0);
  return 0;
}
