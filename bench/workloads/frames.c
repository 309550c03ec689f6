// SPDX-License-Identifier: MIT
// frames: zeroed blocks of about a megabyte that come and go.
//
// Stresses: where large zeroed memory comes from. A few frames are live; the oldest is freed and a
// new one made with calloc, of up to a quarter more than the size; one word of each OS page is
// written, or with touched=0 only the first.
//
// Why it is here: images, matrices and codec buffers are allocated again for each frame, while hash
// tables and arenas ask for much and use little. Having the OS zero what was used before costs a
// fault for each page; writing zeroes costs time and memory for what is never touched.
//
// A bad result means: one of the two, always.
//
// Arguments: size (KiB, 1024), live (4), touched (1), steps (4000).
#include "bench.h"

int main(int argc, char** argv) {
  bench_init(argc, argv);
  enum { LIVE_MAX = 64 };
  const size_t size = bench_arg("size", 1024) << 10;
  const size_t live = bench_arg("live", 4);
  const size_t touched = bench_arg("touched", 1);
  const size_t steps = bench_scaled(bench_arg("steps", 4000));
  char* frames[LIVE_MAX] = {NULL};
  bench_rng_t rng = bench_seed(22);
  uint64_t check = 0;
  if (live > LIVE_MAX) bench_fail("live must be at most %d", LIVE_MAX);
  for (size_t i = 0; i < steps; i++) {
    const size_t bytes = size + bench_below(&rng, size / 4);
    free(frames[i % live]);
    char* const p = (char*)calloc(1, bytes);
    if (p == NULL) bench_fail("calloc(%zu) returned NULL", bytes);
    frames[i % live] = p;
    for (size_t at = 0; at < (touched != 0 ? bytes : 1); at += 4096) {
      if (p[at] != 0) bench_fail("byte %zu of %p is not zero", at, (void*)p);
      p[at] = 1;
      check++;
    }
  }
  for (size_t i = 0; i < live; i++)
    free(frames[i]);
  return bench_finish(2 * (uint64_t)steps, check);
}
