// SPDX-License-Identifier: MIT
// visit.c: walking the pages and blocks of a heap.
//
// Which blocks of a page are live is computed, nothing keeps it: all blocks that were ever handed
// out, without those in the owner's free list and in the list that other threads freed to. Both are
// read as they are, so a page of the calling thread is exact at any moment, and a page of another
// thread when that thread leaves it alone. Abandoned pages are claimed for the time of the visit.
#include "api/api.h"
#include "page/remote.h"

enum { VISIT_BLOCKS_MAX = RIX_SLICE_SIZE / 8 };

// A visit under way.
typedef struct visit_s {
  const rix_heap_t* heap;
  ri_block_visit_fun* visitor;
  void* arg;
  bool blocks;
} visit_t;

typedef struct visit_free_s {
  uint64_t bits[VISIT_BLOCKS_MAX / RIX_WORD_BITS];
} visit_free_t;

// Marks up to `count` blocks of a list; stops at what is no block, as lists may change meanwhile.
static void visit_mark(const ri_page_t* page, const ri_block_t* list, size_t count,
                       visit_free_t* free) {
  const size_t size = rix_page_block_size(page);
  for (; list != NULL && count > 0; list = list->next, count--) {
    const size_t offset = (size_t)((const uint8_t*)list - page->start);
    if (offset >= page->capacity * size || rix_page_block_of(page, list) != list) return;
    const size_t i = rix_class_index_of(offset, page->inverse);
    free->bits[i / RIX_WORD_BITS] |= (uint64_t)1 << i % RIX_WORD_BITS;
  }
}

static bool visit_blocks(const visit_t* v, const ri_page_t* page, const ri_heap_area_t* area) {
  visit_free_t free = {{0}};
  if (!rix_page_is_single(page)) {
    const uintptr_t remote = ri_load_acquire(&page->xremote);  // A1: pairs with R1 (remote.h)
    visit_mark(page, page->free, page->capacity, &free);
    visit_mark(page, rix_remote_head_of(page, remote), rix_remote_count_of(remote), &free);
  }
  for (size_t i = 0; i < page->capacity; i++) {
    if ((free.bits[i / RIX_WORD_BITS] >> i % RIX_WORD_BITS & 1) != 0) continue;
    void* const block = (uint8_t*)area->blocks + i * area->block_size;
    if (!v->visitor(v->heap, area, block, area->block_size, v->arg)) return false;
  }
  return true;
}

static bool visit_page(const visit_t* v, const ri_page_t* page) {
  const size_t size = rix_page_block_size(page);
  const size_t live = rix_page_live(page);
  const ri_heap_area_t area = {
      .blocks = rix_page_first(page),
      .reserved = rix_roster_bytes(page),
      .committed = rix_page_is_single(page) ? size : page->capacity * size,
      .used = live - rix_min(rix_remote_count(page), live),
      .block_size = size,
      .full_block_size = size,
      .reserved1 = NULL,
  };
  if (!v->visitor(v->heap, &area, NULL, size, v->arg)) return false;
  return !v->blocks || visit_blocks(v, page, &area);
}

// Calls `each` for every page of the heap in the arenas, until it says false.
static bool visit_arenas(const visit_t* v, bool (*each)(const visit_t* v, ri_page_t* page)) {
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    // Another sub-process may just end, and the program have its memory back.
    if (ri_load_acquire(&a->xsubproc) != v->heap->space.subproc) continue;  // N4: pairs with N3
    RI_ASSERT(a->pages != NULL);
    for (size_t s = 0; s < a->slice_count; s++) {
      ri_page_t* const page = &a->pages[s];
      if (rix_pagemap_find(rix_arena_address(a, s)) != page) continue;
      if (ri_load_relaxed(&page->xheap) == v->heap && !each(v, page)) return false;
    }
  }
  return true;
}

static bool visit_each(const visit_t* v, ri_page_t* page) { return visit_page(v, page); }

bool ri_heap_visit_blocks(ri_heap_t* heap, bool blocks, ri_block_visit_fun* visitor, void* arg) {
  if (heap == NULL) heap = ri_heap_main();
  const visit_t v = {heap, visitor, arg, blocks};
  if (!heap->listed && !visit_arenas(&v, visit_each)) return false;
  for (const ri_page_t* page = heap->pages; page != NULL; page = page->heap_next) {
    if (!visit_page(&v, page)) return false;
  }
  return true;
}

// ---- Pages without owner ------------------------------------------------------------------------

// Claims a page for a visit. Pages of one block never have an owner: no thread left them behind.
static bool visit_claim(ri_page_t* page) {
  if (rix_page_is_single(page) || ri_load_relaxed(&page->xtheap) != NULL) return false;
  return rix_remote_claim(page);
}

static bool visit_claimed(const visit_t* v, ri_page_t* page) {
  rix_page_claimed(page);
  const bool on = ri_load_relaxed(&page->xheap) != v->heap || visit_page(v, page);
  rix_page_return(page);
  return on;
}

static bool visit_if_abandoned(const visit_t* v, ri_page_t* page) {
  return !visit_claim(page) || visit_claimed(v, page);
}

// Claims all abandoned pages of a listed heap: linked through `next`.
static ri_page_t* visit_claim_all(const rix_heap_t* heap) {
  ri_page_t* claimed = NULL;
  rix_lock(&rix_roster_lock);
  for (ri_page_t* page = heap->pages; page != NULL; page = page->heap_next) {
    if (!visit_claim(page)) continue;
    page->next = claimed;
    claimed = page;
  }
  rix_unlock(&rix_roster_lock);
  return claimed;
}

bool ri_heap_visit_abandoned_blocks(ri_heap_t* heap, bool blocks, ri_block_visit_fun* visitor,
                                    void* arg) {
  if (heap == NULL) heap = ri_heap_main();
  const visit_t v = {heap, visitor, arg, blocks};
  if (!heap->listed) return visit_arenas(&v, visit_if_abandoned);
  bool on = true;
  ri_page_t* next;
  for (ri_page_t* page = visit_claim_all(heap); page != NULL; page = next) {
    next = page->next;
    page->next = NULL;
    if (on) {
      on = visit_claimed(&v, page);
    } else {
      rix_page_return(page);
    }
  }
  return on;
}

// ---- A theap ------------------------------------------------------------------------------------

static bool visit_list(const visit_t* v, const ri_page_t* page) {
  for (; page != NULL; page = page->next) {
    if (!visit_page(v, page)) return false;
  }
  return true;
}

bool ri_theap_visit_blocks(const ri_theap_t* theap, bool blocks, ri_block_visit_fun* visitor,
                           void* arg) {
  if (theap == NULL) theap = ri_theap_get_default();
  if (theap == NULL) return true;
  const visit_t v = {theap->heap, visitor, arg, blocks};
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (!visit_list(&v, theap->queue[c].first) || !visit_list(&v, theap->full[c].first)) {
      return false;
    }
  }
  return true;
}
