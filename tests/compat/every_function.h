// SPDX-License-Identifier: MIT
// every_function.h: a program as one writes it for mimalloc, in C and in C++, for version 3 and for
// version 2, which calls every function of its headers and looks at what comes back. The programs
// that include this find <mimalloc.h> by one include path, or link the library of mimalloc's
// names. Catches: a function that is missing, bound to the wrong one of ours, or declared with
// other types.
#ifndef RIMALLOC_TESTS_COMPAT_EVERY_FUNCTION_H
#define RIMALLOC_TESTS_COMPAT_EVERY_FUNCTION_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <mimalloc-stats.h>
#include <mimalloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <wchar.h>

#define REQUIRE(e) ((e) ? (void)0 : failed(__LINE__, #e))

static void failed(int line, const char* what) {
  fprintf(stderr, "every_function.h:%d: %s\n", line, what);
  exit(1);
}

// A block that must hold `size` bytes; it is written, read and freed.
static void use(void* p, size_t size) {
  REQUIRE(p != NULL && mi_usable_size(p) >= size);
  memset(p, 0x5A, size);
  mi_free(p);
}

static void use_zero(void* p, size_t size) {
  REQUIRE(p != NULL);
  const unsigned char* const bytes = (const unsigned char*)p;
  for (size_t i = 0; i < size; i++)
    REQUIRE(bytes[i] == 0);
  use(p, size);
}

static void use_aligned(void* p, size_t size, size_t alignment, size_t offset) {
  REQUIRE(((uintptr_t)p + offset) % alignment == 0);
  use(p, size);
}

// A block that must be zero, in memory that use_aligned has just written.
static void use_zero_aligned(void* p, size_t size, size_t alignment, size_t offset) {
  REQUIRE(((uintptr_t)p + offset) % alignment == 0);
  use_zero(p, size);
}

// ---- Allocation ---------------------------------------------------------------------------------

static void plain(void) {
  use(mi_malloc(100), 100);
  use(mi_malloc_small(100), 100);
  use(mi_mallocn(10, 10), 100);
  use_zero(mi_calloc(10, 10), 100);
  use_zero(mi_zalloc(100), 100);
  use_zero(mi_zalloc_small(100), 100);
  use(mi_realloc(mi_malloc(10), 100), 100);
  use(mi_reallocn(mi_malloc(10), 10, 10), 100);
  use(mi_reallocf(mi_malloc(10), 100), 100);
  use_zero(mi_rezalloc(mi_zalloc(10), 100), 100);
  use_zero(mi_recalloc(mi_zalloc(10), 10, 10), 100);
  void* p = mi_malloc(100);
  REQUIRE(mi_expand(p, mi_usable_size(p)) == p && mi__expand(p, 50) == p);
  mi_free_small(p);
  mi_free(NULL);
  mi_cfree(mi_malloc(10));
  int not_ours = 0;
  mi_cfree(&not_ours);
  mi_free_size(mi_malloc(100), 100);
  mi_free_aligned(mi_malloc_aligned(100, 64), 64);
  mi_free_size_aligned(mi_malloc_aligned(100, 64), 100, 64);
  REQUIRE(mi_good_size(100) >= 100 && mi_malloc_good_size(100) == mi_good_size(100));
  p = mi_malloc(100);
  REQUIRE(mi_malloc_size(p) == mi_usable_size(p) && mi_malloc_usable_size(p) == mi_usable_size(p));
  REQUIRE(mi_check_owned(p) && mi_is_in_heap_region(p) && !mi_is_in_heap_region(&not_ours));
  mi_free(p);
  void* (*volatile allocate)(size_t) = &mi_malloc;  // has an address
  use(allocate(10), 10);
}

