// SPDX-License-Identifier: MIT
// excess.h: memory of used slices that the pages made of them will hardly use.
//
//   slices of a page     |####################|.....................|                     |
//   touched before       |##########################################|    (arena/touched.h)
//   the page will use    |####################|<------ excess ----->|
//
// How far a page goes is learned from pages that are released: for each class, and apart for the
// first page of it that a thread has. Once there is much excess, a fresh page gets slices that were
// touched about as far. What is left over is its excess, which no purge reaches while the page is
// in use: without a bound every slice would in time have as much resident as any use of it ever
// touched, so that bursts of threads, or of classes that follow one another, grow. So all excess
// together is bounded, by a constant and a part of what pages hold. Over that, it is returned when
// the page is made. Who uses the same classes in the same way all the time has none.
//
// What is expected is less than most pages use: four of five go at least that far. What they use
// beyond costs a fault; what they do not use is resident for nothing.
//
// INVARIANTS
//   sum of xexcess of all pages, in bytes == RIX_GAUGE_EXCESS     (no thread is between two steps)
//   xexcess of a page <= units that its slices were touched behind what it was expected to use
//   a page of one block, or in a dense arena, has none
// CONCURRENCY: whoever makes a page or releases it, or owns it and punches it. xexcess: any thread
// may read it. What is learned: any thread; advice.
#ifndef RIX_PAGE_EXCESS_H
#define RIX_PAGE_EXCESS_H

#include "arena/touched.h"
#include "page/page.h"

// How many units a page of the class that has so many slices will use, as far as is known.
// `first`: of a thread that has none of the class.
RIX_INTERNAL size_t rix_excess_expected(unsigned class_index, bool first, size_t slices);

// Whether there is so much excess that a page had better get slices which fit.
RIX_INTERNAL bool rix_excess_is_scarce(void);

// A page was made, which is expected to use so many units: returns to the OS what its slices have
// beyond, or notes it.
RIX_INTERNAL void rix_excess_adapt(ri_page_t* page, size_t units);
// What is behind the blocks of a page was returned to the OS.
RIX_INTERNAL void rix_excess_returned(ri_page_t* page);
// A page goes: how far its slices were touched, and what is to be learned from it.
RIX_INTERNAL void rix_excess_learn(ri_page_t* page);

// Any thread.
RIX_INLINE size_t rix_excess_bytes(const ri_page_t* page) {
  return (size_t)ri_load_relaxed(&page->xexcess) * RIX_TOUCHED_UNIT;
}

#endif
