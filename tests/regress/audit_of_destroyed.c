// SPDX-License-Identifier: MIT
// audit_of_destroyed.c: ri_audit said that a heap was broken when another thread had destroyed it
// and the calling thread, which had allocated from it, had not looked since. Found by heap_ops.
#include "../check.h"

static void* destroys(void* heap) {
  ri_heap_destroy(heap);
  return NULL;
}

static void* deletes(void* heap) {
  ri_heap_delete(heap);
  return NULL;
}

int main(void) {
  check_watchdog(30);
  void* const kept = ri_malloc(100);
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL && ri_heap_malloc(heap, 100) != NULL);
  CHECK(ri_heap_malloc(heap, 20000) != NULL);
  check_in_thread(destroys, heap);
  CHECK(ri_audit());
  ri_heap_t* const other = ri_heap_new();
  void* const moved = ri_heap_malloc(other, 3000);
  check_in_thread(deletes, other);
  CHECK(ri_audit());
  ri_free(moved);
  ri_free(kept);
  CHECK(ri_audit());
  return 0;
}
