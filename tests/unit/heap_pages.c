// SPDX-License-Identifier: MIT
// heap_pages.c: which pages a heap has and how many bytes (page/heap_pages.c): added and removed
// in any order, charged against the quota, changing their size, moved to another heap, destroyed
// whoever owns them or nobody, checked pages among them.
#include "../check.h"

#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/thread.h"
#include "page/abandon.h"
#include "page/claim.h"
#include "page/create.h"
#include "page/end.h"
#include "page/live.h"
#include "page/release.h"
#include "page/remote.h"
#include "page/single.h"

static rix_heap_t* fresh(void) {
  rix_heap_t* const heap = rix_heap_create(&rix_subproc_main, NULL);
  CHECK(heap != NULL && heap->listed && heap->pages == NULL && heap->page_count == 0);
  CHECK(ri_load_relaxed(&heap->xbytes) == 0 && ri_load_relaxed(&heap->xquota) == 0);
  return heap;
}

// The list is linked both ways, has as many pages as it says, all of the heap, and as many bytes.
static void check_heap_pages(const rix_heap_t* heap, size_t pages) {
  size_t count = 0, bytes = 0;
  const ri_page_t* prev = NULL;
  for (const ri_page_t* page = heap->pages; page != NULL; prev = page, page = page->heap_next) {
    CHECK(page->heap_prev == prev && ri_load_relaxed(&page->xheap) == heap);
    bytes += rix_heap_pages_bytes(page);
    count++;
  }
  CHECK_MSG(count == pages && heap->page_count == pages, "%zu, %zu", count, heap->page_count);
  if (heap->listed) CHECK(ri_load_relaxed(&heap->xbytes) == bytes);
}

static ri_page_t* single(rix_heap_t* heap, size_t size) {
  bool zero = false;
  ri_page_t* const page = rix_page_create_single(size, 1, heap, zero, &zero);
  CHECK(page != NULL);
  return page;
}

static void in_any_order(void) {
  static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  rix_heap_t* const heap = fresh();
  for (size_t i = 0; i < 6; i++) {
    ri_page_t* pages[3];
    for (size_t j = 0; j < 3; j++)
      pages[j] = single(heap, 100000 * (j + 1));
    check_heap_pages(heap, 3);
    for (size_t j = 0; j < 3; j++) {
      CHECK(rix_page_free_single(pages[orders[i][j]]));
      check_heap_pages(heap, 2 - j);
    }
  }
  rix_heap_end(heap, true);
}

// The default heap lists nothing but what lies in no arena.
static void the_default_heap(void) {
  check_heap_pages(&rix_heap_default, 0);
  ri_page_t* const in_arena = single(&rix_heap_default, 100000);
  check_heap_pages(&rix_heap_default, 0);
  bool zero;
  ri_page_t* const mapped = rix_page_create_mapped(300000, 1, 0, &rix_heap_default, &zero);
  CHECK(mapped != NULL && !rix_heap_pages_lists(&rix_heap_default, in_arena));
  CHECK(rix_heap_pages_lists(&rix_heap_default, mapped));
  check_heap_pages(&rix_heap_default, 1);
  CHECK(rix_page_free_single(mapped) && rix_page_free_single(in_arena));
  check_heap_pages(&rix_heap_default, 0);
  CHECK(rix_heap_pages_charge(&rix_heap_default, SIZE_MAX / 2));  // nobody counts there
  CHECK(!rix_heap_pages_refuses(&rix_heap_default, SIZE_MAX));
}

static void quotas(void) {
  rix_heap_t* const heap = fresh();
  ri_store_relaxed(&heap->xquota, 1000000);
  CHECK(!rix_heap_pages_refuses(heap, 1000000) && rix_heap_pages_refuses(heap, 1000001));
  CHECK(rix_heap_pages_charge(heap, 400000) && rix_heap_pages_charge(heap, 600000));
  CHECK(!rix_heap_pages_charge(heap, 1) && ri_load_relaxed(&heap->xbytes) == 1000000);
  CHECK(!rix_heap_pages_charge(heap, SIZE_MAX) && ri_load_relaxed(&heap->xbytes) == 1000000);
  rix_heap_pages_uncharge(heap, 600000);
  CHECK(rix_heap_pages_charge(heap, 600000));
  rix_heap_pages_uncharge(heap, 1000000);
  // A quota below what is used refuses everything.
  ri_page_t* const page = single(heap, 500000);
  ri_store_relaxed(&heap->xquota, 100);
  CHECK(rix_heap_pages_refuses(heap, 0) && !rix_heap_pages_charge(heap, 0));
  bool zero = false;
  CHECK(rix_page_create_single(1, 1, heap, zero, &zero) == NULL);
  CHECK(rix_page_create(3, RIX_PAGE_MORE, heap) == NULL);
  check_heap_pages(heap, 1);
  // A page that grows is charged for it.
  CHECK(!rix_page_resize_single(page, 2000000, &zero));
  ri_store_relaxed(&heap->xquota, 4000000);
  CHECK(rix_page_resize_single(page, 2000000, &zero));
  check_heap_pages(heap, 1);
  CHECK(rix_page_resize_single(page, 100000, &zero));
  check_heap_pages(heap, 1);
  CHECK(rix_page_free_single(page));
  CHECK(ri_load_relaxed(&heap->xbytes) == 0);
  rix_heap_end(heap, true);
}

