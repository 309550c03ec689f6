// SPDX-License-Identifier: MIT
// reserved_arenas_stay.c: sub-processes that reserve memory and end, one after the other. Each
// arena stayed in the table, which has 256 places, and in the address space, and nobody used it
// again; in the end nothing could be reserved any more, and no arena created for anything else.
#include "../check.h"

enum { ROUNDS = 400, SIZE = 2 * CHECK_MIB };

static ri_subproc_id_t subproc;

static void* reserve(void* arg) {
  const size_t round = (size_t)(uintptr_t)arg;
  ri_subproc_add_current_thread(subproc);
  const bool commit = round % 2 == 1, large = round % 4 >= 2, exclusive = round % 8 >= 4;
  ri_arena_id_t id;
  CHECK(ri_reserve_os_memory_ex(SIZE, commit, large, exclusive, &id) == 0);
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  for (size_t i = 0; i < 4; i++) {
    uint8_t* const p = ri_heap_zalloc(heap, SIZE / 8);
    CHECK(p != NULL && ri_arena_contains(id, p));
    CHECK_ZERO(p, 0, SIZE / 8);
    memset(p, 0xA5, SIZE / 8);
  }
  // Only who asks for the arena may use it, or anybody.
  void* const p = ri_malloc(100);
  CHECK(!exclusive || !ri_arena_contains(id, p));
  CHECK(exclusive || ri_arena_contains(id, p));
  return NULL;
}

int main(void) {
  size_t after_some = 0;
  for (size_t i = 0; i < ROUNDS; i++) {
    subproc = ri_subproc_new();
    CHECK(subproc._ri_subproc_id != NULL);
    check_in_thread(reserve, (void*)(uintptr_t)i);
    ri_subproc_destroy(subproc);
    CHECK(ri_audit());
    if (i == 15) after_some = check_summary().reserved;
  }
  const size_t reserved = check_summary().reserved;
  CHECK_MSG(reserved == after_some, "%zu after 16 rounds, then %zu", after_some, reserved);
  CHECK(ri_reserve_os_memory(SIZE, true, false) == 0);
  return 0;
}
