// SPDX-License-Identifier: MIT
// gaps_at_limit.c: where others had freed only what a thief then returned, and a hard limit forbade
// to use that again, the owner took a block from the empty list of the page: a fault at NULL. And
// where blocks are marked as live, those that went so are not.
#include "../check.h"

#include <pthread.h>
#include <sys/wait.h>

enum { BLOCKS = 2000, SIZE = 1000, PART = 8192, PART_END = PART + 4096 };

static void* blocks[BLOCKS];
static pthread_barrier_t phase;

static void meet(void) {
  const int r = pthread_barrier_wait(&phase);
  CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void* owns(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    blocks[i] = ri_malloc(SIZE);
    CHECK(blocks[i] != NULL);
    check_fill(blocks[i], SIZE, i);
  }
  meet();
  meet();
  ri_free(ri_malloc(5 * SIZE));  // gives back what it can; it does not do so again at once
  meet();
  meet();
  for (size_t i = 0; i < BLOCKS; i++) {
    if (blocks[i] != NULL) continue;
    blocks[i] = ri_malloc(SIZE);  // or NULL
    if (blocks[i] != NULL) check_fill(blocks[i], SIZE, i);
  }
  CHECK(ri_audit());
  return NULL;
}

// All that touch one part of their page, and no others: they are in no list afterwards.
static void free_parts(void) {
  for (size_t i = 0; i < BLOCKS; i++) {
    const size_t at = (uintptr_t)blocks[i] % 65536;
    if (at >= PART_END || at + ri_usable_size(blocks[i]) <= PART) continue;
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  ri_collect(true);
}

static void gaps(void) {
  CHECK(pthread_barrier_init(&phase, NULL, 2) == 0);
  const pthread_t owner = check_start(owns, NULL);
  meet();
  ri_limit_set(0, ri_limit_used());
  meet();
  meet();
  free_parts();
  ri_limit_set(0, ri_limit_used());
  meet();
  check_join(owner);
  ri_limit_set(0, 0);
  for (size_t i = 0; i < BLOCKS; i++) {
    if (blocks[i] != NULL) CHECK_FILLED(blocks[i], SIZE, i);
    ri_free(blocks[i]);
  }
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(60);
  for (long level = 0; level < 2; level++) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      ri_option_set(ri_option_harden, level);
      gaps();
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_MSG(status == 0, "level %ld: status %d", level, status);
  }
  return 0;
}
