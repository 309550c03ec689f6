// SPDX-License-Identifier: MIT
// unowned.h: parts of pages without owner go back to the OS.
//
// CONCURRENCY: any thread; it takes rix_purge_lock, so no arena goes back to the program meanwhile.
#ifndef RIX_PAGE_UNOWNED_H
#define RIX_PAGE_UNOWNED_H

#include "page/holes.h"

// Punches all pages without owner that an allocation would find.
RIX_INTERNAL void rix_unowned_punch(rix_punch_t* punch);
// Goes on with a pass of all of them, until `steps` are reached or no more than `goal` bytes are
// used (arena/limit.h). True: it is over, or another thread is at it.
RIX_INTERNAL bool rix_unowned_relieve(rix_punch_t* punch, size_t steps, size_t goal);
// A part of them, as time passes: from where the last call ended, until `steps` are reached. All of
// them once in `delay` ms. Returns at once when another thread is purging. Whether all of them are
// done.
RIX_INTERNAL bool rix_unowned_pass(rix_punch_t* punch, size_t steps, uint64_t now, uint64_t delay);

#endif
