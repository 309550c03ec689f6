// SPDX-License-Identifier: MIT
// subproc.c: what a sub-process consists of and when it goes away (heap/subproc.c), what its
// statistics say about memory, threads and events (observe/stats.c): all sub-processes together are
// the process.
#include "../check.h"

#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/subproc.h"
#include "heap/thread.h"

#include <sys/wait.h>

typedef struct worker_s {
  pthread_barrier_t at;
  rix_subproc_t* subproc;
  size_t blocks;
} worker_t;

static void* works(void* arg) {
  worker_t* const w = arg;
  ri_subproc_add_current_thread((ri_subproc_id_t){w->subproc});
  CHECK(rix_subproc_current() == w->subproc);
  for (size_t i = 0; i < w->blocks; i++)
    memset(ri_malloc(1000), 1, 1000);
  CHECK(ri_malloc((size_t)300 * CHECK_MIB) != NULL);  // stays
  pthread_barrier_wait(&w->at);
  pthread_barrier_wait(&w->at);
  return NULL;
}

static ri_stats_t stats_of(const rix_subproc_t* subproc) {
  ri_stats_t_decl(s);
  CHECK(ri_subproc_stats_get((ri_subproc_id_t){(void*)(uintptr_t)subproc}, &s));
  return s;
}

static ri_stats_t process(void) {
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  return s;
}

#define SUM_IS(field, part)                                                               \
  CHECK_MSG(all.field.part == a.field.part + b.field.part, #field " %lld: %lld and %lld", \
            (long long)all.field.part, (long long)a.field.part, (long long)b.field.part)

// Two sub-processes are all that there is; nobody allocates meanwhile.
static void check_sums(const rix_subproc_t* subproc) {
  const ri_stats_t all = process(), a = stats_of(&rix_subproc_main), b = stats_of(subproc);
  SUM_IS(pages, current);
  SUM_IS(blocks, current);
  SUM_IS(malloc_normal, current);
  SUM_IS(malloc_huge, current);
  SUM_IS(reserved, current);
  SUM_IS(committed, current);
  SUM_IS(page_committed, current);
  SUM_IS(retained, current);
  SUM_IS(threads, current);
  SUM_IS(heaps, current);
  SUM_IS(arena_count, total);
  SUM_IS(pages_extended, total);
  SUM_IS(page_searches, total);
  SUM_IS(page_searches_count, total);
  SUM_IS(pages_retire, total);
  SUM_IS(pages, total);
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    SUM_IS(malloc_bins[i], current);
    SUM_IS(page_bins[i], current);
  }
}

static void sums(void) {
  rix_subproc_t* const subproc = rix_subproc_create();
  CHECK(subproc != NULL && subproc->id > 0 && subproc->main->listed && subproc->threads == 0);
  void* const mine = ri_malloc(5000);
  ri_free(ri_malloc((size_t)280 * CHECK_MIB));  // kept for reuse
  CHECK(check_summary().cached > 0);
  check_sums(subproc);
  static worker_t w;
  pthread_barrier_init(&w.at, NULL, 2);
  w.subproc = subproc;
  w.blocks = 1000;
  const pthread_t thread = check_start(works, &w);
  pthread_barrier_wait(&w.at);
  check_sums(subproc);
  const ri_stats_t during = stats_of(subproc);
  CHECK(during.threads.current == 1 && during.blocks.current == 1001 && subproc->threads == 1);
  CHECK(during.committed.current >= 301 * CHECK_MIB && during.pages_extended.total >= 200);
  CHECK(during.reserved.current >= during.committed.current && during.arena_count.total == 1);
  pthread_barrier_wait(&w.at);
  check_join(thread);
  // What its thread did stays known; what it left is abandoned, and still this sub-process's.
  check_sums(subproc);
  const ri_stats_t after = stats_of(subproc);
  CHECK(after.threads.current == 0 && subproc->threads == 0);
  CHECK(after.blocks.current == 1001 && after.pages_extended.total == during.pages_extended.total);
  const ri_stats_t before = process();
  rix_subproc_end(subproc);
  CHECK(process().pages_extended.total == before.pages_extended.total);
  CHECK(process().blocks.current == before.blocks.current - 1001);
  ri_free(mine);
  pthread_barrier_destroy(&w.at);
}

// An ended one goes with its last thread; its arena and descriptor serve the next.
static void descriptors_are_used_again(void) {
  rix_subproc_t* const a = rix_subproc_create();
  const uint32_t id = a->id;
  static worker_t w;
  pthread_barrier_init(&w.at, NULL, 2);
  w.subproc = a;
  w.blocks = 10;
  const size_t arenas = rix_arena_count();
  const pthread_t thread = check_start(works, &w);
  pthread_barrier_wait(&w.at);
  CHECK(rix_arena_count() == arenas);  // that of the one before
  rix_subproc_end(a);                  // its thread allocates no more
  CHECK(a->ended && a->threads == 1 && a->heaps.first == NULL);
  rix_subproc_t* const b = rix_subproc_create();
  CHECK(b != a && b->id > id);
  pthread_barrier_wait(&w.at);
  check_join(thread);
  rix_subproc_t* const c = rix_subproc_create();
  CHECK(c == a && c->id > b->id && stats_of(c).pages_extended.total == 0);
  rix_subproc_end(b);
  rix_subproc_end(c);
  CHECK(check_summary().blocks == 0);
  pthread_barrier_destroy(&w.at);
}

