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
  mi_theap_collect(t, true);
  REQUIRE(mi_heap_visit_abandoned_blocks(h, true, count_block, &blocks));
  mi_heap_destroy(h);
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

static int all_of_version3(void) {
  plain();
  aligned();
  told_sizes();
  strings();
  as_new();
  typed();
  heaps();
  default_heaps();
  theaps();
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
