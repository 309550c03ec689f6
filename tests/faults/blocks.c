// SPDX-License-Identifier: MIT
// blocks.c: allocations of all kinds, threads, resizing, collecting and everything freed at the
// end, while the n-th memory call to the OS fails, for each n, and all from the n-th on.
#include "faults.h"

enum { KINDS = 14, HELD = KINDS * 2, NESTED = 6, MAPPINGS = 64 };

static void* make(size_t kind, size_t* size) {
  static const size_t sizes[KINDS] = {8,      100, 1000, 5000,    30000,   70000,     300000,
                                      700000, 40,  24,   3000000, 9000000, 260 << 20, 1};
  *size = sizes[kind];
  switch (kind) {
    case 3:
      return ri_calloc(50, 100);
    case 6:
      return ri_zalloc(*size);
    case 8:
      return ri_malloc_aligned(*size, 4096);
    case 9:
      return ri_malloc_aligned_at(*size, 256, 8);
    case 10:
      return ri_malloc_aligned(*size, (size_t)1 << 21);
    case 13:
      return ri_malloc_aligned(*size, (size_t)1 << 29);
    default:
      return ri_malloc(*size);
  }
}

static void hold_kind(held_t* h, size_t kind) {
  size_t size;
  errno = 0;
  void* const p = make(kind, &size);
  hold(h, p, size, kind, kind == 3 || kind == 6);
}

static void many_small(held_t* held, size_t count) {
  for (size_t i = 0; i < count; i++)
    hold_kind(&held[i], i % 3);
  for (size_t i = 0; i < count; i += 2)
    drop(&held[i]);
}

static held_t from_threads[2][HELD];
static held_t crowd[3000];

static void* run(void* arg) {
  held_t* const held = arg;
  for (size_t i = 0; i < HELD; i++)
    hold_kind(&held[i], i % KINDS);
  for (size_t i = 0; i < HELD; i += 2) {
    resize(&held[i], held[i].size * 3 / 2 + 10);
    resize(&held[i], held[i].size / 3 + 1);
  }
  for (size_t i = 0; i < HELD; i += 3)
    drop(&held[i]);
  ri_collect(false);
  return NULL;  // what is left is for others to free
}

// Threads that live at once, and many mappings: more of the allocator's own structures than its
// first piece of memory for them holds.
static held_t nested_blocks[NESTED];
static void* nested(void* arg) {
  const size_t depth = (size_t)(uintptr_t)arg;
  hold_kind(&nested_blocks[depth], 1);
  if (depth + 1 < NESTED) check_in_thread(nested, (void*)(depth + 1));
  return NULL;
}

static void many_structures(void) {
  held_t mappings[MAPPINGS];
  for (size_t i = 0; i < MAPPINGS; i++) {
    errno = 0;
    mappings[i].p = ri_malloc((size_t)257 * CHECK_MIB);
    CHECK(mappings[i].p != NULL || errno == ENOMEM);
  }
  nested(NULL);
  for (size_t i = 0; i < MAPPINGS; i++)
    ri_free(mappings[i].p);
  for (size_t i = 0; i < NESTED; i++)
    drop(&nested_blocks[i]);
}

static void scenario(void) {
  held_t held[HELD];
  hold_kind(&held[0], 1);  // the first memory of the process comes from an arena, the next do not
  drop(&held[0]);
  many_structures();
  run(held);
  many_small(crowd, 3000);
  for (size_t i = 0; i < 2; i++)
    check_in_thread(run, from_threads[i]);
  ri_collect(true);
  for (size_t i = 0; i < HELD; i++) {
    resize(&held[i], held[i].size + 4096);
    drop(&held[i]);
    drop(&from_threads[0][i]);
  }
  ri_collect(true);
  for (size_t i = 0; i < HELD; i++) {
    hold_kind(&held[i], i % KINDS);
    drop(&from_threads[1][i]);
    drop(&held[i]);
  }
  for (size_t i = 0; i < 3000; i++)
    drop(&crowd[i]);
  ri_collect(true);
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MEMORY, -1};
  return faults_main(argc, argv, 60, kinds);
}
