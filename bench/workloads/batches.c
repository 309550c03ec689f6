// SPDX-License-Identifier: MIT
// batches: allocate a batch of blocks, then free all of them in a chosen order; repeat.
//
// Stresses: free lists that are longer than one element. In LIFO order the next batch gets the
// blocks in the order in which they lie in memory; in FIFO order each batch reverses the list; in
// random order the list is shuffled, and each malloc loads its link from a line that nothing
// predicts. A batch is larger than a page of small blocks when `count` times `size` is above 64
// KiB, so pages run empty and full all the time: the policy for retiring and reusing pages shows
// here.
//
// Why it is here: parsers, compilers and request handlers build a structure and then drop it as a
// whole. LIFO is a stack of temporaries, FIFO is a queue, random is what remains of a hash table.
//
// A bad result means: page retirement that returns and re-initialises a page for each batch, free
// list initialisation that touches each block twice, or thread caches with a fixed small capacity
// that spill to a central list (jemalloc and tcmalloc move half a cache at a time: it shows).
//
// Arguments: order (lifo, fifo, random), size (32), spread (0: all of `size`; otherwise sizes are
// size .. size + spread), count (1000) blocks in a batch.
#include "bench.h"

#define BATCH_MAX 100000
#define ORDERS 8  // shuffles prepared in advance: shuffling must not be part of what is measured

typedef struct slot_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} slot_t;

static slot_t slots[BATCH_MAX];
static uint32_t orders[ORDERS][BATCH_MAX];
static uint64_t bench_ops;

static void prepare(const char* order, size_t count) {
  bench_rng_t rng = bench_seed(7);
  for (size_t k = 0; k < ORDERS; k++) {
    uint32_t* const at = orders[k];
    for (size_t i = 0; i < count; i++) {
      at[i] = (uint32_t)(strcmp(order, "lifo") == 0 ? count - 1 - i : i);
    }
    if (strcmp(order, "random") != 0) continue;
    for (size_t i = count - 1; i > 0; i--) {
      const size_t j = bench_below(&rng, i + 1);
      const uint32_t other = at[j];
      at[j] = at[i];
      at[i] = other;
    }
  }
}

BENCH_WORK uint64_t bench_work(size_t size, size_t spread, size_t count, size_t rounds) {
  bench_rng_t rng = bench_seed(1);
  uint64_t check = 0;
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < count; i++) {
      slot_t* const slot = &slots[i];
      const uint32_t tag = bench_next(&rng);
      slot->size = (uint32_t)(size + (((uint64_t)tag * (spread + 1)) >> 32));
      slot->tag = tag;
      slot->p = bench_malloc(slot->size);
      bench_stamp(slot->p, slot->size, tag);
    }
    const uint32_t* const order = orders[round % ORDERS];
    for (size_t i = 0; i < count; i++) {
      const slot_t* const slot = &slots[order[i]];
      check += bench_verify(slot->p, slot->size, slot->tag);
      free(slot->p);
    }
  }
  bench_ops = 2 * (uint64_t)rounds * count;
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("count", 1000);
  if (count < 1 || count > BATCH_MAX) bench_fail("count must be 1..%d", BATCH_MAX);
  prepare(bench_arg_text("order", "lifo"), count);
  const size_t rounds = bench_scaled(50000000 / count);
  const uint64_t check = bench_work(bench_arg("size", 32), bench_arg("spread", 0), count, rounds);
  return bench_finish(bench_ops, check);
}
