// SPDX-License-Identifier: MIT
// option_effects.c: what each option of memory and threads changes, seen in the structures. Every
// case runs in a process of its own, because most options are looked at when the first memory is
// reserved. (Values, ranges and sources are tests/api/options.c.)
#include "arena/arena.h"
#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/thread.h"
#include "page/abandon.h"
#include "page/remote.h"

#include "../check.h"

#include <sys/prctl.h>
#include <sys/wait.h>

static void* block(size_t size) {
  void* const p = ri_malloc(size);
  CHECK(p != NULL);
  memset(p, 1, size);
  return p;
}

static size_t committed(const rix_arena_t* a) {
  return rix_bitmap_count_run(&a->committed, 0, a->slice_count);
}

static void commits_piece_by_piece(void) {
  ri_option_set(ri_option_arena_eager_commit, 0);
  void* const p = block(100);
  const rix_arena_t* const a = rix_arena_at(0);
  CHECK_MSG(committed(a) == 1, "%zu of %zu slices", committed(a), a->slice_count);
  void* const q = block((size_t)1 << 20);
  CHECK_MSG(committed(a) == 17, "%zu of %zu slices", committed(a), a->slice_count);
  ri_free(p);
  ri_free(q);
  ri_collect(true);
  check_heap_intact();
}

static void commits_at_once(void) {
  ri_option_set(ri_option_arena_eager_commit, 1);
  ri_free(block(100));
  const rix_arena_t* const a = rix_arena_at(0);
  CHECK_MSG(committed(a) == a->slice_count, "%zu of %zu slices", committed(a), a->slice_count);
}

static void resets_instead_of_purging(void) {
  ri_option_set(ri_option_purge_decommits, 0);
  ri_option_set(ri_option_purge_delay, -1);
  const size_t size = (size_t)4 << 20;
  ri_free(block(size));
  const size_t purged = check_summary().purged;
  ri_collect(true);
  CHECK(check_summary().purged == purged);
  // Nothing is known of what the memory holds now: it must be written to be zero.
  for (size_t i = 0; i < 64; i++) {
    uint8_t* const p = ri_calloc(1, size / 64);
    CHECK(p != NULL);
    CHECK_ZERO(p, 0, size / 64);
  }
  check_heap_intact();
}

static void purges_at_once(void) {
  ri_option_set(ri_option_purge_delay, 3600000);
  ri_free(block((size_t)1 << 20));
  CHECK(check_summary().purged == 0);
  ri_option_set(ri_option_arena_purge_mult, 0);
  ri_free(block((size_t)1 << 20));
  CHECK_MSG(check_summary().purged >= (size_t)1 << 20, "purged %zu", check_summary().purged);
}

// Blocks of one slice, side by side; those of one whole aligned unit of 1 MiB go back together.
static void purges_in_units(void) {
  enum { COUNT = 64, UNIT = 16 };
  ri_option_set(ri_option_purge_delay, 0);
  ri_option_set(ri_option_minimal_purge_size, 1024);
  const size_t size = RIX_MEDIUM_BLOCK_MAX + 1;
  uint8_t* blocks[COUNT];
  // Each takes two slices, so the first must lie at an even one for some to begin a unit.
  uint8_t* const probe = block(size);
  const bool odd = !rix_is_aligned(probe, (size_t)2 * RIX_SLICE_SIZE);
  if (odd) CHECK(block((size_t)3 * RIX_SLICE_SIZE) == probe + (size_t)2 * RIX_SLICE_SIZE);
  for (size_t i = 0; i < COUNT; i++)
    blocks[i] = block(size);
  const size_t slices = ri_usable_size(blocks[0]) > RIX_SLICE_SIZE ? 2 : 1;
  size_t first = 0;
  const size_t unit = UNIT / slices;
  while (first + 2 * unit < COUNT &&
         (!rix_is_aligned(blocks[first], (size_t)1 << 20) ||
          blocks[first + 2 * unit] != blocks[first] + ((size_t)2 << 20))) {
    first++;
  }
  if (first + 2 * unit >= COUNT) return;  // small arenas: nothing to see
  const size_t end = first + unit;
  const size_t purged = check_summary().purged;
  for (size_t i = first; i + 1 < end; i++)
    ri_free(blocks[i]);
  CHECK_MSG(check_summary().purged == purged, "purged %zu", check_summary().purged - purged);
  ri_free(blocks[end - 1]);
  CHECK_MSG(check_summary().purged == purged + ((size_t)1 << 20), "purged %zu",
            check_summary().purged - purged);
  ri_free(blocks[end]);
  CHECK(check_summary().purged == purged + ((size_t)1 << 20));
  // The last unit goes back whole, with the slices of it that were never used.
  for (size_t i = end + 1; i < COUNT; i++)
    ri_free(blocks[i]);
  const rix_arena_t* const a = rix_arena_at(0);
  const size_t from = (size_t)(blocks[end] - a->base) / RIX_SLICE_SIZE;
  CHECK(rix_bitmap_count_run(&a->dirty, from, (COUNT - end) * slices) == 0);
  ri_collect(true);  // all that is unused, in whatever pieces
  CHECK(check_summary().purged >= purged + ((size_t)1 << 20) + size);
  check_heap_intact();
}

