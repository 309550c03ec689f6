// SPDX-License-Identifier: MIT
// delete_while_freed.c: a thread that empties pages of a heap that was deleted asked the heap's
// descriptor whether it may keep them, while that became another heap. For ThreadSanitizer; the
// pages are counted as well.
#include "../check.h"

#include <stdatomic.h>

enum { BLOCKS = 30000 };
static ri_heap_t* heap;
static void* blocks[BLOCKS];
static atomic_int ready, deleted;

static void* frees_late(void* arg) {
  (void)arg;
  for (size_t i = 0; i < BLOCKS; i++)
    blocks[i] = ri_heap_malloc(heap, 1000);
  atomic_store(&ready, 1);
  // Relaxed: what orders the two for the program must not hide what does not for the allocator.
  while (atomic_load_explicit(&deleted, memory_order_relaxed) == 0)
    sched_yield();
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  return NULL;
}

int main(void) {
  check_watchdog(60);
  heap = ri_heap_new();
  const pthread_t thread = check_start(frees_late, NULL);
  while (atomic_load(&ready) == 0)
    sched_yield();
  ri_heap_delete(heap);
  atomic_store_explicit(&deleted, 1, memory_order_relaxed);
  for (size_t i = 0; i < 2000; i++)
    ri_heap_delete(ri_heap_new());
  check_join(thread);
  CHECK_MSG(check_summary().pages <= 2, "%zu pages", check_summary().pages);
  CHECK(ri_audit());
  return 0;
}
