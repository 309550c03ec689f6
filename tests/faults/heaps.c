// SPDX-License-Identifier: MIT
// heaps.c: heaps, theaps of threads, sub-processes, arenas that the program reserves and memory
// that it gives, while the n-th memory call fails, for each n, and all from the n-th on. What
// cannot be made is NULL or an error with ENOMEM, and what was made before it works.
#include "faults.h"

enum { HEAPS = 90, BLOCKS = 3, REGION = 2 * CHECK_MIB };

static ri_heap_t* heaps[HEAPS];
static held_t blocks[HEAPS][BLOCKS];

static void from_heap(held_t* h, ri_heap_t* heap, size_t size, bool zero) {
  errno = 0;
  hold(h, zero ? ri_heap_zalloc(heap, size) : ri_heap_malloc(heap, size), size, size, zero);
}

// NULL is the main heap, so blocks can be had all the same.
static void make_heaps(void) {
  static const size_t sizes[BLOCKS] = {50, 20000, 300000};
  for (size_t i = 0; i < HEAPS; i++) {
    errno = 0;
    heaps[i] = ri_heap_new();
    if (heaps[i] == NULL) CHECK_ERRNO(ENOMEM);
    for (size_t k = 0; k < BLOCKS; k++)
      from_heap(&blocks[i][k], heaps[i], sizes[k], k == 1);
    if (blocks[i][0].p != NULL) CHECK(ri_heap_contains(heaps[i], blocks[i][0].p));
  }
}

static void end_heaps(void) {
  for (size_t i = 0; i < HEAPS; i++) {
    const bool destroy = i % 2 == 0 && heaps[i] != NULL;
    if (!destroy) ri_heap_delete(heaps[i]);
    for (size_t k = 0; k < BLOCKS && !destroy; k++)
      drop(&blocks[i][k]);
    if (destroy) ri_heap_destroy(heaps[i]);
  }
}

static bool count_live(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                       void* arg) {
  (void)heap, (void)area, (void)size;
  *(size_t*)arg += block != NULL;
  return true;
}

// A thread with theaps of all heaps, which leaves pages to them.
static void* use_heaps(void* arg) {
  (void)arg;
  for (size_t i = 0; i < HEAPS; i++) {
    held_t h;
    from_heap(&h, heaps[i], 700, false);
    drop(&h);
  }
  char* const text = ri_stats_get_json(0, NULL);
  ri_free(text);
  return NULL;
}

// Memory of the test is its own affair.
static uint8_t* region(int access) {
  static uint8_t* p;
  if (p == NULL)
    p = __real_rix_sys_mmap(NULL, REGION, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED && __real_rix_sys_mprotect(p, REGION, access) == 0);
  CHECK(__real_rix_sys_madvise(p, REGION, MADV_DONTNEED) == 0);
  return p;
}

static void in_arena(ri_arena_id_t id) {
  errno = 0;
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  if (heap == NULL) {
    CHECK_ERRNO(ENOMEM);
    return;
  }
  held_t h;
  from_heap(&h, heap, 100000, true);
  if (h.p != NULL) CHECK(ri_arena_contains(id, h.p));
  from_heap(&h, heap, 100, false);
  ri_heap_destroy(heap);
}

static ri_subproc_id_t subproc;

// The sub-process goes with all that this leaves.
static void* in_subproc(void* access) {
  ri_subproc_add_current_thread(subproc);
  const bool joined = ri_subproc_current()._ri_subproc_id == subproc._ri_subproc_id;
  if (!joined) return NULL;
  for (size_t i = 0; i < 4; i++) {
    ri_arena_id_t id = &id;
    const int error = ri_reserve_os_memory_ex(REGION, i % 2 == 0, i / 2 == 0, true, &id);
    CHECK(error == 0 ? id != NULL : error == ENOMEM && id == NULL);
    if (error == 0) in_arena(id);
  }
  ri_arena_id_t id = &id;
  const bool usable = (int)(uintptr_t)access != PROT_NONE;
  errno = 0;
  if (ri_manage_os_memory_ex(region((int)(uintptr_t)access), REGION, usable, false, true, 0, true,
                             &id)) {
    in_arena(id);
  } else {
    CHECK_ERRNO(ENOMEM);
    CHECK(id == NULL);
  }
  held_t h;
  from_heap(&h, NULL, 1000, false);
  from_heap(&h, NULL, 500000, false);
  return NULL;
}

static void subprocs(int access) {
  errno = 0;
  subproc = ri_subproc_new();
  if (subproc._ri_subproc_id == NULL) {
    CHECK_ERRNO(ENOMEM);
    return;
  }
  check_in_thread(in_subproc, (void*)(uintptr_t)access);
  ri_subproc_destroy(subproc);
}

static void scenario(void) {
  for (size_t i = 0; i < 2; i++) {
    make_heaps();
    check_in_thread(use_heaps, NULL);
    size_t live = 0, expected = 0;
    for (size_t k = 0; k < BLOCKS; k++)
      expected += blocks[HEAPS - 1][k].p != NULL;
    CHECK(ri_heap_visit_blocks(heaps[HEAPS - 1], true, count_live, &live));
    CHECK(heaps[HEAPS - 1] == NULL || live == expected);
    end_heaps();
    subprocs(i == 0 ? PROT_NONE : PROT_READ | PROT_WRITE);
    ri_collect(true);
  }
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MEMORY, -1};
  return faults_main(argc, argv, 60, kinds);
}
