// SPDX-License-Identifier: MIT
// visit.c: walking the pages and blocks of a heap.
//
// Which blocks of a page are live is computed, since nothing records it: all blocks that were ever
// handed out, except those in the owner's free list, in the list of remote frees, and those that
// touch a hole or a gap (page/holes.h, page/remote.h). That is found out before the visitor is
// called, so it may allocate. All are read as they are, so a page of the calling thread is exact at
// any moment, and a page of another thread when that thread leaves it alone. Abandoned pages are
// claimed for the time of the visit.
#include "api/api.h"
#include "base/assert.h"
#include "page/abandon.h"
#include "page/end.h"
#include "page/holes.h"
#include "page/remote.h"

enum { VISIT_BLOCKS_MAX = RIX_SLICE_SIZE / 8 };

// A visit under way.
typedef struct visit_s {
  const rix_heap_t* heap;
  ri_block_visit_fun* visitor;
  void* arg;
  bool blocks;
} visit_t;

// What a page is at one moment.
typedef struct visit_seen_s {
  ri_heap_area_t area;
  size_t count;                                     // blocks that were ever handed out
  uint64_t free[VISIT_BLOCKS_MAX / RIX_WORD_BITS];  // of these, those that are not live
} visit_seen_t;

static void visit_mark(visit_seen_t* seen, size_t i) {
  seen->free[i / RIX_WORD_BITS] |= (uint64_t)1 << i % RIX_WORD_BITS;
}

// Marks up to `count` blocks of a list; stops at anything that is no block, since lists may change
// meanwhile.
static void visit_mark_list(const ri_page_t* page, const ri_block_t* list, size_t count,
                            visit_seen_t* seen) {
  const size_t size = rix_page_block_size(page);
  for (; list != NULL && count > 0; list = rix_link_get(list), count--) {
    const size_t offset = (size_t)((const uint8_t*)list - page->start);
    if (offset >= seen->count * size || rix_page_block_of(page, list) != list) return;
    visit_mark(seen, rix_class_index_of(offset, page->inverse));
  }
}

// Marks the blocks of a page with features that are not live: some that were freed are in no list
// yet.
static void visit_mark_waiting(const ri_page_t* page, visit_seen_t* seen) {
  if ((rix_harden_of(page) & RIX_HARD_DELAY) == 0) return;
  if ((ri_load_relaxed(&page->xowner) & RIX_OWNER_INTERIOR) != 0) return;
  for (size_t i = 0; i < seen->count; i++) {
    if (!rix_live_has(page, page->start + i * rix_page_block_size(page))) visit_mark(seen, i);
  }
}

static void visit_mark_free(const ri_page_t* page, visit_seen_t* seen) {
  const size_t words = rix_div_up(seen->count, RIX_WORD_BITS);
  __builtin_memset(seen->free, 0, words * sizeof(seen->free[0]));
  if (rix_page_is_single(page)) return;
  visit_mark_waiting(page, seen);
  const uintptr_t remote = ri_load_acquire(&page->xremote);  // A1: pairs with R1 (remote.h)
  visit_mark_list(page, page->free, seen->count, seen);
  visit_mark_list(page, rix_remote_head_of(page, remote), rix_remote_count_of(remote), seen);
  for (size_t i = 0; page->out > 0 && i < seen->count; i++)
    if (rix_holes_touch(page, i)) visit_mark(seen, i);
  if ((remote & RIX_REMOTE_GAPS) == 0) return;
  const uint32_t gaps = ri_load_relaxed(&page->xgaps);
  for (size_t i = 0; i < seen->count; i++)
    if (rix_holes_in_gaps(page, gaps, i)) visit_mark(seen, i);
}

