// SPDX-License-Identifier: MIT
// calls.h: the functions of the public interface as a list of things to do, each of which leaves
// everything as it was: for tests that do all of them at a place where they might not be possible.
#ifndef RIMALLOC_TESTS_CALLS_H
#define RIMALLOC_TESTS_CALLS_H

#include "../check.h"

#include <sys/wait.h>

typedef enum calls_kind_e {
  CALLS_PLAIN = 0,
  CALLS_COLLECTS = 1,   // releases unused memory of all heaps of the thread
  CALLS_HEAPS = 2,      // makes and ends heaps
  CALLS_PRINTS = 4,     // sends messages
  CALLS_PROCESS = 8,    // asks the OS what the process uses, or starts another process
  CALLS_ERRORS = 16,    // is wrong, and reported
  CALLS_RESERVES = 32,  // takes address space for good
} calls_kind_t;

typedef struct calls_one_s {
  const char* name;
  void (*make)(void);
  unsigned kind;
} calls_one_t;

static void calls_ignore(const char* message, void* arg) { (void)message, (void)arg; }

static void calls_small(void) {
  static const size_t sizes[] = {0, 1, 24, 700, 1024, 3000, 8192, 9000, 40000, 65536};
  void* p[10];
  for (size_t i = 0; i < 10; i++)
    CHECK((p[i] = ri_malloc(sizes[i])) != NULL && ri_usable_size(p[i]) >= sizes[i]);
  for (size_t i = 0; i < 10; i++)
    ri_free(p[i]);
}

static void calls_many(void) {  // over the slow path and heartbeats
  enum { MANY = 1500 };
  static __thread void* p[MANY];
  for (size_t i = 0; i < MANY; i++)
    CHECK((p[i] = ri_malloc(500 + i)) != NULL);
  for (size_t i = 0; i < MANY; i++)
    ri_free(p[i]);
}

static void calls_large(void) {
  static const size_t sizes[] = {70000, 300000, 1000000, 5000000, (size_t)300 << 20};
  for (size_t i = 0; i < 5; i++) {
    uint8_t* const p = ri_malloc(sizes[i]);
    CHECK(p != NULL);
    p[sizes[i] - 1] = 1;
    ri_free(p);
  }
}

static void calls_zeroed(void) {
  for (size_t n = 10; n < 3000000; n *= 7) {
    void* const p = ri_calloc(n, 2);
    CHECK(p != NULL);
    CHECK_ZERO(p, 0, 2 * n);
    ri_free(p);
  }
}

static void calls_resized(void) {
  uint8_t* p = NULL;
  for (size_t n = 1; n < 40000000; n *= 5) {
    CHECK((p = ri_realloc(p, n)) != NULL);
    p[n - 1] = (uint8_t)n;
  }
  CHECK((p = ri_realloc(p, 1000)) != NULL);
  CHECK(ri_expand(p, 1000) == p);
  ri_free(ri_rezalloc(p, 300000));
}

static void calls_aligned(void) {
  for (size_t align = 16; align <= (size_t)4 << 20; align *= 8) {
    void* const p = ri_malloc_aligned(1000, align);
    CHECK(p != NULL && check_aligned(p, align));
    ri_free(p);
    void* const q = ri_malloc_aligned_at(1000, align, 8);
    CHECK(q != NULL);
    ri_free(q);
  }
}

static void calls_batches(void) {
  void* p[50];
  const size_t n = ri_malloc_batch(100, 50, p);
  ri_free_batch(p, n);
  char* const s = ri_strdup("some text");
  CHECK(s != NULL && ri_good_size(9) >= 9 && ri_usable_size(s) >= 9);
  ri_free(s);
}

static void calls_collect(void) { ri_collect(true); }
static void calls_collect_little(void) { ri_collect(false); }
static void calls_theap(void) {
  ri_theap_t* const theap = ri_theap_get_default();
  if (theap == NULL) return;
  ri_free(ri_theap_malloc(theap, 333));
  ri_theap_collect(theap, true);
}

static void calls_heaps(void) {
  ri_heap_t* const a = ri_heap_new();
  ri_heap_t* const b = ri_heap_new();
  CHECK(a != NULL && b != NULL && ri_heap_set_quota(a, (size_t)64 << 20));
  void* const p = ri_heap_malloc(a, 100);
  CHECK(p != NULL && ri_heap_malloc(a, 100000) != NULL && ri_heap_malloc(b, 20000) != NULL);
  CHECK(ri_heap_of(p) == a && ri_heap_contains(a, p) && ri_heap_held(a) > 0);
  ri_heap_destroy(b);
  ri_heap_delete(a);
  ri_free(p);
}

static void calls_subprocs(void) {
  const ri_subproc_id_t s = ri_subproc_new();
  ri_stats_t stats;
  ri_stats_init(&stats);
  CHECK(ri_subproc_stats_get(s, &stats));
  ri_subproc_destroy(s);
}