static void aligned(void) {
  use_aligned(mi_malloc_aligned(100, 256), 100, 256, 0);
  use_aligned(mi_malloc_aligned_at(100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_zalloc_aligned(100, 256), 100, 256, 0);
  use_zero_aligned(mi_zalloc_aligned_at(100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_calloc_aligned(10, 10, 256), 100, 256, 0);
  use_zero_aligned(mi_calloc_aligned_at(10, 10, 256, 24), 100, 256, 24);
  use_aligned(mi_realloc_aligned(mi_malloc(5), 100, 256), 100, 256, 0);
  use_aligned(mi_realloc_aligned_at(mi_malloc(5), 100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_rezalloc_aligned(mi_zalloc(5), 100, 256), 100, 256, 0);
  use_zero_aligned(mi_rezalloc_aligned_at(mi_zalloc(5), 100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_recalloc_aligned(mi_zalloc(5), 10, 10, 256), 100, 256, 0);
  use_zero_aligned(mi_recalloc_aligned_at(mi_zalloc(5), 10, 10, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_aligned_recalloc(mi_zalloc(5), 10, 10, 256), 100, 256, 0);
  use_zero_aligned(mi_aligned_offset_recalloc(mi_zalloc(5), 10, 10, 256, 24), 100, 256, 24);
  use_aligned(mi_memalign(256, 100), 100, 256, 0);
  use_aligned(mi_aligned_alloc(256, 100), 100, 256, 0);
  use_aligned(mi_valloc(100), 100, 4096, 0);
  use_aligned(mi_pvalloc(100), 4096, 4096, 0);
  void* p = NULL;
  REQUIRE(mi_posix_memalign(&p, 256, 100) == 0);
  use_aligned(p, 100, 256, 0);
  REQUIRE(mi_posix_memalign(&p, 3, 100) == EINVAL);
  use(mi_reallocarray(NULL, 10, 10), 100);
  p = NULL;
  REQUIRE(mi_reallocarr(&p, 10, 10) == 0);
  use(p, 100);
}

static void quiet(const char* message, void* arg) { (void)message, (void)arg; }

// Functions that differ in their failures only, with sizes that the compiler does not know.
static void failures(void) {
  volatile size_t much = SIZE_MAX - 4096, many = SIZE_MAX / 2, odd = 24;
  mi_register_output(quiet, NULL);
  void* const p = mi_malloc(100);
  errno = 0;
  REQUIRE(mi_reallocarray(p, many, 3) == NULL && errno == EOVERFLOW);
  REQUIRE(mi_reallocn(p, many, 3) == NULL && errno == ENOMEM);
  errno = 0;
  REQUIRE(mi_expand(p, much) == NULL && errno == 0);
  REQUIRE(mi__expand(p, much) == NULL && errno == ENOMEM);
  REQUIRE(mi_mallocn(many, 3) == NULL && mi_calloc(many, 3) == NULL);
  REQUIRE(mi_new_nothrow(much) == NULL && mi_new_aligned_nothrow(much, 64) == NULL);
  errno = 0;
  REQUIRE(mi_malloc_aligned(100, odd) == NULL && errno == EINVAL);
  void* q = p;
  errno = 0;
  REQUIRE(mi_reallocarr(&q, many, 3) == EOVERFLOW && q == p && errno == 0);
  REQUIRE(mi_posix_memalign(&q, 64, much) == ENOMEM && q == p && errno == 0);
  REQUIRE(mi_reallocf(p, much) == NULL);
  mi_register_output(NULL, NULL);
}

static void told_sizes(void) {
  size_t n = 0, before = 0;
  void* p = mi_umalloc(100, &n);
  REQUIRE(n == mi_usable_size(p));
  p = mi_urealloc(p, 1000, &before, &n);
  REQUIRE(before >= 100 && before < n && n == mi_usable_size(p));
  mi_ufree(p, &before);
  REQUIRE(before == n);
  p = mi_ucalloc(10, 10, &n);
  use_zero(p, n);
  p = mi_umalloc_small(100, &n);
  use(p, n);
  p = mi_uzalloc_small(100, &n);
  use_zero(p, n);
  p = mi_umalloc_aligned(100, 256, &n);
  use_aligned(p, n, 256, 0);
  p = mi_uzalloc_aligned(100, 256, &n);
  use_zero_aligned(p, n, 256, 0);
}

static void strings(void) {
  char* s = mi_strdup("text");
  REQUIRE(strcmp(s, "text") == 0);
  use(s, 5);
  s = mi_strndup("text", 2);
  REQUIRE(strcmp(s, "te") == 0);
  use(s, 3);
  s = mi_realpath("/proc/..", NULL);
  REQUIRE(strcmp(s, "/") == 0);
  use(s, 2);
  wchar_t* const w = mi_wcsdup(L"text");
  REQUIRE(wcscmp(w, L"text") == 0);
  use(w, 5 * sizeof(wchar_t));
  unsigned char* const m = mi_mbsdup((const unsigned char*)"text");
  REQUIRE(memcmp(m, "text", 5) == 0);
  use(m, 5);
  size_t n = 0;
  setenv("RI_TEST_VARIABLE", "value", 1);
  REQUIRE(mi_dupenv_s(&s, &n, "RI_TEST_VARIABLE") == 0 && n == 6 && strcmp(s, "value") == 0);
  use(s, n);
  wchar_t* v = NULL;
  REQUIRE(mi_wdupenv_s(&v, &n, L"RI_TEST_VARIABLE") == 0 && n == 6 && wcscmp(v, L"value") == 0);
  use(v, n * sizeof(wchar_t));
}

static void as_new(void) {
  use(mi_new(100), 100);
  use(mi_new_n(10, 10), 100);
  use(mi_new_nothrow(100), 100);
  use_aligned(mi_new_aligned(100, 256), 100, 256, 0);
  use_aligned(mi_new_aligned_nothrow(100, 256), 100, 256, 0);
  use(mi_new_realloc(mi_new(10), 100), 100);
  use(mi_new_reallocn(mi_new(10), 10, 10), 100);
}

// ---- Hooks and process --------------------------------------------------------------------------

typedef struct said_s {
  size_t length;
  int errors;
  int deferred;
} said_t;

static void hear(const char* message, void* arg) { ((said_t*)arg)->length += strlen(message); }

static void hear_error(int code, void* arg) { ((said_t*)arg)->errors += code != 0; }

static void hear_deferred(bool force, unsigned long long heartbeat, void* arg) {
  (void)heartbeat;
  ((said_t*)arg)->deferred += force ? 1 : 0;
}

// What `e` prints goes to the output that is registered, or that it names.
#define REQUIRE_SAYS(e)       \
  do {                        \
    said.length = 0;          \
    e;                        \
    REQUIRE(said.length > 0); \
  } while (0)

static void hooks(void) {
  static said_t said;
  mi_register_output(hear, &said);
  mi_register_error(hear_error, &said);
  mi_register_deferred_free(hear_deferred, &said);
  int not_ours = 0;
  void* volatile p = &not_ours;
  REQUIRE_SAYS(mi_free(p));
  REQUIRE(said.errors == 1);
  mi_collect(true);
  REQUIRE(said.deferred > 0);
  mi_collect(false);
  mi_collect_reduce(0);
  REQUIRE_SAYS(mi_options_print());
  REQUIRE_SAYS(mi_stats_print(NULL));
  REQUIRE_SAYS(mi_stats_print_out(hear, &said));
  REQUIRE_SAYS(mi_thread_stats_print_out(hear, &said));
  REQUIRE_SAYS(mi_options_print_out(hear, &said));
  REQUIRE_SAYS(mi_process_info_print());
  REQUIRE_SAYS(mi_process_info_print_out(hear, &said));
  REQUIRE_SAYS(mi_debug_show_arenas());
  REQUIRE_SAYS(mi_arenas_print());
  mi_register_deferred_free(NULL, NULL);
  mi_register_error(NULL, NULL);
  mi_register_output(NULL, NULL);
  size_t elapsed = 0, user = 0, system = 0, rss = 0, peak_rss = 0, commit = 0, peak = 0, faults = 0;
  void* const held = mi_malloc(100000);
  mi_process_info(&elapsed, &user, &system, &rss, &peak_rss, &commit, &peak, &faults);
  REQUIRE(rss > 0 && peak_rss >= rss && peak >= commit && commit > 0);
  mi_free(held);
  mi_process_info(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  REQUIRE(mi_version() == MI_MALLOC_VERSION);
  mi_process_init();
  mi_thread_init();
  mi_thread_set_in_threadpool();
  (void)!mi_is_redirected();
}

// ---- Heaps --------------------------------------------------------------------------------------

static void heap_allocations(mi_heap_t* h) {
  use(mi_heap_malloc(h, 100), 100);
  use(mi_heap_malloc_small(h, 100), 100);
  use(mi_heap_mallocn(h, 10, 10), 100);
  use_zero(mi_heap_zalloc(h, 100), 100);
  use_zero(mi_heap_zalloc_small(h, 100), 100);
  use_zero(mi_heap_calloc(h, 10, 10), 100);
  use(mi_heap_realloc(h, mi_malloc(10), 100), 100);
  use(mi_heap_reallocn(h, mi_malloc(10), 10, 10), 100);
  use(mi_heap_reallocf(h, mi_malloc(10), 100), 100);
  use_zero(mi_heap_rezalloc(h, mi_zalloc(10), 100), 100);
  use_zero(mi_heap_recalloc(h, mi_zalloc(10), 10, 10), 100);
  use(mi_heap_strdup(h, "text"), 5);
  use(mi_heap_strndup(h, "text", 2), 3);
  use(mi_heap_realpath(h, "/", NULL), 2);
  use_aligned(mi_heap_malloc_aligned(h, 100, 256), 100, 256, 0);
  use_aligned(mi_heap_malloc_aligned_at(h, 100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_heap_zalloc_aligned(h, 100, 256), 100, 256, 0);
  use_zero_aligned(mi_heap_zalloc_aligned_at(h, 100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_heap_calloc_aligned(h, 10, 10, 256), 100, 256, 0);
  use_zero_aligned(mi_heap_calloc_aligned_at(h, 10, 10, 256, 24), 100, 256, 24);
  use_aligned(mi_heap_realloc_aligned(h, NULL, 100, 256), 100, 256, 0);
  use_aligned(mi_heap_realloc_aligned_at(h, NULL, 100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_heap_rezalloc_aligned(h, NULL, 100, 256), 100, 256, 0);
  use_zero_aligned(mi_heap_rezalloc_aligned_at(h, NULL, 100, 256, 24), 100, 256, 24);
  use_zero_aligned(mi_heap_recalloc_aligned(h, NULL, 10, 10, 256), 100, 256, 0);
  use_zero_aligned(mi_heap_recalloc_aligned_at(h, NULL, 10, 10, 256, 24), 100, 256, 24);
  use(mi_heap_alloc_new(h, 100), 100);
  use(mi_heap_alloc_new_n(h, 10, 10), 100);
}

static bool count_block(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                        size_t block_size, void* arg) {
  REQUIRE(heap != NULL && area->block_size > 0 && area->reserved >= area->committed);
  REQUIRE(area->full_block_size >= area->block_size && area->blocks != NULL);
  if (block != NULL && block_size >= 100) ++*(size_t*)arg;
  return true;
}

static void heaps(void) {
  mi_heap_t* const h = mi_heap_new();
  REQUIRE(h != NULL);
  heap_allocations(h);
  void* const p = mi_heap_malloc(h, 100);
  void* const q = mi_malloc(100);
  REQUIRE(mi_heap_contains(h, p) && !mi_heap_contains(h, q));
  REQUIRE(mi_heap_of(p) == h && mi_heap_of(q) == mi_heap_main() && mi_any_heap_contains(p));
  REQUIRE(mi_heap_contains_block(h, p) && mi_heap_check_owned(h, p) && !mi_heap_check_owned(h, q));
  size_t blocks = 0;
  REQUIRE(mi_heap_visit_blocks(h, true, count_block, &blocks) && blocks == 1);
  mi_heap_set_numa_affinity(h, 0);
  (void)!mi_unsafe_heap_page_is_under_utilized(h, p, 50);
  mi_heap_collect(h, true);
  mi_heap_delete(h);
  REQUIRE(mi_heap_of(p) == mi_heap_main());
  mi_free(p);
  mi_free(q);
  mi_heap_t* const d = mi_heap_new();
  for (int i = 0; i < 1000; i++)
    REQUIRE(mi_heap_malloc(d, 100) != NULL);
  mi_heap_destroy(d);
}

// Heaps as version 2 has them.
// Memory that was given back is somebody else's now.
enum { OTHERS = 20000 };
static void* others[OTHERS];
static void others_come(void) {
  mi_collect(true);
  for (size_t i = 0; i < OTHERS; i++) {
    others[i] = mi_malloc(32);
    memset(others[i], 'A', 32);
  }
}
static void others_go(void) {
  for (size_t i = 0; i < OTHERS; i++) {
    REQUIRE(((char*)others[i])[0] == 'A' && ((char*)others[i])[31] == 'A');
    mi_free(others[i]);
  }
}

static void* leaves_a_block(void* subproc) {
  mi_subproc_add_current_thread(*(mi_subproc_id_t*)subproc);
  return mi_strdup("left behind");
}

// A sub-process that still has blocks stays when it is deleted.
static void deleted_with_blocks(void) {
  mi_subproc_id_t subproc = mi_subproc_new();
  pthread_t thread;
  void* p = NULL;
  REQUIRE(pthread_create(&thread, NULL, leaves_a_block, &subproc) == 0);
  REQUIRE(pthread_join(thread, &p) == 0 && p != NULL);
  mi_subproc_delete(subproc);
  REQUIRE(strcmp((const char*)p, "left behind") == 0);
  mi_free(p);
}

static void* tags_a_heap(void* subproc) {
  mi_subproc_add_current_thread(*(mi_subproc_id_t*)subproc);
  void* const p = mi_heap_malloc(mi_heap_new_ex(7, false, 0), 100);
  REQUIRE(p != NULL);
  return p;
}

// What the library knows of a tagged heap lies in no heap of the program: not in the thread's
// default one, nor in a sub-process; and a later heap does not get it.
static void tags(void) {
  mi_heap_t* const h = mi_heap_new();
  mi_heap_t* const old = mi_heap_set_default(h);
  mi_heap_t* const tagged = mi_heap_new_ex(5, false, 0);
  void* const kept = mi_heap_malloc(tagged, 100);
  REQUIRE(kept != NULL);
  memset(kept, 1, 100);
  mi_heap_set_default(old);
  mi_heap_destroy(h);
  others_come();
  mi_heap_delete(mi_heap_new());
  mi_heap_destroy(tagged);  // which this heap does not allow
  others_go();
  REQUIRE(((char*)kept)[99] == 1);
  mi_free(kept);
  mi_subproc_id_t subproc = mi_subproc_new();
  pthread_t thread;
  void* p = NULL;
  REQUIRE(pthread_create(&thread, NULL, tags_a_heap, &subproc) == 0);
  REQUIRE(pthread_join(thread, &p) == 0 && p != NULL);
  mi_free(p);
  mi_subproc_delete(subproc);
  others_come();
  for (int i = 0; i < 20; i++) {
    mi_heap_t* const later = mi_heap_new();  // some in the places of those that ended
    void* const block = mi_heap_malloc(later, 100);
    REQUIRE(block != NULL);
    mi_heap_destroy(later);
    REQUIRE(!mi_is_in_heap_region(block) || mi_heap_of(block) != mi_heap_main());
  }
  others_go();
}

static void default_heaps(void) {
  mi_heap_t* const old = mi_heap_get_default();
  REQUIRE(old == mi_heap_get_backing() && old == mi_heap_main());
  mi_heap_t* const h = mi_heap_new();
  REQUIRE(mi_heap_set_default(h) == old && mi_heap_get_default() == h);
  void* const p = mi_malloc(100);
  REQUIRE(mi_heap_contains(h, p));
  mi_free(p);
  mi_heap_guarded_set_sample_rate(h, 0, 0);
  mi_heap_guarded_set_size_bound(h, 0, 1000);
  REQUIRE(mi_heap_set_default(old) == h && mi_heap_get_default() == old);
  mi_heap_delete(h);
  mi_heap_t* const tagged = mi_heap_new_ex(7, false, 0);
  void* const kept = mi_heap_malloc(tagged, 100);
  memset(kept, 1, 100);
  size_t blocks = 0;
  (void)!mi_abandoned_visit_blocks(mi_subproc_main(), 7, true, count_block, &blocks);
  mi_heap_destroy(tagged);  // which this heap does not allow
  REQUIRE(((char*)kept)[99] == 1 && mi_heap_of(kept) == mi_heap_main());
  mi_free(kept);
  mi_subproc_delete(mi_subproc_new());
  deleted_with_blocks();
}

// ---- Arenas -------------------------------------------------------------------------------------

enum { ARENA_SIZE = 64 * 1024 * 1024 };

static void* some_memory(void) {
  void* const p =
      mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(p != MAP_FAILED);
  return p;
}

static void arenas(void) {
  REQUIRE(mi_arena_min_alignment() > 0 && mi_arena_min_size() > 0);
  mi_arena_id_t arena;
  REQUIRE(mi_reserve_os_memory_ex(ARENA_SIZE, false, false, true, &arena) == 0);
  size_t size = 0;
  REQUIRE(mi_arena_area(arena, &size) != NULL && size > 0);
  mi_heap_t* h = mi_heap_new_in_arena(arena);
  void* p = mi_heap_malloc(h, 100);
  REQUIRE((char*)p >= (char*)mi_arena_area(arena, &size));
  REQUIRE((char*)p < (char*)mi_arena_area(arena, &size) + size);
  mi_heap_destroy(h);
  REQUIRE(mi_manage_os_memory_ex(some_memory(), ARENA_SIZE, true, false, true, -1, true, &arena));
  REQUIRE(mi_manage_os_memory(some_memory(), ARENA_SIZE, true, false, true, -1));
  REQUIRE(mi_reserve_os_memory(ARENA_SIZE, true, false) == 0);
  // There may be no huge pages; then this says so and nothing else happens.
  size_t reserved = 7;
  (void)!mi_reserve_huge_os_pages_at(0, -1, 1);
  (void)!mi_reserve_huge_os_pages_at_ex(0, -1, 1, false, &arena);
  (void)!mi_reserve_huge_os_pages_interleave(0, 0, 1);
  (void)!mi_reserve_huge_os_pages(0, 0.001, &reserved);
}

// ---- Options ------------------------------------------------------------------------------------

static void options(void) {
  const long delay = mi_option_get(mi_option_purge_delay);
  mi_option_set(mi_option_purge_delay, 77);
  REQUIRE(mi_option_get(mi_option_purge_delay) == 77 && mi_option_get(mi_option_reset_delay) == 77);
  REQUIRE(mi_option_get_clamp(mi_option_purge_delay, 0, 50) == 50);
  mi_option_set(mi_option_purge_delay, delay);
  REQUIRE(mi_option_get_size(mi_option_arena_reserve) ==
          1024 * (size_t)mi_option_get(mi_option_arena_reserve));
  mi_option_disable(mi_option_show_errors);
  REQUIRE(!mi_option_is_enabled(mi_option_show_errors));
  mi_option_enable(mi_option_show_errors);
  REQUIRE(mi_option_is_enabled(mi_option_show_errors));
  mi_option_set_enabled(mi_option_show_errors, false);
  REQUIRE(!mi_option_is_enabled(mi_option_show_errors));
  mi_option_set_enabled(mi_option_show_errors, true);
  mi_option_set_default(mi_option_show_errors, 0);  // it is set, so that this changes nothing
  mi_option_set_enabled_default(mi_option_show_errors, false);
  REQUIRE(mi_option_get(mi_option_show_errors) == 1);
  for (int i = 0; i < _mi_option_last; i++) {
    const long value = mi_option_get((mi_option_t)i);
    mi_option_set((mi_option_t)i, value);
    REQUIRE(mi_option_get((mi_option_t)i) == value);
  }
  // One without effect keeps its value; two are one of ours.
  mi_option_enable(mi_option_visit_abandoned);
  REQUIRE(mi_option_get(mi_option_visit_abandoned) == 1);
  mi_option_set_default(mi_option_visit_abandoned, 0);
  REQUIRE(mi_option_get_size(mi_option_visit_abandoned) == 1);
  mi_option_disable(mi_option_visit_abandoned);
  REQUIRE(mi_option_get(mi_option_allow_thp) == 1);
  mi_option_enable(mi_option_allow_large_os_pages);
  REQUIRE(mi_option_is_enabled(mi_option_allow_large_os_pages));
  REQUIRE(mi_option_get(mi_option_allow_thp) == 1);
  mi_option_disable(mi_option_allow_large_os_pages);
  REQUIRE(!mi_option_is_enabled(mi_option_allow_large_os_pages));
  mi_option_set(mi_option_allow_thp, 0);
  REQUIRE(mi_option_get(mi_option_allow_thp) == 0);
  mi_option_set(mi_option_allow_thp, 1);
  REQUIRE(mi_option_get(mi_option_allow_thp) == 1);
}

// ---- Statistics ---------------------------------------------------------------------------------

static void statistics(void) {
  mi_stats_t_decl(before);
  void* const p = mi_malloc(50000);
  REQUIRE(mi_stats_get(&before));
  REQUIRE(before.committed.current > 50000 && before.pages.current > 0);
  REQUIRE(before.malloc_normal.current + before.malloc_huge.current >= 50000);
  mi_free(p);
  mi_stats_t_decl(after);
  REQUIRE(mi_stats_get(&after));
  REQUIRE(after.malloc_normal.current + after.malloc_huge.current <
          before.malloc_normal.current + before.malloc_huge.current);
  mi_stats_t wrong = after;
  wrong.version++;
  REQUIRE(!mi_stats_get(&wrong));
  char* const json = mi_stats_get_json(0, NULL);
  REQUIRE(json != NULL && json[0] == '{' && strlen(json) > 100);
  mi_free(json);
  REQUIRE(mi_stats_get_bin_size(1) > 0 && mi_stats_get_bin_size(2) > mi_stats_get_bin_size(1));
  mi_stats_merge();
  mi_stats_reset();
}

#endif
