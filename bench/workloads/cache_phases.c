// SPDX-License-Identifier: MIT
// cache_phases: a cache of constant size whose entries change in size.
//
// Stresses: fragmentation where sizes change. The cache holds `limit` MiB. A request finds an entry
// and reads it, or puts in a new one and evicts: of five entries at random the one that was used
// longest ago, until there is room, as Redis does. The sizes of new entries follow a mixture that
// changes eight times: sessions, fragments of pages, documents, rows with a few large ones. Each
// phase replaces the contents twice; the entries that are used most stay longer. So old and new
// sizes lie side by side, and room comes up in no order.
//
// Why it is here: caches in front of databases and file systems run for months, and what they serve
// changes by the hour of the day. What they need is their limit, and the machine is bought for it.
//
// `phase steady` lines have resident and live memory, at the middle and the end of each phase but
// the first; after each the cache has 200 ms without requests, since what is steady lasts for
// hours. The list of entries is outside of the allocator and counts as live. `final` is after the
// last. Compare CPU, not wall time.
//
// A bad result means: resident memory grows from phase to phase, or stays at the sum of what each
// mixture needs: memory of one size that another cannot use.
//
// Arguments: limit (32 MiB), phases (8).
#include "whole.h"

#define SIZE_LEAST 48

typedef struct entry_s {
  whole_t block;
  uint64_t used;
} entry_t;

typedef struct cache_s {
  entry_t* entries;
  size_t count;
  size_t most;  // that were there at once: what of the list is resident
  size_t bytes;
  size_t limit;
  uint64_t time;
  uint64_t check;
  bench_rng_t rng;
} cache_t;

// `many` percent of the entries are of the first range of sizes, the others of the second.
typedef struct mix_s {
  unsigned many;
  unsigned low, high;
  unsigned large_low, large_high;
} mix_t;

static const mix_t mixes[] = {
    {90, 64, 256, 1024, 4096},    {100, 48, 128, 0, 0},           {50, 512, 2048, 4096, 16384},
    {95, 96, 400, 16384, 65536},  {100, 1024, 3072, 0, 0},        {70, 48, 160, 256, 8192},
    {40, 300, 700, 20000, 40000}, {98, 160, 640, 100000, 300000},
};

static size_t size_of(const mix_t* mix, bench_rng_t* rng) {
  if (bench_below(rng, 100) < mix->many) return bench_between(rng, mix->low, mix->high);
  return bench_between(rng, mix->large_low, mix->large_high);
}

static void evict(cache_t* cache) {
  size_t oldest = bench_below(&cache->rng, cache->count);
  for (size_t i = 0; i < 4; i++) {
    const size_t other = bench_below(&cache->rng, cache->count);
    if (cache->entries[other].used < cache->entries[oldest].used) oldest = other;
  }
  entry_t* const entry = &cache->entries[oldest];
  cache->bytes -= entry->block.size;
  cache->check += whole_drop(&entry->block);
  *entry = cache->entries[--cache->count];
}

static void put(cache_t* cache, size_t size) {
  while (cache->count > 0 && cache->bytes + size > cache->limit)
    evict(cache);
  entry_t* const entry = &cache->entries[cache->count++];
  whole_fill(&entry->block, size, bench_next(&cache->rng));
  entry->used = cache->time++;
  cache->bytes += size;
  if (cache->count > cache->most) cache->most = cache->count;
}

// Later entries of the list are asked for more often.
static void get(cache_t* cache) {
  const size_t a = bench_below(&cache->rng, cache->count);
  const size_t b = bench_below(&cache->rng, cache->count);
  entry_t* const entry = &cache->entries[a > b ? a : b];
  cache->check += bench_verify(entry->block.p, entry->block.size, entry->block.tag);
  entry->used = cache->time++;
}

static size_t serve(cache_t* cache, const mix_t* mix, size_t bytes) {
  size_t ops = 0;
  for (size_t done = 0; done < bytes; ops++) {
    const size_t size = size_of(mix, &cache->rng);
    put(cache, size);
    get(cache);
    done += size;
  }
  return ops;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t phases = bench_arg("phases", 8);
  // The largest block must fit.
  cache_t cache = {.limit = bench_scaled(bench_arg("limit", 32) << 20) + (1 << 20)};
  cache.rng = bench_seed(81);
  cache.entries = (entry_t*)bench_table((cache.limit / SIZE_LEAST + 2) * sizeof(entry_t));
  uint64_t ops = 0;
  for (size_t i = 0; i < phases; i++) {
    for (size_t half = 0; half < 2; half++) {
      ops += serve(&cache, &mixes[i % (sizeof mixes / sizeof *mixes)], cache.limit);
      const size_t live = cache.bytes + cache.most * sizeof(entry_t);
      bench_phase_live(i == 0 ? "warm" : "steady", live);
      bench_rest(0.2);
    }
  }
  const size_t final = bench_resident();
  for (size_t i = 0; i < cache.count; i++)
    cache.check += whole_drop(&cache.entries[i].block);
  return bench_finish_at(2 * ops, cache.check, final);
}
