// SPDX-License-Identifier: MIT
// swiss_cheese: free a random half of many blocks, then refill with blocks of another size.
//
// Stresses: fragmentation. 100 MiB of small blocks of one size are allocated; a random half is
// freed, so that every page has holes and none is empty; then 50 MiB of blocks of another size are
// allocated. The holes are useless to allocators that keep each page to one class, so the second
// half is new memory; allocators that split and join blocks can use some of them. Then a random
// half of everything is freed again and the next size follows, over several sizes.
//
// Why it is here: this is how long-running programs grow although their live data does not. No
// allocator does this well; the question is how badly it does, in peak and in final memory. Time
// counts too: frees into full pages and allocation from nearly full ones are the slow cases of page
// lists.
//
// A bad result means: searching through many nearly full pages for each allocation (time), or
// memory that is never given back once pages are empty at last (final).
//
// Arguments: total (100 MiB live at the top), rounds (6).
#include "bench.h"

typedef struct item_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} item_t;

static const uint32_t sizes[] = {48, 160, 24, 96, 320, 64};

static uint64_t drop(item_t* item) {
  const uint64_t check = bench_verify(item->p, item->size, item->tag);
  free(item->p);
  item->p = NULL;
  return check;
}

// Fills empty places until `bytes` are live again.
static size_t refill(item_t* items, size_t count, size_t live, size_t bytes, uint32_t size) {
  for (size_t i = 0; i < count && live < bytes; i++) {
    if (items[i].p != NULL) continue;
    items[i].size = size;
    items[i].tag = (uint32_t)i;
    items[i].p = bench_malloc(size);
    bench_stamp(items[i].p, size, items[i].tag);
    live += size;
  }
  return live;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t bytes = bench_scaled(bench_arg("total", 100) << 20);
  const size_t rounds = bench_arg("rounds", 6);
  const size_t count = bytes / 24 + 1;  // as many as the smallest size needs
  item_t* const items = (item_t*)calloc(count, sizeof *items);
  if (items == NULL) bench_fail("calloc returned NULL");
  bench_rng_t rng = bench_seed(31);
  uint64_t check = 0;
  uint64_t ops = 0;
  size_t live = 0;
  for (size_t round = 0; round < rounds; round++) {
    live = refill(items, count, live, bytes, sizes[round % (sizeof sizes / sizeof sizes[0])]);
    bench_phase("full");
    for (size_t i = 0; i < count; i++) {
      if (items[i].p == NULL || (bench_next(&rng) >> 31) != 0) continue;
      live -= items[i].size;
      check += drop(&items[i]);
      ops += 2;
    }
    bench_phase("half");
  }
  for (size_t i = 0; i < count; i++) {
    if (items[i].p != NULL) check += drop(&items[i]);
  }
  free(items);
  return bench_finish(ops, check);
}
