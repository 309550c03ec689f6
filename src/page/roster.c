// SPDX-License-Identifier: MIT
// roster.c: the lists of pages by heap, and the end of all pages of a heap.
//
// Destroying is done in two steps. Under the lock every page loses its heap, and each page that
// somebody owns who will not touch it again, or that nobody owns, becomes this thread's. One case
// is left: another thread may have claimed the page a moment ago by a hint that was out of date
// (rix_page_return, abandon.c), and is about to give it up. It looks at the heap after that, as
// this thread takes the page after it took the heap away, each by a read-modify-write: so one of
// the two sees what the other did, and releases the page. Label D: both operations on both words.
// If the look comes first, its release and the acquire of taking away put the page's return before
// its taking. (No execution of the explorer needs these two orders: without them the page would
// have to be returned by who sees a future write, load buffering, which hardware may do.)
#include "page/roster.h"

#include "page/remote.h"

rix_lock_t rix_roster_lock = RIX_LOCK_OPEN(RIX_LEVEL_ROSTER);

// ---- Bytes --------------------------------------------------------------------------------------

bool rix_roster_refuses(rix_heap_t* heap, size_t bytes) {
  const size_t quota = ri_load_relaxed(&heap->xquota);
  if (quota == 0) return false;
  const size_t used = ri_load_relaxed(&heap->xbytes);
  return used > quota || bytes > quota - used;
}

bool rix_roster_charge(rix_heap_t* heap, size_t bytes) {
  if (!heap->listed) return true;
  const size_t quota = ri_load_relaxed(&heap->xquota);
  const size_t used = ri_fetch_add_relaxed(&heap->xbytes, bytes);
  if (quota == 0 || (used <= quota && bytes <= quota - used)) return true;
  rix_roster_uncharge(heap, bytes);
  return false;
}

void rix_roster_uncharge(rix_heap_t* heap, size_t bytes) {
  if (heap->listed) ri_fetch_sub_relaxed(&heap->xbytes, bytes);
}

// ---- Lists --------------------------------------------------------------------------------------

static void roster_link(rix_heap_t* heap, ri_page_t* page) {
  page->heap_prev = NULL;
  page->heap_next = heap->pages;
  if (heap->pages != NULL) heap->pages->heap_prev = page;
  heap->pages = page;
  heap->page_count++;
}

static void roster_unlink(rix_heap_t* heap, ri_page_t* page) {
  if (page->heap_prev != NULL) {
    page->heap_prev->heap_next = page->heap_next;
  } else {
    heap->pages = page->heap_next;
  }
  if (page->heap_next != NULL) page->heap_next->heap_prev = page->heap_prev;
  page->heap_next = page->heap_prev = NULL;
  heap->page_count--;
}

void rix_roster_enter(rix_heap_t* heap, ri_page_t* page) {
  if (!rix_roster_wants(heap, page)) return;
  rix_lock(&rix_roster_lock);
  roster_link(heap, page);
  rix_unlock(&rix_roster_lock);
}

bool rix_roster_strike(ri_page_t* page) {
  bool shared = false;
  rix_heap_t* heap = ri_load_acquire(&page->xheap);  // H2: pairs with H1
  // NULL: who destroys the heap took it away, and may be about to look at the page once more. It
  // must not be another page by then, so wait until that is over.
  if (heap == NULL || rix_roster_wants(heap, page)) {
    rix_lock(&rix_roster_lock);
    heap = ri_load_relaxed(&page->xheap);  // it may have moved to another heap meanwhile
    if (heap != NULL && rix_roster_wants(heap, page)) {
      roster_unlink(heap, page);
      rix_roster_uncharge(heap, rix_roster_bytes(page));
      shared = heap->space.subproc == 0;
    }
    rix_unlock(&rix_roster_lock);
  }
  ri_store_relaxed(&page->xheap, NULL);
  return shared;
}

bool rix_roster_will_grow(const ri_page_t* page, size_t reserved) {
  rix_heap_t* heap = ri_load_relaxed(&page->xheap);
  if (!heap->listed || reserved == 0) return true;
  rix_lock(&rix_roster_lock);
  heap = ri_load_relaxed(&page->xheap);
  const bool allowed = rix_roster_charge(heap, reserved);
  rix_unlock(&rix_roster_lock);
  return allowed;
}

void rix_roster_resized(const ri_page_t* page, size_t before, size_t reserved) {
  rix_heap_t* heap = ri_load_relaxed(&page->xheap);
  if (!heap->listed) return;
  rix_lock(&rix_roster_lock);
  heap = ri_load_relaxed(&page->xheap);
  rix_roster_uncharge(heap, before + reserved - rix_roster_bytes(page));  // modular: may be less
  rix_unlock(&rix_roster_lock);
}

void rix_roster_move(rix_heap_t* from, rix_heap_t* to) {
  rix_lock(&rix_roster_lock);
  while (from->pages != NULL) {
    ri_page_t* const page = from->pages;
    roster_unlink(from, page);
    if (rix_roster_wants(to, page)) roster_link(to, page);
    // H1: pairs with H2. From here on its owner may release it without the lock.
    ri_store_release(&page->xheap, to);
  }
  const size_t bytes = ri_exchange_relaxed(&from->xbytes, 0);
  if (to->listed) ri_fetch_add_relaxed(&to->xbytes, bytes);
  rix_unlock(&rix_roster_lock);
}

// ---- Destroying ---------------------------------------------------------------------------------

void rix_roster_destroy(rix_heap_t* heap) {
  ri_page_t* taken = NULL;
  rix_lock(&rix_roster_lock);
  while (heap->pages != NULL) {
    ri_page_t* const page = heap->pages;
    roster_unlink(heap, page);
    (void)ri_exchange_acquire(&page->xheap, NULL);  // D
    const bool owned = ri_load_relaxed(&page->xtheap) != NULL;
    if (!owned && !rix_remote_take(page)) continue;  // D: who holds it will release it
    page->next = taken;
    taken = page;
  }
  ri_store_relaxed(&heap->xbytes, 0);
  rix_unlock(&rix_roster_lock);
  while (taken != NULL) {
    ri_page_t* const page = taken;
    taken = page->next;
    rix_page_destroy(page);
  }
}