static void huge_pages_stay_whole(void) {
  ri_option_set(ri_option_thp, 3);
  ri_option_set(ri_option_purge_delay, 0);
  void* const p = block((size_t)5 << 20);
  ri_free(block(100000));
  CHECK_MSG(check_summary().purged % ((size_t)2 << 20) == 0, "%zu", check_summary().purged);
  ri_free(p);
  CHECK_MSG(check_summary().purged >= (size_t)2 << 20, "%zu", check_summary().purged);
  CHECK_MSG(check_summary().purged % ((size_t)2 << 20) == 0, "%zu", check_summary().purged);
}

static void arenas_are_dense(void) {
  ri_free(block(100));
  CHECK(!rix_arena_at(0)->dense);
  ri_option_set(ri_option_thp, 2);
  ri_free(block(100000));
  CHECK(rix_arena_count() == 2 && rix_arena_at(1)->dense);
  ri_option_set(ri_option_thp, 0);
  ri_free(block(200000));
  CHECK(rix_arena_count() == 2);
  ri_option_set(ri_option_thp, 1);
  check_heap_intact();
}

static void large_blocks_are_mapped(void) {
  const size_t size = (size_t)1 << 20;
  ri_free(block(size));
  CHECK(rix_mapping_count() == 0);
  ri_option_set(ri_option_arena_max_object_size, 512);
  void* p = block(size);
  CHECK(rix_mapping_count() == 1);
  void* const q = block(size / 2);
  CHECK(rix_mapping_count() == 1);
  // What grows over the limit may stay or move, but is whole.
  check_fill(q, size / 2, 5);
  void* const r = ri_realloc(q, size * 2);
  CHECK(r != NULL);
  CHECK_FILLED(r, size / 2, 5);
  ri_free(r);
  ri_free(p);
  CHECK(rix_mapping_count() == 0);
  ri_option_set(ri_option_disallow_arena_alloc, 1);
  p = block(100000);
  CHECK(rix_mapping_count() == 1);
  ri_free(block(1000));
  CHECK(rix_mapping_count() == 1);
  ri_free(p);
  check_heap_intact();
}

static void addresses_are_low(void) {
  if (RIX_OS_ADDRESS_BITS <= 32 || check_sanitized()) return;  // sanitizers choose the places
  ri_option_set(ri_option_max_vabits, 41);
  void* const p = block(100);
  void* const q = block((size_t)300 << 20);
  CHECK_MSG((uint64_t)((uintptr_t)p | (uintptr_t)q) >> 41 == 0, "%p %p", p, q);
  ri_free(p);
  ri_free(q);
  check_heap_intact();
}

static void page_map_is_whole(void) {
  ri_option_set(ri_option_max_vabits, 40);
  ri_option_set(ri_option_pagemap_commit, 1);
  ri_free(block(100));
  const size_t count = ri_load_relaxed(&rix_pagemap.xcount);
  ri_free(block((size_t)300 << 20));
  CHECK_MSG(count >= 1000000 || rix_os_address_bits() < 40, "%zu entries", count);
  CHECK(ri_load_relaxed(&rix_pagemap.xcount) == count);
  CHECK(!ri_is_in_heap_region((const void*)16) && !ri_is_in_heap_region(&count));
}

