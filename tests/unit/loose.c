// SPDX-License-Identifier: MIT
// loose.c: full pages of which their owner frees blocks (heap/queue.c). In a heap that stays full,
// replacing a block here and there moves no page and takes no slow path; the free blocks of full
// pages are used before a page is made; what frees much of a page gets it back to the queue, and
// an empty page is noticed. Loose pages are marked, merged, given up and swept like others.
#include "heap/heap.h"

#include "arena/pagemap.h"
#include "heap/heartbeat.h"
#include "heap/queue.h"
#include "heap/sample.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "page/remote.h"
#include "../check.h"

enum { SIZE = 1000, PAGES = 80, PER_PAGE = RIX_SLICE_SIZE / 1024, BLOCKS = PAGES * PER_PAGE };
static const size_t LIMIT = RIX_LOOSE_MAX;
static ri_heap_t* heap;
static rix_theap_t* theap;
static unsigned c;
static void* blocks[BLOCKS];

static ri_page_t* page_of(size_t i) { return rix_pagemap_find(blocks[i]); }

static bool is_loose(size_t page) {
  return (page_of(page * PER_PAGE + PER_PAGE - 1)->flags & RIX_PAGE_LOOSE) != 0;
}

// All pages of the heap are full, and no block of it is free.
static void begin(void) {
  heap = ri_heap_new();
  theap = rix_thread_theap_of_slow(heap);
  for (size_t i = 0; i < BLOCKS; i++)
    CHECK((blocks[i] = ri_heap_malloc(heap, SIZE)) != NULL);
  for (size_t i = 0; i < BLOCKS; i++)
    CHECK(page_of(i) == page_of(i / PER_PAGE * PER_PAGE));
  ri_page_t* const last = page_of(BLOCKS - 1);
  CHECK(last->free == NULL && rix_queue_to_full(theap, last));
  CHECK(theap->pages[c] == PAGES && theap->queue[c].first == NULL && rix_theap_valid(theap));
}

static void end(void) {
  CHECK(rix_theap_valid(theap) && ri_audit());
  ri_heap_destroy(heap);
}

static void replacing(void) {
  begin();
  uint64_t rng = 1;
  const uint32_t calls = theap->slow_calls;
  for (size_t i = 0; i < 20000; i++) {
    const size_t at = check_below(&rng, BLOCKS);
    ri_page_t* const page = page_of(at);
    void* const old = blocks[at];
    ri_free(old);
    CHECK(page->place == RIX_PLACE_FULL);
    CHECK((blocks[at] = ri_heap_malloc(heap, SIZE)) == old);
  }
  CHECK_MSG(theap->slow_calls == calls, "%u slow calls", theap->slow_calls - calls);
  end();
}

// One block of each page, in any number: all of them come back before a page is made.
static void used_before_a_fresh_page(size_t count) {
  begin();
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i * PER_PAGE]);
  CHECK(rix_theap_valid(theap) && theap->queue[c].first == NULL);
  for (size_t i = 0; i < count; i++) {
    CHECK((blocks[i * PER_PAGE] = ri_heap_malloc(heap, SIZE)) != NULL);
    CHECK_MSG(theap->pages[c] == PAGES, "a page was made with %zu blocks free", count - i);
  }
  // And the one after them is of a fresh page.
  CHECK(ri_heap_malloc(heap, SIZE) != NULL && theap->pages[c] == PAGES + 1);
  for (size_t i = 0; i < PAGES; i++)
    CHECK(!is_loose(i));
  end();
}

// One slow allocation looks at so many used up pages; those after it go on.
static void looks_are_bounded(void) {
  begin();
  for (size_t i = 0; i < PAGES; i++) {
    ri_free(blocks[i * PER_PAGE]);
    CHECK((blocks[i * PER_PAGE] = ri_heap_malloc(heap, SIZE)) != NULL && is_loose(i));
  }
  CHECK(rix_queue_show_loose(theap, c) == NULL && theap->shown[c] == NULL);
  size_t left = 0;
  for (const ri_page_t* page = theap->loose[c]; page != NULL; page = page->side_next)
    left++;
  CHECK_MSG(left == PAGES - RIX_LOOSE_LOOK, "%zu left", left);
  CHECK(rix_queue_show_loose(theap, c) == NULL && theap->loose[c] == NULL);
  end();
}

static void back_to_the_queue(void) {
  begin();
  // Here and there: when a part of it is free.
  for (size_t i = 0; i < LIMIT; i++) {
    CHECK(page_of(1)->place == RIX_PLACE_FULL);
    ri_free(blocks[PER_PAGE - 1 - i]);
    ri_free(blocks[(i + 1) * PER_PAGE]);
  }
  CHECK(page_of(1)->place == RIX_PLACE_QUEUE && !is_loose(1 + LIMIT));
  for (size_t i = 1; i <= LIMIT; i++)
    CHECK(is_loose(i));
  // In a row: with the second.
  ri_free(blocks[20 * PER_PAGE]);
  CHECK(is_loose(20));
  ri_free(blocks[20 * PER_PAGE + 1]);
  CHECK(page_of(20 * PER_PAGE + 2)->place == RIX_PLACE_QUEUE && !is_loose(20));
  end();
}

