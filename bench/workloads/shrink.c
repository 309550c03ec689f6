// SPDX-License-Identifier: MIT
// shrink: a large buffer is cut to a small one with realloc, then the program sleeps.
//
// Stresses: realloc downwards. A buffer of 256 MiB is written to and made 1 MiB, and two seconds
// pass without a call. What an allocator must not do is keep the block because the smaller size
// still fits, nor keep what was cut off. With several buffers the cut-off parts lie between live
// ones.
//
// Why it is here: reading a file of unknown size, decompressing, collecting rows: the buffer grows
// by doubling and shrink_to_fit ends it. Most allocators look at growth only.
//
// `final` is resident memory after the sleep. Then the buffers grow to a quarter of what they were:
// their contents must still be there. Compare CPU, not wall time.
//
// A bad result means: anything but the small size and a few MiB.
//
// Arguments: count (1), from (262144 KiB), to (1024 KiB).
#include "bench.h"

#define COUNT_MAX 1024

static void* resize(void* p, size_t size) {
  void* const moved = realloc(p, size);
  if (moved == NULL) bench_fail("realloc to %zu returned NULL", size);
  return moved;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_arg("count", 1);
  const size_t to = bench_scaled(bench_arg("to", 1024) << 10);
  const size_t from = bench_scaled(bench_arg("from", 262144) << 10);
  if (count > COUNT_MAX || to > from / 4) bench_fail("too many buffers, or too little to cut off");
  static void* buffers[COUNT_MAX];
  uint64_t check = 0;
  for (size_t i = 0; i < count; i++) {
    buffers[i] = bench_malloc(from);
    bench_stamp_pages(buffers[i], from, i);
  }
  bench_phase_live("full", count * from);
  for (size_t i = 0; i < count; i++) {
    check += bench_verify_pages(buffers[i], from, i);
    buffers[i] = resize(buffers[i], to);
  }
  bench_phase_live("shrunk", count * to);
  bench_rest(2);
  bench_phase_live("asleep", count * to);
  const size_t final = bench_resident();
  for (size_t i = 0; i < count; i++) {
    buffers[i] = resize(buffers[i], from / 4);
    check += bench_verify_pages(buffers[i], to, i);
    bench_stamp_pages(buffers[i], from / 4, ~i);
  }
  for (size_t i = 0; i < count; i++) {
    check += bench_verify_pages(buffers[i], from / 4, ~i);
    free(buffers[i]);
  }
  return bench_finish_at(3 * (uint64_t)count, check, final);
}
