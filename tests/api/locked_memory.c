// SPDX-License-Identifier: MIT
// locked_memory.c: programs that lock all their memory, now and in future (mlockall): what is
// locked is about what is used, not what address space was reserved for later; under a limit that
// suffices for what is used, all can be had; and at the limit malloc says ENOMEM, after which the
// program can go on. 68 MiB used to be locked at once, and mlockall was refused under the usual
// limit of 8 MiB.
#include "../check.h"

#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 50000, SIZE = 100 };

static size_t locked(void) {
  FILE* const f = fopen("/proc/self/status", "r");
  CHECK(f != NULL);
  char line[256];
  size_t kib = 0;
  while (fgets(line, sizeof(line), f) != NULL)
    if (strncmp(line, "VmLck:", 6) == 0) kib = strtoul(line + 6, NULL, 10);
  fclose(f);
  return kib * 1024;
}

static void lock_all(void) {
  ri_free(ri_malloc(1));
  if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) return;
  printf("mlockall: %s\n", strerror(errno));
  exit(77);
}

static void small_blocks(size_t count) {
  static void* blocks[BLOCKS];
  for (size_t i = 0; i < count; i++) {
    blocks[i] = ri_malloc(SIZE);
    CHECK_MSG(blocks[i] != NULL, "block %zu", i);
    check_fill(blocks[i], SIZE, i);
  }
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
}

static void little(void) {
  lock_all();
  const size_t before = locked();
  CHECK_MSG(before <= 12 * CHECK_MIB, "%zu KiB at once", before / 1024);
  small_blocks(BLOCKS);
  CHECK_MSG(locked() <= before + 12 * CHECK_MIB, "%zu KiB more", (locked() - before) / 1024);
  void* const large = ri_malloc(20 * CHECK_MIB);
  CHECK(large != NULL && locked() <= before + 60 * CHECK_MIB);
  ri_free(large);
}

// Without the right to lock more.
static void limit(size_t bytes) {
  const struct rlimit l = {bytes, bytes};
  CHECK(setrlimit(RLIMIT_MEMLOCK, &l) == 0);
  if (geteuid() == 0) CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
  lock_all();
}

static void under_limit(void) {
  limit(8 * CHECK_MIB);
  small_blocks(20000);
  void* const large = ri_malloc(CHECK_MIB);
  CHECK(large != NULL);
  memset(large, 1, CHECK_MIB);
  ri_free(large);
}

static void up_to_limit(size_t size) {
  void* list = NULL;
  size_t bytes = 0;
  void* block;
  errno = 0;
  while ((block = ri_malloc(size)) != NULL) {
    memcpy(block, &list, sizeof(list));
    list = block;
    bytes += size;
  }
  CHECK_ERRNO(ENOMEM);
  printf("%zu KiB in blocks of %zu\n", bytes / 1024, size);
  CHECK_MSG(bytes >= CHECK_MIB, "%zu KiB of blocks of %zu", bytes / 1024, size);
  while (list != NULL) {
    block = list;
    memcpy(&list, block, sizeof(list));
    ri_free(block);
  }
  small_blocks(1000);
}

static void at_limit(void) {
  limit(8 * CHECK_MIB);
  static const size_t sizes[] = {64, 4000, 65536, 100000, 500000};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    up_to_limit(sizes[i]);
  char* p = NULL;
  size_t size = 100000;
  for (char* q; (q = ri_realloc(p, size)) != NULL; size += size / 4)
    p = q;
  CHECK_ERRNO(ENOMEM);
  ri_free(p);
}

int main(void) {
  if (check_sanitized()) check_skip("a sanitizer locks nothing");
  if (check_counted()) check_skip("counts of lines are locked too");
  if (check_emulated()) check_skip("the emulator's memory is locked too");
  if (CHECK_SIZE_BITS == 32) check_skip("arenas are mapped whole");
  void (*const parts[])(void) = {little, under_limit, at_limit};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      check_watchdog(60);
      parts[i]();
      CHECK(ri_audit());
      exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return 77;
    CHECK_MSG(status == 0, "part %zu: status %x", i, (unsigned)status);
  }
  return 0;
}