static void* left_behind[100];
static size_t left_size = 64;

static void* leaves_blocks(void* arg) {
  (void)arg;
  for (size_t i = 0; i < 100; i++)
    left_behind[i] = block(left_size);
  return NULL;
}

// How many abandoned pages are left after a free into one of them. Each time of another class: a
// thread that has blocks of the class at hand takes none over.
static size_t abandoned_after_a_free(void) {
  left_size += 32;
  ri_free(block(3000));  // this thread has a heap, and pages of another class
  check_in_thread(leaves_blocks, NULL);
  const size_t before = rix_page_abandoned_count();
  CHECK(before > 0);
  ri_free(left_behind[50]);
  const size_t after = rix_page_abandoned_count();
  CHECK(after == before || after + 1 == before);
  for (size_t i = 0; i < 100; i++)
    if (i != 50) ri_free(left_behind[i]);
  return before - after;
}

static void pages_are_taken_over_by_frees(void) {
  ri_option_set(ri_option_page_reclaim_on_free, -1);
  CHECK(abandoned_after_a_free() == 0);
  ri_option_set(ri_option_page_reclaim_on_free, 0);
  CHECK(abandoned_after_a_free() == 0);
  ri_option_set(ri_option_page_reclaim_on_free, 1);
  CHECK(abandoned_after_a_free() == 1);
  ri_option_set(ri_option_page_cross_thread_max_reclaim, 0);
  CHECK(abandoned_after_a_free() == 0);
  ri_option_set(ri_option_page_cross_thread_max_reclaim, 100);
  CHECK(abandoned_after_a_free() == 1);
  check_heap_intact();
}

static void* frees_blocks(void* arg) {
  void** const blocks = arg;
  for (size_t i = 0; i < 50; i++)
    ri_free(blocks[i]);
  return NULL;
}

// Blocks that another thread freed in the first page of a class, after so many slow allocations of
// another class.
static size_t uncollected_after(size_t slow_calls) {
  void* blocks[60];
  for (size_t i = 0; i < 60; i++)
    blocks[i] = block(48);
  const ri_page_t* const page = rix_pagemap_find(blocks[0]);
  check_in_thread(frees_blocks, blocks);
  CHECK(rix_remote_count(page) == 50);
  for (size_t i = 0; i < slow_calls; i++)
    (void)block(8000);  // each is a slow allocation: a page is extended by one such block
  const size_t left = rix_remote_count(page);
  ri_collect(false);
  return left;
}

static void pages_are_collected(void) {
  ri_option_set(ri_option_generic_collect, 0);
  CHECK(uncollected_after(1000) == 50);
  ri_option_set(ri_option_generic_collect, 100000);
  CHECK(uncollected_after(600) == 50);
  ri_option_set(ri_option_generic_collect, 256);
  CHECK(uncollected_after(600) == 0);
}

// Blocks of 1 KiB, 64 to a page, in `pages` pages; all pages but the first are full.
enum { PAGE_BLOCKS = 64, PAGES_MOST = 8 };
static void* in_pages[PAGES_MOST][PAGE_BLOCKS];
static ri_page_t* page_at(size_t i) { return rix_pagemap_find(in_pages[i][0]); }

static void fill_pages(size_t pages) {
  for (size_t i = 0; i < pages; i++) {
    for (size_t j = 0; j < PAGE_BLOCKS; j++) {
      in_pages[i][j] = block(1024);
      CHECK(rix_pagemap_find(in_pages[i][j]) == page_at(i));
    }
  }
}

static void empty_pages(size_t pages) {
  for (size_t i = 0; i < pages; i++) {
    for (size_t j = 0; j < PAGE_BLOCKS; j++)
      ri_free(in_pages[i][j]);
  }
  ri_collect(true);
  CHECK_MSG(check_summary().pages == 0, "%zu pages", check_summary().pages);
  check_heap_intact();
}

