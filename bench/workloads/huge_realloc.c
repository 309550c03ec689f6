// SPDX-License-Identifier: MIT
// huge_realloc: one buffer that grows to hundreds of megabytes by realloc.
//
// Stresses: growth of large blocks. A buffer starts at 64 KiB and grows by a quarter each time
// until it holds `limit` MiB; only the new part is written, one word for each page; at the end
// every page is checked; then it begins again. Copying it at each step would move ten times the
// final size through memory. With help of the operating system (mremap, or address space reserved
// behind the block) no byte moves and each page is faulted exactly once. A second, small buffer
// grows between the steps, so that the large one is not alone at the end of the heap.
//
// Why it is here: reading a stream of unknown length, appending to a table, growing an arena.
//
// A bad result means: allocate, copy, free; the peak then holds both copies: see peak memory.
//
// Arguments: limit (256 MiB), rounds (8).
#include "bench.h"

static void* grow(void* p, size_t size) {
  void* const q = realloc(p, size);
  if (q == NULL) bench_fail("realloc(%zu) returned NULL", size);
  return q;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t limit = bench_arg("limit", 256) << 20;
  const size_t rounds = bench_scaled(bench_arg("rounds", 8));
  uint64_t check = 0;
  uint64_t ops = 0;
  for (size_t round = 0; round < rounds; round++) {
    size_t capacity = (size_t)64 << 10;
    size_t done = 0;
    size_t other_size = 1000;
    char* buffer = NULL;
    char* other = NULL;
    while (done < limit) {
      buffer = (char*)grow(buffer, capacity);
      other = (char*)grow(other, other_size);
      ops += 2;
      for (; done + 4096 <= capacity; done += 4096) {
        const uint64_t word = round * 0x9E3779B1u + done;
        memcpy(buffer + done, &word, 8);
      }
      capacity += capacity / 4;
      other_size += 200;
    }
    for (size_t at = 0; at < done; at += 4096) {
      uint64_t word;
      memcpy(&word, buffer + at, 8);
      if (word != round * 0x9E3779B1u + at) bench_fail("realloc lost page %zu", at / 4096);
      check += word;
    }
    free(buffer);
    free(other);
  }
  return bench_finish(ops, check);
}
