// SPDX-License-Identifier: MIT
// vectors: some vectors grow in turn and are freed, again and again.
//
// Stresses: growth of large blocks that stand in each other's way, and what becomes of their
// memory. Each vector doubles from 64 KiB to `limit`; the new part is written, a word for each OS
// page; at the end all are checked and freed.
//
// Why it is here: string builders, columns of tables, the buffers of messages. See also
// huge_realloc, which is one vector.
//
// A bad result means: memory that went back to the OS and came back in page faults, when the blocks
// that were just freed could have been used.
//
// Arguments: limit (KiB, 1024), vectors (4), threads (1), rounds (400).
#include "bench.h"

enum { VECTORS_MAX = 64, START = 65536 };
static size_t limit, vectors, rounds;

static void write_pages(char* p, size_t from, size_t to, uint64_t tag) {
  for (size_t at = from; at < to; at += 4096) {
    const uint64_t word = tag + at;
    memcpy(p + at, &word, 8);
  }
}

static void* grow_all(void* arg) {
  char* v[VECTORS_MAX];
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < vectors; i++) {
      v[i] = (char*)bench_malloc(START);
      write_pages(v[i], 0, START, i);
    }
    for (size_t size = START; size < limit; size *= 2) {
      for (size_t i = 0; i < vectors; i++) {
        v[i] = (char*)realloc(v[i], 2 * size);
        if (v[i] == NULL) bench_fail("realloc(%zu) returned NULL", 2 * size);
        write_pages(v[i], size, 2 * size, i);
      }
    }
    for (size_t i = 0; i < vectors; i++) {
      for (size_t at = 0; at < limit; at += 4096) {
        uint64_t word;
        memcpy(&word, v[i] + at, 8);
        if (word != i + at) bench_fail("vector %zu lost the word at %zu", i, at);
      }
      free(v[i]);
    }
  }
  return arg;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  limit = bench_arg("limit", 1024) << 10;
  vectors = bench_arg("vectors", 4);
  rounds = bench_scaled(bench_arg("rounds", 400));
  const size_t threads = bench_arg("threads", 1);
  pthread_t others[64];
  if (vectors > VECTORS_MAX || threads > 64) bench_fail("at most 64 vectors and threads");
  for (size_t i = 1; i < threads; i++)
    others[i] = bench_thread(grow_all, NULL);
  grow_all(NULL);
  for (size_t i = 1; i < threads; i++)
    pthread_join(others[i], NULL);
  return bench_finish(threads * vectors * rounds, threads * limit);
}
