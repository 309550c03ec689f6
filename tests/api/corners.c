// SPDX-License-Identifier: MIT
// corners.c: calls at the edges of the interface that no other test makes: frees that say too much,
// in threads that have nothing, visitors that stop late, options at their limits, questions about
// what is no heap. Catches: a check that is left out where nobody looks.
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

static void frees(void) {
  check_capture_start();
  ri_option_set(ri_option_max_errors, 1000);
  ri_free_sized(NULL, 10);
  ri_free_sized(NULL, 100000);
  ri_free_aligned(NULL, 16);
  ri_free_aligned_sized(NULL, 64, 100000);
  ri_cfree(NULL);
  void* none[3] = {NULL, NULL, NULL};
  ri_free_batch(none, 3);
  check_nothing_reported();
  static char foreign[64];
  ri_free_sized(check_hide_pointer((uintptr_t)foreign), 10);
  check_reported(EINVAL, "invalid pointer", foreign);
  ri_free_aligned(check_hide_pointer((uintptr_t)foreign + 1), 16);
  check_reported(EINVAL, "invalid pointer", foreign + 1);
  // The only block of its class, and the last of a page.
  void* p = ri_malloc(777);
  ri_free_sized(p, 777);
  p = ri_malloc(100000);
  ri_free_sized(p, 100000);
  p = ri_malloc_aligned(1000, 64);
  ri_free_aligned_sized(p, 64, 1000);
  check_nothing_reported();
  // What is looked at where the option says so.
  ri_option_set(ri_option_check, 1);
  p = ri_malloc(3333);
  ri_free_aligned(p, 48);
  check_reported(EINVAL, "not aligned to 48", p);
  p = ri_malloc(100000);
  ri_free_sized(p, 300000);
  check_reported(EINVAL, "with size 300000", p);
  ri_option_set(ri_option_check, 0);
  check_capture_stop();
  // A batch over pages, with a block that is the head of the free list already gone.
  void* blocks[400];
  CHECK(ri_malloc_batch(200, 400, blocks) == 400);
  ri_free_batch(blocks, 400);
}

static bool stops(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                  void* arg) {
  (void)heap, (void)area, (void)block, (void)size;
  size_t* const left = arg;
  return --*left > 0;
}

// The visitor says no at each of its calls in turn: in queues, full pages and large blocks.
static void visitors_that_stop(void) {
  ri_heap_t* const heap = ri_heap_new();
  for (size_t i = 0; i < 30; i++)
    CHECK(ri_heap_malloc(heap, 8000) != NULL);  // full pages
  CHECK(ri_heap_malloc(heap, 100) != NULL && ri_heap_malloc(heap, 100000) != NULL);
  for (size_t n = 1; n <= 30; n++) {
    size_t left = n;
    CHECK(!ri_heap_visit_blocks(heap, true, stops, &left) && left == 0);
    left = n;
    CHECK(!ri_theap_visit_blocks(ri_heap_theap(heap), true, stops, &left) && left == 0);
  }
  ri_heap_destroy(heap);
  void* const p = ri_malloc((size_t)300 * CHECK_MIB);
  void* const q = ri_malloc(10);
  size_t all = 1000000;
  CHECK(ri_heap_visit_blocks(NULL, true, stops, &all));
  for (size_t n = 1; n <= 1000000 - all; n++) {
    size_t left = n;
    CHECK(!ri_heap_visit_blocks(NULL, true, stops, &left) && left == 0);
  }
  ri_free(p);
  ri_free(q);
}

// ---- Full pages of a heap that ends -------------------------------------------------------------

enum { PER_PAGE = 8, PAGES = 5 };
static void* full[PAGES * PER_PAGE];

// All of the first page, half of the second, none of the others.
static void* frees_in_full_pages(void* arg) {
  (void)arg;
  for (size_t i = 0; i < PER_PAGE + PER_PAGE / 2; i++) {
    ri_free(full[i]);
    full[i] = NULL;
  }
  return NULL;
}

static void full_pages_of_a_deleted_heap(void) {
  ri_heap_t* const heap = ri_heap_new();
  const size_t before = check_summary().blocks;
  for (size_t i = 0; i < PAGES * PER_PAGE; i++) {
    full[i] = ri_heap_malloc(heap, 8000);
    check_fill(full[i], 8000, i);
  }
  check_in_thread(frees_in_full_pages, NULL);
  ri_heap_delete(heap);
  CHECK(ri_audit());
  for (size_t i = 0; i < PAGES * PER_PAGE; i++) {
    if (full[i] == NULL) continue;
    CHECK(ri_heap_of(full[i]) == ri_heap_main());
    CHECK_FILLED(full[i], 8000, i);
    ri_free(full[i]);
  }
  CHECK(check_summary().blocks == before && ri_audit());
}

