// SPDX-License-Identifier: MIT
// end.c: pages that end with blocks in them, because their heap does; and the other side of that: a
// page that is abandoned again by a thread that claimed it meanwhile.
//
// Destroying is done in two steps. Under the lock every page loses its heap, and each page that
// nobody owns, or whose owner will not touch it again, becomes this thread's. One case is left:
// another thread may have claimed the page a moment ago by a hint that was out of date
// (rix_page_abandon_again), and is about to give it up. It looks at the heap after that, just as
// this thread takes the page after it took the heap away, each by a read-modify-write: so one of
// the two sees what the other did, and releases the page. Label D: both operations on both words.
// If the look comes first, its release and the acquire of taking away put the page's return before
// its taking. (No execution of the explorer needs these two orders: without them the page would
// have to be returned by a thread that sees a future write, by load buffering, which hardware may
// do.)
#include "page/end.h"

#include "page/abandon.h"
#include "page/heap_pages.h"
#include "page/holes.h"
#include "page/live.h"
#include "page/profiled.h"
#include "page/release.h"
#include "page/remote.h"

void rix_page_destroy(ri_page_t* page) {
  if ((page->flags & RIX_PAGE_CHECKED) != 0) rix_live_clear_all(page);
  if (rix_page_is_profiled(page)) rix_page_end_sampled(page);
  rix_page_unlist(page);
  rix_page_clear_low(page);
  if (!rix_page_is_single(page)) rix_page_note_live(page);
  page->place = RIX_PLACE_NONE;
  if (ri_load_relaxed(&page->xgaps) != 0) (void)rix_holes_take_gaps(page);
  page->free = NULL;
  ri_store_relaxed(&page->used, 0);
  ri_store_relaxed(&page->xremote, 0);
  rix_page_release(page);
}

void rix_page_abandon_again(ri_page_t* page) {
  while (true) {
    rix_page_abandon(page);
    // D: a thread that takes the heap away and finds the page claimed leaves it to the claimer.
    if (ri_fetch_add_release(&page->xheap, 0) != NULL || !rix_remote_take(page)) return;
    if (ri_load_relaxed(&page->xheap) == NULL) {
      rix_page_destroy(page);
      return;
    }
    // It became another page meanwhile.
  }
}

void rix_page_destroy_all(rix_heap_t* heap) {
  ri_page_t* taken = NULL;
  rix_lock(&rix_heap_pages_lock);
  while (heap->pages != NULL) {
    ri_page_t* const page = heap->pages;
    rix_heap_pages_unlink(heap, page);
    (void)ri_exchange_acquire(&page->xheap, NULL);  // D
    const bool owned = ri_load_relaxed(&page->xtheap) != NULL;
    if (!owned && !rix_remote_take(page)) continue;  // D: the thread that holds it will release it
    page->next = taken;
    taken = page;
  }
  ri_store_relaxed(&heap->xbytes, 0);
  rix_heap_pages_move_counts(heap, NULL);
  rix_unlock(&rix_heap_pages_lock);
  while (taken != NULL) {
    ri_page_t* const page = taken;
    taken = page->next;
    rix_page_destroy(page);
  }
}
