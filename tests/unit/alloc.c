// SPDX-License-Identifier: MIT
// alloc.c: where the slow path of allocation finds a block, in the order that its head gives, and
// what it does about zeroes, alignments and impossible sizes.
#include "arena/pagemap.h"
#include "heap/alloc.h"
#include "heap/heap.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "page/page.h"
#include "../check.h"

enum { SIZE = 8000, BLOCKS_MAX = 64 };
static ri_heap_t* heap;
static rix_theap_t* theap;
static unsigned c;

static ri_page_t* page_of(const void* p) { return rix_pagemap_find(p); }

static void* allocate(void) {
  void* const p = rix_theap_malloc(theap, SIZE, false);
  CHECK(p != NULL);
  return p;
}

// Uses up the page of the block that was allocated last; the blocks, and how many.
static size_t use_up(void* last, void* blocks[BLOCKS_MAX]) {
  ri_page_t* const page = page_of(last);
  size_t n = 0;
  blocks[n++] = last;
  while (page->free != NULL || rix_page_can_extend(page)) {
    CHECK(n < BLOCKS_MAX);
    blocks[n++] = allocate();
    CHECK(page_of(blocks[n - 1]) == page);
  }
  return n;
}

static void* frees(void* p) {
  ri_free(p);
  return NULL;
}

// A thread that ends and leaves a page with one block.
static void* leaves_block(void* arg) {
  (void)arg;
  return ri_heap_malloc(heap, SIZE);
}

static void order_of_search(void) {
  void *first[BLOCKS_MAX] = {NULL}, *second[BLOCKS_MAX] = {NULL}, *third[BLOCKS_MAX] = {NULL};
  CHECK(theap->pages[c] == 0);
  const size_t n = use_up(allocate(), first);  // a fresh page
  CHECK(theap->pages[c] == 1 && theap->queue[c].first == page_of(first[0]));
  second[0] = allocate();
  CHECK(page_of(second[0]) != page_of(first[0]) && theap->pages[c] == 2);
  CHECK(page_of(first[0])->place == RIX_PLACE_FULL);
  // A page of the queue with a free block, before anything is cut or looked for.
  ri_free(second[0]);
  CHECK(allocate() == second[0]);
  CHECK(use_up(second[0], second) == n);
  // A full page into which others freed, before another page.
  check_in_thread(frees, first[3]);
  CHECK(page_of(first[0])->place == RIX_PLACE_FULL);
  CHECK(allocate() == first[3] && page_of(first[0])->place == RIX_PLACE_QUEUE);
  CHECK(page_of(second[0])->place == RIX_PLACE_FULL && theap->pages[c] == 2);
  // What others freed in a page of the queue, before a page of an exited thread.
  void* const left = check_in_thread(leaves_block, NULL);
  ri_page_t* const abandoned = page_of(left);
  CHECK((abandoned->flags & RIX_PAGE_LISTED) != 0);
  check_in_thread(frees, first[5]);
  CHECK(allocate() == first[5]);
  // A page of an exited thread, before a fresh one.
  third[0] = allocate();
  CHECK(page_of(third[0]) == abandoned && theap->pages[c] == 3);
  CHECK((abandoned->flags & RIX_PAGE_LISTED) == 0 && theap->queue[c].first == abandoned);
  CHECK(use_up(third[0], third) == n - 1);
  // A fresh page at last.
  void* const fresh = allocate();
  CHECK(theap->pages[c] == 4 && page_of(fresh)->capacity < page_of(fresh)->reserved);
  CHECK(rix_theap_valid(theap) && ri_audit());
}

// Fresh memory, blocks used before, and pages of one block.
static void zeroes(void) {
  static const size_t sizes[] = {0, 1, 8, 100, SIZE, 40000, 70000, 3000000};
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
      void* blocks[20];
      for (size_t j = 0; j < 20; j++) {
        blocks[j] = rix_theap_malloc(theap, sizes[i], true);
        CHECK(blocks[j] != NULL && ri_usable_size(blocks[j]) >= sizes[i]);
        const size_t usable = ri_usable_size(blocks[j]);
        CHECK_ZERO(blocks[j], 0, usable);
        memset(blocks[j], 0xA5, usable);
      }
      for (size_t j = 0; j < 20; j++)
        ri_free(blocks[j]);
    }
  }
}

// Each size with each alignment, from a class where that can be.
static void alignments(void) {
  static const size_t sizes[] = {0, 1, 24, 100, 4097, 65536, 65537};
  for (size_t align = 1; align <= (size_t)8 << 20; align *= 2) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
      void* const p = rix_theap_malloc_aligned(theap, sizes[i], align, i % 2 == 0);
      CHECK(p != NULL && check_aligned(p, align) && ri_usable_size(p) >= sizes[i]);
      if (i % 2 == 0) CHECK_ZERO(p, 0, sizes[i]);
      const bool single = sizes[i] > RIX_MEDIUM_BLOCK_MAX || align > RIX_SLICE_SIZE;
      if (single) CHECK(rix_page_is_single(page_of(p)));
      if (align <= sizes[i] && !single) CHECK(!rix_page_is_single(page_of(p)));
      ri_free(p);
    }
  }
}

static void impossible(void) {
  ri_heap_collect(heap, true);  // each attempt does so
  const size_t before = ri_heap_held(heap);
  for (size_t i = 0; i < 3; i++) {
    const size_t size = i == 0 ? SIZE_MAX : i == 1 ? (size_t)PTRDIFF_MAX + 1 : PTRDIFF_MAX;
    CHECK(rix_theap_malloc(theap, check_hide(size), i == 1) == NULL);
    CHECK(rix_theap_malloc_aligned(theap, check_hide(size), 64, false) == NULL);
    CHECK(rix_heap_malloc_single(heap, check_hide(size), 1, false) == NULL);
  }
  CHECK(rix_theap_malloc_aligned(theap, 1, SIZE_MAX / 2 + 1, false) == NULL);
  CHECK(ri_heap_held(heap) == before);
}

// Without a theap: a page of its own, with the alignment that was asked for.
static void single_blocks(void) {
  for (size_t align = 1; align <= (size_t)1 << 20; align *= 32) {
    void* const p = rix_heap_malloc_single(heap, 100, align, true);
    CHECK(p != NULL && check_aligned(p, align) && rix_page_is_single(page_of(p)));
    CHECK(ri_heap_of(p) == heap && ri_usable_size(p) >= 100);
    CHECK_ZERO(p, 0, 100);
    ri_free(p);
  }
}

// The first page of a medium class has room for two blocks, those after it for eight or more.
static void sizes_of_pages(void) {
  enum { MEDIUM = 64 * 1024 };
  void* blocks[4];
  for (int i = 0; i < 4; i++) {
    blocks[i] = rix_theap_malloc(theap, MEDIUM, false);
    CHECK(blocks[i] != NULL && page_of(blocks[i])->reserved == (i < 2 ? RIX_MEDIUM_FIRST : 8));
  }
  for (int i = 0; i < 4; i++)
    ri_free(blocks[i]);
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_check, 0);  // the order is that of plain pages
  heap = ri_heap_new();
  theap = rix_thread_theap_of_slow(heap);
  c = rix_class_of(SIZE);
  CHECK(theap != NULL && theap->heap == heap);
  order_of_search();
  zeroes();
  alignments();
  impossible();
  single_blocks();
  sizes_of_pages();
  ri_heap_destroy(heap);
  CHECK(ri_audit());
  return 0;
}
