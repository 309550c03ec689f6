// SPDX-License-Identifier: MIT
// summary.c: ri_summary tells the truth. Blocks and bytes are exact before and after every kind of
// allocation, threads are counted while they live, pages of exited threads are abandoned until they
// are used or freed, forced collection counts what it gives back. Catches: a counter that drifts, a
// page counted twice or not at all, a statistic below zero (seen as a huge number).
#include "../check.h"

enum { COUNT = 4000 };
static void* blocks[COUNT];

static void sane(const ri_summary_t* s) {
  const size_t huge = CHECK_HUGE(46);
  CHECK_MSG(s->reserved < huge, "reserved %zu", s->reserved);
  CHECK_MSG(s->committed <= s->reserved, "committed %zu reserved %zu", s->committed, s->reserved);
  CHECK_MSG(s->in_use <= s->committed, "in use %zu committed %zu", s->in_use, s->committed);
  CHECK_MSG(s->blocks <= s->in_use / 8, "%zu blocks, %zu bytes", s->blocks, s->in_use);
  CHECK_MSG(s->pages < (size_t)1 << 30, "pages %zu", s->pages);
  CHECK_MSG(s->abandoned <= s->pages, "abandoned %zu of %zu", s->abandoned, s->pages);
  CHECK_MSG(s->threads < 100000 && s->arenas < 100000, "%zu %zu", s->threads, s->arenas);
  CHECK_MSG(s->mappings < 100000, "mappings %zu", s->mappings);
  CHECK_MSG(s->cached < huge && s->metadata < huge && s->purged < huge, "%zu %zu %zu", s->cached,
            s->metadata, s->purged);
}

static ri_summary_t summary(void) {
  const ri_summary_t s = check_summary();
  sane(&s);
  return s;
}

static void exact(size_t max, size_t count, uint64_t seed) {
  uint64_t rng = seed;
  const ri_summary_t before = summary();
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t size = check_any_size(&rng, max);
    blocks[i] = i % 3 == 0 ? ri_calloc(1, size) : ri_malloc(size);
    CHECK(blocks[i] != NULL);
    bytes += ri_usable_size(blocks[i]);
  }
  ri_summary_t s = summary();
  CHECK_MSG(s.blocks == before.blocks + count, "%zu + %zu: %zu", before.blocks, count, s.blocks);
  CHECK_MSG(s.in_use == before.in_use + bytes, "%zu + %zu: %zu", before.in_use, bytes, s.in_use);
  for (size_t i = 0; i < count; i += 2) {
    bytes -= ri_usable_size(blocks[i]);
    blocks[i] = ri_realloc(blocks[i], check_any_size(&rng, max));
    CHECK(blocks[i] != NULL);
    bytes += ri_usable_size(blocks[i]);
  }
  s = summary();
  CHECK(s.blocks == before.blocks + count);
  CHECK_MSG(s.in_use == before.in_use + bytes, "%zu + %zu: %zu", before.in_use, bytes, s.in_use);
  for (size_t i = 0; i < count; i++) {
    ri_free(blocks[(i * 7) % count]);
    blocks[(i * 7) % count] = NULL;
    if (i % 1000 == 0) (void)summary();
  }
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  s = summary();
  CHECK_MSG(s.blocks == before.blocks, "%zu: %zu", before.blocks, s.blocks);
  CHECK_MSG(s.in_use == before.in_use, "%zu: %zu", before.in_use, s.in_use);
}

static void aligned_blocks(void) {
  const ri_summary_t before = summary();
  size_t bytes = 0;
  for (size_t i = 0; i < 500; i++) {
    blocks[i] = i % 2 == 0 ? ri_malloc_aligned(i * 50, (size_t)1 << (i % 17))
                           : ri_malloc_aligned_at(i * 50, (size_t)1 << (i % 17), 24);
    bytes += ri_usable_size(blocks[i]);
  }
  ri_summary_t s = summary();
  CHECK(s.blocks == before.blocks + 500);
  CHECK_MSG(s.in_use >= before.in_use + bytes, "%zu + %zu: %zu", before.in_use, bytes, s.in_use);
  for (size_t i = 0; i < 500; i++)
    ri_free(blocks[i]);
  s = summary();
  CHECK(s.blocks == before.blocks && s.in_use == before.in_use);
}

static void large_mappings(void) {
  const ri_summary_t before = summary();
  void* const p = ri_malloc((size_t)300 * CHECK_MIB);
  CHECK(p != NULL);
  ri_summary_t s = summary();
  CHECK(s.mappings == before.mappings + 1);
  CHECK(s.blocks == before.blocks + 1);
  CHECK(s.reserved >= before.reserved + (size_t)300 * CHECK_MIB);
  ri_free(p);
  s = summary();
  CHECK(s.mappings == before.mappings && s.blocks == before.blocks);
  ri_collect(true);
  s = summary();
  CHECK_MSG(s.cached == 0, "cached %zu", s.cached);
  CHECK_MSG(s.reserved <= before.reserved, "%zu, before %zu", s.reserved, before.reserved);
}

enum { THREADS = 6 };
static pthread_barrier_t all_started, may_end;

static void* holds_a_heap(void* arg) {
  (void)arg;
  void* const p = ri_malloc(100);
  CHECK(p != NULL);
  pthread_barrier_wait(&all_started);
  pthread_barrier_wait(&may_end);
  ri_free(p);
  return NULL;
}

