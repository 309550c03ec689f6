// SPDX-License-Identifier: MIT
// arena_table.c: the table of arenas is full (256). Nothing can be reserved or handed over any
// more, which changes nothing else: what there is serves on, and large blocks get mappings of their
// own. Catches: an arena beyond the table, memory of the program that is used although it was
// refused.
#include "../check.h"

#include <sys/mman.h>

enum { SLICE = 64 * CHECK_KIB, TABLE = 256 };

static ri_subproc_id_t subproc;

// A sub-process finds no arena of its own: its small blocks cannot be had, its large ones can.
static void* join(void* arg) {
  (void)arg;
  ri_subproc_add_current_thread(subproc);
  errno = 0;
  CHECK(ri_malloc(100) == NULL);
  CHECK_ERRNO(ENOMEM);
  void* const p = ri_malloc((size_t)300 * CHECK_MIB);
  CHECK(p != NULL && ri_heap_of(p) == ri_heap_main());
  ri_free(p);
  return NULL;
}

int main(void) {
  ri_free(ri_malloc(1));
  size_t count = check_summary().arenas;
  while (ri_reserve_os_memory(SLICE, count % 2 == 0, false) == 0)
    count++;
  CHECK_MSG(count == TABLE && check_summary().arenas == TABLE, "%zu", count);
  const size_t reserved = check_summary().reserved;
  ri_arena_id_t id = &id;
  CHECK(ri_reserve_os_memory_ex(SLICE, true, false, true, &id) == ENOMEM && id == NULL);
  CHECK(ri_reserve_os_memory_ex(SLICE, true, true, true, &id) == ENOMEM && id == NULL);
  CHECK(ri_reserve_huge_os_pages_at(1, -1, 10) == ENOMEM);
  const size_t size = 4 * CHECK_MIB;
  uint8_t* const p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  errno = 0;
  CHECK(!ri_manage_os_memory_ex(p, size, true, false, true, -1, true, &id) && id == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(munmap(p, size) == 0);
  CHECK(check_summary().reserved == reserved);
  subproc = ri_subproc_new();
  CHECK(subproc._ri_subproc_id != NULL);
  check_in_thread(join, NULL);
  ri_subproc_destroy(subproc);
  void* blocks[200];  // more than the arenas have left
  for (size_t i = 0; i < 200; i++) {
    blocks[i] = ri_malloc((size_t)5 * CHECK_MIB);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 1, 100);
  }
  CHECK(check_summary().mappings > 0);
  for (size_t i = 0; i < 200; i++)
    ri_free(blocks[i]);
  check_heap_intact();
  return 0;
}
