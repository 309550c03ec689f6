// SPDX-License-Identifier: MIT
// audit.c: the audit, on which the other tests rely, sees damage: each of several structures is
// damaged by hand, the audit must fail and report it, the damage is undone, the audit must hold.
#include "heap/heap.h"

#include "arena/pagemap.h"
#include "../check.h"

static void must_fail(const char* what) {
  CHECK_MSG(!ri_audit(), "%s is not seen", what);
  CHECK_MSG(check_captured()->errors >= 1 && check_captured()->codes[0] == EFAULT, "%s: %zu errors",
            what, check_captured()->errors);
  check_capture_reset();
}

static void must_hold(const char* after) {
  CHECK_MSG(ri_audit(), "after %s", after);
  check_nothing_reported();
}

static void damage_counts(rix_theap_t* theap, ri_page_t* page) {
  const unsigned c = page->class_index;
  theap->pages[c]++;
  must_fail("a wrong number of pages");
  theap->pages[c]--;

  page->heap_next = page;
  rix_heap_t* const heap = theap->heap;
  heap->page_count++;
  must_fail("a heap that counts a page too many");
  heap->page_count--;
  page->heap_next = NULL;

  const uint32_t used = ri_load_relaxed(&page->used);
  const uint8_t pinned = theap->pinned[c];
  ri_store_relaxed(&page->used, used | RI_PAGE_PINNED);
  theap->pinned[c] = 0;
  must_fail("a pinned page that nobody will look at");
  ri_store_relaxed(&page->used, used);
  theap->pinned[c] = pinned;

  ri_fetch_add_relaxed(&page->arena->xabandoned[c], 1);
  must_fail("a wrong number of abandoned pages");
  ri_fetch_sub_relaxed(&page->arena->xabandoned[c], 1);
}

static void damage_lists(rix_theap_t* theap, ri_page_t* page) {
  const unsigned c = page->class_index;
  CHECK(theap->queue[c].first == page && page->next == NULL);
  page->next = page;
  must_fail("a circle");
  page->next = NULL;

  theap->queue[c].last = NULL;
  must_fail("a list without end");
  theap->queue[c].last = page;

  page->prev = page;
  must_fail("a wrong link backwards");
  page->prev = NULL;

  ri_store_relaxed(&page->xtheap, NULL);
  must_fail("a page that nobody can be told of");
  ri_store_relaxed(&page->xtheap, theap);

  // Out of the list by hand: the page is this thread's, but in none of its lists.
  rix_queue_remove(theap, page);
  must_fail("a lost page");
  rix_queue_push_front(theap, page);

  // As if all were live and the page put away, without asking to be told of frees.
  ri_block_t* const blocks = page->free;
  const uint32_t used = ri_load_relaxed(&page->used);
  rix_queue_remove(theap, page);
  page->free = NULL;
  ri_store_relaxed(&page->used, page->capacity);
  page->place = RIX_PLACE_FULL;
  ri_store_relaxed(&page->xowner, ri_load_relaxed(&page->xowner) | RIX_OWNER_FULL);
  theap->full[c] = (rix_page_list_t){page, page};
  theap->pages[c]++;
  must_fail("a full page whose frees would tell nobody");
  rix_queue_remove(theap, page);
  page->free = blocks;
  ri_store_relaxed(&page->used, used);
  rix_queue_push_front(theap, page);
}

static void damage_arena(ri_page_t* page) {
  rix_arena_t* const a = page->arena;
  const size_t index = (size_t)(page - a->pages);
  rix_slices_t got;
  CHECK(rix_arena_claim(&rix_heap_default.space, 1, RIX_SLICE_SIZE, false, &got));
  must_fail("a slice that is claimed by nobody");
  rix_arena_release(got.arena, got.index, 1);

  rix_bitmap_clear_run(&a->dirty, index, 1);
  must_fail("a used slice that counts as zero");
  rix_bitmap_set_run(&a->dirty, index, 1);

  size_t free_slice = 0;
  CHECK(rix_bitmap_next_set(&a->free, 0, &free_slice));
  rix_pagemap_set(rix_arena_address(a, free_slice), 1, page);
  must_fail("two descriptors' slices under one page");
  rix_pagemap_set(rix_arena_address(a, free_slice), 1, NULL);

  const rix_bitmap_t map = rix_arena_abandoned(a, page->class_index);
  rix_bitmap_set_run(&map, index, 1);
  must_fail("a page listed as abandoned that is not");
  rix_bitmap_clear_run(&map, index, 1);

  void* const large = ri_malloc(100000);
  ri_page_t* const single = rix_pagemap_find(large);
  CHECK(single != NULL);
  const uintptr_t remote = ri_load_relaxed(&single->xremote);
  ri_store_relaxed(&single->xremote, 0);
  must_fail("a page that nobody owns and nobody can claim");
  ri_store_relaxed(&single->xremote, remote);
  single->slice_count++;
  must_fail("a page over a slice that is not its own");
  single->slice_count--;
  ri_free(large);
}

int main(void) {
  check_capture_start();
  ri_option_set(ri_option_max_errors, 1000);
  void* blocks[50];
  for (size_t i = 0; i < 50; i++)
    blocks[i] = ri_malloc(100);
  for (size_t i = 0; i < 50; i += 3)
    ri_free(blocks[i]);
  must_hold("nothing");
  ri_page_t* const page = rix_pagemap_find(blocks[1]);
  rix_theap_t* const theap = rix_thread_theap();

  ri_block_t* const free_list = page->free;
  page->free = free_list->next;
  must_fail("a lost block");
  page->free = free_list;
  must_hold("a lost block");

  ri_block_t* const next = free_list->next;
  free_list->next = (ri_block_t*)(void*)((uint8_t*)blocks[1] + 8);
  must_fail("a link into a block");
  free_list->next = next;

  rix_page_add_used(page, 1);
  must_fail("a wrong count");
  rix_page_add_used(page, (uint32_t)-1);

  page->place = RIX_PLACE_FULL;
  must_fail("a page in a wrong place");
  page->place = RIX_PLACE_QUEUE;

  ri_page_t* const direct = theap->fast.direct[14];
  theap->fast.direct[14] = &rix_page_empty;
  must_fail("a wrong direct slot");
  theap->fast.direct[14] = direct;

  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  ri_store_relaxed(&page->xowner, owner + 8);
  must_fail("a wrong owner");
  ri_store_relaxed(&page->xowner, owner);

  rix_pagemap_set(page->start, RIX_SLICE_SIZE, NULL);
  must_fail("a hole in the page map");
  rix_pagemap_set(page->start, RIX_SLICE_SIZE, page);

  const size_t index = (size_t)(page - page->arena->pages);
  rix_bitmap_set_run(&page->arena->free, index, 1);
  must_fail("a slice that is used and free");
  rix_bitmap_clear_run(&page->arena->free, index, 1);

  damage_counts(theap, page);
  damage_lists(theap, page);
  damage_arena(page);
  must_hold("all");
  for (size_t i = 0; i < 50; i++) {
    if (i % 3 != 0) ri_free(blocks[i]);
  }
  must_hold("freeing");
  return 0;
}
