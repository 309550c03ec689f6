// SPDX-License-Identifier: MIT
// limited.c: near and at a limit, where memory goes back all the time, while calls of each kind
// fail: a purge, an unmap, a part of an arena, a file about the control group. Catches: memory that
// counts although nobody has it, or does not count although somebody has.
#include "faults.h"

enum { BLOCKS = 600 };

static held_t held[BLOCKS];

static void scenario(void) {
  (void)ri_limit_level();  // reads the files
  ri_limit_set(0, ri_limit_used() + 5 * CHECK_MIB);
  static const size_t sizes[] = {100, 900, 5000, 40000, 300000, 4 * CHECK_MIB};
  for (size_t i = 0; i < BLOCKS; i++) {
    errno = 0;
    hold(&held[i], ri_malloc(sizes[i % 6]), sizes[i % 6], i, false);
  }
  for (size_t i = 0; i < BLOCKS; i += 7)
    resize(&held[i], held[i].size * 2);
  for (size_t i = 0; i < BLOCKS; i++) {
    if (i % 12 != 0) drop(&held[i]);
  }
  ri_collect(true);
  for (size_t i = 0; i < BLOCKS; i++) {
    if (held[i].p != NULL) continue;
    errno = 0;
    hold(&held[i], ri_zalloc(sizes[i % 5]), sizes[i % 5], i, true);
  }
  for (size_t i = 0; i < BLOCKS; i++)
    drop(&held[i]);
  ri_limit_set(0, 0);
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MAP,    FAULTS_UNMAP, FAULTS_ADVISE,
                              FAULTS_MEMORY, FAULTS_FILE,  -1};
  return faults_main(argc, argv, 4, kinds);
}
