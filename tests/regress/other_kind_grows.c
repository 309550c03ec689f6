// SPDX-License-Identifier: MIT
// other_kind_grows.c: arenas are mapped in parts, and they are of two kinds: with huge pages, and
// without. An allocation that found no arena of its kind, nor a place for one, took what was free
// in those of the other kind, but did not let them grow: with the table of arenas full, or near the
// limit of address space, it failed where there was room.
#include "../check.h"

#include <sys/wait.h>

enum { BLOCK = 4000, TABLE = 256 };

// Of the small blocks that can be had, how many bytes. They begin in an arena without huge pages,
// and go on in one with them.
static size_t all_small_blocks(size_t most) {
  size_t bytes = 0;
  check_capture_start();
  while (bytes < most && ri_malloc(BLOCK) != NULL)
    bytes += BLOCK;
  check_capture_stop();
  return bytes;
}

// The one arena that serves all has room for 64 MiB.
static void table_is_full(void) {
  ri_option_set(ri_option_arena_reserve, 64 * CHECK_KIB);
  ri_free(ri_malloc(100));
  CHECK(check_summary().arenas == 1);
  for (size_t i = 1; i < TABLE; i++) {
    ri_arena_id_t id;
    CHECK(ri_reserve_os_memory_ex(ri_arena_min_alignment(), false, false, true, &id) == 0);
  }
  CHECK(check_summary().arenas == TABLE);
  const size_t bytes = all_small_blocks((size_t)80 * CHECK_MIB);
  CHECK_MSG(bytes >= (size_t)54 * CHECK_MIB, "%zu KiB", bytes / CHECK_KIB);
}

// All that the limit leaves is reserved in the end, except for less than the least part.
static void limit_is_near(void) {
  for (size_t kib = 12000; kib <= 60000; kib += 8000) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      ri_option_set(ri_option_limit_address_space, (long)kib);
      (void)all_small_blocks(kib * CHECK_KIB);
      const size_t left = kib * CHECK_KIB - check_summary().reserved;
      CHECK_MSG(left < ri_arena_min_alignment(), "%zu KiB left of %zu", left / CHECK_KIB, kib);
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
}

// Whether arenas are mapped in parts here.
static bool in_parts(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
  return CHECK_SIZE_BITS > 32 && limit.rlim_cur == RLIM_INFINITY;
}

int main(void) {
  if (check_sanitized()) check_skip("the address space is not the program's alone");
  check_watchdog(60);
  if (in_parts()) limit_is_near();
  table_is_full();
  return 0;
}
