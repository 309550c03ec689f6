// SPDX-License-Identifier: MIT
// thread_bursts: nine bursts of three hundred threads, all of whose memory is freed between them.
//
// Stresses: memory that belongs to threads which have ended. In each burst 300 threads live at the
// same time, each with 500 KiB of blocks of 16 bytes to `high`; when all have theirs, each frees
// all of its own and ends. So the ninth burst needs what the first needed, and nothing is live
// between two of them. The sizes are drawn anew: a thread of the next burst needs other classes
// than the one whose memory it gets.
//
// Why it is here: test runners, parallel builds, servers with a thread for each connection. An
// allocator that gives each thread pages of its own for each class, and finds those of an ended
// thread only by chance, grows from burst to burst and keeps all of it.
//
// `phase burst-N` lines have the peaks and the live bytes, `final` is resident memory two seconds
// after the last thread has ended, without any call in between. Compare CPU, not wall time.
//
// A bad result means: a ninth peak above the first, peaks of a multiple of the live bytes, or a
// final that is anything but a few MiB.
//
// Arguments: threads (300), bursts (9), kib (500), high (8192).
#include "whole.h"

#define WORKERS_MAX 1024
#define BLOCKS_MAX 1024

typedef struct worker_s {
  bench_rng_t rng;
  uint64_t check;
  size_t count;
  size_t live;
} worker_t;

static size_t bytes_each;
static size_t size_most;
static pthread_barrier_t barrier;

static void* work(void* arg) {
  worker_t* const self = (worker_t*)arg;
  whole_t blocks[BLOCKS_MAX];
  while (self->live < bytes_each && self->count < BLOCKS_MAX) {
    whole_t* const block = &blocks[self->count++];
    const size_t size = bench_between(&self->rng, 16, size_most);
    whole_fill(block, size, bench_next(&self->rng));
    self->live += size;
  }
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  for (size_t i = self->count; i > 0; i--)
    self->check += whole_drop(&blocks[i - 1]);
  return NULL;
}

static void burst(worker_t* workers, size_t threads, size_t number) {
  static pthread_t ids[WORKERS_MAX];
  char name[32];
  size_t live = 0;
  char* const stacks = (char*)bench_table(threads * BENCH_STACK);
  for (size_t i = 0; i < threads; i++) {
    workers[i].rng = bench_seed(number * WORKERS_MAX + i);
    workers[i].count = 0;
    workers[i].live = 0;
    ids[i] = bench_thread_on(stacks + i * BENCH_STACK, work, &workers[i]);
  }
  pthread_barrier_wait(&barrier);
  for (size_t i = 0; i < threads; i++)
    live += workers[i].live;
  snprintf(name, sizeof name, "burst-%zu", number + 1);
  bench_phase_live(name, live);
  pthread_barrier_wait(&barrier);
  for (size_t i = 0; i < threads; i++)
    bench_join(ids[i]);
  munmap(stacks, threads * BENCH_STACK);
  bench_phase("ended");
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t threads = bench_scaled(bench_arg("threads", 300));
  const size_t bursts = bench_arg("bursts", 9);
  bytes_each = bench_arg("kib", 500) << 10;
  size_most = bench_arg("high", 8192);
  if (threads > WORKERS_MAX || size_most < 16) bench_fail("too many threads or too small blocks");
  static worker_t workers[WORKERS_MAX];
  uint64_t ops = 0;
  uint64_t check = 0;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
  for (size_t i = 0; i < bursts; i++) {
    burst(workers, threads, i);
    for (size_t t = 0; t < threads; t++)
      ops += 2 * workers[t].count;
  }
  for (size_t t = 0; t < threads; t++)
    check += workers[t].check;
  bench_rest(2);
  return bench_finish(ops, check);
}
