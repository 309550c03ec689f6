// SPDX-License-Identifier: MIT
// scavenger.c: the allocator's own task begins, works and ends while the calls for it fail: for its
// memory, its signals, its start, for the file that says whether it may; and what it does.
#include "faults.h"

enum { BLOCKS = 200, ROUNDS = 3 };

// The file that says how many threads there are, without the calls that fail.
static bool is_alone(void) {
  char text[4096];
  const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  const ssize_t n = read(fd, text, sizeof(text) - 1);
  close(fd);
  CHECK(n > 0);
  text[n] = '\0';
  return strstr(text, "\nThreads:\t1\n") != NULL;
}

static void scenario(void) {
  static held_t blocks[BLOCKS];
  ri_option_set(ri_option_purge_delay, 10);
  ri_option_set(ri_option_scavenger_min, 1024);
  for (size_t r = 0; r < ROUNDS; r++) {
    ri_scavenger_allow();  // or it would wait long after a refusal
    for (size_t i = 0; i < BLOCKS; i++) {
      errno = 0;
      hold(&blocks[i], ri_malloc(30000), 30000, i, false);
    }
    for (size_t i = 0; i < BLOCKS; i++)
      drop(&blocks[i]);
    const uint64_t until = check_now_ms() + 300;
    while (r == 0 && !is_alone() && check_now_ms() < until) {}
  }
  ri_scavenger_stop();
  CHECK(is_alone());
  ri_option_set(ri_option_purge_delay, 0);
  ri_collect(true);
}

int main(int argc, char** argv) {
  if (check_sanitized()) check_skip("there is none here");
#if !defined(__x86_64__) && !defined(__aarch64__) && !(defined(__riscv) && __riscv_xlen == 64)
  check_skip("there is none on this processor");
#endif
  static const int kinds[] = {FAULTS_TASK, FAULTS_MEMORY, FAULTS_CLOCK, FAULTS_FILE, -1};
  return faults_main(argc, argv, 20, kinds);
}
