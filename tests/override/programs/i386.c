// SPDX-License-Identifier: MIT
// i386.c: what was wrong where addresses and sizes have 32 bits. It uses the library's internal
// headers; i386.sh compiles it with the core. Each part runs in a child of its own:
//   the largest size of an arena overflowed to 0, so that each had one slice, and 256 were all
//   the value of an option in KiB, shifted to bytes, lost its upper bits: a limit became no memory
//   the orphan theap's thread data lay at an odd multiple of 4, so that its address, which is the
//   owner's id, had a flag set: blocks of late destructors were taken for checked ones
#include <sys/wait.h>

#include "../../check.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "options/options.h"

_Static_assert(sizeof(void*) == 4, "to be compiled for 32 bits");

static void arenas(void) {
  static const size_t sizes[] = {1, 3, 60, 100, 200};
  void* blocks[5];
  for (size_t i = 0; i < 5; i++) {
    blocks[i] = ri_malloc(sizes[i] * CHECK_MIB);
    CHECK_MSG(blocks[i] != NULL, "%zu MiB", sizes[i]);
    CHECK_MSG(ri_is_in_heap_region(blocks[i]), "%zu MiB", sizes[i]);
    check_fill_sparse(blocks[i], sizes[i] * CHECK_MIB, i);
  }
  for (size_t i = 0; i < 5; i++) {
    CHECK_FILLED_SPARSE(blocks[i], sizes[i] * CHECK_MIB, i);
    ri_free(blocks[i]);
  }
  enum { COUNT = 10000 };
  static void* small[COUNT];  // 40 MB
  for (size_t i = 0; i < COUNT; i++) {
    small[i] = ri_malloc(4000);
    CHECK(small[i] != NULL);
  }
  CHECK_MSG(check_summary().arenas <= 6, "%zu arenas", check_summary().arenas);
  for (size_t i = 0; i < COUNT; i++)
    ri_free(small[i]);
  check_heap_intact();
}

// 16 GiB, the most that the option allows: 2^34 is 0 in 32 bits, and 4 GiB and 4 KiB is 4 KiB.
static void largest_reserve(void) {
  ri_option_set(ri_option_arena_reserve, 16777216);
  CHECK(rix_option_bytes(ri_option_arena_reserve, 10) == SIZE_MAX);
  check_workload(2000, 1);
  CHECK_MSG(rix_arena_reserved() >= 16 * CHECK_MIB, "%zu KiB reserved",
            rix_arena_reserved() / 1024);
  CHECK(ri_audit());
}

static void largest_limit(void) {
  ri_option_set(ri_option_limit_address_space, 4 * 1024 * 1024);
  CHECK(rix_option_bytes(ri_option_limit_address_space, 10) == SIZE_MAX);
  ri_option_set(ri_option_mapping_cache, 4096);
  CHECK(rix_option_bytes(ri_option_mapping_cache, 20) == SIZE_MAX);
  check_workload(2000, 2);
  void* const p = ri_malloc(300 * CHECK_MIB);  // a mapping of its own
  CHECK(p != NULL);
  ri_free(p);
  CHECK(ri_audit());
}

static void small_limit_holds(void) {
  ri_option_set(ri_option_limit_address_space, (long)(4 * 1024 * 1024 + 64));
  CHECK(ri_malloc(CHECK_MIB) != NULL);
  ri_option_set(ri_option_limit_address_space, 64 * 1024);
  CHECK(ri_malloc(200 * CHECK_MIB) == NULL);
}

static pthread_key_t late_key;
static void* late_blocks[64];

static void late(void* arg) {
  static int round;
  if (++round < 3) {
    CHECK(pthread_setspecific(late_key, arg) == 0);
    return;
  }
  CHECK(rix_tls.phase == RIX_THREAD_DEAD);
  for (size_t i = 0; i < 64; i++) {
    late_blocks[i] = ri_malloc(16 + 8 * i);
    CHECK(late_blocks[i] != NULL);
    const uintptr_t owner = ri_load_relaxed(&rix_pagemap_find(late_blocks[i])->xowner);
    CHECK_MSG((owner & RIX_OWNER_FLAGS) == 0, "owner %zx", (size_t)owner);
  }
}

static void* dies(void* arg) {
  ri_free(ri_malloc(1));
  CHECK(pthread_setspecific(late_key, &late_key) == 0);
  return arg;
}

static void orphans(void) {
  check_capture_start();
  CHECK(pthread_key_create(&late_key, late) == 0);
  check_in_thread(dies, NULL);
  for (size_t i = 0; i < 64; i++)
    ri_free(late_blocks[i]);
  check_nothing_reported();
  ri_collect(true);
  CHECK_MSG(check_summary().blocks == 0, "%zu blocks", check_summary().blocks);
}

int main(void) {
  static void (*const parts[])(void) = {arenas, largest_reserve, largest_limit, small_limit_holds,
                                        orphans};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      check_watchdog(30);
      parts[i]();
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_MSG(status == 0, "part %zu: status %x", i, (unsigned)status);
  }
  return 0;
}
