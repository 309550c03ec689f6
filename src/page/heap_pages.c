// SPDX-License-Identifier: MIT
// heap_pages.c: the lists of pages by heap.
#include "page/heap_pages.h"

#include "arena/limit.h"
#include "page/remote.h"

rix_lock_t rix_heap_pages_lock = RIX_LOCK_OPEN(RIX_LEVEL_HEAP_PAGES);

// ---- Bytes --------------------------------------------------------------------------------------

bool rix_heap_pages_refuses(rix_heap_t* heap, size_t bytes) {
  const size_t quota = ri_load_relaxed(&heap->xquota);
  if (quota == 0) return false;
  const size_t used = ri_load_relaxed(&heap->xbytes);
  return used > quota || bytes > quota - used;
}

size_t rix_heap_pages_soft(rix_heap_t* heap) {
  const size_t soft = ri_load_relaxed(&heap->xsoft), quota = ri_load_relaxed(&heap->xquota);
  return rix_min(soft != 0 ? soft : SIZE_MAX, quota != 0 ? quota : SIZE_MAX);
}

static void heap_pages_look(rix_heap_t* heap, size_t used) {
  const size_t level2 = rix_limit_level2_of(rix_heap_pages_soft(heap));
  if (RIX_UNLIKELY(used >= level2)) ri_store_relaxed(&heap->xpressed, 1);
}

bool rix_heap_pages_charge(rix_heap_t* heap, size_t bytes) {
  if (!heap->listed) return true;
  size_t used = ri_load_relaxed(&heap->xbytes);
  do {
    const size_t quota = ri_load_relaxed(&heap->xquota);
    if (quota != 0 && (used > quota || bytes > quota - used)) return false;
  } while (!ri_cas_weak_relaxed(&heap->xbytes, &used, used + bytes));
  heap_pages_look(heap, used + bytes);
  return true;
}

void rix_heap_pages_uncharge(rix_heap_t* heap, size_t bytes) {
  if (heap->listed) ri_fetch_sub_relaxed(&heap->xbytes, bytes);
}

// ---- Lists --------------------------------------------------------------------------------------

#define RIX_LIST heap_pages_list
#define RIX_LIST_ITEM ri_page_t
#define RIX_LIST_NEXT heap_next
#define RIX_LIST_PREV heap_prev
#include "base/list.h"

static void heap_pages_link(rix_heap_t* heap, ri_page_t* page) {
  heap_pages_list_push(&heap->pages, page);
  heap->page_count++;
}

void rix_heap_pages_unlink(rix_heap_t* heap, ri_page_t* page) {
  heap_pages_list_remove(&heap->pages, page);
  heap->page_count--;
}

void rix_heap_pages_add(rix_heap_t* heap, ri_page_t* page) {
  if (!rix_heap_pages_lists(heap, page)) return;
  rix_lock(&rix_heap_pages_lock);
  heap_pages_link(heap, page);
  rix_unlock(&rix_heap_pages_lock);
}

bool rix_heap_pages_remove(ri_page_t* page) {
  bool shared = false;
  rix_heap_t* heap = ri_load_acquire(&page->xheap);  // H2: pairs with H1
  // NULL: the thread that destroys the heap took it away, and may be about to look at the page once
  // more. It must not be another page by then, so wait until that is over.
  if (heap == NULL || rix_heap_pages_lists(heap, page)) {
    rix_lock(&rix_heap_pages_lock);
    heap = ri_load_relaxed(&page->xheap);  // it may have moved to another heap meanwhile
    if (heap != NULL && rix_heap_pages_lists(heap, page)) {
      rix_heap_pages_unlink(heap, page);
      rix_heap_pages_uncharge(heap, rix_heap_pages_bytes(page));
      shared = heap->space.subproc == 0;
    }
    rix_unlock(&rix_heap_pages_lock);
  }
  ri_store_relaxed(&page->xheap, NULL);
  return shared;
}

bool rix_heap_pages_grow(const ri_page_t* page, size_t bytes) {
  if (!ri_load_relaxed(&page->xheap)->listed) return true;
  rix_lock(&rix_heap_pages_lock);  // it may have moved to another heap meanwhile
  const bool allowed = rix_heap_pages_charge(ri_load_relaxed(&page->xheap), bytes);
  rix_unlock(&rix_heap_pages_lock);
  return allowed;
}

void rix_heap_pages_shrink(const ri_page_t* page, size_t bytes) {
  if (!ri_load_relaxed(&page->xheap)->listed) return;
  rix_lock(&rix_heap_pages_lock);
  rix_heap_pages_uncharge(ri_load_relaxed(&page->xheap), bytes);
  rix_unlock(&rix_heap_pages_lock);
}

static void heap_pages_count(rix_heap_t* heap, unsigned c, bool more) {
  ri_fetch_add_relaxed(&heap->xabandoned[c], more ? 1 : (uint32_t)-1);
}

void rix_heap_pages_count_abandoned(const ri_page_t* page, bool more) {
  rix_heap_t* heap = ri_load_relaxed(&page->xheap);
  if (heap == NULL) return;  // it is being destroyed: its pages count for none
  if (!heap->listed) {
    heap_pages_count(heap, page->class_index, more);
    return;
  }
  rix_lock(&rix_heap_pages_lock);
  heap = ri_load_relaxed(&page->xheap);
  if (heap != NULL) heap_pages_count(heap, page->class_index, more);
  rix_unlock(&rix_heap_pages_lock);
}

void rix_heap_pages_move_counts(rix_heap_t* from, rix_heap_t* to) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    const uint32_t n = ri_load_relaxed(&from->xabandoned[c]);
    if (n == 0) continue;
    ri_store_relaxed(&from->xabandoned[c], 0);
    if (to != NULL) ri_fetch_add_relaxed(&to->xabandoned[c], n);
  }
}

void rix_heap_pages_move(rix_heap_t* from, rix_heap_t* to) {
  rix_lock(&rix_heap_pages_lock);
  while (from->pages != NULL) {
    ri_page_t* const page = from->pages;
    rix_heap_pages_unlink(from, page);
    if (rix_heap_pages_lists(to, page)) heap_pages_link(to, page);
    // H1: pairs with H2. From here on its owner may release it without the lock.
    ri_store_release(&page->xheap, to);
  }
  const size_t bytes = ri_exchange_relaxed(&from->xbytes, 0);
  if (to->listed) ri_fetch_add_relaxed(&to->xbytes, bytes);
  rix_heap_pages_move_counts(from, to);
  rix_unlock(&rix_heap_pages_lock);
}

// ---- Destroying ---------------------------------------------------------------------------------