// Under the lock, so that no thread that has nothing to do with the heap is giving parts of the
// page back, as it may while the page has no owner (page/unowned.c).
static void visit_see(const visit_t* v, const ri_page_t* page, visit_seen_t* seen) {
  const size_t size = rix_page_block_size(page);
  rix_lock(&rix_purge_lock);
  const size_t live = rix_page_live(page);
  seen->count = page->capacity;
  seen->area = (ri_heap_area_t){
      .blocks = rix_page_first(page),
      .reserved = rix_heap_pages_bytes(page),
      .committed = rix_page_is_single(page) ? size : (seen->count - page->out) * size,
      .used = live - rix_min(rix_remote_count(page), live),
      .block_size = size - rix_harden_tail(page),
      .full_block_size = size,
      .reserved1 = (void*)(uintptr_t)(unsigned)ri_load_relaxed(&v->heap->xtag),
  };
  if (v->blocks) visit_mark_free(page, seen);
  rix_unlock(&rix_purge_lock);
}

static bool visit_blocks(const visit_t* v, const visit_seen_t* seen) {
  const ri_heap_area_t* const area = &seen->area;
  for (size_t i = 0; i < seen->count; i++) {
    if ((seen->free[i / RIX_WORD_BITS] >> i % RIX_WORD_BITS & 1) != 0) continue;
    void* const block = (uint8_t*)area->blocks + i * area->full_block_size;
    RI_ASSERT(!rix_lock_held());
    if (!v->visitor(v->heap, area, block, area->block_size, v->arg)) return false;
  }
  return true;
}

static bool visit_page(const visit_t* v, const ri_page_t* page) {
  visit_seen_t seen;
  visit_see(v, page, &seen);
  RI_ASSERT(!rix_lock_held());
  if (!v->visitor(v->heap, &seen.area, NULL, seen.area.block_size, v->arg)) return false;
  return !v->blocks || visit_blocks(v, &seen);
}

// Calls `each` for every page of the heap in the arenas, until it returns false.
static bool visit_arenas(const visit_t* v, bool (*each)(const visit_t* v, ri_page_t* page)) {
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    // Another sub-process may be ending, and the program may have its memory back.
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

// Claims a page for a visit. It may turn into another page until it is claimed: so what is read
// before that is atomic and only avoids claims. Pages of one block, which have a span, never have
// an owner: no thread left them behind.
static bool visit_may_claim(const ri_page_t* page) {
  return ri_load_relaxed(&page->xspan) == 0 && ri_load_relaxed(&page->xtheap) == NULL;
}

// Under the lock: a thread that gives parts of the page back would have claimed it (visit_see).
static bool visit_claim(ri_page_t* page) {
  if (!visit_may_claim(page)) return false;
  rix_lock(&rix_purge_lock);
  const bool claimed = rix_remote_claim(page);
  rix_unlock(&rix_purge_lock);
  return claimed;
}

static bool visit_claimed(const visit_t* v, ri_page_t* page) {
  bool on = true;
  if (!rix_page_is_single(page) && ri_load_relaxed(&page->xheap) == v->heap) {
    rix_page_after_claim(page);
    on = visit_page(v, page);
  }
  rix_page_abandon_again(page);
  return on;
}

static bool visit_if_abandoned(const visit_t* v, ri_page_t* page) {
  return !visit_claim(page) || visit_claimed(v, page);
}

// Claims all abandoned pages of a listed heap: linked through `next`. With the locks held, none of
// them turns into another, and no other thread has claimed one for a moment.
static ri_page_t* visit_claim_all(const rix_heap_t* heap) {
  ri_page_t* claimed = NULL;
  rix_lock(&rix_purge_lock);
  rix_lock(&rix_heap_pages_lock);
  for (ri_page_t* page = heap->pages; page != NULL; page = page->heap_next) {
    if (!visit_may_claim(page) || !rix_remote_claim(page)) continue;
    page->next = claimed;
    claimed = page;
  }
  rix_unlock(&rix_heap_pages_lock);
  rix_unlock(&rix_purge_lock);
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
      rix_page_abandon_again(page);
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