// A heap that another thread deletes is settled when this one asks for the theap of the next.
static void* deletes(void* heap) {
  ri_heap_delete(heap);
  return NULL;
}

static void deleted_by_another(void) {
  ri_heap_t* const heap = ri_heap_new();
  ri_heap_t* const other = ri_heap_new();
  void* const p = ri_heap_malloc(heap, 100);
  check_in_thread(deletes, heap);
  CHECK(ri_heap_theap(other) != NULL);
  CHECK(ri_heap_of(p) == ri_heap_main() && ri_audit());
  ri_free(p);
  ri_heap_destroy(other);
}

// The main heap's visitor does not see what threads left of other heaps.
static void* leaves(void* heap) { return ri_heap_malloc(heap, 100); }

static void left_of_other_heaps(void) {
  ri_heap_t* const heap = ri_heap_new();
  check_in_thread(leaves, heap);
  size_t none = 1000;
  CHECK(ri_heap_visit_abandoned_blocks(NULL, true, stops, &none) && none == 1000);
  CHECK(ri_heap_visit_abandoned_blocks(heap, true, stops, &none) && none == 998);
  ri_heap_destroy(heap);
}

// ---- Arenas -------------------------------------------------------------------------------------

static ri_subproc_id_t subproc;
static ri_heap_t* theirs;

static void* in_subproc(void* region) {
  ri_subproc_add_current_thread(subproc);
  ri_arena_id_t id;
  CHECK(ri_manage_os_memory_ex(region, (size_t)4 * CHECK_MIB, true, false, true, -1, false, &id));
  CHECK(ri_arena_area(id, NULL) != NULL);
  theirs = ri_heap_new();
  return NULL;
}

static void printed_arenas(void) {
  static uint8_t region[4 * CHECK_MIB];
  subproc = ri_subproc_new();
  check_in_thread(in_subproc, region);
  // A heap of another sub-process: a page for each block, and none of this one's.
  void* const p = ri_heap_malloc(theirs, 10);
  CHECK(ri_heap_of(p) == theirs && ri_heap_theap(theirs) == NULL);
  ri_free(p);
  ri_option_set(ri_option_thp, 2);
  ri_free(ri_malloc(5000000));
  ri_option_set(ri_option_thp, 1);
  check_capture_start();
  ri_arenas_print();
  CHECK(strstr(check_captured()->text, ", external") != NULL);
  CHECK(strstr(check_captured()->text, ", dense") != NULL);
  ri_subproc_destroy(subproc);
  check_capture_reset();
  ri_arenas_print();
  CHECK(strstr(check_captured()->text, ", external") == NULL);  // it is the program's again
  check_capture_stop();
  size_t got = 7;
  CHECK(ri_reserve_huge_os_pages(0, 0, &got) == EINVAL && got == 0);
  CHECK(ri_reserve_huge_os_pages(0, 1e9, &got) == EINVAL && got == 0);
  CHECK(!ri_manage_os_memory(region, check_hide(SIZE_MAX), true, false, true, -1));
  CHECK(!ri_manage_os_memory(region + 1, 10, true, false, true, -1));
}

// About a page of another thread nobody is told yes.
static void* not_of_this_thread(void* p) {
  CHECK(!ri_unsafe_heap_page_is_under_utilized(NULL, p, 50));
  return NULL;
}

static void under_utilized(void) {
  ri_heap_t* const heap = ri_heap_new();
  enum { N = 200 };
  void* p[N];
  for (size_t i = 0; i < N; i++)
    p[i] = ri_heap_malloc(heap, 2000);
  CHECK(!ri_unsafe_heap_page_is_under_utilized(heap, NULL, 50));
  CHECK(!ri_unsafe_heap_page_is_under_utilized(heap, &p, 50));
  for (size_t i = 0; i < N; i++)
    CHECK(!ri_unsafe_heap_page_is_under_utilized(heap, p[i], 50));  // all are full, or the newest
  for (size_t i = 0; i < N / 2; i++) {
    if (i % 4 != 0) ri_free(p[i]);
  }
  size_t some = 0;
  for (size_t i = 0; i < N / 2; i += 4)
    some += ri_unsafe_heap_page_is_under_utilized(heap, p[i], 50);
  CHECK(some > 0);
  CHECK(!ri_unsafe_heap_page_is_under_utilized(ri_heap_main(), p[0], 50));
  for (size_t i = 0; i < N / 2; i += 4)
    check_in_thread(not_of_this_thread, p[i]);
  void* const large = ri_heap_malloc(heap, 100000);
  CHECK(large != NULL && !ri_unsafe_heap_page_is_under_utilized(heap, large, 100));
  ri_free(large);
  ri_heap_destroy(heap);
}

