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
RIX_INTERNAL RIX_SLOW void rix_holes_extend(ri_page_t* page);
// The page goes, which has holes: its descriptor has none.
RIX_INTERNAL void rix_holes_forget(ri_page_t* page);
// Whether a block touches a hole.
RIX_INTERNAL bool rix_holes_touch(const ri_page_t* page, size_t index);
RIX_INTERNAL bool rix_holes_valid(const ri_page_t* page);

RIX_INLINE bool rix_holes_any(const ri_page_t* page) { return page->punched != 0; }
// Bytes of the holes of a page. Any thread.
RIX_INLINE size_t rix_holes_bytes(const ri_page_t* page) {
  const unsigned count = rix_popcount64(ri_load_relaxed(&page->xholes[0])) +
                         rix_popcount64(ri_load_relaxed(&page->xholes[1]));
  return count * rix_os_page_size();
}
// Of a descriptor that was never used, or given back.
RIX_INLINE void rix_holes_init(ri_page_t* page) {
  RI_ASSERT(page->out == 0 && !rix_holes_any(page));
  page->passed = 0;
  page->rest = 0;
}

#endif
