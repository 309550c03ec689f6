// SPDX-License-Identifier: MIT
// abandon.c: how a page loses its owner and finds a new one.
//
// A thread that ends gives up its pages one by one. A page with free blocks is entered in the
// arena's bitmap of its class, where an allocation that needs a page of that class finds it; a page
// without free blocks waits for the free that makes one. Either way the page is claimed by clearing
// one bit of its remote word (remote.h), and whoever clears it owns the page: no waiting, no lock,
// and each page is visited once. A free into a page that is entered need not claim it, unless it
// frees the last block.
//
// INVARIANTS
//   RIX_PAGE_LISTED in page->flags  <=>  the page's bit in its class's abandoned bitmap is set;
//   only an owner changes both. So a bit may be set while the page already has an owner again (who
//   is about to clear it), and a claim that follows a stale bit fails or is undone.
// CONCURRENCY: as said at each function in page.h.
#include "base/events.h"
#include "page/page.h"
#include "page/remote.h"
#include "page/roster.h"

static struct {
  ri_atomic(uint32_t) xlisted[RIX_CLASS_COUNT];  // pages listed, over all arenas
} abandon;

static size_t abandon_index(const ri_page_t* page) { return (size_t)(page - page->arena->pages); }

static void abandon_list(ri_page_t* page) {
  if ((page->flags & RIX_PAGE_LISTED) != 0) return;
  page->flags |= RIX_PAGE_LISTED;
  rix_event(RIX_EVENT_ABANDONED);
  const unsigned c = page->class_index;
  const rix_bitmap_t map = rix_arena_abandoned(page->arena, c);
  const bool was_clear = rix_bitmap_set_run(&map, abandon_index(page), 1);
  RI_ASSERT(was_clear);
  RIX_UNUSED(was_clear);
  ri_fetch_add_relaxed(&page->arena->xabandoned[c], 1);
  ri_fetch_add_relaxed(&abandon.xlisted[c], 1);
}

void rix_page_unlist(ri_page_t* page) {
  if ((page->flags & RIX_PAGE_LISTED) == 0) return;
  page->flags &= (uint8_t)~RIX_PAGE_LISTED;
  const unsigned c = page->class_index;
  const rix_bitmap_t map = rix_arena_abandoned(page->arena, c);
  const size_t cleared = rix_bitmap_clear_run(&map, abandon_index(page), 1);
  RI_ASSERT(cleared == 1);
  RIX_UNUSED(cleared);
  ri_fetch_sub_relaxed(&page->arena->xabandoned[c], 1);
  ri_fetch_sub_relaxed(&abandon.xlisted[c], 1);
}

void rix_page_abandon(ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_NONE);
  if (!rix_page_is_single(page)) {  // those never have an owner, and their user may set a flag now
    const uintptr_t kept = RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED;
    const uintptr_t owner = ri_load_relaxed(&page->xowner);
    const uintptr_t giver = owner & ~RIX_OWNER_FLAGS;
    if (giver != RIX_OWNER_NONE) ri_store_relaxed(&page->xgiver, giver);
    ri_store_relaxed(&page->xowner, RIX_OWNER_NONE | (owner & kept));
    ri_store_relaxed(&page->xtheap, NULL);
  }
  do {
    const bool has_free = rix_page_collect(page);
    if (rix_page_live(page) == 0) {
      rix_page_unlist(page);
      rix_page_release(page);
      return;
    }
    ri_store_relaxed(&page->used, rix_page_live(page));  // a pin means nothing without an owner
    if (!rix_page_is_single(page) && (has_free || rix_page_can_extend(page))) abandon_list(page);
  } while (!rix_remote_abandon(page, (page->flags & RIX_PAGE_LISTED) != 0));
}

void rix_page_return(ri_page_t* page) {
  while (true) {
    rix_page_abandon(page);
    // D (roster.c): who takes the heap away and finds the page claimed leaves it to the claimer.
    if (ri_fetch_add_release(&page->xheap, 0) != NULL || !rix_remote_take(page)) return;
    if (ri_load_relaxed(&page->xheap) == NULL) {
      rix_page_destroy(page);
      return;
    }
    // It became another page meanwhile.
  }
}

void rix_page_claimed(ri_page_t* page) {
  rix_page_unlist(page);
  rix_page_collect(page);
}

// Tries to claim one page that a bitmap told of; the bit may be out of date.
static bool abandon_try_claim(ri_page_t* page, unsigned class_index,
                              const struct rix_heap_s* heap) {
  if (ri_load_relaxed(&page->xheap) != heap) return false;
  if (!rix_remote_claim(page)) return false;
  // It is this thread's now. It may have become another page since the bit was read.
  const bool usable = !rix_page_is_single(page) && page->class_index == class_index &&
                      ri_load_relaxed(&page->xheap) == heap;
  if (usable) {
    rix_page_claimed(page);
    if (page->free != NULL || rix_page_can_extend(page)) return true;
  }
  rix_page_return(page);
  return false;
}

ri_page_t* rix_page_claim_abandoned(unsigned class_index, const struct rix_heap_s* heap) {
  if (ri_load_relaxed(&abandon.xlisted[class_index]) == 0) return NULL;
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xabandoned[class_index]) == 0) continue;
    // Another sub-process may just end, and the program have back what lies behind the header.
    if (ri_load_acquire(&a->xsubproc) != heap->space.subproc) continue;  // N4: pairs with N3
    const rix_bitmap_t map = rix_arena_abandoned(a, class_index);
    for (size_t index = 0; rix_bitmap_next_set(&map, index, &index); index++) {
      if (abandon_try_claim(&a->pages[index], class_index, heap)) return &a->pages[index];
    }
  }
  return NULL;
}

size_t rix_page_abandoned_count(void) {
  size_t n = 0;
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    n += ri_load_relaxed(&abandon.xlisted[c]);
  return n;
}
