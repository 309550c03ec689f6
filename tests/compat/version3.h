// SPDX-License-Identifier: MIT
// version3.h: the rest of every_function.h for what only version 3 has.
#ifndef RIMALLOC_TESTS_COMPAT_VERSION3_H
#define RIMALLOC_TESTS_COMPAT_VERSION3_H

#include "every_function.h"

typedef struct pair_s {
  double a, b;
} pair_t;

static void typed(void) {
  use(mi_malloc_tp(pair_t), sizeof(pair_t));
  use_zero(mi_zalloc_tp(pair_t), sizeof(pair_t));
  use_zero(mi_calloc_tp(pair_t, 10), 10 * sizeof(pair_t));
  use(mi_mallocn_tp(pair_t, 10), 10 * sizeof(pair_t));
  use(mi_reallocn_tp(pair_t, NULL, 10), 10 * sizeof(pair_t));
  use_zero(mi_recalloc_tp(pair_t, NULL, 10), 10 * sizeof(pair_t));
  mi_heap_t* const h = mi_heap_new();
  use(mi_heap_malloc_tp(pair_t, h), sizeof(pair_t));
  use_zero(mi_heap_zalloc_tp(pair_t, h), sizeof(pair_t));
  use_zero(mi_heap_calloc_tp(pair_t, h, 10), 10 * sizeof(pair_t));
  use(mi_heap_mallocn_tp(pair_t, h, 10), 10 * sizeof(pair_t));
  use(mi_heap_reallocn_tp(pair_t, h, NULL, 10), 10 * sizeof(pair_t));
  use_zero(mi_heap_recalloc_tp(pair_t, h, NULL, 10), 10 * sizeof(pair_t));
  mi_heap_delete(h);
}

static void theaps(void) {
  mi_heap_t* const h = mi_heap_new();
  mi_theap_t* const t = mi_heap_theap(h);
  REQUIRE(t != NULL && mi_heap_theap(h) == t);
  use(mi_theap_malloc(t, 100), 100);
  use_zero(mi_theap_zalloc(t, 100), 100);
  use_zero(mi_theap_calloc(t, 10, 10), 100);
  use(mi_theap_malloc_small(t, 100), 100);
  use_zero(mi_theap_zalloc_small(t, 100), 100);
  use_aligned(mi_theap_malloc_aligned(t, 100, 256), 100, 256, 0);
  use(mi_theap_realloc(t, NULL, 100), 100);
  mi_theap_t* const old = mi_theap_get_default();
  REQUIRE(mi_theap_set_default(t) == old && mi_theap_get_default() == t);
  void* const p = mi_malloc(100);
  REQUIRE(mi_heap_of(p) == h);
  size_t blocks = 0;
  REQUIRE(mi_theap_visit_blocks(t, true, count_block, &blocks) && blocks == 1);
  mi_free(p);
  REQUIRE(mi_theap_set_default(old) == t);
  // 100 bytes right before a guard page; in its class a block would have 112.
  mi_option_enable(mi_option_guarded_precise);
  mi_theap_guarded_set_sample_rate(t, 1, 0);
  mi_theap_guarded_set_size_bound(t, 0, 1000);
  void* const guarded = mi_theap_malloc(t, 100);
  REQUIRE(mi_usable_size(guarded) == 100 && mi_heap_of(guarded) == h);
  mi_free(guarded);
  mi_theap_guarded_set_sample_rate(t, 0, 0);
  mi_theap_collect(t, true);
  REQUIRE(mi_heap_visit_abandoned_blocks(h, true, count_block, &blocks));
  mi_heap_destroy(h);
}

static bool count_heap(mi_heap_t* heap, void* arg) {
  REQUIRE(heap != NULL);
  ++*(size_t*)arg;
  return true;
}

static void sub_processes(void) {
  REQUIRE(mi_subproc_current()._mi_subproc_id == mi_subproc_main()._mi_subproc_id);
  mi_subproc_id_t s = mi_subproc_new();
  REQUIRE(s._mi_subproc_id != NULL);
  size_t found = 0;
  REQUIRE(mi_subproc_visit_heaps(mi_subproc_main(), count_heap, &found) && found >= 1);
  mi_subproc_add_current_thread(mi_subproc_main());
  mi_stats_t_decl(stats);
  void* const held = mi_malloc(100);
  REQUIRE(mi_subproc_stats_get(mi_subproc_main(), &stats) && stats.pages.current > 0);
  mi_free(held);
  REQUIRE(mi_subproc_stats_get_exclusive(mi_subproc_main(), &stats));
  char* const json = mi_subproc_stats_get_json(mi_subproc_main(), 0, NULL);
  REQUIRE(json != NULL && json[0] == '{');
  mi_free(json);
  said_t said = {0, 0, 0};
  REQUIRE_SAYS(mi_subproc_stats_print_out(mi_subproc_main(), hear, &said));
  REQUIRE_SAYS(mi_subproc_heap_stats_print_out(mi_subproc_main(), hear, &said));
  mi_subproc_destroy(s);
}

static void heap_statistics(void) {
  mi_heap_t* const h = mi_heap_new();
  void* const p = mi_heap_malloc(h, 5000);
  mi_stats_t_decl(stats);
  REQUIRE(mi_heap_stats_get(h, &stats));
  REQUIRE(stats.malloc_normal.current >= 5000 && stats.malloc_normal.current < 20000);
  REQUIRE(stats.pages.current == 1);
  char* json = mi_heap_stats_get_json(h, 0, NULL);
  REQUIRE(json != NULL && json[0] == '{');
  mi_free(json);
  json = mi_stats_as_json(&stats, 0, NULL);
  REQUIRE(json != NULL && json[0] == '{');
  mi_free(json);
  char small[16];
  REQUIRE(mi_stats_as_json(&stats, sizeof(small), small) == NULL || strlen(small) < sizeof(small));
  said_t said = {0, 0, 0};
  REQUIRE_SAYS(mi_heap_stats_print_out(h, hear, &said));
  mi_heap_stats_merge_to_subproc(h);
  mi_free(p);
  mi_heap_delete(h);
}

static bool commit_nothing(bool commit, void* start, size_t size, bool* is_zero, void* arg) {
  (void)commit;
  if (is_zero != NULL) *is_zero = false;
  ++*(int*)arg;
  return start != NULL && size > 0;  // all of it can be used as it is
}

static void managed(void) {
  static int calls;
  mi_arena_id_t arena;
  void* const memory = some_memory();
  REQUIRE(mi_manage_memory(memory, ARENA_SIZE, false, false, true, -1, true, commit_nothing, &calls,
                           &arena));
  mi_heap_t* const h = mi_heap_new_in_arena(arena);
  void* const p = mi_heap_malloc(h, 100);
  REQUIRE(mi_arena_contains(arena, p) && calls > 0);
  mi_heap_destroy(h);
}

static int all_of_version3(void) {
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
  sub_processes();
  arenas();
  managed();
  options();
  statistics();
  heap_statistics();
  hooks();
  mi_thread_done();
  use(mi_malloc(100), 100);
  mi_process_done();
  return 0;
}

#endif
