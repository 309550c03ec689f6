// SPDX-License-Identifier: MIT
// given.c: memory that the program gives, private and shared, where the OS counts every byte that
// could be written and its calls fail: zeroed blocks are zero, whatever could not be given back,
// and the program has all of its memory back, accessible as before, when the sub-process ends.
#define FAULTS_STRICT
#include "faults.h"

enum { REGION = 2 * CHECK_MIB, BLOCKS = 20 };

static ri_subproc_id_t subproc;

static void use(ri_heap_t* heap) {
  static held_t blocks[BLOCKS];
  for (size_t round = 0; round < 2; round++) {
    for (size_t i = 0; i < BLOCKS; i++) {
      const size_t size = i == 0 ? 1100000 : 1000 + i * 5000;
      errno = 0;
      hold(&blocks[i], ri_heap_zalloc(heap, size), size, i, true);
    }
    resize(&blocks[0], 1300000);
    resize(&blocks[0], REGION);  // elsewhere
    for (size_t i = 0; i < BLOCKS; i++)
      drop(&blocks[i]);
    ri_heap_collect(heap, true);
  }
}

static void* in_subproc(void* region) {
  ri_subproc_add_current_thread(subproc);
  if (ri_subproc_current()._ri_subproc_id != subproc._ri_subproc_id) return NULL;
  ri_arena_id_t id = &id;
  errno = 0;
  if (!ri_manage_os_memory_ex(region, REGION, true, false, false, -1, true, &id)) {
    CHECK_ERRNO(ENOMEM);
    return NULL;
  }
  errno = 0;
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  if (heap == NULL) {
    CHECK_ERRNO(ENOMEM);
    return NULL;
  }
  ri_heap_guarded_set_sample_rate(heap, 7, 1);
  use(heap);
  return NULL;
}

static void scenario(void) {
  static const int flags[] = {MAP_PRIVATE, MAP_SHARED};
  for (size_t i = 0; i < 2; i++) {
    uint8_t* const region =
        mmap(NULL, REGION, PROT_READ | PROT_WRITE, flags[i] | MAP_ANONYMOUS, -1, 0);
    CHECK(region != MAP_FAILED);
    memset(region, 0xA5, REGION);
    errno = 0;
    subproc = ri_subproc_new();
    if (subproc._ri_subproc_id != NULL) {
      check_in_thread(in_subproc, region);
      ri_subproc_destroy(subproc);
    } else {
      CHECK_ERRNO(ENOMEM);
    }
    memset(region, 1, REGION);
    CHECK(munmap(region, REGION) == 0);
  }
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MAP, FAULTS_PROTECT, FAULTS_ADVISE, FAULTS_MEMORY, -1};
  return faults_main(argc, argv, 12, kinds);
}
