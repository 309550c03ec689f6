// SPDX-License-Identifier: MIT
// reserved_serves_checked.c: a program that reserves its memory and then lets no more come from the
// OS got no small blocks where they are checked or hardened: tables for them would have been mapped
// with the first. They are made with the arena.
#include <sys/wait.h>

#include "../check.h"

enum { BYTES = 5000, RESERVED = 64 * CHECK_MIB };

// How many blocks there are.
static size_t blocks_of(ri_heap_t* heap) {
  size_t count = 0;
  for (void* p; (p = heap != NULL ? ri_heap_malloc(heap, BYTES) : ri_malloc(BYTES)) != NULL;)
    check_fill(p, BYTES, count++);
  return count;
}

static int serves(int level) {
  ri_register_output(check_capture_output, check_captured());
  ri_option_set(ri_option_show_errors, 0);
  ri_option_set(level < 0 ? ri_option_check : ri_option_harden, level < 0 ? 1 : level);
  ri_free(ri_malloc(100));
  CHECK(ri_reserve_os_memory(RESERVED, true, false) == 0);
  ri_heap_t* const heap = level == 0 ? ri_heap_new_hardened(2) : NULL;
  CHECK(level != 0 || heap != NULL);
  ri_option_set(ri_option_disallow_os_alloc, 1);
  const size_t count = blocks_of(heap);
  CHECK_MSG(count >= RESERVED / 8192 * 4 / 5, "level %d: %zu blocks", level, count);
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1) return serves(atoi(argv[1]));
  for (int level = -1; level <= 2; level++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(serves(level));
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  return 0;
}
