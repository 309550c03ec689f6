// SPDX-License-Identifier: MIT
// threads_random: random sizes up to 16 KiB in each of several threads, some freed by a neighbour.
//
// Stresses: medium sizes with threads. Each thread keeps a table of blocks of 8 bytes to 16 KiB
// (small sizes more often: each doubling is equally likely) and replaces them at random; after each
// 2,000 steps it puts a tenth of its blocks in a mailbox, takes whatever its neighbour left there
// and frees it. So nine frees of ten are local and one is remote, sizes change all the time, and
// the pages of medium blocks, which hold only a few, fill and empty constantly.
//
// Why it is here: the hardest case for allocators that keep thread caches limited by bytes, and for
// those that return emptied medium pages to a shared structure at once. Large classes differ more
// between allocators than small ones.
//
// A bad result means: pages of medium blocks come from a lock or from the operating system each
// time, or each fresh page's memory is touched (zeroed, initialised) as a whole.
//
// Arguments: threads (2), slots (1000), low and high (8 and 16384, powers of two).
#include <stdatomic.h>

#include "batch.h"

typedef struct worker_s {
  batch_item_t* slots;
  bench_rng_t rng;
  uint64_t check;
  _Atomic(batch_t*)* leave;
  _Atomic(batch_t*)* take;
  char padding[64];
} worker_t;

static size_t slot_count;
static size_t step_count;
static unsigned low_shift;
static unsigned high_shift;

static unsigned log2_of(size_t n) { return 63u - (unsigned)__builtin_clzll(n); }

static void fill(batch_item_t* item, bench_rng_t* rng) {
  item->size = (uint32_t)bench_log_size(rng, low_shift, high_shift);
  item->tag = bench_next(rng);
  item->p = bench_malloc(item->size);
  bench_stamp(item->p, item->size, item->tag);
}

static uint64_t drop(const batch_item_t* item) {
  const uint64_t check = bench_verify(item->p, item->size, item->tag);
  free(item->p);
  return check;
}

// Leaves a tenth of the blocks to the neighbour and frees what the other neighbour left.
static void exchange(worker_t* worker) {
  const size_t count = slot_count / 10;
  batch_t* const batch = (batch_t*)bench_malloc(sizeof *batch + count * sizeof *batch->items);
  batch->count = count;
  for (size_t i = 0; i < count; i++) {
    batch->items[i] = worker->slots[i];
    fill(&worker->slots[i], &worker->rng);
  }
  batch_t* const unread = atomic_exchange_explicit(worker->leave, batch, memory_order_acq_rel);
  if (unread != NULL) worker->check += batch_drop(unread);
  batch_t* const taken = atomic_exchange_explicit(worker->take, NULL, memory_order_acq_rel);
  if (taken != NULL) worker->check += batch_drop(taken);
}

static void* work(void* arg) {
  worker_t* const worker = (worker_t*)arg;
  for (size_t i = 0; i < slot_count; i++)
    fill(&worker->slots[i], &worker->rng);
  for (size_t i = 0; i < step_count; i++) {
    batch_item_t* const item = &worker->slots[bench_below(&worker->rng, slot_count)];
    worker->check += drop(item);
    fill(item, &worker->rng);
    if (i % 2000 == 1999) exchange(worker);
  }
  for (size_t i = 0; i < slot_count; i++)
    worker->check += drop(&worker->slots[i]);
  return NULL;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t threads = bench_arg("threads", 2);
  if (threads < 1 || threads > BENCH_MAX_THREADS) bench_fail("too many threads");
  slot_count = bench_arg("slots", 1000);
  low_shift = log2_of(bench_arg("low", 8));
  high_shift = log2_of(bench_arg("high", 16384)) - 1;
  step_count = bench_scaled(20000000 / threads);
  static worker_t workers[BENCH_MAX_THREADS];
  static _Atomic(batch_t*) boxes[BENCH_MAX_THREADS];
  for (size_t i = 0; i < threads; i++) {
    workers[i].rng = bench_seed(500 + i);
    workers[i].slots = (batch_item_t*)bench_malloc(slot_count * sizeof(batch_item_t));
    workers[i].leave = &boxes[i];
    workers[i].take = &boxes[(i + 1) % threads];
  }
  bench_run(threads, work, workers, sizeof workers[0]);
  uint64_t check = 0;
  for (size_t i = 0; i < threads; i++) {
    batch_t* const rest = atomic_load(&boxes[i]);
    if (rest != NULL) check += batch_drop(rest);
    check += workers[i].check;
    free(workers[i].slots);
  }
  return bench_finish(2 * (uint64_t)threads * step_count, check);
}
