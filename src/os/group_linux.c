// SPDX-License-Identifier: MIT
// group_linux.c: the limit of the process's group (os.h), for Linux: reads what cgroup.h asks for.
//
// CONCURRENCY: one thread at a time, as the caller sees to it.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // O_CLOEXEC
#endif
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/os.h"
#include "os/sys.h"

// A line that is being put together of chunks.
typedef struct group_line_s {
  size_t length;
  bool skips;  // it is too long
  char text[RIX_CGROUP_LINE];
} group_line_t;

enum { GROUP_CHUNK = 4096 };

static struct {
  bool found;
  rix_cgroup_t of;
  // Not on the stack: an allocation reads files, and a coroutine's stack is small.
  group_line_t line;
  char chunk[GROUP_CHUNK];
} group_own;

// Hands the lines that end in the chunk over; false: no more are wanted.
static bool group_cut(group_line_t* line, const char* chunk, size_t size, rix_cgroup_take_t* take,
                      void* arg) {
  for (size_t i = 0; i < size; i++) {
    if (chunk[i] != '\n') {
      if (line->length == sizeof(line->text) - 1) line->skips = true;
      if (!line->skips) line->text[line->length++] = chunk[i];
      continue;
    }
    line->text[line->length] = '\0';
    if (!line->skips && !take(line->text, arg)) return false;
    line->length = 0;
    line->skips = false;
  }
  return true;
}

// As rix_linux_read_file, no cancellation points.
static bool group_read(const char* path, rix_cgroup_take_t* take, void* arg) {
  const int saved = errno;
  const long flags = O_RDONLY | O_CLOEXEC;
  const long fd = rix_sys_call(SYS_openat, AT_FDCWD, (long)path, flags, 0, 0, 0);
  bool more = fd >= 0;
  group_line_t* const line = &group_own.line;
  line->length = 0;
  line->skips = false;
  while (more) {
    const long n = rix_sys_call(SYS_read, fd, (long)group_own.chunk, GROUP_CHUNK, 0, 0, 0);
    more = n > 0 && group_cut(line, group_own.chunk, (size_t)n, take, arg);
    if (n <= 0 && line->length > 0) (void)group_cut(line, "\n", 1, take, arg);
  }
  if (fd >= 0) rix_sys_call(SYS_close, fd, 0, 0, 0, 0, 0);
  errno = saved;
  return fd >= 0;
}

bool rix_os_group_find(rix_os_group_t* found) {
  group_own.found = rix_cgroup_find(&group_own.of, group_read);
  return rix_os_group_read(found);
}

bool rix_os_group_read(rix_os_group_t* found) {
  if (!group_own.found || !rix_cgroup_usage(&group_own.of, group_read, &found->usage)) return false;
  found->limit = group_own.of.limit;
  return true;
}
