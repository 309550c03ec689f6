// SPDX-License-Identifier: MIT
// producers: some threads only allocate, others only free.
//
// Stresses: remote frees, and nothing but remote frees. Each of `producers` threads makes batches
// of blocks and puts them in one shared queue; each of `consumers` threads takes batches, checks
// the blocks and frees them. Every block is freed by a thread that did not allocate it, at full
// speed, for the whole run; a thread cache fills on one side and is always empty on the other.
//
// Where the idea comes from: asymmetric use was described for servers in the late 1990s, and
// several public programs measure it; it is the classic weakness of thread-caching allocators. This
// program was written for this project.
//
// A bad result means: the blocks pass through a central list under a lock (tcmalloc, glibc), a
// remote free touches several shared cache lines, or the producer keeps taking fresh pages while
// its own ones fill with freed blocks that it does not collect (then peak memory grows: look at
// both).
//
// Arguments: producers (2), consumers (2), batch (100) blocks, depth (128) batches in the queue.
// The producers share a fixed number of batches, so the work does not depend on the scheduling.
#include "batch.h"
#include "queue.h"

typedef struct side_s {
  bench_rng_t rng;
  size_t batches;
  uint64_t check;
  char padding[64];
} side_t;

static queue_t queue;
static size_t batch_count;

static void* produce(void* arg) {
  side_t* const side = (side_t*)arg;
  for (size_t i = 0; i < side->batches; i++)
    queue_put(&queue, batch_make(&side->rng, batch_count));
  return NULL;
}

// A NULL item tells one consumer to end.
static void* consume(void* arg) {
  side_t* const side = (side_t*)arg;
  for (;;) {
    batch_t* const batch = (batch_t*)queue_take(&queue);
    if (batch == NULL) return NULL;
    side->check += batch_drop(batch);
  }
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t producers = bench_arg("producers", 2);
  const size_t consumers = bench_arg("consumers", 2);
  batch_count = bench_arg("batch", 100);
  if (producers + consumers > BENCH_MAX_THREADS) bench_fail("too many threads");
  queue_init(&queue, bench_arg("depth", 128));
  static side_t sides[BENCH_MAX_THREADS];
  pthread_t threads[BENCH_MAX_THREADS];
  const size_t batches = bench_scaled(16000000 / producers / batch_count);
  for (size_t i = 0; i < producers + consumers; i++) {
    sides[i] = (side_t){.rng = bench_seed(200 + i), .batches = batches};
    threads[i] = bench_thread(i < producers ? produce : consume, &sides[i]);
  }
  for (size_t i = 0; i < producers; i++)
    bench_join(threads[i]);
  for (size_t i = 0; i < consumers; i++)
    queue_put(&queue, NULL);
  uint64_t check = 0;
  for (size_t i = producers; i < producers + consumers; i++) {
    bench_join(threads[i]);
    check += sides[i].check;
  }
  return bench_finish(2 * (uint64_t)producers * batches * (batch_count + 1), check);
}
