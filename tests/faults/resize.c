// SPDX-License-Identifier: MIT
// resize.c: blocks that grow and shrink through all ways of doing it (in place, by copying, by
// moving page tables, in mappings) while calls of each kind fail on their own: so a move that works
// is followed by a growth that does not, and a way back that does or does not.
#include "faults.h"

// A large alignment gives a mapping of its own without a large size.
static void chain(size_t start, size_t align, size_t most) {
  held_t h;
  held_t next;  // takes the room behind
  errno = 0;
  hold(&h, ri_malloc_aligned(start, align), start, 1, false);
  errno = 0;
  hold(&next, ri_malloc(start), start, 2, false);
  while (h.p != NULL && h.size < most) {
    const size_t before = h.size;
    resize(&h, h.size + h.size / 2);
    if (h.size == before) break;  // refused: as it was
  }
  resize(&h, h.size / 3);
  resize(&h, h.size + 100000);
  resize(&h, 100);
  drop(&next);
  drop(&h);
}

static void zeroed(size_t start) {
  errno = 0;
  uint8_t* p = ri_zalloc(start);
  if (p == NULL) {
    CHECK_ERRNO(ENOMEM);
    return;
  }
  size_t size = start;
  for (int i = 0; i < 6; i++) {
    errno = 0;
    uint8_t* const q = ri_rezalloc(p, size * 2);
    if (q == NULL) {
      CHECK_ERRNO(ENOMEM);
      break;
    }
    p = q;
    size *= 2;
    CHECK_ZERO(p, size / 2, size);
  }
  CHECK_ZERO(p, 0, size);
  ri_free(p);
}

static void scenario(void) {
  chain(1000, 16, 200000);
  chain(300000, 16, 3000000);
  chain(300000, (size_t)1 << 29, 3000000);
  zeroed(30000);
  ri_collect(true);
  zeroed(300000);
  ri_collect(true);
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MAP,  FAULTS_UNMAP,  FAULTS_ADVISE,
                              FAULTS_MOVE, FAULTS_RESIZE, -1};
  return faults_main(argc, argv, 20, kinds);
}
