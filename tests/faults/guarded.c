// SPDX-License-Identifier: MIT
// guarded.c: blocks with guard pages while the n-th memory call to the OS fails, for each n, and
// all from the n-th on: a refused guard page makes an ordinary block, and one that the OS does not
// take away again harms nobody who gets that memory later.
#include "faults.h"

enum { HELD = 40 };

static const size_t sizes[] = {1, 40, 1000, 4096, 30000, 70000, 300000, 9000000};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void hold_some(held_t* held) {
  for (size_t i = 0; i < HELD; i++) {
    const size_t size = sizes[i % SIZES] + i;
    errno = 0;
    void* const p = i % 3 == 0 ? ri_zalloc(size) : ri_malloc(size);
    hold(&held[i], p, size, i, i % 3 == 0 && size < 1000000);
  }
}

static void* run(void* arg) {
  held_t* const held = arg;
  ri_theap_guarded_set_sample_rate(NULL, 1, 0);
  hold_some(held);
  for (size_t i = 0; i < HELD; i += 2)
    resize(&held[i], held[i].size * 3 / 2 + 10);
  for (size_t i = 0; i < HELD; i += 3)
    drop(&held[i]);
  return NULL;
}

// Large blocks have mappings of their own, which are kept for reuse.
static void large_ones(void) {
  const size_t size = 9000000;
  const size_t whole = (size / CHECK_SPARSE + 2) * CHECK_SPARSE;  // with the guard page
  held_t held[4];
  for (size_t i = 0; i < 4; i++) {
    ri_theap_guarded_set_sample_rate(NULL, i % 2 == 0, 0);
    const size_t asked = i % 2 == 0 ? size : whole;
    errno = 0;
    hold(&held[i], ri_malloc(asked), asked, i, false);
    if (held[i].p != NULL) memset(held[i].p, 1, asked);
    if (held[i].p != NULL) check_fill_sparse(held[i].p, asked, i);
    drop(&held[i]);
  }
}

static void scenario(void) {
  held_t mine[HELD], others[HELD], plain[HELD];
  ri_option_set(ri_option_purge_delay, 3600000);
  ri_option_set(ri_option_arena_max_object_size, 1024);
  large_ones();
  run(mine);
  check_in_thread(run, others);
  for (size_t i = 0; i < HELD; i++) {
    drop(&mine[i]);
    drop(&others[i]);
  }
  // What these blocks had becomes ordinary blocks, all of which are written.
  ri_theap_guarded_set_sample_rate(NULL, 0, 0);
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < HELD; i++) {
      errno = 0;
      void* const p = ri_malloc(65000);
      hold(&plain[i], p, 65000, i, false);
      if (p != NULL) memset(p, (int)i, 65000);
      if (p != NULL) check_fill(p, 65000, i);
    }
    for (size_t i = 0; i < HELD; i++)
      drop(&plain[i]);
    ri_collect(true);
  }
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_ADVISE, FAULTS_MEMORY, -1};
  return faults_main(argc, argv, 60, kinds);
}
