// SPDX-License-Identifier: MIT
// heartbeat.c: the small regular work of a thread that allocates, every RIX_HEARTBEAT slow
// allocations: kept pages, blocks that others freed, heaps that have ended, purging. Owner only.
#include "heap/heartbeat.h"

#include "arena/due.h"
#include "base/events.h"
#include "heap/queue.h"
#include "heap/sample.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "options/options.h"

enum { HEARTBEAT_PUBLISH_BEATS = 16 };  // from one publication of all levels to the next

// More live blocks than the page has: its free list is a circle.
static void heartbeat_check_count(rix_theap_t* theap, unsigned c) {
  ri_page_t* const page = theap->shown[c];
  if (page == NULL) return;
  if (rix_page_live(page) + page->out > page->capacity) rix_theap_drop_list(theap, page);
}

// Whether it is time to look at all pages.
static bool heartbeat_collects(const rix_theap_t* theap) {
  const uint32_t calls = (uint32_t)rix_option(ri_option_generic_collect);
  if (calls == 0) return false;
  return theap->slow_calls / RIX_HEARTBEAT % (calls / RIX_HEARTBEAT + (calls < RIX_HEARTBEAT)) == 0;
}

// Reports what statistics do not know yet about the pages in use.
static void heartbeat_publish_levels(rix_theap_t* theap) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (theap->queue[c].first != NULL) rix_page_note_live(theap->queue[c].first);
    rix_levels_flush(c);
  }
}

void rix_theap_heartbeat(rix_theap_t* theap) {
  const bool collects = heartbeat_collects(theap);
  rix_theap_enter(theap);
  rix_theap_check_kept(theap);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    heartbeat_check_count(theap, c);
    rix_queue_sweep_full(theap, c);
    if (collects) rix_theap_collect_queue(theap, c);
  }
  rix_sample_refresh(theap);
  if (theap->slow_calls % (HEARTBEAT_PUBLISH_BEATS * RIX_HEARTBEAT) == 0)
    heartbeat_publish_levels(theap);
  rix_theap_leave(theap);
  if (RIX_UNLIKELY(theap->damaged != 0)) rix_theap_report_damage(theap);
  if (theap == theap->tld->main) rix_heap_settle();
  if (!theap->tld->exit_known) rix_thread_register_exit(theap->tld);
  rix_due_purge();
  RI_AUDIT(rix_theap_valid(theap));
  if (rix_option(ri_option_check) >= 2 && !rix_theap_valid(theap)) {
    theap->damaged = RIX_THEAP_CORRUPTED;
    rix_theap_report_damage(theap);
  }
}
