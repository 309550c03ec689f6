// SPDX-License-Identifier: MIT
// hard.c: the short path of malloc, see hard.h.
//
//   rix_hard_malloc -- the page of the class has a free block --> rix_hard_take: validate, mark,
//        |                                                        pop, dress
//        '---- otherwise ---------------------------------------> rix_alloc_reported
#include "heap/hard.h"

#include "heap/alloc.h"
#include "heap/quarantine.h"
#include "heap/theap.h"
#include "page/harden.h"
#include "page/live.h"

// Brings a block to the front of the list of a page that nobody can foretell.
static RIX_NOINLINE void hard_pick(rix_theap_t* theap, ri_page_t* page) {
  if (RIX_UNLIKELY(theap->random == 0)) theap->random = rix_os_random();
  theap->random = theap->random * 0x5851F42D4C957F2Du + 0x14057B7EF767814Fu;
  rix_harden_pick(page, (size_t)(theap->random >> 60));
}

void rix_hard_reseed(rix_tld_t* tld) {
  rix_quarantine_reseed(tld);
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = theap->next)
    theap->random = 0;
}

static RIX_NOINLINE void hard_dress_any(rix_theap_t* theap, const ri_page_t* page,
                                        ri_block_t* block, size_t size, bool zero) {
  if (RIX_LIKELY(rix_harden_dress_any(page, block, rix_harden_of(page), size, zero))) return;
  theap->damaged = RIX_THEAP_WRITTEN;
  theap->written = block;
}

// With features other than RIX_HARD_CHECK, which is one of all.
RIX_INLINE ri_block_t* hard_take(rix_theap_t* theap, ri_page_t* page, uint32_t features,
                                 size_t size, bool zero) {
  if (RIX_UNLIKELY((features & RIX_HARD_PICK) != 0)) hard_pick(theap, page);
  if (RIX_UNLIKELY(!rix_live_hand_out_first(page))) return NULL;
  ri_block_t* const block = rix_page_pop(page);
  if (RIX_UNLIKELY(block == NULL)) return NULL;
  if (zero || !rix_harden_dress(page, block, features)) {
    hard_dress_any(theap, page, block, size, zero);
  }
  return block;
}

ri_block_t* rix_hard_take(rix_theap_t* theap, ri_page_t* page, size_t size, bool zero) {
  return hard_take(theap, page, rix_harden_at(page, page->start), size, zero);
}

static RIX_NOINLINE void* hard_malloc_dressed(rix_theap_t* theap, ri_page_t* page, size_t size) {
  void* const p = hard_take(theap, page, rix_harden_at(page, page->start), size, false);
  if (RIX_UNLIKELY(theap->damaged != 0)) rix_theap_report_damage(theap);
  return RIX_LIKELY(p != NULL) ? p : rix_alloc_reported(theap, size);
}

// All exits but one are tail calls, so that there is no frame.
void* rix_hard_malloc(rix_theap_t* theap, size_t size) {
  const size_t whole = size + rix_harden_tail_of(theap->hard);
  if (RIX_UNLIKELY(size > RIX_SMALL_BLOCK_MAX)) return rix_alloc_reported(theap, size);
  ri_page_t* const page = theap->shown[rix_class_of(whole)];
  if (RIX_UNLIKELY(page == NULL || (page->flags & RIX_PAGE_SLOW) != RIX_PAGE_CHECKED)) {
    return rix_alloc_reported(theap, size);
  }
  const bool dressed = (rix_harden_at(page, page->start) & ~(uint32_t)RIX_HARD_CHECK) != 0;
  if (dressed) return hard_malloc_dressed(theap, page, size);
  if (RIX_UNLIKELY(!rix_live_hand_out_first(page))) return rix_alloc_reported(theap, size);
  ri_block_t* const block = rix_page_pop(page);
  return RIX_LIKELY(block != NULL) ? block : rix_alloc_reported(theap, size);
}
