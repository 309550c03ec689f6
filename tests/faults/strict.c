// SPDX-License-Identifier: MIT
// strict.c: as where the OS counts every byte that could be written and refuses what it cannot
// promise (vm.overcommit_memory 2): arenas are reserved without access and committed in pieces, and
// each commit may be refused.
#define FAULTS_STRICT
#include "faults.h"

enum { BLOCKS = 400 };

static held_t blocks[BLOCKS];

static void fill(size_t size) {
  for (size_t i = 0; i < BLOCKS; i++) {
    errno = 0;
    hold(&blocks[i], ri_malloc(size), size, i, false);
  }
}

static void empty(size_t first, size_t step) {
  for (size_t i = first; i < BLOCKS; i += step)
    drop(&blocks[i]);
}

static void* in_thread(void* arg) {
  fill(*(const size_t*)arg);
  return NULL;
}

static void scenario(void) {
  static const size_t sizes[] = {16, 700, 9000, 70000};
  for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
    fill(sizes[k]);
    empty(0, 2);
    ri_collect(true);  // gives access, content and charge back
    empty(1, 2);
    check_in_thread(in_thread, (void*)(uintptr_t)&sizes[k]);
    empty(0, 1);
  }
  held_t large;
  errno = 0;
  hold(&large, ri_zalloc(20000000), 20000000, 5, false);
  resize(&large, 30000000);
  drop(&large);
  ri_collect(true);
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MAP, FAULTS_PROTECT, FAULTS_MEMORY, -1};
  return faults_main(argc, argv, 12, kinds);
}
