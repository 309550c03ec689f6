// SPDX-License-Identifier: MIT
// hooks.c: calling the program's functions (options/hooks.c): with which arguments, how often,
// never from within themselves, with errno preserved, and from which paths of an allocation.
#include "../check.h"

#include "heap/heap.h"
#include "heap/thread.h"
#include "options/hooks.h"

typedef struct calls_s {
  size_t count, forced, nested;
  bool allocates;
  void* give_back;  // a heap to be ended when memory is short
} calls_t;

static unsigned long long beats;

static void deferred(bool force, unsigned long long heartbeat, void* arg) {
  calls_t* const c = arg;
  CHECK(heartbeat == ++beats);  // of this thread
  c->count++;
  c->forced += force;
  errno = 99;
  if (!c->allocates) return;
  const size_t count = c->count;
  rix_hook_run_deferred(true);  // and what allocation does in it calls nothing again
  ri_free(ri_malloc(100000));
  for (size_t i = 0; i < 1000; i++)
    ri_free(ri_malloc(i));
  CHECK(c->count == count);
  if (force && c->give_back != NULL) {
    ri_heap_t* const heap = c->give_back;
    c->give_back = NULL;
    ri_heap_destroy(heap);
  }
}

static void deferred_frees(void) {
  static calls_t c = {.allocates = true};
  CHECK(!rix_hook_is_deferred());
  rix_hook_run_deferred(true);  // nobody is registered
  ri_register_deferred_free(deferred, &c);
  CHECK(rix_hook_is_deferred());
  errno = 5;
  rix_hook_run_deferred(false);
  rix_hook_run_deferred(true);
  CHECK(c.count == 2 && c.forced == 1 && errno == 5);
  // Slow allocations call it, large ones too; ri_collect passes on whether it must.
  ri_free(ri_malloc(100000));
  CHECK(c.count == 3 && c.forced == 1);
  ri_collect(true);
  CHECK(c.count == 4 && c.forced == 2);
  ri_collect(false);
  CHECK(c.count == 5 && c.forced == 2 && errno == 5);
  ri_register_deferred_free(NULL, NULL);
  CHECK(!rix_hook_is_deferred());
  ri_free(ri_malloc(100000));
  CHECK(c.count == 5);
}

// Where there is no memory for a block it is called with `force`, and what it gives back is used:
// for small blocks and for large ones.
static void deferred_frees_for_want_of_memory(void) {
  static calls_t c = {.allocates = true};
  ri_option_set(ri_option_limit_address_space, 0);
  for (size_t size = 1000; size <= 1000000; size *= 1000) {
    ri_heap_t* const heap = ri_heap_new();
    void* p;
    ri_option_set(ri_option_arena_max_object_size, 1L << 20);
    ri_option_set(ri_option_limit_address_space, 1);
    while ((p = ri_heap_malloc(heap, size)) != NULL)
      memset(p, 1, 8);
    CHECK(ri_malloc(size == 1000 ? 3000 : 900000) == NULL);
    c = (calls_t){.allocates = true, .give_back = heap};
    ri_register_deferred_free(deferred, &c);
    void* const q = ri_malloc(size == 1000 ? 3000 : 900000);
    CHECK_MSG(q != NULL && c.forced == 1, "%zu bytes: %zu calls, %zu forced", size, c.count,
              c.forced);
    ri_free(q);
    ri_register_deferred_free(NULL, NULL);
    ri_collect(true);
  }
  ri_option_set(ri_option_limit_address_space, 0);
}

static ri_oom_t out_of_memory(size_t size, unsigned attempt, void* arg) {
  calls_t* const c = arg;
  CHECK(size == 77 && attempt == c->count);
  c->count++;
  errno = 99;
  c->nested += rix_hook_out_of_memory(77, attempt) ? 1 : 0;
  return c->count < 1000 ? RI_OOM_RETRY : RI_OOM_FAIL;
}

static void want_of_memory(void) {
  static calls_t c;
  CHECK(!rix_hook_out_of_memory(77, 0));
  ri_register_out_of_memory(out_of_memory, &c);
  errno = 5;
  unsigned attempt = 0;
  while (rix_hook_out_of_memory(77, attempt))
    attempt++;
  CHECK(attempt == RI_OOM_RETRIES && c.count == RI_OOM_RETRIES && c.nested == 0 && errno == 5);
  c.count = 999;
  ri_register_out_of_memory(NULL, NULL);
  CHECK(!rix_hook_out_of_memory(77, 0) && c.count == 999);
}

int main(void) {
  check_watchdog(30);
  CHECK(rix_thread_theap() != NULL);
  deferred_frees();
  want_of_memory();
  deferred_frees_for_want_of_memory();
  check_heap_intact();
  return 0;
}
