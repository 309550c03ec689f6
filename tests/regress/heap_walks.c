// SPDX-License-Identifier: MIT
// heap_walks.c: walks over the heaps used a number that was read after the lock was released: when
// the heap ended just then they began again at the first one, and statistics counted blocks twice
// or more. And each step searched from the first heap on, so the cost was quadratic in the number
// of heaps.
#include "../check.h"

#include <rimalloc/stats.h>
#include <stdatomic.h>

enum { LASTING = 50, ROUNDS = 1500, MANY = 40000, LARGE = 1 << 20 };

static atomic_int stop;
static ri_heap_t* lasting[LASTING];

static void* replaces(void* arg) {
  (void)arg;
  while (atomic_load(&stop) == 0) {
    ri_heap_t* const heaps[] = {ri_heap_new(), ri_heap_new(), ri_heap_new()};
    CHECK(ri_heap_malloc(heaps[1], 10) != NULL);
    for (size_t i = 0; i < 3; i++)
      ri_heap_destroy(heaps[i]);
  }
  return NULL;
}

// Moves a block to the main heap again and again.
static void* moves(void* arg) {
  (void)arg;
  while (atomic_load(&stop) == 0) {
    ri_heap_t* const heap = ri_heap_new();
    void* const p = ri_heap_malloc(heap, LARGE);
    CHECK(p != NULL);
    ri_heap_delete(heap);
    ri_free(p);
  }
  return NULL;
}

typedef struct seen_s {
  size_t main, lasting[LASTING], all;
} seen_t;

static bool note(ri_heap_t* heap, void* arg) {
  seen_t* const seen = arg;
  seen->all++;
  seen->main += heap == ri_heap_main();
  for (size_t i = 0; i < LASTING; i++)
    seen->lasting[i] += heap == lasting[i];
  return true;
}

// Ends every second one that is not to last, and makes another in its place.
static bool note_and_replace(ri_heap_t* heap, void* arg) {
  seen_t* const seen = arg;
  const size_t before = seen->main;
  (void)note(heap, arg);
  bool lasts = seen->main > before;
  for (size_t i = 0; i < LASTING; i++)
    lasts = lasts || heap == lasting[i];
  if (!lasts && seen->all % 2 == 0 && seen->all < MANY) {
    ri_heap_delete(heap);
    CHECK(ri_heap_new() != NULL);
  }
  return true;
}

static void all_once(const seen_t* seen) {
  CHECK_MSG(seen->main == 1, "%zu times", seen->main);
  for (size_t i = 0; i < LASTING; i++)
    CHECK_MSG(seen->lasting[i] == 1, "heap %zu: %zu times", i, seen->lasting[i]);
}

static void while_others_change(void) {
  void* const large = ri_malloc(100 * LARGE);
  const pthread_t threads[] = {check_start(replaces, NULL), check_start(replaces, NULL),
                               check_start(moves, NULL)};
  for (size_t i = 0; i < check_scaled(ROUNDS); i++) {
    seen_t seen = {0};
    CHECK(ri_subproc_visit_heaps(ri_subproc_main(), note, &seen));
    all_once(&seen);
    ri_stats_t_decl(s);
    CHECK(ri_subproc_stats_get(ri_subproc_main(), &s));
    CHECK_MSG(s.malloc_huge.current >= 100 * LARGE && s.malloc_huge.current < 102 * LARGE,
              "%lld bytes", (long long)s.malloc_huge.current);
  }
  atomic_store(&stop, 1);
  for (size_t i = 0; i < 3; i++)
    check_join(threads[i]);
  ri_free(large);
}

static bool count(ri_heap_t* heap, void* arg) {
  (void)heap;
  ++*(size_t*)arg;
  return true;
}

// A minute and more when each step costs as much as there are heaps.
static void many(void) {
  static ri_heap_t* heaps[MANY];
  for (size_t i = 0; i < MANY; i++)
    heaps[i] = ri_heap_new();
  for (size_t i = 0; i < 20; i++) {
    size_t n = 0;
    CHECK(ri_subproc_visit_heaps(ri_subproc_main(), count, &n) && n == MANY + LASTING + 1);
    ri_stats_t_decl(s);
    CHECK(ri_subproc_stats_get(ri_subproc_main(), &s) && s.heaps.current == MANY + LASTING + 1);
  }
  seen_t seen = {0};
  CHECK(ri_subproc_visit_heaps(ri_subproc_main(), note_and_replace, &seen));
  all_once(&seen);
  CHECK(seen.all > MANY && heaps[0] != NULL);
}

int main(void) {
  check_watchdog(10);
  for (size_t i = 0; i < LASTING; i++)
    lasting[i] = ri_heap_new();
  while_others_change();
  many();
  return 0;
}