static bool is_owned(const ri_page_t* page) { return ri_load_relaxed(&page->xtheap) != NULL; }

static void full_pages_are_given_up(void) {
  ri_option_set(ri_option_page_full_retain, 2);
  fill_pages(7);
  // Two are kept; the last one was not seen to be full yet.
  for (size_t i = 0; i < 7; i++)
    CHECK_MSG(is_owned(page_at(i)) == (i < 2 || i == 6), "page %zu", i);
  CHECK(rix_thread_theap()->pages[rix_class_of(1024)] == 3 && ri_audit());
  // A free in one makes it this thread's again, or not.
  ri_free(in_pages[3][9]);
  CHECK(is_owned(page_at(3)) && rix_page_abandoned_count() == 0);
  in_pages[3][9] = block(1024);
  CHECK(rix_pagemap_find(in_pages[3][9]) == page_at(3));
  ri_option_set(ri_option_page_max_reclaim, 0);
  ri_free(in_pages[4][9]);
  CHECK(!is_owned(page_at(4)) && rix_page_abandoned_count() == 1);
  in_pages[4][9] = block(1024);  // an allocation takes it before it makes a page
  CHECK(rix_pagemap_find(in_pages[4][9]) == page_at(4) && rix_page_abandoned_count() == 0);
  // The other limit is for pages that another thread gave up.
  ri_option_set(ri_option_page_max_reclaim, -1);
  ri_option_set(ri_option_page_cross_thread_max_reclaim, 0);
  ri_free(in_pages[5][9]);
  CHECK(is_owned(page_at(5)));
  in_pages[5][9] = block(1024);
  ri_option_set(ri_option_page_full_retain, 0);
  ri_collect(false);
  empty_pages(7);
}

// Of three pages with free blocks the fullest is used, or the first.
static void pages_are_compared(void) {
  for (int candidates = 3; candidates >= 1; candidates -= 2) {
    ri_option_set(ri_option_page_max_candidates, candidates);
    fill_pages(4);
    for (size_t j = 1; j <= 40; j++)
      ri_free(in_pages[0][j]);
    for (size_t j = 1; j <= 10; j++)
      ri_free(in_pages[1][j]);
    for (size_t j = 1; j <= 30; j++)
      ri_free(in_pages[2][j]);
    const size_t used = candidates == 3 ? 1 : 0;
    for (size_t j = 1; j <= 10; j++) {
      in_pages[used][j] = block(1024);
      CHECK_MSG(rix_pagemap_find(in_pages[used][j]) == page_at(used), "%d candidates", candidates);
    }
    for (size_t i = 0; i < 3; i++) {
      for (size_t j = 1; j <= (i == 0 ? 40 : i == 1 ? 10 : 30); j++)
        if (i != used || j > 10) in_pages[i][j] = NULL;
    }
    empty_pages(4);
  }
}

// A thread that finds no memory waits for another one, which gives some back after the first had
// none: told by the function that is called then.
static pthread_barrier_t no_memory;
static void* given_back[2];

static void* gives_back(void* arg) {
  (void)arg;
  pthread_barrier_wait(&no_memory);
  ri_free(given_back[0]);
  ri_free(given_back[1]);
  return NULL;
}

static ri_oom_t tells_of_it(size_t size, unsigned attempt, void* arg) {
  (void)size;
  size_t* const calls = arg;
  CHECK(attempt == 0);
  if (++*calls == 1) pthread_barrier_wait(&no_memory);
  return RI_OOM_FAIL;
}