static void threads_are_counted(void) {
  pthread_t threads[THREADS];
  const ri_summary_t before = summary();
  CHECK(before.threads >= 1);
  pthread_barrier_init(&all_started, NULL, THREADS + 1);
  pthread_barrier_init(&may_end, NULL, THREADS + 1);
  for (int i = 0; i < THREADS; i++)
    threads[i] = check_start(holds_a_heap, NULL);
  pthread_barrier_wait(&all_started);
  ri_summary_t s = summary();
  CHECK_MSG(s.threads == before.threads + THREADS, "%zu + %d: %zu", before.threads, THREADS,
            s.threads);
  CHECK(s.blocks >= before.blocks + THREADS);
  pthread_barrier_wait(&may_end);
  for (int i = 0; i < THREADS; i++)
    check_join(threads[i]);
  s = summary();
  CHECK_MSG(s.threads == before.threads, "%zu: %zu", before.threads, s.threads);
}

// Leaves blocks of every kind behind: partly used pages, full pages, medium and large ones.
static void* leaves_blocks(void* arg) {
  (void)arg;
  uint64_t rng = 3;
  for (size_t i = 0; i < COUNT; i++) {
    const size_t size = i < 2000 ? 64 : check_any_size(&rng, 200000);
    blocks[i] = ri_malloc(size);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, size);
  }
  for (size_t i = 2000; i < COUNT; i += 3) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  return NULL;
}

static void abandoned_pages(bool reclaim) {
  ri_option_set(ri_option_page_reclaim_on_free, reclaim);
  const ri_summary_t before = summary();
  check_in_thread(leaves_blocks, NULL);
  ri_summary_t s = summary();
  size_t bytes = 0, count = 0;
  for (size_t i = 0; i < COUNT; i++) {
    bytes += ri_usable_size(blocks[i]);
    count += blocks[i] != NULL;
  }
  CHECK(s.threads == before.threads);
  CHECK_MSG(s.abandoned > before.abandoned, "abandoned %zu", s.abandoned);
  CHECK_MSG(s.blocks == before.blocks + count, "%zu + %zu: %zu", before.blocks, count, s.blocks);
  CHECK_MSG(s.in_use == before.in_use + bytes, "%zu + %zu: %zu", before.in_use, bytes, s.in_use);
  for (size_t i = 0; i < COUNT; i++) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  s = summary();
  CHECK_MSG(s.blocks == before.blocks, "%zu: %zu", before.blocks, s.blocks);
  CHECK_MSG(s.in_use == before.in_use, "%zu: %zu", before.in_use, s.in_use);
  CHECK_MSG(s.abandoned == before.abandoned, "abandoned %zu: %zu", before.abandoned, s.abandoned);
  ri_option_set(ri_option_page_reclaim_on_free, 1);
}

// Allocating takes abandoned pages over, without any free from the outside.
static void allocation_reclaims(void) {
  check_in_thread(leaves_blocks, NULL);
  ri_collect(true);  // no page of this thread's own has room
  const ri_summary_t before = summary();
  CHECK(before.abandoned > 0);
  uint64_t rng = 3;
  for (size_t i = 2000; i < COUNT; i += 3) {
    blocks[i] = ri_malloc(check_any_size(&rng, 200000));
    CHECK(blocks[i] != NULL);
  }
  const ri_summary_t s = summary();
  CHECK_MSG(s.abandoned < before.abandoned, "%zu: %zu", before.abandoned, s.abandoned);
  for (size_t i = 0; i < COUNT; i++) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  CHECK(summary().abandoned == 0);
}

static void purging_is_counted(void) {
  for (size_t i = 0; i < 50; i++) {
    blocks[i] = ri_malloc(CHECK_MIB);
    memset(blocks[i], 1, CHECK_MIB);
  }
  for (size_t i = 0; i < 50; i++)
    ri_free(blocks[i]);
  const ri_summary_t before = summary();
  ri_collect(true);
  const ri_summary_t s = summary();
  CHECK_MSG(s.purged >= before.purged, "%zu: %zu", before.purged, s.purged);
  CHECK_MSG(s.committed + (size_t)40 * CHECK_MIB <= before.committed || before.purged > 0,
            "committed %zu: %zu", before.committed, s.committed);
  // Some may have gone by the delay before; all of it is counted in the end.
  CHECK_MSG(s.purged >= (size_t)45 * CHECK_MIB, "purged %zu", s.purged);
}

int main(void) {
  ri_free(ri_malloc(1));
  const ri_summary_t start = summary();
  CHECK(start.arenas >= 1 && start.metadata > 0 && start.os_calls > 0 && start.threads >= 1);
  purging_is_counted();
  exact(1000, COUNT, 1);
  exact(100000, 1000, 2);
  exact((size_t)8 * CHECK_MIB, 100, 3);
  aligned_blocks();
  large_mappings();
  threads_are_counted();
  for (int round = 0; round < 3; round++) {
    abandoned_pages(true);
    abandoned_pages(false);
    allocation_reclaims();
  }
  ri_collect(true);
  const ri_summary_t end = summary();
  CHECK_MSG(end.blocks == start.blocks && end.in_use == start.in_use, "%zu %zu", end.blocks,
            end.in_use);
  CHECK(ri_audit());
  return 0;
}
