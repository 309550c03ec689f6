// SPDX-License-Identifier: MIT
// version2.h: the rest of every_function.h: where version 2 differs.
#ifndef RIMALLOC_TESTS_COMPAT_VERSION2_H
#define RIMALLOC_TESTS_COMPAT_VERSION2_H

#include "every_function.h"

typedef struct pair_s {
  double a, b;
} pair_t;

static void typed(void) {
  use(mi_malloc_tp(pair_t), sizeof(pair_t));
  use_zero(mi_zalloc_tp(pair_t), sizeof(pair_t));
  use_zero(mi_calloc_tp(pair_t, 10), 10 * sizeof(pair_t));
  use(mi_mallocn_tp(pair_t, 10), 10 * sizeof(pair_t));
  use(mi_reallocn_tp(NULL, pair_t, 10), 10 * sizeof(pair_t));
  use_zero(mi_recalloc_tp(NULL, pair_t, 10), 10 * sizeof(pair_t));
  mi_heap_t* const h = mi_heap_new();
  use(mi_heap_malloc_tp(h, pair_t), sizeof(pair_t));
  use_zero(mi_heap_zalloc_tp(h, pair_t), sizeof(pair_t));
  use_zero(mi_heap_calloc_tp(h, pair_t, 10), 10 * sizeof(pair_t));
  use(mi_heap_mallocn_tp(h, pair_t, 10), 10 * sizeof(pair_t));
  use(mi_heap_reallocn_tp(h, NULL, pair_t, 10), 10 * sizeof(pair_t));
  use_zero(mi_heap_recalloc_tp(h, NULL, pair_t, 10), 10 * sizeof(pair_t));
  mi_heap_delete(h);
}

static void theaps(void) {
  mi_theap_t* const t = mi_heap_new();
  use(mi_theap_malloc(t, 100), 100);
  use_zero(mi_theap_zalloc(t, 100), 100);
  use_zero(mi_theap_calloc(t, 10, 10), 100);
  use(mi_theap_malloc_small(t, 100), 100);
  use_aligned(mi_theap_malloc_aligned(t, 100, 256), 100, 256, 0);
  use(mi_theap_realloc(t, NULL, 100), 100);
  mi_theap_t* const old = mi_theap_get_default();
  REQUIRE(mi_theap_set_default(t) == old);
  REQUIRE(mi_theap_set_default(old) == t);
  mi_theap_collect(t, true);
  mi_heap_destroy(t);
}

static bool has_tag(const mi_heap_t* h, const mi_heap_area_t* area, void* block, size_t size,
                    void* tag) {
  (void)h, (void)block, (void)size;
  return area->heap_tag == *(int*)tag;
}

static void numbers(void) {
  int first = 0, second = 0;
  REQUIRE(mi_reserve_os_memory_ex(ARENA_SIZE, false, false, true, &first) == 0 && first > 0);
  REQUIRE(mi_reserve_os_memory_ex(ARENA_SIZE, false, false, true, &second) == 0);
  REQUIRE(second > 0 && second != first);
  size_t size = 0;
  REQUIRE(mi_arena_area(first, &size) != mi_arena_area(second, &size));
  REQUIRE(mi_heap_new_in_arena(12345) == NULL);
  REQUIRE(mi_heap_new_ex(1, true, 12345) == NULL);
  mi_heap_t* const h = mi_heap_new_ex(1, true, first);
  REQUIRE(h != NULL);
  use(mi_heap_malloc(h, 100), 100);
  int tag = 1;
  void* const p = mi_heap_malloc(h, 100);
  REQUIRE(p != NULL && mi_heap_visit_blocks(h, false, has_tag, &tag));
  mi_heap_destroy(h);
  REQUIRE(mi_subproc_main() != NULL);
  mi_subproc_add_current_thread(mi_subproc_main());
  mi_option_set(mi_option_abandoned_reclaim_on_free, 0);
  REQUIRE(mi_option_get(mi_option_abandoned_reclaim_on_free) == 0);
  mi_option_set(mi_option_allow_thp, 1);
  REQUIRE(mi_option_get(mi_option_allow_thp) == 1);
  REQUIRE(mi_option_get(mi_option_target_segments_per_thread) == 0);  // there are no segments
}

static int all_of_version2(void) {
  tags();  // while little else is in use
  plain();
  aligned();
  failures();
  told_sizes();
  strings();
  as_new();
  typed();
  heaps();
  default_heaps();
  theaps();
  arenas();
  numbers();
  options();
  statistics();
  hooks();
  mi_thread_done();
  use(mi_malloc(100), 100);
  mi_process_done();
  return 0;
}

#endif