static size_t deferred_calls;
static void count_deferred(bool force, unsigned long long heartbeat, void* arg) {
  (void)force, (void)heartbeat, (void)arg;
  deferred_calls++;
}

// A thread that has not allocated has nothing that could be collected.
static void* first_call(void* arg) {
  ri_stats_t_decl(stats);
  switch ((uintptr_t)arg) {
    case 0:
      ri_collect(true);
      break;
    case 1:
      ri_collect_reduce(0);
      break;
    case 2:
      ri_thread_done();
      break;
    case 3:
      ri_thread_set_in_threadpool();
      break;
    case 4:
      CHECK(ri_thread_stats_get(&stats));
      break;
    case 5:
      ri_heap_collect(NULL, false);
      break;
    case 6:
      CHECK(ri_audit() && !ri_is_in_heap_region(&stats));
      break;
    default:
      ri_theap_collect(NULL, true);
  }
  return NULL;
}

static void new_threads(void) {
  ri_register_deferred_free(count_deferred, NULL);
  check_in_thread(first_call, (void*)0);
  CHECK(deferred_calls == 0);
  ri_register_deferred_free(NULL, NULL);
  for (uintptr_t i = 1; i < 8; i++)
    check_in_thread(first_call, (void*)i);
}

static void nothing_to_ask(void) {
  const ri_subproc_id_t none = {NULL};
  ri_stats_t_decl(stats);
  ri_stats_t wrong = stats;
  wrong.version++;
  CHECK(!ri_subproc_stats_get(none, &stats) && !ri_subproc_stats_get_exclusive(none, &stats));
  CHECK(!ri_subproc_stats_get(ri_subproc_main(), &wrong));
  CHECK(!ri_subproc_stats_get_exclusive(ri_subproc_main(), &wrong));
  check_capture_start();
  ri_subproc_heap_stats_print_out(none, NULL, NULL);
  check_capture_stop();
  // Values at the end of what can be printed.
  stats.committed.current = stats.committed.peak = stats.committed.total = INT64_MAX;
  char* const text = ri_stats_as_json(&stats, 0, NULL);
  CHECK(text != NULL && strstr(text, "9223372036854775807") != NULL);
  ri_free(text);
}

static void on_abort(int number) {
  (void)number;
  _exit(9);
}

static void aborts_on_error(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(signal(SIGABRT, on_abort) != SIG_ERR);
    (void)close(STDERR_FILENO);
    ri_option_set(ri_option_abort_on_error, 1);
    ri_free(check_hide_pointer(0x12345678));
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 9, "status %x", (unsigned)status);
}

static void failures_are_told(void) {
  check_capture_start();
  ri_option_set(ri_option_verbose, 2);
  ri_option_set(ri_option_limit_address_space, 1);
  CHECK(ri_malloc((size_t)500 * CHECK_MIB) == NULL);
  CHECK(strstr(check_captured()->text, "no memory for 524288000 bytes") != NULL);
  ri_option_set(ri_option_limit_address_space, 0);
  ri_option_set(ri_option_verbose, 0);
  check_capture_stop();
}

// Never given back, whatever the clock says; and offered to the OS only.
static void purging(void) {
  ri_option_set(ri_option_mapping_cache, 1024);
  ri_option_set(ri_option_purge_delay, -1);
  ri_free(ri_malloc((size_t)300 * CHECK_MIB));
  const size_t cached = check_summary().cached;
  CHECK(cached > 0);
  ri_collect(false);
  CHECK(check_summary().cached == cached);
  ri_option_set(ri_option_purge_delay, 500);
  ri_collect(true);
  CHECK(check_summary().cached == 0);
}

int main(void) {
  check_watchdog(60);
  frees();
  visitors_that_stop();
  full_pages_of_a_deleted_heap();
  deleted_by_another();
  left_of_other_heaps();
  printed_arenas();
  under_utilized();
  new_threads();
  nothing_to_ask();
  aborts_on_error();
  failures_are_told();
  purging();
  check_heap_intact();
  return 0;
}
