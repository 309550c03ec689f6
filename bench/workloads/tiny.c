// SPDX-License-Identifier: MIT
// tiny: a process that allocates a hundred blocks and ends; many of them, one after the other.
//
// Stresses: what the allocator costs before it does anything. Start-up of its structures (system
// calls, faults for tables, reading of options), the memory of an almost empty process, and its
// exit. The workload starts itself again `count` times with vfork and exec; the environment, and so
// the preload, is inherited.
//
// Why it is here: shells and build systems start thousands of processes that hardly allocate. An
// allocator that reserves and initialises generously pays in all of them; a table of one mebibyte
// that is touched at start is a mebibyte for each process on the machine.
//
// Peak memory is that of the largest child; `final` is what the child saw of itself at its end.
//
// A bad result means: large structures touched at start, or tens of system calls before main.
//
// Arguments: count (300); child=1 is what the children get.
#include <spawn.h>
#include <sys/wait.h>

#include "bench.h"

extern char** environ;

static uint64_t live_and_die(bool print) {
  void* blocks[100];
  bench_rng_t rng = bench_seed(61);
  uint64_t check = 0;
  uint32_t sizes[100];
  for (size_t i = 0; i < 100; i++) {
    sizes[i] = (uint32_t)bench_between(&rng, 16, 400);
    blocks[i] = bench_malloc(sizes[i]);
    bench_stamp(blocks[i], sizes[i], (uint32_t)i);
  }
  for (size_t i = 0; i < 100; i++) {
    check += bench_verify(blocks[i], sizes[i], (uint32_t)i);
    free(blocks[i]);
  }
  if (print) bench_finish(200, check);
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  if (bench_arg("child", 0) != 0) return live_and_die(false) == 0;
  const size_t count = bench_scaled(bench_arg("count", 300));
  char child[] = "child=1";
  char* arguments[] = {argv[0], child, NULL};
  for (size_t i = 0; i < count; i++) {
    pid_t pid;
    int status;
    const int error = posix_spawn(&pid, argv[0], NULL, NULL, arguments, environ);
    if (error != 0) bench_fail("posix_spawn: %s", strerror(error));
    if (waitpid(pid, &status, 0) != pid || status != 0) bench_fail("a child failed");
  }
  return live_and_die(true) == 0;
}