static void heaps_by_age(void) {
  rix_subproc_t* const s = rix_subproc_create();
  rix_heap_t* heaps[5];
  for (size_t i = 0; i < 5; i++)
    heaps[i] = rix_heap_create(s, NULL);
  rix_heap_end(heaps[1], true);
  rix_heap_end(heaps[4], true);
  rix_heap_t* const expected[] = {s->main, heaps[0], heaps[2], heaps[3], NULL};
  rix_heap_walk_t walk;
  rix_heap_walk_begin(&walk, s);
  for (size_t i = 0; i < 5; i++)
    CHECK(rix_heap_walk_next(&walk) == expected[i]);
  rix_heap_walk_begin(&walk, &rix_subproc_main);
  CHECK(rix_heap_walk_next(&walk) == &rix_heap_default);
  CHECK(rix_heap_walk_next(&walk) == NULL && rix_heap_default.pins == 0);
  rix_subproc_end(s);
}

static void* makes_a_heap(void* arg) { return rix_heap_create(arg, NULL); }

// Heaps end and begin under a walk, the one that it stands at among them.
static void walks(void) {
  rix_subproc_t* const s = rix_subproc_create();
  rix_heap_t* heaps[6];
  for (size_t i = 0; i < 6; i++)
    heaps[i] = rix_heap_create(s, NULL);
  rix_heap_walk_t walk, other;
  rix_heap_walk_begin(&walk, s);
  rix_heap_walk_begin(&other, s);
  CHECK(rix_heap_walk_next(&walk) == s->main && rix_heap_walk_next(&walk) == heaps[0]);
  CHECK(rix_heap_walk_next(&other) == s->main && rix_heap_walk_next(&other) == heaps[0]);
  CHECK(heaps[0]->pins == 2);
  rix_heap_end(heaps[0], true);
  rix_heap_end(heaps[1], false);
  // Not the one that they stand at.
  rix_heap_t* const mine = rix_heap_create(s, NULL);
  CHECK(mine == heaps[1]);
  rix_heap_t* const others = check_in_thread(makes_a_heap, s);
  CHECK(others != heaps[0]);
  CHECK(rix_heap_walk_next(&walk) == heaps[2] && heaps[0]->pins == 1);
  rix_heap_walk_end(&other);
  rix_heap_t* const again = rix_heap_create(s, NULL);
  CHECK(again == heaps[0] && again->pins == 0);
  rix_heap_end(heaps[3], true);
  rix_heap_end(heaps[2], true);
  rix_heap_t* const expected[] = {heaps[4], heaps[5], mine, again, NULL};
  for (size_t i = 0; i < 5; i++)
    CHECK(rix_heap_walk_next(&walk) == expected[i]);
  rix_heap_walk_begin(&walk, s);
  for (size_t i = 0; i < 4; i++)
    CHECK(rix_heap_walk_next(&walk) != NULL);
  CHECK(rix_heap_walk_next(&walk) == others && rix_heap_walk_next(&walk) == again);
  // The sub-process ends as well.
  rix_subproc_end(s);
  CHECK(ri_load_relaxed(&again->xseq) == 0 && rix_heap_walk_next(&walk) == NULL);
  CHECK(again->pins == 0);
}

// In a child the thread that forked is the only one of its sub-process, and others have none.
static void* forks(void* arg) {
  rix_subproc_t* const* const subprocs = arg;
  ri_subproc_add_current_thread((ri_subproc_id_t){subprocs[0]});
  void* const p = ri_malloc(100);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(subprocs[0]->threads == 1 && subprocs[1]->threads == 0);
    CHECK(rix_subproc_threads(subprocs[0]) == 1 && rix_subproc_threads(&rix_subproc_main) == 0);
    ri_free(p);
    ri_free(ri_malloc(200));
    rix_subproc_end(subprocs[1]);
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(subprocs[0]->threads == 1 && subprocs[1]->threads == 1);
  ri_free(p);
  return NULL;
}

static void after_fork(void) {
  if (check_sanitized()) return;  // a child of one that has threads may have none
  rix_subproc_t* subprocs[2] = {rix_subproc_create(), rix_subproc_create()};
  static worker_t w;
  pthread_barrier_init(&w.at, NULL, 2);
  w.subproc = subprocs[1];
  w.blocks = 10;
  const pthread_t thread = check_start(works, &w);
  pthread_barrier_wait(&w.at);
  check_in_thread(forks, subprocs);
  pthread_barrier_wait(&w.at);
  check_join(thread);
  rix_subproc_end(subprocs[0]);
  rix_subproc_end(subprocs[1]);
  pthread_barrier_destroy(&w.at);
}

int main(void) {
  check_watchdog(30);
  ri_option_set(ri_option_purge_delay, 3600000);
  ri_option_set(ri_option_mapping_cache, 1024);
  CHECK(rix_thread_theap() != NULL && rix_subproc_current() == &rix_subproc_main);
  sums();
  descriptors_are_used_again();
  heaps_by_age();
  walks();
  after_fork();
  check_heap_intact();
  return 0;
}
