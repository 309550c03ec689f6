// SPDX-License-Identifier: MIT
// link.h: the links of free blocks for everything but the inline paths of malloc and free: layout.h
// says what a link is. No other code makes or follows one.
//
//   rix_link_set      makes one
//   rix_link_get      follows one: what is no link leads to what is no block of any page
//   rix_link_leads    the same for who hands blocks out or joins lists: only what leads to a place
//                     of the page, or is the end of the list, is a link
//
// A place of the page need not be a block. What a damaged link leads to within the page is found
// by the next step: what lies there is no link, unless it is a free block.
//
// INVARIANTS: a live block does not begin with a link (its program would have to guess one); the
// key never changes once there is a page.
// CONCURRENCY: rix_link_draw_key: any thread, before it makes a page; of several the first decides.
#ifndef RIX_PAGE_LINK_H
#define RIX_PAGE_LINK_H

#include "base/assert.h"
#include "base/atomic.h"

typedef ri_atomic(uintptr_t) rix_link_key_t;

// 0 until it is drawn, and where links have no key.
RIX_INTERNAL extern rix_link_key_t rix_link_xkey;

RIX_INTERNAL void rix_link_draw_key(void);

/*@ assigns block->link;
    ensures block->link == next; */
RIX_INLINE void rix_link_set(ri_block_t* block, const ri_block_t* next) {
  block->link = ri_link_make(block, next, ri_load_fixed(&rix_link_xkey));
}

/*@ requires \valid_read(block);
    assigns \nothing;
    ensures \result == block->link; */
RIX_INLINE ri_block_t* rix_link_get(const ri_block_t* block) {
  return ri_link_next(block, ri_load_fixed(&rix_link_xkey));
}

// False: the link of the block, which is not NULL, is damaged, or there is no block there.
// The contract is believed by the proofs; verify/symbolic (link.c) proves it of links with keys.
/*@ axiomatic link_words {
      predicate link_leads(ri_block_t* block);
    } */
/*@ requires \valid_read(block) && \valid(next) && \separated(block, next);
    assigns *next;
    ensures \result <==> link_leads((ri_block_t*)block);
    ensures \result ==> *next == block->link; */
RIX_INLINE bool rix_link_leads(const ri_page_t* page, const ri_block_t* block, ri_block_t** next) {
  // The inline path of malloc takes an end that is not NULL for one if it lies in the first slice
  // of all addresses.
  if (RI_LINKS_KEYED && RIX_UNLIKELY(!ri_block_is_some(block))) return false;
  *next = rix_link_get(block);
  if (!RI_LINKS_KEYED) return true;
  const size_t offset = (size_t)((const uint8_t*)*next - page->start);
  const bool outside = offset >= (size_t)page->slice_count << RI_SLICE_SHIFT;
  return RIX_LIKELY((outside & (*next != NULL)) == 0);  // no branch for the end
}

// The block is handed out: it leads nowhere.
/*@ requires \valid(block);
    assigns block->link; */
RIX_INLINE void rix_link_clear(ri_block_t* block) { block->link = NULL; }

#endif
