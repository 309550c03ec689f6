// SPDX-License-Identifier: MIT
// signal_in_malloc_os_fail.c: allocating or freeing in a signal handler that interrupts the
// allocator is not legal. Debug builds say so where the interrupted call is on its slow path,
// instead of corrupting lists. The handler runs inside a system call that the allocator makes.
#include "../check.h"
#include "../os_fail.h"

#include <signal.h>
#include <sys/wait.h>

#include "heap/heap.h"

static bool armed;

static int os_answer(os_call_t* call) {
  if (armed && (call->kind == OS_MAP || call->kind == OS_ADVISE)) {
    armed = false;
    raise(SIGUSR1);
  }
  return OS_PASS;
}

static void* kept[400];

static void allocates(int number) {
  (void)number;
  for (size_t size = 8; size <= 1024; size += 8)
    ri_free(ri_malloc(size));
}
static void frees(int number) {
  (void)number;
  for (size_t i = 0; i < 400; i++)
    ri_free(kept[i]);
}

// Allocates until an arena must be reserved.
static void within_malloc(void) {
  armed = true;
  for (size_t i = 0; armed && i < 4000; i++)
    CHECK(ri_malloc(60000) != NULL);
}
// Frees pages, which are given back at once.
static void within_free(void) {
  void* blocks[4];
  for (size_t i = 0; i < 4; i++)
    blocks[i] = ri_malloc(60000);
  void* many[64];
  for (size_t i = 0; i < 64; i++)
    many[i] = ri_malloc(60000);
  armed = true;
  for (size_t i = 0; i < 64; i++)
    ri_free(many[i]);
  for (size_t i = 0; i < 4; i++)
    ri_free(blocks[i]);
}

static void must_be_found(void (*handler)(int), void (*work)(void)) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    check_watchdog(10);
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    for (size_t i = 0; i < 400; i++)
      kept[i] = ri_malloc(3000);
    ri_option_set(ri_option_purge_delay, 0);
    const struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    work();
    _exit(armed ? 2 : 0);
  }
  close(ends[1]);
  char text[512];
  size_t n = 0;
  ssize_t got;
  while (n + 1 < sizeof(text) && (got = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
    n += (size_t)got;
  text[n] = '\0';
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x, %s", (unsigned)status,
            text);
  CHECK_MSG(strstr(text, "!theap->busy") != NULL, "%s", text);
}

int main(void) {
  check_watchdog(60);
  if (RIX_DEBUG == 0) check_skip("release builds do not check who interrupts them");
  must_be_found(allocates, within_malloc);
  must_be_found(frees, within_malloc);
  must_be_found(allocates, within_free);
  must_be_found(frees, within_free);
  return 0;
}
