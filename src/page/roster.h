// SPDX-License-Identifier: MIT
// roster.h: the heap as its pages see it: which pages belong to it, and how many bytes it may have.
//
// A heap lists all of its pages, so that it can be deleted, destroyed and visited at the cost of
// what it holds, wherever that lies and whoever owns it. Only the default heap does not: nobody can
// end it, and its pages are found by a walk over the arenas, so malloc pays nothing for this. Pages
// that lie in no arena are listed by every heap.
//
// INVARIANTS
//   page in heap->pages  <=>  page->xheap == heap, and heap->listed or the page is MAPPED,
//                             from before its first block is handed out until it is released
//   heap->xbytes == bytes of the pages in heap->pages, and of those being created (listed heaps)
//   page->xheap == NULL  <=>  the page is not in use, or its heap is being destroyed
// CONCURRENCY: rix_roster_lock protects the lists and every change of a listed page's xheap. It is
// held for a few instructions a page and nothing is locked inside of it. Any thread may read xheap
// at any time: descriptors of heaps are never unmapped and never become anything else.
#ifndef RIX_PAGE_ROSTER_H
#define RIX_PAGE_ROSTER_H

#include "os/os.h"
#include "page/page.h"

typedef struct rix_heap_s {
  rix_space_t space;              // where its pages come from
  struct rix_subproc_s* subproc;  // that it belongs to
  // const, also for later heaps in the same place
  uint32_t slot;  // small number
  bool listed;    // all of its pages are in `pages`
  // any thread
  ri_atomic(size_t) xseq;  // never the same for two heaps; starts at 1; 0: the heap was ended
  // lock rix_roster_lock
  ri_page_t* pages;
  size_t page_count;
  // any thread
  ri_atomic(size_t) xbytes;
  ri_atomic(size_t) xquota;  // bytes that xbytes may not exceed; 0: no limit
  // lock rix_heap_lock
  struct rix_theap_s* theaps;
  struct rix_heap_s* next;
  struct rix_heap_s* prev;
} rix_heap_t;

RIX_INTERNAL extern rix_lock_t rix_roster_lock;

// Reserves bytes for a page that is about to be created; false when the quota is exceeded.
RIX_INTERNAL bool rix_roster_charge(rix_heap_t* heap, size_t bytes);
RIX_INTERNAL void rix_roster_uncharge(rix_heap_t* heap, size_t bytes);
// Whether the heap may not have so many bytes more.
RIX_INTERNAL bool rix_roster_refuses(rix_heap_t* heap, size_t bytes);

// Enters a page of the heap before others can know of it.
RIX_INTERNAL void rix_roster_enter(rix_heap_t* heap, ri_page_t* page);
// Strikes a page out whose owner releases it. Whether it belonged to the main sub-process, told of
// pages of their own mapping.
RIX_INTERNAL bool rix_roster_strike(ri_page_t* page);

// Before a page of one block changes its size: reserves what it may grow by. Afterwards: corrects
// that. `before` and `reserved` are bytes.
RIX_INTERNAL bool rix_roster_will_grow(const ri_page_t* page, size_t reserved);
RIX_INTERNAL void rix_roster_resized(const ri_page_t* page, size_t before, size_t reserved);

// All pages of a heap belong to `to` from now on. Their owners stay.
RIX_INTERNAL void rix_roster_move(rix_heap_t* from, rix_heap_t* to);

// Ends a heap's pages whatever is in their blocks. No other thread uses the heap or its blocks.
RIX_INTERNAL void rix_roster_destroy(rix_heap_t* heap);

RIX_INLINE size_t rix_roster_bytes(const ri_page_t* page) {
  if (page->kind == RIX_PAGE_MAPPED) return ri_load_relaxed(&page->xspan);
  return (size_t)page->slice_count * RIX_SLICE_SIZE;
}

RIX_INLINE bool rix_roster_wants(const rix_heap_t* heap, const ri_page_t* page) {
  return heap->listed || page->kind == RIX_PAGE_MAPPED;
}

#endif
