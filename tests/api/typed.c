// SPDX-License-Identifier: MIT
// typed.c: the macros that take a type, and the calls that tell the allocator
// what a thread or the process will do. Catches: a macro that multiplies wrongly, pages that a
// reduced thread keeps, a pool thread that takes over the pages of exited threads.
#include "../check.h"

typedef struct pair_s {
  double a, b, c;
} pair_t;

static void typed(void) {
  pair_t* p = ri_malloc_tp(pair_t);
  CHECK(ri_usable_size(p) >= sizeof(pair_t));
  ri_free(p);
  p = ri_zalloc_tp(pair_t);
  CHECK_ZERO(p, 0, sizeof(pair_t));
  ri_free(p);
  p = ri_calloc_tp(pair_t, 10);
  CHECK_ZERO(p, 0, 10 * sizeof(pair_t));
  p = ri_recalloc_tp(pair_t, p, 1000);
  CHECK_ZERO(p, 0, 1000 * sizeof(pair_t));
  ri_free(p);
  p = ri_mallocn_tp(pair_t, 10);
  check_fill(p, 10 * sizeof(pair_t), 1);
  p = ri_reallocn_tp(pair_t, p, 5000);
  CHECK(ri_usable_size(p) >= 5000 * sizeof(pair_t));
  CHECK_FILLED(p, 10 * sizeof(pair_t), 1);
  ri_free(p);
  errno = 0;
  CHECK(ri_mallocn_tp(pair_t, check_hide(SIZE_MAX / 2)) == NULL);
  CHECK_ERRNO(ENOMEM);
}

static void typed_in_heap(void) {
  ri_heap_t* const heap = ri_heap_new();
  pair_t* p = ri_heap_malloc_tp(pair_t, heap);
  CHECK(ri_usable_size(p) >= sizeof(pair_t) && ri_heap_contains(heap, p));
  p = ri_heap_zalloc_tp(pair_t, heap);
  CHECK_ZERO(p, 0, sizeof(pair_t));
  p = ri_heap_calloc_tp(pair_t, heap, 10);
  CHECK_ZERO(p, 0, 10 * sizeof(pair_t));
  p = ri_heap_recalloc_tp(pair_t, heap, p, 1000);
  CHECK_ZERO(p, 0, 1000 * sizeof(pair_t));
  p = ri_heap_mallocn_tp(pair_t, heap, 10);
  p = ri_heap_reallocn_tp(pair_t, heap, p, 5000);
  CHECK(ri_usable_size(p) >= 5000 * sizeof(pair_t) && ri_heap_contains(heap, p));
  ri_heap_destroy(heap);
}

enum { COUNT = 4000 };

// A thread keeps half of its blocks, so none of its pages is empty, and gives its pages up.
static void reduce(void) {
  void* blocks[COUNT];
  const size_t abandoned = check_summary().abandoned;
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = ri_malloc(512);
    check_fill(blocks[i], 512, i);
  }
  for (size_t i = 0; i < COUNT; i += 2)
    ri_free(blocks[i]);
  ri_collect_reduce((size_t)1 << 30);
  CHECK(check_summary().abandoned == abandoned);
  ri_collect_reduce((size_t)8 << 16);  // eight of its 32 pages and more
  const size_t given = check_summary().abandoned - abandoned;
  CHECK_MSG(given >= 16 && given < 31, "%zu pages", given);
  CHECK(ri_audit());
  ri_collect_reduce(0);
  CHECK_MSG(check_summary().abandoned - abandoned >= 24, "%zu", check_summary().abandoned);
  CHECK(ri_audit());
  for (size_t i = 1; i < COUNT; i += 2) {
    CHECK_FILLED(blocks[i], 512, i);
    ri_free(blocks[i]);
  }
  check_heap_intact();
}

static void* leave_blocks(void* arg) {
  void** const blocks = arg;
  for (size_t i = 0; i < COUNT; i++)
    blocks[i] = ri_malloc(512);
  return NULL;
}

// Frees half of the blocks of an exited thread; returns how many pages that took over.
static size_t taken_over(bool in_pool) {
  void* blocks[COUNT];
  check_in_thread(leave_blocks, blocks);
  if (in_pool) ri_thread_set_in_threadpool();
  ri_free(ri_malloc(8));  // it has a heap
  const size_t before = check_summary().abandoned;
  for (size_t i = 0; i < COUNT; i += 2)
    ri_free(blocks[i]);
  const size_t after = check_summary().abandoned;
  for (size_t i = 1; i < COUNT; i += 2)
    ri_free(blocks[i]);
  // Full pages of an exited thread are listed as abandoned when something in them is free.
  return after >= before + COUNT * 512 / 65536 ? 0 : before + COUNT * 512 / 65536 - after;
}

