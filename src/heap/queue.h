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
