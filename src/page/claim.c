// SPDX-License-Identifier: MIT
// claim.c: an allocation looks for a page without owner.
//
// The bitmaps of the arenas are hints (abandon.c): a page is claimed by its remote word, and only
// then is it checked whether it still is the page that was looked for.
//
// CONCURRENCY: any thread. Label N4: see arena/arena.c.
#include "page/claim.h"

#include "page/abandon.h"
#include "page/end.h"
#include "page/harden.h"
#include "page/heap_pages.h"
#include "page/remote.h"

// Tries to claim one page whose bit was set; it may be out of date.
static bool claim_try(ri_page_t* page, unsigned class_index, const struct rix_heap_s* heap) {
  if (ri_load_relaxed(&page->xheap) != heap) return false;
  if (!rix_remote_claim(page)) return false;
  // It is this thread's now. It may have become another page since the bit was read.
  const bool usable = !rix_page_is_single(page) && page->class_index == class_index &&
                      ri_load_relaxed(&page->xheap) == heap && rix_harden_fits(page, heap);
  if (usable) {
    rix_page_after_claim(page);
    if (page->free != NULL || rix_page_can_extend(page)) return true;
  }
  rix_page_abandon_again(page);
  return false;
}

ri_page_t* rix_page_claim_abandoned(unsigned class_index, const struct rix_heap_s* heap) {
  // The bitmaps have the pages of all heaps: if ten thousand belonged to others, each would be
  // looked at.
  if (ri_load_relaxed(&heap->xabandoned[class_index]) == 0) return NULL;
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xabandoned[class_index]) == 0) continue;
    // Another sub-process may be ending, and the program may have back what lies after the header.
    if (ri_load_acquire(&a->xsubproc) != heap->space.subproc) continue;  // N4: pairs with N3
    const rix_bitmap_t map = rix_arena_abandoned(a, class_index);
    for (size_t index = 0; rix_bitmap_next_set(&map, index, &index); index++) {
      if (claim_try(&a->pages[index], class_index, heap)) return &a->pages[index];
    }
  }
  return NULL;
}
