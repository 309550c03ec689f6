// SPDX-License-Identifier: MIT
// stats_so_far.c: how many blocks and bytes were handed out so far, and peaks, though nobody looked
// meanwhile: known from looks at pages on slow paths. And no total is ever less than it was, in one
// thread and beside others.
#include "../check.h"

#include <rimalloc/stats.h>
#include <stdatomic.h>

enum { COUNT = 20000, SIZE = 512, LARGE = 1 << 20 };

static void* blocks[COUNT];

static ri_stats_t stats(void) {
  ri_stats_t s;
  ri_stats_init(&s);
  CHECK(ri_stats_get(&s));
  return s;
}

static void allocates(void) {
  for (size_t i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(SIZE);
}
static void frees(void) {
  for (size_t i = 0; i < COUNT; i++)
    ri_free(blocks[i]);
}
static void* frees_there(void* arg) {
  (void)arg;
  frees();
  return NULL;
}
static void* all_there(void* arg) {
  (void)arg;
  allocates();
  frees();
  return NULL;
}

// Rounds of allocations and frees, of which at least nine in ten are counted and none twice.
static void rounds(const char* what, int n, void (*round)(void)) {
  const ri_stats_t before = stats();
  for (int i = 0; i < n; i++)
    round();
  const ri_stats_t after = stats();
  const int64_t all = (int64_t)n * COUNT, count = after.blocks.total - before.blocks.total;
  CHECK_MSG(count <= all + 100 && count >= all - all / 10, "%s: %lld of %lld", what,
            (long long)count, (long long)all);
  const int64_t bytes = after.malloc_normal.total - before.malloc_normal.total;
  CHECK_MSG(bytes >= (all - all / 10) * SIZE && bytes <= (all + 100) * SIZE * 2, "%s: %lld bytes",
            what, (long long)bytes);
  CHECK(after.malloc_normal_count.total - before.malloc_normal_count.total == count);
  const int64_t freed = count - (after.blocks.current - before.blocks.current);
  CHECK_MSG(freed >= all - all / 10 && freed <= all + 100, "%s: %lld", what, (long long)freed);
}

static void round_here(void) {
  allocates();
  frees();
}
static void round_apart(void) {
  allocates();
  check_in_thread(frees_there, NULL);
}
static void round_there(void) { check_in_thread(all_there, NULL); }

static void peaks(void) {
  ri_stats_reset();
  const int64_t bytes = (int64_t)COUNT * SIZE;
  const ri_stats_t before = stats();
  CHECK(before.malloc_normal.peak < bytes / 2);
  round_here();
  ri_free(ri_malloc(LARGE));
  const ri_stats_t s = stats();
  CHECK_MSG(s.malloc_normal.peak >= bytes - bytes / 10 && s.malloc_normal.peak <= 2 * bytes, "%lld",
            (long long)s.malloc_normal.peak);
  CHECK(s.malloc_normal.current < bytes / 2 && s.blocks.peak >= COUNT - COUNT / 10);
  CHECK(s.malloc_requested.peak >= s.malloc_normal.peak && s.malloc_huge.peak == LARGE);
  CHECK(s.pages.peak >= bytes / 65536 && s.pages.peak > s.pages.current);
  size_t bin = 0;
  while (ri_stats_get_bin_size(bin) < SIZE)
    bin++;
  CHECK(s.malloc_bins[bin].peak >= COUNT - COUNT / 10);
  CHECK(s.page_bins[bin].peak >= bytes / 65536);
}

// Each large block is counted.
static void large(void) {
  const ri_stats_t before = stats();
  for (int i = 0; i < 100; i++)
    ri_free(ri_malloc(LARGE));
  const ri_stats_t after = stats();
  CHECK(after.malloc_huge_count.total - before.malloc_huge_count.total == 100);
  CHECK(after.malloc_huge.total - before.malloc_huge.total == (int64_t)100 * LARGE);
  CHECK(after.malloc_huge.current == before.malloc_huge.current);
}

// ---- Read again and again -----------------------------------------------------------------------

static atomic_int stop;

typedef struct totals_s {
  int64_t count, bytes, blocks, large;
} totals_t;

// What was read the last time is the least of what is read now.
static void looks(totals_t* last, const char* what, size_t i) {
  const ri_stats_t s = stats();
  const totals_t now = {s.malloc_normal_count.total, s.malloc_normal.total, s.blocks.total,
                        s.malloc_huge_count.total};
  CHECK_MSG(now.count >= last->count && now.blocks >= last->blocks, "%s, look %zu: %lld, then %lld",
            what, i, (long long)last->count, (long long)now.count);
  CHECK_MSG(now.bytes >= last->bytes && now.large >= last->large, "%s, look %zu: %lld, then %lld",
            what, i, (long long)last->bytes, (long long)now.bytes);
  *last = now;
}

// Blocks in pages that nobody looked at are freed before somebody does.
static void totals_here(void) {
  totals_t last = {0, 0, 0, 0};
  uint64_t rng = 7;
  const size_t all = check_scaled(400);
  for (size_t i = 0; i < all; i++) {
    const size_t count = check_below(&rng, 3000), size = 16 + 16 * check_below(&rng, 4);
    for (size_t j = 0; j < count; j++)
      blocks[j] = ri_malloc(size);
    looks(&last, "allocated", i);
    for (size_t j = 0; j < count; j++)
      ri_free(blocks[j]);
    looks(&last, "freed", i);
  }
}

static void* replaces(void* arg) {
  enum { SLOTS = 2000 };
  uint64_t rng = 1 + (uint64_t)(uintptr_t)arg;
  static __thread void* mine[SLOTS];
  while (atomic_load(&stop) == 0) {
    for (size_t i = 0; i < 10000; i++) {
      const size_t at = check_below(&rng, SLOTS);
      ri_free(mine[at]);
      mine[at] = ri_malloc(16 + check_below(&rng, 500));
    }
  }
  for (size_t i = 0; i < SLOTS; i++)
    ri_free(mine[i]);
  return NULL;
}

static void totals_beside_others(void) {
  pthread_t threads[2];
  for (size_t i = 0; i < 2; i++)
    threads[i] = check_start(replaces, (void*)(uintptr_t)i);
  totals_t last = {0, 0, 0, 0};
  const size_t all = check_scaled(10000);
  for (size_t i = 0; i < all; i++)
    looks(&last, "beside others", i);
  atomic_store(&stop, 1);
  for (size_t i = 0; i < 2; i++)
    check_join(threads[i]);
  looks(&last, "at the end", 0);
}

int main(void) {
  check_watchdog(60);
  ri_free(ri_malloc(1));
  peaks();
  rounds("here", 10, round_here);
  rounds("freed by others", 10, round_apart);
  rounds("in other threads", 10, round_there);
  large();
  totals_here();
  totals_beside_others();
  CHECK(ri_audit());
  return 0;
}
