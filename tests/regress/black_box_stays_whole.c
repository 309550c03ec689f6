// SPDX-License-Identifier: MIT
// black_box_stays_whole.c: the mapped file of a profile ended programs. A child that had its name
// from the environment cut it off, which is a SIGBUS for the parent; one of vfork took it away; and
// where there was no room for it, a SIGXFSZ or a SIGBUS came instead of a refusal.
#include "../check.h"

#include <rimalloc/profile.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "heap/profile.h"
#include "heap/thread.h"
#include "profile/profile.h"
#include "profile/table.h"

enum { SPACE = 4 << 20, BLOCKS = 200, SIZE = 1000 };
static char path[64];

static rix_image_t head(void) {
  rix_image_t image;
  const int file = open(path, O_RDONLY);
  CHECK(file >= 0);
  CHECK(read(file, &image, sizeof(image)) == (ssize_t)sizeof(image) && close(file) == 0);
  CHECK(memcmp(image.magic, "rimaprof", 8) == 0 && image.size == SPACE);
  return image;
}

// What the process samples is in the file.
static void samples_arrive(void) {
  const rix_image_t before = head();
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(ri_malloc(SIZE));
  const rix_image_t after = head();
  CHECK(after.pid == (uint32_t)getpid());
  CHECK_MSG(after.allocated.count == before.allocated.count + BLOCKS, "%g and %g blocks",
            (double)before.allocated.count, (double)after.allocated.count);
}

static int status_of(pid_t child) {
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  return status;
}

static void child_with_the_same_name(char* self) {
  CHECK(rix_profile_start(1, path));
  rix_profile_theap_refresh(rix_thread_theap());
  samples_arrive();
  if (check_emulated()) return;  // the program does not run by itself
  char* const arguments[] = {self, path, NULL};
  const pid_t child = fork();
  if (child == 0) {
    execv(self, arguments);
    _exit(127);
  }
  const int status = status_of(child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
  samples_arrive();
}

// The same program, executed: the file belongs to a process that lives.
static int child(const char* name) {
  CHECK(!rix_profile_start(1, name));
  return 0;
}

static void child_of_fork(void) {
  const rix_image_t before = head();
  const pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0; i < BLOCKS; i++)
      ri_free(ri_malloc(SIZE));
    _exit(0);
  }
  CHECK(status_of(child) == 0);
  CHECK(head().allocated.count == before.allocated.count);
  samples_arrive();
}

// It shares all memory with its parent.
static void child_of_vfork(void) {
  const rix_image_t before = head();
  static void* volatile block;
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#endif
  const pid_t child = vfork();
  if (child == 0) {
    block = ri_malloc(SIZE);
    _exit(0);
  }
  CHECK(status_of(child) == 0);
  ri_free(block);
  CHECK(head().pid == (uint32_t)getpid());
  CHECK(head().allocated.count == before.allocated.count + 1);
  samples_arrive();
}

// In a child of its own each, which has no profile yet.
static int refused_by_limit(void) {
  struct rlimit limit = {SPACE / 2, SPACE / 2};
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  errno = 0;
  CHECK(!rix_profile_start(1, path));
  ri_free(ri_malloc(SIZE));
  return 0;
}

static void no_room(void) {
  const pid_t child = fork();
  if (child == 0) _exit(refused_by_limit());
  const int status = status_of(child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

int main(int count, char** arguments) {
  check_watchdog(60);
  ri_option_set(ri_option_profile_memory, SPACE >> 10);
  if (count == 2) return child(arguments[1]);
  snprintf(path, sizeof(path), "/tmp/rimalloc-box-%d", (int)getpid());
  no_room();
  child_with_the_same_name(arguments[0]);
  child_of_fork();
  if (!check_sanitized()) child_of_vfork();  // some sanitizers make it a fork
  CHECK(unlink(path) == 0);
  return 0;
}
