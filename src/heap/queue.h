// SPDX-License-Identifier: MIT
// queue.h: the lists of a theap, and the slots that follow them. Owner only.
#ifndef RIX_HEAP_QUEUE_H
#define RIX_HEAP_QUEUE_H

#include "heap/heap.h"

RIX_INTERNAL void rix_queue_push_front(rix_theap_t* theap, ri_page_t* page);
RIX_INTERNAL void rix_queue_push_back(rix_theap_t* theap, ri_page_t* page);
RIX_INTERNAL void rix_queue_move_to_front(rix_theap_t* theap, ri_page_t* page);
// An empty page is kept: as a spare one it goes to the back.
RIX_INTERNAL void rix_queue_keep(rix_theap_t* theap, ri_page_t* page, bool spare);
// The page is in use again, or no longer kept.
RIX_INTERNAL void rix_queue_unkeep(rix_theap_t* theap, ri_page_t* page);
// Removes a page from the queue or full list that it is in.
RIX_INTERNAL void rix_queue_remove(rix_theap_t* theap, ri_page_t* page);
// Moves a page from the queue to the full list, or abandons it when there are as many full pages as
// the option page_full_retain allows. False: others freed blocks of it meanwhile, and it stays.
RIX_INTERNAL bool rix_queue_to_full(rix_theap_t* theap, ri_page_t* page);
// Moves a page from the full list to the back of the queue.
RIX_INTERNAL void rix_queue_from_full(rix_theap_t* theap, ri_page_t* page);
// A page of the queue has few live blocks left: `used` was zero, with the low mark set. Takes the
// mark away, and gives the page up if the thread still only frees and keeps many such.
RIX_INTERNAL RIX_SLOW void rix_queue_reached_low(rix_theap_t* theap, ri_page_t* page);
// The owner freed a block of a page in the full list, perhaps the last, which is in its free list.
RIX_INTERNAL void rix_queue_freed(rix_theap_t* theap, ri_page_t* page);

// The direct slots of a class from its last one on: `page` instead of `old`, which is there.
RIX_INLINE void rix_queue_replace(rix_theap_t* theap, size_t last, ri_page_t* old,
                                  ri_page_t* page) {
  ri_page_t** slot = &theap->fast.direct[last];
  // No other class's slots have the old page, so there is no need to work out where its own begin.
  do {
    *slot = page;
  } while (slot-- > theap->fast.direct && *slot == old);
}

// Shows a page that has a free block instead of `shown`, which has none. False, and nothing
// changed: the class is sampled.
RIX_INLINE bool rix_queue_show_next(rix_theap_t* theap, ri_page_t* page, ri_page_t* shown) {
  const size_t w = rix_page_block_size(page) / 8;
  if (w >= RI_DIRECT_SLOTS || theap->fast.direct[w] != shown) return false;
  theap->shown[page->class_index] = page;
  rix_queue_replace(theap, w, shown, page);
  return true;
}

// Free blocks with which a full page goes back to the queue.
RIX_INLINE size_t rix_queue_loose_max(const ri_page_t* page) {
  return rix_min(page->reserved / RIX_LOOSE_PART + 1u, RIX_LOOSE_MAX);
}

// Frees a block of a page in the full list that is loose and stays there, as rix_queue_freed would:
// what a cache at its limit does for each block. False, and nothing changed, in other cases.
RIX_INLINE bool rix_queue_free_loose(rix_theap_t* theap, ri_page_t* page, ri_block_t* block) {
  if ((page->flags & (RIX_PAGE_LOOSE | RIX_PAGE_SLOW)) != RIX_PAGE_LOOSE) return false;
  const uint32_t live = ri_load_relaxed(&page->used);  // a full page has no marks in it
  const size_t count = page->capacity - live + 1u;
  if ((page->free == NULL) != (count == 1) || live <= 1) return false;
  if (count > 1 && (page == theap->freed || count >= rix_queue_loose_max(page))) return false;
  RI_ASSERT(page->place == RIX_PLACE_FULL && !theap->busy);
  ri_page_t* const shown = theap->shown[page->class_index];
  if (shown == NULL) return false;
  if (shown->free == NULL && !rix_queue_show_next(theap, page, shown)) return false;
  rix_page_push(page, block);
  theap->freed = page;
  return true;
}

// The shown page is used up: shows a loose one with blocks, or the first of the queue; then NULL.
RIX_INTERNAL ri_page_t* rix_queue_show_loose(rix_theap_t* theap, unsigned class_index);
// Looks at some full pages, if somebody freed into one; those with blocks go to the front of the
// queue. True when there were any.
RIX_INTERNAL bool rix_queue_sweep_full(rix_theap_t* theap, unsigned class_index);

// Marks the pages of a class according to whether the theap samples it.
RIX_INTERNAL void rix_queue_mark_sampled(rix_theap_t* theap, unsigned class_index);

// Moves the pages of a class to another theap of the same thread.
RIX_INTERNAL void rix_queue_merge(rix_theap_t* from, rix_theap_t* into, unsigned class_index);

#endif
