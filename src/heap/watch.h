// SPDX-License-Identifier: MIT
// watch.h: what is said of mistakes with watched blocks (page/trap.h).
//
// CONCURRENCY: any thread, with no lock of the allocator held.
#ifndef RIX_HEAP_WATCH_H
#define RIX_HEAP_WATCH_H

#include "page/trap.h"

// How many blocks can be watched at a time.
RIX_INTERNAL size_t rix_watch_slots(void);
// Whether somebody asked for blocks to be watched, and not the default.
RIX_INTERNAL bool rix_watch_is_asked(void);
// To be called before a block is watched: catches faults if the option says so.
RIX_INTERNAL void rix_watch_begin(void);
// A watched block of this page is about to be freed: reports what was written around it.
RIX_INTERNAL void rix_watch_freeing(const ri_page_t* page);
// Reports the free of p, which is no live block, if p belongs to a watched one; false: it does not.
RIX_INTERNAL bool rix_watch_reports_free(const void* p);
// What is known of an address; false: nothing.
RIX_INTERNAL bool rix_watch_find(const void* address, ri_watch_report_t* r);
RIX_INTERNAL void rix_watch_set_hook(ri_watch_fun* fun, void* arg);

#endif
