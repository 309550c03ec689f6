// SPDX-License-Identifier: MIT
// holes.h: OS pages inside of pages in use that go back to the OS, and come into use again.
//
//   OS page  |     0     |     1     |     2     |     3     |     4     |     5     |
//   blocks   | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 |10 |11 |12 |13 |14 |15 |16 |17 |
//   live     |     *                                   *   * |                       |
//   holes                |///////////|///////////|           |///////////|///////////|
//                         3 .. 8: out of the list              12 .. 17: not cut any more
//
// An OS page of which no block is live is a hole once it was given back. Its blocks are in no list
// then, since a link in them would bring it back: those behind the last live block are as if they
// had never been cut (`capacity` falls), the others are `out`. To the owner a hole is room like
// what was not cut yet: rix_page_extend fills the lowest one when the free list is used up. So what
// is free in OS pages that are there anyway is used first.
//
// INVARIANTS, for the owner
//   bit k of xholes   =>  no block that has a byte in OS page k is live or in a list
//   out               ==  blocks below `capacity` that have a byte in a hole
//   each hole has bytes of blocks below `capacity`, or from `capacity` on, but not of both
//   punched           <=>  there is a hole
//   a block that touches a gap (remote.h) is live, and counted in xremote
//   a page with holes, or that had some, is not RIX_PAGE_ZERO
// CONCURRENCY: the owner, or who claimed the page. xholes: any thread may read it.
#ifndef RIX_PAGE_HOLES_H
#define RIX_PAGE_HOLES_H

#include "page/page.h"

// page->passed: the page was punched when it had so many live blocks.
#define RIX_HOLES_DONE 0x8000u

// Looks at pages for what can go back.
typedef struct rix_punch_s {
  bool all;      // whatever can go back; else sparse pages that stay as they are
  size_t steps;  // what it cost so far, in steps along a list
  size_t bytes;  // that went back
} rix_punch_t;

// Gives OS pages of a page back, of which others' frees were collected.
RIX_INTERNAL void rix_page_punch(ri_page_t* page, rix_punch_t* punch);

// rix_page_extend for a page that has holes: puts the blocks of the first hole below `capacity`, or
// of a part of it, on the free list; or cuts more blocks, and what they touch is no hole any more.
// False, and nothing changed: a limit refuses the memory.
RIX_INTERNAL RIX_SLOW bool rix_holes_extend(ri_page_t* page);
// The page goes, which has holes: its descriptor has none, and they count as slices do.
RIX_INTERNAL void rix_holes_forget(ri_page_t* page);
// What others freed and gave back to the OS (steal.c) becomes holes. Returns how many blocks, which
// were live, are out now.
/*@ requires \valid(page) && 0 < page_gaps <= page->used.v % 0x10000;
    requires page->used.v % 0x10000 + page->out <= page->capacity;
    assigns page->used.v, page->out, page->flags, page->punched, page->xholes[0..1], page->xgaps,
      page->xtried;
    ensures \result == page_gaps;
    ensures page->out == \old(page->out) + page_gaps;
    ensures page->used.v == \old(page->used.v) - page_gaps; */
RIX_INTERNAL RIX_SLOW size_t rix_holes_take_gaps(ri_page_t* page);
// Whether a block touches a hole.
RIX_INTERNAL bool rix_holes_touch(const ri_page_t* page, size_t index);
RIX_INTERNAL bool rix_holes_valid(const ri_page_t* page);

RIX_INLINE bool rix_holes_any(const ri_page_t* page) { return page->punched != 0; }
// The parts that bits of xgaps stand for, of a page of so many bytes.
RIX_INLINE size_t rix_holes_gap_size(size_t bytes) {
  return rix_max(rix_os_page_size(), bytes / 32);
}
// Whether a block touches a part that is in `gaps`.
RIX_INLINE bool rix_holes_in_gaps(const ri_page_t* page, uint32_t gaps, size_t index) {
  const size_t size = rix_holes_gap_size(rix_page_bytes(page));
  const size_t block_size = rix_page_block_size(page);
  const size_t last = ((index + 1) * block_size - 1) / size;
  for (size_t part = index * block_size / size; part <= last; part++)
    if ((gaps >> part & 1) != 0) return true;
  return false;
}
// Bytes of the holes of a page of so many bytes, and of its gaps. Any thread.
RIX_INLINE size_t rix_holes_bytes(const ri_page_t* page, size_t bytes) {
  const unsigned count = rix_popcount64(ri_load_relaxed(&page->xholes[0])) +
                         rix_popcount64(ri_load_relaxed(&page->xholes[1]));
  const unsigned gaps = rix_popcount64(ri_load_relaxed(&page->xgaps));
  return count * rix_os_page_size() + gaps * rix_holes_gap_size(bytes);
}
// Of a descriptor that was never used, or given back.
RIX_INLINE void rix_holes_init(ri_page_t* page) {
  RI_ASSERT(page->out == 0 && !rix_holes_any(page));
  page->passed = 0;
  page->rest = 0;
  ri_store_relaxed(&page->xtried, 0);
}

#endif
