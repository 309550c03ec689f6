// SPDX-License-Identifier: MIT
// heap_pages.h: the heap as its pages see it: which pages belong to it, and how many bytes it may
// have.
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
//   heap->xbytes <= heap->xquota, if that is not 0, was not lowered, and no heap was deleted whose
//                   pages came to this one
//   page->xheap == NULL  <=>  the page is not in use, or its heap is being destroyed
// CONCURRENCY: rix_heap_pages_lock protects the lists and every change of a listed page's xheap. It
// is held for a few instructions per page, and nothing is locked inside it. Any thread may read
// xheap at any time: descriptors of heaps are never unmapped and never become anything else.
#ifndef RIX_PAGE_HEAP_PAGES_H
#define RIX_PAGE_HEAP_PAGES_H

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
  // lock rix_heap_pages_lock
  ri_page_t* pages;
  size_t page_count;
  // any thread
  ri_atomic(size_t) xbytes;
  ri_atomic(size_t) xquota;  // bytes that xbytes may not exceed; 0: no limit
  ri_atomic(size_t) xsoft;   // that it should not exceed; 0: no limit but xquota
  rix_counter_t xtold;  // bytes of which the program was told last; 0: none since level 2 began
  rix_flag_t xpressed;  // level 2 of these was reached (arena/limit.h), and nobody saw it end
  // Its pages without owner that an allocation finds, by class. Any thread changes those of the
  // default heap, whose pages never get another; else lock rix_heap_pages_lock.
  ri_atomic(uint32_t) xabandoned[RIX_CLASS_COUNT];
  ri_atomic(uint32_t) xhard;  // what its pages get (page/harden.h); set when it is made
  // any thread; for programs of mimalloc's version 2 (compat/mimalloc/mimalloc_arena.c)
  ri_atomic(int) xtag;
  rix_flag_t xkeeps_blocks;  // they outlive the heap when it is destroyed by mimalloc's function
  // lock rix_heap_lock
  struct rix_theap_s* theaps;
  struct rix_heap_s* next;  // of the same sub-process, by age
  struct rix_heap_s* prev;
  uintptr_t maker;  // id of the thread that made it
  size_t pins;      // walks that stand at it (heap/heap.c): it stays in its list when it ends
} rix_heap_t;

RIX_INTERNAL extern rix_lock_t rix_heap_pages_lock;

// Counts bytes that a page is about to have; false, and nothing counted, when the quota forbids it.
// Only for memory that the caller already has: bytes that were counted earlier and released again
// would in between deny others what fits. So a thread that needs memory looks first
// (rix_heap_pages_refuses), and returns it if other threads were faster.
RIX_INTERNAL bool rix_heap_pages_charge(rix_heap_t* heap, size_t bytes);
RIX_INTERNAL void rix_heap_pages_uncharge(rix_heap_t* heap, size_t bytes);
// The limit that the levels of the heap are about; SIZE_MAX: none.
RIX_INTERNAL size_t rix_heap_pages_soft(rix_heap_t* heap);
// Whether the quota of the heap refuses that many more bytes at present.
RIX_INTERNAL bool rix_heap_pages_refuses(rix_heap_t* heap, size_t bytes);

// Counts a page of a class, which the caller owns, among those that its heap has without owner, or
// no longer counts it.
RIX_INTERNAL void rix_heap_pages_count_abandoned(const ri_page_t* page, bool more);

// Enters a page of the heap before others can know of it.
RIX_INTERNAL void rix_heap_pages_add(rix_heap_t* heap, ri_page_t* page);
// Removes a page that its owner releases. For a page with a mapping of its own, returns whether it
// belonged to the main sub-process.
RIX_INTERNAL bool rix_heap_pages_remove(ri_page_t* page);

// Counts what a page of one block grew or shrank by: its heap may be deleted meanwhile.
RIX_INTERNAL bool rix_heap_pages_grow(const ri_page_t* page, size_t bytes);
RIX_INTERNAL void rix_heap_pages_shrink(const ri_page_t* page, size_t bytes);

// Makes all pages of a heap belong to `to`. Their owners stay.
RIX_INTERNAL void rix_heap_pages_move(rix_heap_t* from, rix_heap_t* to);

// With the lock held: takes a page out of the list; and gives `to` what `from` has of pages without
// owner, NULL: nobody.
RIX_INTERNAL void rix_heap_pages_unlink(rix_heap_t* heap, ri_page_t* page);
RIX_INTERNAL void rix_heap_pages_move_counts(rix_heap_t* from, rix_heap_t* to);

RIX_INLINE size_t rix_heap_pages_bytes(const ri_page_t* page) {
  if (page->kind == RIX_PAGE_MAPPED) return ri_load_relaxed(&page->xspan);
  return (size_t)page->slice_count * RIX_SLICE_SIZE;
}

RIX_INLINE bool rix_heap_pages_lists(const rix_heap_t* heap, const ri_page_t* page) {
  return heap->listed || page->kind == RIX_PAGE_MAPPED;
}

#endif
