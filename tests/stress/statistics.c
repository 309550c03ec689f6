// SPDX-License-Identifier: MIT
// statistics.c: what the statistics say against a count that the test keeps beside them. Threads
// allocate, resize, pass on and free blocks at random, some of them end and others begin, while one
// thread reads statistics all the time: nothing may be negative, below its parts, or run backwards.
// Whenever all threads rest, blocks and bytes of every size class are exactly those of the test.
#include "../check.h"

enum { THREADS = 6, ROUNDS = 12, SLOTS = 400, SHARED = 512, BINS = RI_STAT_BINS };

typedef struct shadow_s {
  int64_t blocks[BINS];
  int64_t large_bytes;
  int64_t large_made;
} shadow_t;

typedef struct worker_s {
  void* slots[SLOTS];
  shadow_t shadow;  // what this thread allocated less what it freed, perhaps below zero
  uint64_t rng;
  size_t operations;
  bool keeps;  // leaves its blocks to the next thread with this number
} worker_t;

static worker_t workers[THREADS], own;
static void* shared[SHARED];  // blocks on their way from one thread to another
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t bin_sizes[BINS];

static size_t bin_of(size_t usable) {
  size_t low = 0, high = BINS - 1;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (bin_sizes[middle] != 0 && bin_sizes[middle] < usable) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return bin_sizes[low] == usable ? low : BINS - 1;
}

static void count(worker_t* w, const void* p, int64_t sign) {
  if (p == NULL) return;
  const size_t usable = ri_usable_size(p);
  const size_t bin = bin_of(usable);
  w->shadow.blocks[bin] += sign;
  if (bin == BINS - 1) w->shadow.large_bytes += sign * (int64_t)usable;
  if (bin == BINS - 1 && sign > 0) w->shadow.large_made++;
}

static size_t any_size(uint64_t* rng) {
  switch (check_below(rng, 40)) {
    case 0:
      return check_below(rng, 1 << 20);
    case 1:
    case 2:
      return check_below(rng, 80000);
    default:
      return check_below(rng, 2000);
  }
}

static void* made(worker_t* w) {
  const size_t size = any_size(&w->rng);
  switch (check_below(&w->rng, 4)) {
    case 0:
      return ri_calloc(1, size);
    case 1:
      return ri_malloc_aligned(size, (size_t)1 << check_below(&w->rng, 12));
    default:
      return ri_malloc(size);
  }
}

static void exchange_shared(worker_t* w, void** slot) {
  pthread_mutex_lock(&shared_lock);
  void** const other = &shared[check_below(&w->rng, SHARED)];
  void* const p = *other;
  *other = *slot;
  *slot = p;
  pthread_mutex_unlock(&shared_lock);
}

static void step(worker_t* w) {
  void** const slot = &w->slots[check_below(&w->rng, SLOTS)];
  switch (check_below(&w->rng, 6)) {
    case 0:
      exchange_shared(w, slot);
      break;
    case 1: {
      count(w, *slot, -1);
      void* const p = ri_realloc(*slot, any_size(&w->rng));
      CHECK(p != NULL);
      *slot = p;
      count(w, p, 1);
      break;
    }
    case 2:
      count(w, *slot, -1);
      ri_free(*slot);
      *slot = NULL;
      break;
    default:
      count(w, *slot, -1);
      ri_free(*slot);
      *slot = made(w);
      CHECK(*slot != NULL);
      count(w, *slot, 1);
      break;
  }
}

static void* work(void* arg) {
  worker_t* const w = arg;
  for (size_t i = 0; i < w->operations; i++)
    step(w);
  for (size_t i = 0; i < SLOTS && !w->keeps; i++) {
    count(w, w->slots[i], -1);
    ri_free(w->slots[i]);
    w->slots[i] = NULL;
  }
  return NULL;
}

// ---- The reader ---------------------------------------------------------------------------------

static bool reader_ends;  // lock shared_lock

static void never_wrong(const ri_stats_t* s) {
#define RI_STAT_COUNT(name, text)                                                        \
  CHECK_MSG(s->name.current >= 0 && s->name.peak >= s->name.current &&                   \
                s->name.total >= s->name.peak && s->name.total < (int64_t)1 << 50,       \
            #name ": %lld %lld %lld", (long long)s->name.total, (long long)s->name.peak, \
            (long long)s->name.current);
#define RI_STAT_COUNTER(name, text)                                                 \
  CHECK_MSG(s->name.total >= 0 && s->name.total < (int64_t)1 << 50, #name ": %lld", \
            (long long)s->name.total);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  for (size_t i = 0; i < BINS; i++) {
    CHECK(s->malloc_bins[i].current >= 0 && s->malloc_bins[i].peak >= s->malloc_bins[i].current);
    CHECK(s->page_bins[i].current >= 0 && s->page_bins[i].peak >= s->page_bins[i].current);
    CHECK(s->page_bins[i].total >= s->page_bins[i].peak);
  }
}

