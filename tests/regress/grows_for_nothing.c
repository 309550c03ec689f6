// SPDX-License-Identifier: MIT
// grows_for_nothing.c: a realloc that could not grow in place, because a neighbour lies behind the
// block, let the arena grow first, for nothing: what it mapped stayed, resident in a process that
// locks its memory. And with disallow_os_alloc set at run time it let the arena grow all the same.
#include "../check.h"

#include <sys/wait.h>

enum { BLOCK = 3 * CHECK_MIB, LARGER = 40 * CHECK_MIB };

static size_t reserved(void) { return check_summary().reserved; }

// The larger block finds no place in what is mapped.
static void behind_a_neighbour(void) {
  uint8_t* p = ri_malloc(BLOCK);
  void* const neighbour = ri_malloc(BLOCK);
  CHECK(p != NULL && neighbour != NULL);
  check_fill_sparse(p, BLOCK, 1);
  const size_t before = reserved();
  CHECK(ri_expand(p, LARGER) == NULL && ri_xallocx(p, LARGER, 0) < LARGER);
  CHECK_MSG(reserved() == before, "%zu KiB more", (reserved() - before) / CHECK_KIB);
  p = ri_realloc(p, LARGER);
  CHECK(p != NULL);
  CHECK_FILLED_SPARSE(p, BLOCK, 1);
  // What grew for nothing was as large as LARGER. In an emulator for arm64 it is a BLOCK more than
  // on x86-64.
  CHECK_MSG(reserved() <= before + LARGER + BLOCK + CHECK_MIB, "%zu KiB more",
            (reserved() - before) / CHECK_KIB);
  ri_free(p);
  ri_free(neighbour);
}

// The first block: all that is not mapped lies behind it.
static void os_is_forbidden(void) {
  void* p = ri_malloc(600000);
  CHECK(p != NULL);
  ri_option_set(ri_option_disallow_os_alloc, 1);
  const ri_summary_t before = check_summary();
  check_capture_start();
  for (size_t size = CHECK_MIB; size <= (size_t)32 * CHECK_MIB; size *= 2) {
    if (ri_expand(p, size) != NULL) continue;
    void* const q = ri_realloc(p, size);
    if (q != NULL) p = q;
  }
  check_capture_stop();
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.reserved == before.reserved, "%zu KiB more",
            (after.reserved - before.reserved) / CHECK_KIB);
  CHECK_MSG(after.os_calls == before.os_calls, "%zu calls", after.os_calls - before.os_calls);
}

int main(void) {
  check_watchdog(60);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    os_is_forbidden();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  behind_a_neighbour();
  return 0;
}
