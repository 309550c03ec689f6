// SPDX-License-Identifier: MIT
// transfers: threads allocate and free at random and exchange blocks at random, over generations.
//
// Stresses: everything at once. Each thread has a table of its own; each step picks a slot and
// either frees and replaces its block or (one of four) swaps it with a slot of a table that all
// threads share. So ownership wanders: a free is sometimes local, sometimes remote, sometimes into
// a page whose thread has ended. After `generation` steps all threads end and new ones take over
// the tables. Sizes are those of programs: mostly under 256 bytes, some to 4 KiB, one in 500 to 128
// KiB.
//
// Where the idea comes from: stress tests of allocators, which use random transfers to find races;
// mimalloc's own test is well known for it. This program shares no code with one and is made so
// that the work does not depend on the interleaving: each thread's sequence of allocations is
// fixed.
//
// A bad result means: the structure that holds pages of exited threads is a bottleneck, or pages
// with a few live blocks cannot be reused (memory).
//
// Arguments: threads (2), slots (4000) of a thread, generations (10).
#include <stdatomic.h>

#include "bench.h"

#define SHARED 1024

typedef struct block_s {
  uint32_t size;
  uint32_t tag;
} block_t;

typedef struct worker_s {
  block_t** slots;
  bench_rng_t rng;
  uint64_t check;
  char padding[64];
} worker_t;

static _Atomic(block_t*) shared[SHARED];
static size_t slot_count;
static size_t step_count;

static block_t* make(bench_rng_t* rng) {
  const uint32_t dice = (uint32_t)bench_below(rng, 500);
  size_t size = 8 + bench_below(rng, 250);
  if (dice == 0) {
    size = bench_log_size(rng, 12, 16);
  } else if (dice < 60) {
    size = bench_between(rng, 256, 4096);
  }
  block_t* const block = (block_t*)bench_malloc(size < 16 ? 16 : size);
  block->size = (uint32_t)(size < 16 ? 16 : size);
  block->tag = bench_next(rng);
  const uint32_t tail = block->tag ^ block->size;
  memcpy((char*)block + block->size - 4, &tail, 4);
  return block;
}

static uint64_t drop(block_t* block) {
  if (block == NULL) return 0;
  uint32_t tail;
  memcpy(&tail, (char*)block + block->size - 4, 4);
  if (tail != (block->tag ^ block->size)) bench_fail("block %p was overwritten", (void*)block);
  const uint64_t check = (uint64_t)block->tag * 0x9E3779B1u + block->size;
  free(block);
  return check;
}

static void* work(void* arg) {
  worker_t* const worker = (worker_t*)arg;
  bench_rng_t rng = worker->rng;
  uint64_t check = 0;
  for (size_t i = 0; i < step_count; i++) {
    block_t** const slot = &worker->slots[bench_below(&rng, slot_count)];
    if (bench_below(&rng, 4) == 0) {
      *slot =
          atomic_exchange_explicit(&shared[bench_below(&rng, SHARED)], *slot, memory_order_acq_rel);
    } else {
      check += drop(*slot);
      *slot = make(&rng);
    }
  }
  worker->rng = rng;
  worker->check += check;
  return NULL;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t threads = bench_arg("threads", 2);
  const size_t generations = bench_arg("generations", 10);
  slot_count = bench_arg("slots", 4000);
  step_count = bench_scaled(20000000 / threads / generations);
  if (threads < 1 || threads > BENCH_MAX_THREADS) bench_fail("too many threads");
  static worker_t workers[BENCH_MAX_THREADS];
  for (size_t i = 0; i < threads; i++) {
    workers[i].rng = bench_seed(400 + i);
    workers[i].slots = (block_t**)calloc(slot_count, sizeof(block_t*));
    if (workers[i].slots == NULL) bench_fail("calloc returned NULL");
  }
  for (size_t g = 0; g < generations; g++)
    bench_run(threads, work, workers, sizeof workers[0]);
  uint64_t check = 0;
  for (size_t i = 0; i < threads; i++) {
    for (size_t k = 0; k < slot_count; k++)
      check += drop(workers[i].slots[k]);
    check += workers[i].check;
    free(workers[i].slots);
  }
  for (size_t i = 0; i < SHARED; i++)
    check += drop(atomic_load(&shared[i]));
  return bench_finish((uint64_t)threads * generations * step_count, check);
}