static void forwards_only(const ri_stats_t* old, const ri_stats_t* now) {
#define RI_STAT_COUNT(name, text) CHECK(now->name.peak >= old->name.peak);
#define RI_STAT_COUNTER(name, text)
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  CHECK(now->pages.total >= old->pages.total);
  CHECK(now->threads.total >= old->threads.total);
  CHECK(now->pages_extended.total >= old->pages_extended.total);
  CHECK(now->page_searches.total >= old->page_searches.total);
  CHECK(now->malloc_huge_count.total >= old->malloc_huge_count.total);
  CHECK(now->purged.total >= old->purged.total && now->mmap_calls.total >= old->mmap_calls.total);
}

static void* reads(void* arg) {
  ri_stats_t_decl(old);
  size_t times = 0;
  for (bool ends = false; !ends; times++) {
    ri_stats_t_decl(now);
    CHECK(ri_stats_get(&now));
    never_wrong(&now);
    if (times > 0) forwards_only(&old, &now);
    old = now;
    ri_summary_t summary;
    ri_summary(&summary);
    CHECK(summary.in_use < SIZE_MAX / 4 && summary.blocks <= summary.in_use);
    pthread_mutex_lock(&shared_lock);
    ends = reader_ends;
    pthread_mutex_unlock(&shared_lock);
  }
  *(size_t*)arg = times;
  return NULL;
}

// ---- At rest ------------------------------------------------------------------------------------

static void agrees(const ri_stats_t* before) {
  ri_stats_t_decl(now);
  CHECK(ri_stats_get(&now));
  int64_t total = 0, bytes = 0;
  int64_t large_bytes = own.shadow.large_bytes, large_made = own.shadow.large_made;
  for (size_t i = 0; i < BINS; i++) {
    int64_t expected = before->malloc_bins[i].current;
    expected += own.shadow.blocks[i];
    for (size_t t = 0; t < THREADS; t++)
      expected += workers[t].shadow.blocks[i];
    CHECK_MSG(now.malloc_bins[i].current == expected, "bin %zu of %zu: %lld, not %lld", i,
              bin_sizes[i], (long long)now.malloc_bins[i].current, (long long)expected);
    total += expected;
    bytes += expected * (int64_t)bin_sizes[i];
  }
  for (size_t t = 0; t < THREADS; t++) {
    large_bytes += workers[t].shadow.large_bytes;
    large_made += workers[t].shadow.large_made;
  }
  CHECK(now.blocks.current == total);
  CHECK(now.malloc_normal.current == bytes);
  CHECK_MSG(now.malloc_huge.current == before->malloc_huge.current + large_bytes, "%lld, not %lld",
            (long long)now.malloc_huge.current,
            (long long)(before->malloc_huge.current + large_bytes));
  // Blocks that changed their size in place were not made anew.
  CHECK(now.malloc_huge_count.total <= before->malloc_huge_count.total + large_made);
  CHECK(now.committed.current + now.holes.current >= now.page_committed.current);
  CHECK(now.page_committed.current >= now.malloc_requested.current);
}

int main(void) {
  check_watchdog(110);
  for (size_t i = 0; i < BINS; i++)
    bin_sizes[i] = ri_stats_get_bin_size(i);
  ri_free(ri_malloc(1));
  ri_option_set(ri_option_purge_delay, 5);
  ri_stats_t_decl(before);
  CHECK(ri_stats_get(&before));
  size_t times = 0;
  const pthread_t reader = check_start(reads, &times);
  for (size_t round = 0; round < ROUNDS; round++) {
    // Blocks of this thread, which does not end: what others free of them it does not collect.
    for (size_t i = 0; i < SHARED; i += 2) {
      if (shared[i] != NULL) continue;
      shared[i] = ri_malloc(any_size(&own.rng));
      CHECK(shared[i] != NULL);
      count(&own, shared[i], 1);
    }
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
      workers[t].rng = round * 100 + t;
      workers[t].operations = check_scaled(20000);
      workers[t].keeps = round + 1 < ROUNDS && (round + t) % 3 != 0;
      threads[t] = check_start(work, &workers[t]);
    }
    for (size_t t = 0; t < THREADS; t++)
      check_join(threads[t]);
    agrees(&before);
    if (round % 4 == 2) ri_collect(true);
    agrees(&before);
  }
  for (size_t i = 0; i < SHARED; i++) {
    count(&own, shared[i], -1);
    ri_free(shared[i]);
  }
  agrees(&before);
  pthread_mutex_lock(&shared_lock);
  reader_ends = true;
  pthread_mutex_unlock(&shared_lock);
  check_join(reader);
  CHECK_MSG(times > 10, "statistics were read %zu times", times);
  ri_stats_t_decl(after);
  CHECK(ri_stats_get(&after));
  for (size_t i = 0; i < BINS; i++)
    CHECK(after.malloc_bins[i].current == before.malloc_bins[i].current);
  CHECK(after.threads.total >= before.threads.total + THREADS * ROUNDS);
  CHECK(ri_audit());
  return 0;
}