// A page of a class with one live block, of this thread or of nobody.
static ri_page_t* used_page(rix_heap_t* heap, bool owned) {
  ri_page_t* const page = rix_page_create(7, RIX_PAGE_MORE, heap);
  CHECK(page != NULL);
  rix_page_extend(page);
  ri_block_t* const block = rix_page_pop(page);
  if ((page->flags & RIX_PAGE_CHECKED) != 0) (void)rix_live_hand_out(rix_live_bit(page, block));
  if (owned) {
    ri_store_relaxed(&page->xtheap, rix_thread_theap());
  } else {
    rix_page_abandon(page);
  }
  return page;
}

static void moved(void) {
  rix_heap_t* const from = fresh();
  rix_heap_t* const to = fresh();
  ri_page_t* const a = used_page(from, false);
  ri_page_t* const b = single(from, 100000);
  ri_page_t* const c = single(to, 200000);
  CHECK(ri_load_relaxed(&from->xabandoned[7]) == 1);
  rix_heap_pages_move(from, to);
  CHECK(ri_load_relaxed(&from->xabandoned[7]) == 0 && ri_load_relaxed(&to->xabandoned[7]) == 1);
  check_heap_pages(from, 0);
  check_heap_pages(to, 3);
  CHECK(rix_page_claim_abandoned(7, from) == NULL);
  rix_heap_pages_move(to, &rix_heap_default);
  check_heap_pages(to, 0);
  check_heap_pages(&rix_heap_default, 0);
  CHECK(ri_load_relaxed(&b->xheap) == &rix_heap_default);
  CHECK(rix_page_free_single(b) && rix_page_free_single(c));
  CHECK(ri_load_relaxed(&rix_heap_default.xabandoned[7]) == 1);
  CHECK(rix_page_claim_abandoned(7, &rix_heap_default) == a);
  CHECK(ri_load_relaxed(&rix_heap_default.xabandoned[7]) == 0);
  rix_page_destroy(a);
  rix_heap_end(from, false);
  rix_heap_end(to, false);
  CHECK(check_summary().pages == 0);
}

static void destroyed(void) {
  for (int check = 0; check < 2; check++) {
    ri_option_set(ri_option_check, check);
    rix_heap_t* const heap = fresh();
    ri_page_t* const mine = used_page(heap, true);
    uint8_t* const first = mine->start;
    ri_page_t* const nobodys = used_page(heap, false);
    ri_page_t* const full = rix_page_create(RIX_CLASS_COUNT - 1, RIX_PAGE_MORE, heap);
    while (full->free != NULL || rix_page_can_extend(full)) {
      if (full->free == NULL) rix_page_extend(full);
      ri_block_t* const block = rix_page_pop(full);
      if (check != 0) (void)rix_live_hand_out(rix_live_bit(full, block));
    }
    rix_page_abandon(full);
    const rix_arena_t* const a = mine->arena;
    CHECK(rix_page_abandoned_count() == 1 && nobodys->place == RIX_PLACE_NONE);
    (void)single(heap, 100000);
    bool zero;
    CHECK(rix_page_create_mapped(300000, 1, 0, heap, &zero) != NULL);
    check_heap_pages(heap, 5);
    CHECK(ri_load_relaxed(&heap->xabandoned[7]) == 1);
    rix_page_destroy_all(heap);
    CHECK(ri_load_relaxed(&heap->xabandoned[7]) == 0);
    check_heap_pages(heap, 0);
    CHECK(rix_page_abandoned_count() == 0 && check_summary().pages == 0);
    CHECK(rix_pagemap_find(first) == NULL && rix_arena_in_use() == 0);
    const rix_live_t* const marks = ri_load_relaxed(&a->xlive);
    // No mark of a live block stays for the next page there.
    for (size_t i = 0; i < a->slice_count * (RIX_SLICE_SIZE / 8 / RIX_WORD_BITS); i++) {
      CHECK(marks == NULL ||
            (ri_load_relaxed(&marks[i].xhanded) | ri_load_relaxed(&marks[i].xfreed)) == 0);
    }
    rix_heap_end(heap, true);
  }
  ri_option_set(ri_option_check, 0);
}

// Somebody has claimed a page by an old hint while its heap is destroyed: it goes when they give it
// back.
static void destroyed_while_claimed(void) {
  rix_heap_t* const heap = fresh();
  ri_page_t* const page = used_page(heap, false);
  uint8_t* const start = page->start;
  CHECK(rix_remote_claim(page));
  rix_page_destroy_all(heap);
  CHECK(rix_pagemap_find(start) == page && ri_load_relaxed(&page->xheap) == NULL);
  rix_page_abandon_again(page);
  CHECK(rix_pagemap_find(start) == NULL && rix_page_abandoned_count() == 0);
  CHECK(check_summary().pages == 0);
  rix_heap_end(heap, true);
}

int main(void) {
  check_watchdog(30);
  CHECK(rix_thread_theap() != NULL);
  in_any_order();
  the_default_heap();
  quotas();
  moved();
  destroyed();
  destroyed_while_claimed();
  check_heap_intact();
  return 0;
}
