// SPDX-License-Identifier: MIT
// false_sharing: do blocks of different threads share a cache line?
//
// Stresses: placement, not speed. Each thread allocates a small object, writes it many times, frees
// it and begins again. When two threads' objects lie in one cache line, every write moves the line
// from core to core and the program runs many times slower, whatever malloc itself costs.
//   mode=active   threads allocate for themselves at the same time: an allocator that serves
//                 concurrent requests from one page puts neighbours in one line;
//   mode=passive  the main thread allocates one object for each thread, adjacent as they are; the
//                 threads free those first. An allocator that keeps a freed block in the freeing
//                 thread's cache hands pieces of one line to several threads.
//
// Where the idea comes from: E. Berger and others, "Hoard: a scalable memory allocator", 2000,
// names both forms. The program was written for this project.
//
// A bad result means exactly what it says; the objects' addresses decide everything.
//
// Arguments: mode (active, passive), threads (2), size (8), writes (200) for each object.
#include "bench.h"

typedef struct worker_s {
  uint32_t* gift;
  uint64_t check;
  char padding[112];
} worker_t;

static size_t object_size;
static size_t write_count;
static size_t object_count;
static pthread_barrier_t barrier;

// Returns what the object holds after write_count increments.
static uint64_t use(volatile uint32_t* object) {
  *object = 1;
  for (size_t i = 0; i < write_count; i++)
    *object = *object + 1;
  return *object;
}

static void* work(void* arg) {
  worker_t* const worker = (worker_t*)arg;
  pthread_barrier_wait(&barrier);
  uint64_t check = 0;
  if (worker->gift != NULL) {
    check += use(worker->gift);
    free(worker->gift);
  }
  for (size_t i = 0; i < object_count; i++) {
    uint32_t* const object = (uint32_t*)bench_malloc(object_size);
    const uint64_t value = use(object);
    if (value != write_count + 1) bench_fail("a write was lost");
    check += value;
    free(object);
  }
  worker->check = check;
  return NULL;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t threads = bench_arg("threads", 2);
  const bool passive = strcmp(bench_arg_text("mode", "active"), "passive") == 0;
  if (threads < 1 || threads > BENCH_MAX_THREADS) bench_fail("too many threads");
  object_size = bench_arg("size", 8);
  write_count = bench_arg("writes", 200);
  object_count = bench_scaled(10000000 / threads);
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  static worker_t workers[BENCH_MAX_THREADS];
  for (size_t i = 0; i < threads && passive; i++) {
    workers[i].gift = (uint32_t*)bench_malloc(object_size);
  }
  bench_run(threads, work, workers, sizeof workers[0]);
  uint64_t check = 0;
  for (size_t i = 0; i < threads; i++)
    check += workers[i].check;
  return bench_finish(2 * (uint64_t)threads * object_count, check);
}
