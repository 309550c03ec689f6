// SPDX-License-Identifier: MIT
// os_forbidden.c: the option disallow_os_alloc: all memory comes from what the program handed over,
// and no system call is made, which the kernel watches: in seccomp's strict mode any call but read,
// write and exit kills the process. Handing over, allocating, resizing, freeing, heaps, running
// out, purging and destroying are done in that mode; threads outside of it.
// Catches: a mapping, a purge or a table that is asked of the OS all the same.
#include "../check.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { STRICT_MODE = 1, NO_SECCOMP = 8 };  // the first as in <linux/seccomp.h>

#define REGION ((size_t)48 * CHECK_MIB)
static uint8_t region[REGION];
static uint8_t second[REGION / 4];

static bool inside(const void* p) {
  const uint8_t* const at = p;
  return (at >= region && at < region + sizeof(region)) ||
         (at >= second && at < second + sizeof(second));
}

static void use_all_kinds(void) {
  void* p = ri_malloc(100);
  CHECK(inside(p));
  p = ri_realloc(p, 300000);
  CHECK(inside(p));
  p = ri_realloc(p, (size_t)3 * CHECK_MIB);
  CHECK(inside(p));
  p = ri_realloc(p, 100);
  ri_free(p);
  for (int i = 0; i < 2; i++) {  // the second time it is memory that was used
    p = ri_zalloc((size_t)5 * CHECK_MIB);
    CHECK(inside(p) && check_nonzero(p, 0, (size_t)5 * CHECK_MIB) == SIZE_MAX);
    memset(p, 0xA5, (size_t)5 * CHECK_MIB);
    ri_free(p);
  }
  p = ri_malloc_aligned(100, 4096);
  CHECK(inside(p) && check_aligned(p, 4096));
  ri_free(p);
  ri_heap_t* heaps[100];
  void* in[100];
  for (int i = 0; i < 100; i++) {
    heaps[i] = ri_heap_new();
    CHECK(heaps[i] != NULL);
    in[i] = ri_heap_malloc(heaps[i], 1000);
    CHECK(inside(in[i]));
  }
  for (int i = 0; i < 100; i++) {
    if (i % 2 == 0) {
      ri_heap_destroy(heaps[i]);
    } else {
      ri_heap_delete(heaps[i]);
      ri_free(in[i]);
    }
  }
  static __thread void* blocks[300];
  uint64_t rng = 1;
  for (int i = 0; i < 20000; i++) {
    void** const slot = &blocks[check_below(&rng, 300)];
    ri_free(*slot);
    *slot = ri_malloc(1 + check_any_size(&rng, 20000));
    CHECK(inside(*slot));
  }
  for (int i = 0; i < 300; i++) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  ri_collect(true);
}

static void run_out(void) {
  static void* blocks[100000];
  size_t count = 0;
  errno = 0;
  while (count < 100000 && (blocks[count] = ri_malloc(count % 3 == 0 ? 70000 : 1000)) != NULL)
    count++;
  CHECK_ERRNO(ENOMEM);
  CHECK(count > 300 && count < 100000);
  for (size_t i = 0; i < count; i++) {
    CHECK(inside(blocks[i]));
    ri_free(blocks[i]);
  }
  CHECK(ri_malloc(check_hide(100 * REGION)) == NULL);
  void* const p = ri_malloc(REGION / 4);
  CHECK(inside(p));
  ri_free(p);
}

static void without_system_calls(void) {
  if (prctl(PR_SET_SECCOMP, STRICT_MODE) != 0) _exit(NO_SECCOMP);
  CHECK(ri_malloc(100) == NULL);
  CHECK(ri_manage_os_memory(region, sizeof(region), true, false, true, -1));
  use_all_kinds();
  run_out();
  CHECK(ri_manage_os_memory(second, sizeof(second), true, false, true, -1));
  use_all_kinds();
  CHECK(ri_audit());
  syscall(SYS_exit, 7);
}

static void* in_a_thread(void* arg) {
  (void)arg;
  use_all_kinds();
  return ri_malloc(50);
}

int main(void) {
  check_watchdog(60);
  if (check_sanitized()) check_skip("a sanitizer makes system calls of its own");
  ri_option_set(ri_option_disallow_os_alloc, 1);
  ri_option_set(ri_option_purge_delay, 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) without_system_calls();
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  CHECK_MSG(code == 7 || (code == NO_SECCOMP && check_emulated()), "status %x", (unsigned)status);

  CHECK(ri_manage_os_memory(region, sizeof(region), true, false, true, -1));
  const size_t calls = check_summary().os_calls;
  for (int i = 0; i < 20; i++)
    ri_free(check_in_thread(in_a_thread, NULL));
  ri_collect(true);
  CHECK_MSG(check_summary().os_calls == calls, "%zu calls", check_summary().os_calls - calls);
  CHECK(check_summary().reserved <= sizeof(region));
  if (code == NO_SECCOMP) check_skip("emulated: no seccomp, so only the calls that are counted");
  return 0;
}
