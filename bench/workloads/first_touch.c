// SPDX-License-Identifier: MIT
// first_touch: 1 GiB in blocks of 64 KiB, every page touched for the first time.
//
// Stresses: fresh memory. A program that loads a gigabyte must fault it in once; nothing is reused,
// so the kernel's work is the floor: about 262,000 faults of 4 KiB, or far fewer with larger pages.
// What an allocator adds to it: system calls for each block or each small range, touching its own
// headers inside the blocks' pages, extra pages lost to alignment, or a second fault for a page
// that it first reads and the program then writes.
//
// Why it is here: start-up of servers and tools is made of this, and it shows what the allocator's
// way of asking for memory costs. Then all blocks are checked and freed, as a program does at its
// end.
//
// A bad result means: more faults than touched pages (see that column), a system call for each
// block, or zeroing of memory that the kernel has just zeroed.
//
// Arguments: size (65536), total (1024 MiB).
#include "bench.h"

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t size = bench_arg("size", 65536);
  const size_t count = bench_scaled((bench_arg("total", 1024) << 20) / size);
  void** const blocks = (void**)bench_malloc(count * sizeof *blocks);
  uint64_t check = 0;
  for (size_t i = 0; i < count; i++) {
    blocks[i] = bench_malloc(size);
    bench_stamp_pages(blocks[i], size, i);
  }
  bench_phase("full");
  for (size_t i = 0; i < count; i++) {
    check += bench_verify_pages(blocks[i], size, i);
    free(blocks[i]);
  }
  free(blocks);
  return bench_finish(2 * (uint64_t)count, check);
}
