// SPDX-License-Identifier: MIT
// abandon.c: how a page loses its owner.
//
// A thread that ends abandons its pages one by one. A page with free blocks is entered in the
// arena's bitmap of its class, where an allocation that needs a page of that class finds it; a page
// without free blocks waits for the free that makes one. Either way the page is claimed by clearing
// one bit of its remote word (remote.h), and whichever thread clears it owns the page: no waiting,
// no lock, and each page is visited once. A free into a page that is entered need not claim it,
// unless it frees the last block.
//
// INVARIANTS
//   RIX_PAGE_LISTED in page->flags  <=>  the page's bit in its class's abandoned bitmap is set;
//   only an owner changes both. So a bit may be set while the page already has an owner again (who
//   is about to clear it), and a claim that follows a stale bit fails or is undone.
// CONCURRENCY: as said at each function in page.h.
#include "page/abandon.h"

#include "base/events.h"
#include "page/harden.h"
#include "page/heap_pages.h"
#include "page/release.h"
#include "page/remote.h"

static size_t abandon_index(const ri_page_t* page) { return (size_t)(page - page->arena->pages); }

// A page whose heap was deleted may be of another kind than those of the main heap: no allocation
// may take its blocks then, and it only waits for its last one.
static void abandon_list(ri_page_t* page) {
  if ((page->flags & RIX_PAGE_LISTED) != 0) return;
  if (!rix_harden_fits(page, ri_load_relaxed(&page->xheap))) return;
  page->flags |= RIX_PAGE_LISTED;
  rix_event(RIX_EVENT_ABANDONED);
  const unsigned c = page->class_index;
  const rix_bitmap_t map = rix_arena_abandoned(page->arena, c);
  const bool was_clear = rix_bitmap_set_run(&map, abandon_index(page), 1);
  RI_ASSERT(was_clear);
  RIX_UNUSED(was_clear);
  ri_fetch_add_relaxed(&page->arena->xabandoned[c], 1);
  rix_heap_pages_count_abandoned(page, true);
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
  rix_heap_pages_count_abandoned(page, false);
}

void rix_page_abandon(ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_NONE);
  if (!rix_page_is_single(page)) {  // those have no owner ever, and their user may set a flag
    const uintptr_t owner = ri_load_relaxed(&page->xowner);
    const uintptr_t giver = owner & ~RIX_OWNER_FLAGS;
    if (giver != RIX_OWNER_NONE) ri_store_relaxed(&page->xlast_owner, giver);
    ri_store_relaxed(&page->xowner, RIX_OWNER_NONE | (owner & RIX_OWNER_LASTING));
    rix_page_clear_low(page);
    ri_store_relaxed(&page->xtheap, NULL);
  }
  do {
    const bool has_free = rix_page_look(page);
    if (rix_page_live_plain(page) == 0) {
      rix_page_unlist(page);
      rix_page_release(page);
      return;
    }
    ri_store_relaxed(&page->used, rix_page_live_plain(page));  // a kept page needs an owner
    if (!rix_page_is_single(page) && (has_free || rix_page_can_extend(page))) abandon_list(page);
  } while (!rix_remote_abandon(page, (page->flags & RIX_PAGE_LISTED) != 0));
}

void rix_page_after_claim(ri_page_t* page) {
  rix_page_unlist(page);
  rix_page_look(page);
  rix_page_note_low(page);
}

size_t rix_page_abandoned_count(void) {
  size_t listed = 0;
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
      listed += ri_load_relaxed(&a->xabandoned[c]);
  }
  return listed;
}
