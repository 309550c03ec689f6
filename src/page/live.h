// SPDX-License-Identifier: MIT
// live.h: which blocks of a checked page are live, as two bits for each 8 bytes of an arena. They
// belong to the place of the pointer that the program got: the start of a block, or with an
// alignment offset a place within it.
//
//   xhanded  handed out, and not yet freed by its owner or collected from others. Written by the
//            owner of the page alone: a load and a store, no atomic operation that locks a line.
//   xfreed   freed by a thread that is not the owner, who has not collected it yet. Of two threads
//            that free the same block, one sets it.
//
// INVARIANTS
//   live  <=>  xhanded and not xfreed
//   a block of the free list, or that was never cut, has neither bit
// An owner and another thread that free the same block at the same moment may both succeed; then it
// is in the list of the page twice, and whoever allocates finds it live, or freed, when it comes
// the second time, and drops the list (heap/hard.c). So no block is handed out twice.
//
// CONCURRENCY: as marked. All accesses are relaxed: a block comes to another thread, and back
// through the page's remote word, with what was written before.
#ifndef RIX_PAGE_LIVE_H
#define RIX_PAGE_LIVE_H

#include "page/page.h"

typedef struct rix_live_bit_s {
  rix_live_t* words;
  uint64_t mask;
} rix_live_bit_t;

RIX_INLINE rix_live_bit_t rix_live_bit(const ri_page_t* page, const void* p) {
  const size_t bit = (size_t)((const uint8_t*)p - page->arena->base) / 8;
  return (rix_live_bit_t){&ri_load_relaxed(&page->arena->xlive)[bit / RIX_WORD_BITS],
                          (uint64_t)1 << bit % RIX_WORD_BITS};
}

// Neither bit is set. Owner.
RIX_INLINE bool rix_live_is_clear(rix_live_bit_t b) {
  return ((ri_load_relaxed(&b.words->xhanded) | ri_load_relaxed(&b.words->xfreed)) & b.mask) == 0;
}
// Any thread.
RIX_INLINE bool rix_live_is_set(rix_live_bit_t b) {
  return (ri_load_relaxed(&b.words->xhanded) & ~ri_load_relaxed(&b.words->xfreed) & b.mask) != 0;
}
RIX_INLINE bool rix_live_has(const ri_page_t* page, const void* p) {
  return rix_live_is_set(rix_live_bit(page, p));
}

// The block is handed out. False, and nothing done: one of the bits is set. Owner.
RIX_INLINE bool rix_live_hand_out(rix_live_bit_t b) {
  const uint64_t handed = ri_load_relaxed(&b.words->xhanded);
  if (((handed | ri_load_relaxed(&b.words->xfreed)) & b.mask) != 0) return false;
  ri_store_relaxed(&b.words->xhanded, handed | b.mask);
  return true;
}
// The first block of the list of a page is handed out. False, and nothing done: it is none, or not
// free. Only a free block may be marked: a damaged link would choose which bit is set.
RIX_INLINE bool rix_live_hand_out_first(const ri_page_t* page) {
  const ri_block_t* const block = page->free;
  if (RIX_UNLIKELY(!ri_page_is_block(page, block))) return false;
  return rix_live_hand_out(rix_live_bit(page, block));
}
// The block is freed by the owner. False, and nothing done: it is not live.
RIX_INLINE bool rix_live_take_back(rix_live_bit_t b) {
  const uint64_t handed = ri_load_relaxed(&b.words->xhanded);
  if ((handed & ~ri_load_relaxed(&b.words->xfreed) & b.mask) == 0) return false;
  ri_store_relaxed(&b.words->xhanded, handed & ~b.mask);
  return true;
}
// The block is freed by another thread. False: it is not live.
RIX_INLINE bool rix_live_free_remote(rix_live_bit_t b) {
  return rix_live_is_set(b) && (ri_fetch_or_relaxed(&b.words->xfreed, b.mask) & b.mask) == 0;
}

// The owner has got a block back. Where pointers into blocks were handed out, its bits may be
// anywhere in it.
RIX_INTERNAL void rix_live_clear(const ri_page_t* page, const ri_block_t* block);
// The same for `count` blocks of a list that others freed, if the page is checked. A list that is
// damaged ends before the first link that leads to no block of the page.
RIX_INTERNAL RIX_SLOW void rix_live_collected_any(const ri_page_t* page, ri_block_t* list,
                                                  size_t count);
/*@ assigns \nothing; */
RIX_INLINE void rix_live_collected(const ri_page_t* page, ri_block_t* list, size_t count) {
  if (RIX_LIKELY((page->flags & RIX_PAGE_CHECKED) == 0)) return;
  rix_live_collected_any(page, list, count);
}
// All blocks of the page are gone. Owner.
RIX_INTERNAL void rix_live_clear_all(const ri_page_t* page);

#endif
