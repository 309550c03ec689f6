// SPDX-License-Identifier: MIT
// pairs: allocate one block, write it, check it, free it, again and again.
//
// Stresses: nothing but the fast paths of malloc and free. One block is live at a time, so the
// block comes from the top of a free list that is in the first-level cache, every branch is
// predicted, and no slow path runs at all. What remains is the number of instructions and the
// length of the dependency chain from `free` (store the link) to the next `malloc` (load it).
//
// Why it is here: temporary objects that live for a few lines are the most frequent use of the heap
// in most programs, and this is the case that allocator authors count in single instructions. It is
// also where inlining shows most (see bench/static).
//
// A good allocator stands on the floor here. A bad result means: a function call or a thread-local
// lookup through a function, a lock prefix, or a slow path that is entered when a page becomes
// empty with each free (a page should not be retired the moment its only block is freed).
//
// Arguments: size (64) bytes; variants use 16, 64, 1024 and 16384, that is: the smallest class, a
// usual one, the last one that some allocators serve by direct lookup, and a "medium" one. The idea
// is as old as allocators; this program was written for this project.
#include "bench.h"

static uint64_t bench_ops;

BENCH_WORK uint64_t bench_work(size_t size, size_t count) {
  uint64_t check = 0;
  for (size_t i = 0; i < count; i++) {
    void* const p = bench_malloc(size);
    bench_stamp(p, size, (uint32_t)i);
    bench_escape(p);
    check += bench_verify(p, size, (uint32_t)i);
    free(p);
  }
  bench_ops = 2 * (uint64_t)count;
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const uint64_t check = bench_work(bench_arg("size", 64), bench_scaled(60000000));
  return bench_finish(bench_ops, check);
}