static void* pool_thread(void* arg) {
  *(size_t*)arg = taken_over(true);
  return NULL;
}

static void* plain_thread(void* arg) {
  *(size_t*)arg = taken_over(false);
  return NULL;
}

static void pool(void) {
  size_t taken = 0;
  check_in_thread(plain_thread, &taken);
  CHECK_MSG(taken > 0, "%zu pages taken over", taken);
  check_in_thread(pool_thread, &taken);
  CHECK_MSG(taken == 0, "%zu pages taken over", taken);
  check_in_thread(plain_thread, &taken);  // what a thread was told ends with it
  CHECK_MSG(taken > 0, "%zu pages taken over", taken);
}

// Of full pages that get a few free blocks, none in a row of one page: the one that the last block
// came from is allocated from, or full.
static void allocated_from(void) {
  enum { PAGES = 20, EACH = 64, FREE = 3 };
  static void* blocks[PAGES * EACH];
  ri_heap_t* const heap = ri_heap_new();
  for (size_t i = 0; i < PAGES * EACH; i++)
    blocks[i] = ri_heap_malloc(heap, 1024);
  for (size_t i = 0; i < PAGES * FREE; i++)
    ri_free(blocks[i % PAGES * EACH + i / PAGES]);
  bool found = false;
  for (size_t i = 0; i < PAGES; i++)
    found = found || ri_unsafe_heap_page_is_under_utilized(heap, blocks[i * EACH + FREE], 99);
  CHECK(found);
  for (size_t i = 0; i < PAGES * FREE; i++) {
    void* const p = ri_heap_malloc(heap, 1024);
    CHECK_MSG(!ri_unsafe_heap_page_is_under_utilized(heap, p, 99), "block %zu", i);
  }
  ri_heap_destroy(heap);
}

// Of eight pages, all full once, every second one keeps a tenth of its blocks.
static void utilization(void) {
  enum { PAGES = 8, EACH = 64 };
  static void* blocks[PAGES * EACH];
  ri_heap_t* const heap = ri_heap_new();
  for (size_t i = 0; i < PAGES * EACH; i++)
    blocks[i] = ri_heap_malloc(heap, 1024);
  bool low = false, high = false;
  for (size_t i = 0; i < PAGES * EACH; i++)  // full, or the current one
    CHECK(!ri_unsafe_heap_page_is_under_utilized(heap, blocks[i], 99));
  for (size_t i = 0; i < PAGES * EACH; i++) {
    if (i / EACH % 2 == 0 && i % 10 != 0) ri_free(blocks[i]);
  }
  for (size_t i = 0; i < PAGES * EACH; i += 10) {
    const bool found = ri_unsafe_heap_page_is_under_utilized(heap, blocks[i], 30);
    low = low || (found && i / EACH % 2 == 0);
    high = high || (found && i / EACH % 2 == 1);
    CHECK(!ri_unsafe_heap_page_is_under_utilized(ri_heap_main(), blocks[i], 30));
    CHECK(ri_unsafe_heap_page_is_under_utilized(NULL, blocks[i], 30) == found);
    CHECK(!ri_unsafe_heap_page_is_under_utilized(heap, blocks[i], 1));
  }
  CHECK(low && !high);
  ri_heap_destroy(heap);
  // The page that is allocated from is not one to move blocks from.
  ri_heap_t* const single = ri_heap_new();
  for (size_t i = 0; i < EACH; i++)
    blocks[i] = ri_heap_malloc(single, 1024);
  for (size_t i = 1; i < EACH; i++)
    ri_free(blocks[i]);
  CHECK(!ri_unsafe_heap_page_is_under_utilized(single, blocks[0], 50));
  ri_heap_destroy(single);
  allocated_from();
  int on_stack = 0;
  CHECK(!ri_unsafe_heap_page_is_under_utilized(NULL, &on_stack, 99));
  CHECK(!ri_unsafe_heap_page_is_under_utilized(NULL, NULL, 99));
}

static void done(void) {
  check_capture_start();
  ri_option_set(ri_option_show_stats, 1);
  ri_process_done();
  CHECK(check_captured()->length > 0);
  check_capture_reset();
  ri_process_done();
  CHECK(check_captured()->length == 0);
  check_capture_stop();
  check_heap_intact();
}

int main(void) {
  typed();
  typed_in_heap();
  reduce();
  pool();
  utilization();
  done();
  return 0;
}