static void memory_is_waited_for(void) {
  static const size_t sizes[] = {40000, 3000000};
  ri_option_set(ri_option_arena_max_object_size, 1L << 20);
  pthread_barrier_init(&no_memory, NULL, 2);
  for (size_t i = 0; i < 2; i++) {
    void* last[2] = {NULL, NULL};
    void* p = ri_malloc(3000000);  // there is an arena, and there will be no other
    ri_option_set(ri_option_limit_address_space, 1);
    for (; p != NULL; p = ri_malloc(3000000)) {
      last[1] = last[0];
      last[0] = p;
    }
    while (ri_malloc(sizes[0]) != NULL) {}
    // Without the option, or when nobody gives anything back, it fails: at once, or in the end.
    const uint64_t start = check_coarse_ms();
    size_t calls = 1;  // of the function, which is asked once
    ri_register_out_of_memory(tells_of_it, &calls);
    ri_option_set(ri_option_retry_on_oom, 50);
    CHECK(ri_malloc(sizes[i]) == NULL && errno == ENOMEM && calls == 2);
    CHECK_MSG(check_coarse_ms() >= start + 50, "%d ms", (int)(check_coarse_ms() - start));
    ri_option_set(ri_option_retry_on_oom, 20000);
    given_back[0] = last[0];
    given_back[1] = last[1];
    calls = 0;
    const pthread_t thread = check_start(gives_back, NULL);
    CHECK(ri_malloc(sizes[i]) != NULL);
    CHECK_MSG(calls == 1, "%zu calls", calls);
    ri_register_out_of_memory(NULL, NULL);
    check_join(thread);
    ri_option_set(ri_option_limit_address_space, 0);
    ri_option_set(ri_option_retry_on_oom, 0);
  }
  CHECK(ri_audit());
}

static void (*const cases[])(void) = {
    memory_is_waited_for,  full_pages_are_given_up,
    pages_are_compared,    commits_piece_by_piece,
    commits_at_once,       resets_instead_of_purging,
    purges_at_once,        purges_in_units,
    huge_pages_stay_whole, large_blocks_are_mapped,
    arenas_are_dense,      addresses_are_low,
    page_map_is_whole,     pages_are_taken_over_by_frees,
    pages_are_collected,
};

static int has_no_huge_pages(void) { return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 ? 0 : 1; }

// The process-wide switch is set at the start, from the environment.
static void no_huge_pages_at_all(void) {
  CHECK(has_no_huge_pages() == 1);
  if (check_emulated()) return;  // there is no such switch
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    setenv("RIMALLOC_THP", "-1", 1);
    check_become("no_huge_pages");
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

// At the end of a process its free memory goes back: told by the OS function.
static bool tells(ri_os_event_t event, void* p, size_t size, void* arg) {
  (void)p;
  (void)arg;
  if (event == RI_OS_PURGE && size >= (size_t)4 << 20) {
    const ssize_t n = write(STDOUT_FILENO, "purged\n", 7);
    CHECK(n == 7);
  }
  return true;
}
static int frees_and_ends(void) {
  CHECK(ri_register_os_memory(tells, NULL));
  ri_option_set(ri_option_purge_delay, -1);
  ri_free(block((size_t)4 << 20));
  return 0;
}
static bool purges_at_end(const char* destroy) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    setenv("RIMALLOC_DESTROY_ON_EXIT", destroy, 1);
    check_become("ends");
  }
  close(ends[1]);
  char text[64];
  const ssize_t n = read(ends[0], text, sizeof(text));
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
  return n > 0;
}

static int shows_reserve(void) {
  CHECK(rix_arena_count() == 1 && rix_arena_reserved() >= (size_t)100 << 20);
  const rix_arena_t* const a = rix_arena_at(0);
  CHECK(a->slice_count * RIX_SLICE_SIZE >= (size_t)100 << 20);
  ri_free(block(1000));
  CHECK(rix_arena_count() == 1);
  return 0;
}

// Runs this program again with a variable set; true when it ends well.
static bool again(const char* argument, const char* variable, const char* value) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    setenv(variable, value, 1);
    check_become(argument);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "reserve") == 0) return shows_reserve();
  if (argc > 1 && strcmp(argv[1], "ends") == 0) return frees_and_ends();
  if (argc > 1) return has_no_huge_pages();
  CHECK(again("reserve", "RIMALLOC_RESERVE_OS_MEMORY", "100M"));
  CHECK(again("ends", "RIMALLOC_RESERVE_HUGE_OS_PAGES", "1"));  // there may be none
  CHECK(!purges_at_end("0"));
  CHECK(purges_at_end("1"));
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      check_watchdog(30);
      cases[i]();
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "case %zu: status %x", i,
              (unsigned)status);
  }
  no_huge_pages_at_all();
  return 0;
}
