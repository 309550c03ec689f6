// SPDX-License-Identifier: MIT
// steal.h: what others freed into the pages of a thread that does nothing goes back to the OS
// without that thread (remote.h: STOLEN).
//
// CONCURRENCY: any thread, with rix_heap_lock and rix_purge_lock.
#ifndef RIX_PAGE_STEAL_H
#define RIX_PAGE_STEAL_H

#include "page/holes.h"

typedef enum rix_steal_what_e {
  RIX_STEAL_ALL,    // whatever covers a part of a page that can go back
  RIX_STEAL_IDLE,   // the same where nothing was freed since this was asked the last time
  RIX_STEAL_WHOLE,  // in pages of which others freed all blocks
} rix_steal_what_t;

// A walk over all pages, a part at a time.
typedef struct rix_steal_s {
  rix_steal_what_t what;
  size_t arena, index;       // the next page to be looked at
  rix_punch_t punch;         // what it cost, and brought
  struct rix_theap_s* wake;  // a step's result: this theap, if not NULL, has blocks of this class
  unsigned class_index;      //   that others freed, in a page that may be full
} rix_steal_t;

// Goes on until it stole something, or for some pages. False: there are no more.
RIX_INTERNAL bool rix_steal_step(rix_steal_t* steal);

#endif