// Whatever the order, a page without live blocks does not stay in the full list.
static void emptied(size_t stride) {
  begin();
  for (size_t i = 0; i < BLOCKS; i++) {
    ri_free(blocks[i * stride % BLOCKS]);
    if (i % 64 == 0) CHECK_MSG(rix_theap_valid(theap), "stride %zu, block %zu", stride, i);
  }
  for (int i = 0; i < 3; i++)
    rix_theap_heartbeat(theap);
  CHECK_MSG(theap->pages[c] <= 1, "stride %zu: %u pages", stride, theap->pages[c]);
  end();
}

static void* frees(void* p) {
  ri_free(p);
  return NULL;
}

static void others_free_too(void) {
  begin();
  ri_free(blocks[0]);
  check_in_thread(frees, blocks[1]);
  CHECK(is_loose(0) && ri_load_relaxed(&theap->xwoken[c]) != 0 && rix_theap_valid(theap));
  CHECK(rix_queue_sweep_full(theap, c) && page_of(2)->place == RIX_PLACE_QUEUE && !is_loose(0));
  CHECK(theap->loose[c] == NULL && rix_page_live(page_of(2)) == PER_PAGE - 2);
  end();
}

// Pages that a theap samples have no direct slot, loose or not.
static void sampled(void) {
  begin();
  ri_free(blocks[0]);
  CHECK(theap->fast.direct[SIZE / 8] == page_of(1) && theap->shown[c] == page_of(1));
  rix_sample_set_bounds(theap, SIZE, SIZE);
  rix_sample_set_rate(theap, 1000000, 1);
  CHECK(theap->fast.direct[SIZE / 8] == &rix_page_empty && rix_theap_valid(theap));
  ri_free(blocks[PER_PAGE]);
  CHECK((page_of(PER_PAGE + 1)->flags & RIX_PAGE_SAMPLED) != 0 && rix_theap_valid(theap));
  CHECK(ri_heap_malloc(heap, SIZE) == blocks[0] && theap->pages[c] == PAGES);
  rix_sample_set_rate(theap, 0, 0);
  CHECK(rix_theap_valid(theap));
  end();
}

static void collected(void) {
  begin();
  ri_free(blocks[0]);
  rix_theap_collect(theap);
  CHECK(page_of(1)->place == RIX_PLACE_QUEUE && theap->loose[c] == NULL);
  end();
}

static void merged(void) {
  begin();
  ri_free(blocks[0]);
  ri_free(blocks[PER_PAGE]);
  ri_heap_delete(heap);
  rix_theap_t* const main = rix_thread_theap();
  rix_heap_settle();
  CHECK(rix_theap_valid(main) && page_of(1)->place == RIX_PLACE_QUEUE && main->pages[c] == PAGES);
  CHECK(ri_malloc(SIZE) != NULL && main->pages[c] == PAGES && ri_audit());
  ri_collect(true);
}

// A thread ends with a loose page: it has a free block, so an allocation can find it.
static void* leaves_loose(void* arg) {
  void** const kept = arg;
  void* some[2 * PER_PAGE];
  for (size_t i = 0; i < 2 * PER_PAGE; i++)
    CHECK((some[i] = ri_malloc(SIZE)) != NULL);
  ri_page_t* const page = rix_pagemap_find(some[0]);
  CHECK(page->place == RIX_PLACE_FULL);
  ri_free(some[0]);
  CHECK((page->flags & RIX_PAGE_LOOSE) != 0 && rix_theap_valid(rix_thread_theap()));
  *kept = some[1];
  return page;
}

static void given_up(void) {
  void* kept;
  const ri_page_t* const page = check_in_thread(leaves_loose, &kept);
  CHECK((page->flags & (RIX_PAGE_LOOSE | RIX_PAGE_LISTED)) == RIX_PAGE_LISTED && ri_audit());
}

// Blocks that the list of a loose page has lost count as live; the program is told.
static void damaged(void) {
  if (RIX_DEBUG >= 2) return;  // an audit build stops at once
  begin();
  ri_free(blocks[0]);
  ri_free(blocks[PER_PAGE]);
  ri_free(blocks[1]);
  rix_link_set(blocks[1], NULL);  // written to when free
  CHECK(ri_heap_malloc(heap, SIZE) == blocks[1]);
  check_capture_start();
  ri_free(blocks[2]);
  CHECK(page_of(3)->free == NULL && rix_page_live(page_of(3)) == PER_PAGE);
  CHECK(ri_heap_malloc(heap, SIZE) == blocks[PER_PAGE]);
  check_reported(EFAULT, "free list damaged", NULL);
  check_capture_stop();
  end();
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_check, 0);  // the pages are plain ones
  c = rix_class_of(SIZE);
  CHECK(LIMIT <= PER_PAGE / RIX_LOOSE_PART + 1);
  replacing();
  used_before_a_fresh_page(1);
  used_before_a_fresh_page(2);
  used_before_a_fresh_page(PAGES);
  looks_are_bounded();
  back_to_the_queue();
  emptied(1);
  emptied(7);
  emptied(PER_PAGE + 3);
  emptied(3 * PER_PAGE + 1);
  others_free_too();
  sampled();
  collected();
  given_up();
  merged();
  damaged();
  return 0;
}
