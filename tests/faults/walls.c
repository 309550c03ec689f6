// SPDX-License-Identifier: MIT
// walls.c: others map right behind all that is ours: arenas cannot grow, the page map has to move,
// and mappings lie far away, while calls of each kind fail on their own.
#include "faults.h"

#include <rimalloc/layout.h>

static void wall(void* at) {
  enum { FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
  void* const p = mmap(at, check_os_page(), PROT_NONE, FLAGS, -1, 0);
  if (p != MAP_FAILED && p != at) CHECK(munmap(p, check_os_page()) == 0);
}

static void walls(uint8_t* p) {
  const uintptr_t table = (uintptr_t)ri_load_relaxed(&rix_fast_pagemap.xtable);
  const uintptr_t count = ri_load_relaxed(&rix_fast_pagemap.xcount);
  if (table != 0) wall((void*)(table + count * sizeof(void*)));
  const uintptr_t start = (uintptr_t)p & ~((uintptr_t)CHECK_MIB - 1);
  for (size_t i = 1; i <= 64 && p != NULL; i++)
    wall((void*)(start + i * CHECK_MIB));
}

static void scenario(void) {
  static const size_t sizes[] = {100, 70000, 300000, 5 * CHECK_MIB, 300 * CHECK_MIB};
  enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), COUNT = 6 * SIZES };
  held_t held[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    errno = 0;
    hold(&held[i], ri_malloc(sizes[i % SIZES]), sizes[i % SIZES], i, false);
    walls(held[i].p);
  }
  for (size_t i = 0; i < COUNT; i++)
    resize(&held[i], held[i].size * 2);
  for (size_t i = 0; i < COUNT; i++)
    drop(&held[i]);
  // The window ends far away, and the table has to reach there.
  errno = 0;
  held_t far;
  const volatile size_t apart = (size_t)1 << (CHECK_SIZE_BITS == 32 ? 27 : 39);
  hold(&far, ri_malloc_aligned(100, apart), 100, 1, false);
  walls(far.p);
  drop(&far);
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MAP, FAULTS_UNMAP, FAULTS_MEMORY, -1};
  return faults_main(argc, argv, 20, kinds);
}