static bool calls_count_block(const ri_heap_t* heap, const ri_heap_area_t* area, void* block,
                              size_t size, void* arg) {
  (void)heap, (void)area, (void)size;
  *(size_t*)arg += block != NULL;
  return true;
}
static void calls_visit(void) {
  size_t n = 0;
  CHECK(ri_heap_visit_blocks(NULL, true, calls_count_block, &n));
  CHECK(ri_heap_visit_abandoned_blocks(NULL, true, calls_count_block, &n));
  CHECK(ri_theap_visit_blocks(NULL, true, calls_count_block, &n));
}

static void calls_statistics(void) {
  ri_stats_t stats;
  ri_stats_init(&stats);
  CHECK(ri_heap_stats_get(NULL, &stats));
  CHECK(ri_subproc_stats_get(ri_subproc_main(), &stats));
  (void)ri_thread_stats_get(&stats);
  ri_summary_t s;
  ri_summary(&s);
  CHECK(!ri_is_in_heap_region(&s));
}
static void calls_process_statistics(void) {
  ri_stats_t stats;
  ri_stats_init(&stats);
  CHECK(ri_stats_get(&stats));
  static __thread char text[20000];
  CHECK(ri_stats_get_json(sizeof(text), text) != NULL);
  size_t elapsed, user, rss;
  ri_process_info(&elapsed, &user, NULL, &rss, NULL, NULL, NULL, NULL);
}
static void calls_print(void) {
  ri_heap_stats_print_out(NULL, calls_ignore, NULL);
  ri_options_print_out(calls_ignore, NULL);
  ri_subproc_heap_stats_print_out(ri_subproc_main(), calls_ignore, NULL);
  ri_thread_stats_print_out(calls_ignore, NULL);
}
static void calls_print_process(void) { ri_stats_print_out(NULL, NULL); }
static void calls_print_arenas(void) { ri_arenas_print(); }
static void calls_audit(void) { (void)!ri_audit(); }

static void calls_options(void) {
  const long delay = ri_option_get(ri_option_purge_delay);
  ri_option_set(ri_option_purge_delay, delay);
  ri_option_set_default(ri_option_purge_delay, 1);
}

static void calls_wrong(void) {
  static __thread uint64_t no_block[4];
  ri_free(check_hide_pointer((uintptr_t)&no_block[1]));
  CHECK(ri_realloc(check_hide_pointer((uintptr_t)&no_block[1]), 100) == NULL);
  CHECK(ri_mallocn(SIZE_MAX / 2, check_hide(4)) == NULL);
  CHECK(ri_malloc(check_hide(SIZE_MAX - 100000)) == NULL);
}

static void calls_fork(void) {
  const pid_t child = fork();
  if (child == 0) {
    ri_free(ri_malloc(100000));
    _exit(5);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static void* calls_in_thread(void* arg) {
  (void)arg;
  calls_small();
  return ri_malloc(1000);
}
static void calls_thread(void) { ri_free(check_in_thread(calls_in_thread, NULL)); }

static void calls_reserve(void) { CHECK(ri_reserve_os_memory((size_t)2 << 20, true, false) == 0); }

static const calls_one_t calls_all[] = {
    {"small blocks", calls_small, CALLS_PLAIN},
    {"many blocks", calls_many, CALLS_PLAIN},
    {"large blocks", calls_large, CALLS_PLAIN},
    {"zeroed blocks", calls_zeroed, CALLS_PLAIN},
    {"resized blocks", calls_resized, CALLS_PLAIN},
    {"aligned blocks", calls_aligned, CALLS_PLAIN},
    {"batches", calls_batches, CALLS_PLAIN},
    {"ri_collect(true)", calls_collect, CALLS_COLLECTS},
    {"ri_collect(false)", calls_collect_little, CALLS_COLLECTS},
    {"a theap", calls_theap, CALLS_COLLECTS},
    {"heaps", calls_heaps, CALLS_HEAPS},
    {"sub-processes", calls_subprocs, CALLS_HEAPS},
    {"visits", calls_visit, CALLS_PLAIN},
    {"statistics", calls_statistics, CALLS_PLAIN},
    {"statistics of the process", calls_process_statistics, CALLS_PROCESS},
    {"printed statistics", calls_print, CALLS_PRINTS},
    {"printed statistics of the process", calls_print_process, CALLS_PRINTS | CALLS_PROCESS},
    {"printed arenas", calls_print_arenas, CALLS_PRINTS},
    {"ri_audit", calls_audit, CALLS_PLAIN},
    {"options", calls_options, CALLS_PLAIN},
    {"wrong arguments", calls_wrong, CALLS_ERRORS | CALLS_PRINTS},
    {"fork", calls_fork, CALLS_PROCESS},
    {"a thread", calls_thread, CALLS_PROCESS},
    {"ri_reserve_os_memory", calls_reserve, CALLS_RESERVES},
};

enum { CALLS_COUNT = sizeof(calls_all) / sizeof(calls_all[0]) };

#endif
