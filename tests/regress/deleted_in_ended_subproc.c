// SPDX-License-Identifier: MIT
// deleted_in_ended_subproc.c: a thread had pages of a heap that another one deleted, so that they
// became the main heap's of its sub-process; when that ended, nobody told the thread that they were
// gone, and at its own exit it abandoned them: for ever, in a release build. The test that should
// have seen it: heap_ops, which ends no sub-process while a thread of it waits. Found by reading.
#include "../check.h"

static ri_subproc_id_t sub;
static ri_heap_t* heap;
static pthread_barrier_t barrier;

static void* has_pages_of_heap(void* arg) {
  ri_subproc_add_current_thread(sub);
  heap = ri_heap_new();
  for (size_t size = 8; size < 100000; size *= 3)
    CHECK(ri_heap_malloc(heap, size) != NULL && ri_malloc(size) != NULL);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);  // the heap is deleted and the sub-process ended
  ri_stats_t_decl(stats);
  CHECK(ri_thread_stats_get(&stats) && stats.pages.current == 0);
  CHECK(ri_audit());
  if (arg != NULL) ri_collect(true);
  CHECK(ri_audit());
  return NULL;
}

static void run(void* arg) {
  CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
  sub = ri_subproc_new();
  const pthread_t thread = check_start(has_pages_of_heap, arg);
  pthread_barrier_wait(&barrier);
  ri_heap_delete(heap);
  ri_subproc_destroy(sub);
  pthread_barrier_wait(&barrier);
  check_join(thread);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(30);
  void* const kept = ri_malloc(100);
  for (size_t i = 0; i < 4; i++)
    run(i % 2 == 0 ? NULL : &barrier);
  check_workload(500, 1);
  ri_free(kept);
  CHECK(ri_audit());
  return 0;
}
