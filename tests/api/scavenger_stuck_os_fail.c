// SPDX-License-Identifier: MIT
// scavenger_stuck_os_fail.c: a process ends while the scavenger cannot: it waits for something that
// the ending thread has, as when a signal handler calls exit and interrupted a call of the
// allocator under a lock. Here it is a call of the system that does not return.
// Catches: a process that never ends.
#include "../check.h"
#include "../os_fail.h"

#include <sys/syscall.h>
#include <sys/wait.h>

enum { BLOCKS = 96 * 1024, SIZE = 1000, FINE = 7 };

static _Atomic(int) stuck;

static int os_answer(os_call_t* call) {
  if (call->kind != OS_ADVISE || syscall(SYS_gettid) == getpid()) return OS_PASS;
  stuck = 1;
  while (true)
    nanosleep(&(struct timespec){1, 0}, NULL);
}

static void in_child(void) {
  static void* blocks[BLOCKS];
  ri_option_set(ri_option_purge_delay, 1000);
  ri_scavenger_allow();
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
    memset(blocks[i], 1, SIZE);
  }
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  const uint64_t until = check_now_ms() + 10000;
  while (stuck == 0) {
    CHECK(check_now_ms() < until);
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  exit(FINE);
}

int main(void) {
  check_watchdog(60);
  if (check_sanitized()) check_skip("there is none under a sanitizer");
#if !defined(__x86_64__) && !defined(__aarch64__) && !(defined(__riscv) && __riscv_xlen == 64)
  check_skip("there is none on this processor");
#endif
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) in_child();
  int status = 0;
  for (uint64_t until = check_now_ms() + 20000; waitpid(child, &status, WNOHANG) == 0;) {
    CHECK_MSG(check_now_ms() < until, "it does not end");
    nanosleep(&(struct timespec){0, 5000000}, NULL);
  }
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "status %x", (unsigned)status);
  return 0;
}
