// SPDX-License-Identifier: MIT
// first_place_os_fail.c: the OS puts the first mappings far from where it was asked to and from
// where it puts later ones, and refuses large ones, so that the page map has a window around that
// place only. From then on the allocator let the OS choose, and what it chose lay outside:
// allocation failed, although the OS had recovered. Now it then asks for places in the window.
#include "../check.h"
#include "../os_fail.h"

static size_t maps, refused, moved;

static int os_answer(os_call_t* call) {
  if (call->kind != OS_MAP) return OS_PASS;
  maps++;
  if (call->size > (size_t)512 * CHECK_MIB) {
    refused++;
    return ENOMEM;
  }
  if (moved < 2 && (call->flags & MAP_FIXED) == 0) {
    moved++;
    call->at = (void*)(uintptr_t)CHECK_HUGE(46);
  }
  return OS_PASS;
}

int main(void) {
  enum { BLOCKS = 48 };
  void* blocks[BLOCKS] = {NULL};
  for (int i = 0; i < BLOCKS; i++) {  // far more than the first arena
    blocks[i] = ri_malloc(8 * (size_t)CHECK_MIB);
    CHECK_MSG(blocks[i] != NULL, "block %d: %zu mappings, %zu moved, %zu refused", i, maps, moved,
              refused);
  }
  CHECK(moved == 2);
  CHECK_MSG(maps < 500, "%zu mappings", maps);
  for (int i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  check_heap_intact();
  return 0;
}
