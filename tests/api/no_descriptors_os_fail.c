// SPDX-License-Identifier: MIT
// no_descriptors_os_fail.c: the OS has no memory for descriptors of heaps, theaps, sub-processes
// and hooks, nor access to memory that was reserved, nor takes any back. Each is made until it
// cannot; that is ENOMEM, and what could be made works. Catches: half of a sub-process, an arena
// without access, a hook that is called although it was not registered.
#include "../check.h"
#include "../os_fail.h"

static bool no_maps, no_access, no_advice;

static int os_answer(os_call_t* call) {
  const bool maps = call->kind == OS_MAP;
  const bool enables = maps && (call->flags & MAP_FIXED) != 0 && call->access != PROT_NONE;
  const bool refused = (maps && no_maps) || ((enables || call->kind == OS_PROTECT) && no_access) ||
                       (call->kind == OS_ADVISE && no_advice);
  return refused ? ENOMEM : OS_PASS;
}

enum { MOST = 3000 };

static void subprocs(void) {
  static ri_subproc_id_t made[MOST];
  size_t n = 0;
  no_maps = true;
  errno = 0;
  while (n < MOST && (made[n] = ri_subproc_new())._ri_subproc_id != NULL)
    n++;
  CHECK_ERRNO(ENOMEM);
  CHECK_MSG(n > 0 && n < MOST, "%zu", n);
  no_maps = false;
  for (size_t i = 0; i < n; i++)
    ri_subproc_destroy(made[i]);
}

static ri_heap_t* made[MOST];

// Heaps that a thread has no theap of, for lack of memory: it gets blocks all the same.
static void heaps(void) {
  size_t n = 0;
  ri_subproc_destroy(ri_subproc_new());  // leaves a descriptor to be used again
  no_maps = true;
  errno = 0;
  while (n < MOST && (made[n] = ri_heap_new()) != NULL)
    n++;
  CHECK_ERRNO(ENOMEM);
  CHECK_MSG(n >= 3 && n < MOST, "%zu", n);
  CHECK(ri_heap_new_in_arena(NULL) == NULL);
  errno = 0;
  CHECK(ri_subproc_new()._ri_subproc_id == NULL);  // it has no memory for its main heap
  CHECK_ERRNO(ENOMEM);
  for (size_t i = 0; i < n; i++) {
    void* const p = ri_heap_malloc(made[i], 100);
    CHECK(p != NULL && ri_heap_of(p) == made[i]);
  }
  CHECK(ri_heap_theap(made[n - 1]) == NULL && ri_audit());
  no_maps = false;
  CHECK(ri_heap_theap(made[n - 1]) != NULL);
  for (size_t i = 0; i < n; i++) {
    if (i % 2 == 0) ri_heap_destroy(made[i]);
    if (i % 2 == 1) ri_heap_delete(made[i]);
  }
}

static size_t told;
static bool count(ri_os_event_t event, void* p, size_t size, void* arg) {
  (void)event, (void)p, (void)size, (void)arg;
  told++;
  return true;
}
static bool not_registered(ri_os_event_t event, void* p, size_t size, void* arg) {
  CHECK_MSG(false, "%d %p %zu %p", (int)event, p, size, arg);
  return false;
}

static void hooks(void) {
  no_maps = true;
  size_t n = 0;
  while (n < MOST && ri_register_os_memory(count, NULL))
    n++;
  CHECK_MSG(n > 0 && n < MOST, "%zu", n);
  CHECK(!ri_register_os_memory(not_registered, NULL));
  no_maps = false;
  ri_free(ri_malloc((size_t)300 * CHECK_MIB));
  CHECK(told > 0 && ri_register_os_memory(NULL, NULL));
}

static void* without_tld(void* arg) {
  (void)arg;
  ri_thread_set_in_threadpool();  // there is nothing to note it in
  CHECK(ri_theap_get_default() == NULL);
  void* const p = ri_malloc(10);  // from the theap that all such threads share
  CHECK(p != NULL);
  return p;
}

static void threads(void) {
  static ri_heap_t* heap[MOST];
  size_t n = 0;
  pthread_t thread;
  no_maps = true;
  while (n < MOST && (heap[n] = ri_heap_new()) != NULL && ri_heap_theap(heap[n]) != NULL)
    n++;
  if (n < MOST && heap[n] != NULL) n++;
  // The thread's stack is none of the allocator's business: that mmap is another.
  CHECK(pthread_create(&thread, NULL, without_tld, NULL) == 0);
  void* p = NULL;
  CHECK(pthread_join(thread, &p) == 0);
  no_maps = false;
  ri_free(p);
  while (n > 0)
    ri_heap_destroy(heap[--n]);
}

static void arenas(void) {
  ri_arena_id_t id = &id;
  no_maps = true;
  const size_t reserved = check_summary().reserved;
  CHECK(ri_reserve_os_memory_ex(3 * CHECK_MIB, false, false, true, &id) == ENOMEM && id == NULL);
  CHECK(check_summary().reserved == reserved);
  no_maps = false;
  CHECK(ri_reserve_os_memory_ex(3 * CHECK_MIB, false, false, true, &id) == 0 && id != NULL);
  // What the OS does not want back stays, and is zeroed by hand.
  for (int reset = 0; reset < 2; reset++) {
    ri_option_set(ri_option_purge_decommits, reset);
    no_advice = true;
    uint8_t* p = ri_malloc(3 * CHECK_MIB);
    memset(p, 0xA5, 3 * CHECK_MIB);
    ri_free(p);
    const size_t purged = check_summary().purged;
    ri_collect(true);
    CHECK(check_summary().purged == purged);
    p = ri_zalloc(3 * CHECK_MIB);
    CHECK_ZERO(p, 0, 3 * CHECK_MIB);
    ri_free(p);
    no_advice = false;
  }
  ri_collect(true);
}

int main(void) {
  check_watchdog(60);
  ri_free(ri_malloc(1));
  subprocs();
  heaps();
  hooks();
  threads();
  arenas();
  check_heap_intact();
  return 0;
}
