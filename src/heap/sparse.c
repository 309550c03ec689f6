// SPDX-License-Identifier: MIT
// sparse.c: parts of sparse pages go back to the OS (page/holes.h): all at once when somebody asks,
// and as time passes.
//
// A pass goes over the queues of a theap once in a purge delay, a part at a time: so much as the
// time since the last part allows, which is about one in a hundred of it, and no more than about a
// millisecond. It begins at the next slow allocation after its time. Full pages have next to
// nothing that could go back; kept ones are released by the heartbeat.
//
// CONCURRENCY: owner only, except for pages without owner, which any thread may claim.
#include "heap/sparse.h"

#include "base/events.h"
#include "heap/queue.h"
#include "heap/theap.h"
#include "options/options.h"
#include "page/unowned.h"

enum {
  SPARSE_BYTES_MIN = 256 * 1024,  // a theap with less has no passes
  SPARSE_DELAY_MIN = 100,         // ms of a pass
  SPARSE_STEPS_MS = 1024,         // steps along lists that a millisecond allows,
  SPARSE_STEPS_MAX = 32 * 1024,   // and all the time since the last part
};

// ---- When somebody asks -------------------------------------------------------------------------

static void sparse_punch_theap(rix_theap_t* theap, rix_punch_t* punch) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    ri_page_t* page = theap->queue[c].first;
    for (; page != NULL; page = page->next)
      rix_page_punch(page, punch);
    ri_page_t* next;
    for (page = theap->loose[c]; page != NULL; page = next) {
      next = page->side_next;
      rix_page_punch(page, punch);
      if (rix_page_can_extend(page)) rix_queue_from_full(theap, page);
    }
  }
}

void rix_sparse_punch(rix_theap_t* theap) {
  if (rix_option(ri_option_purge_holes) == 0) return;
  rix_punch_t punch = {.all = true};
  // As where a theap is collected: nobody may end its heap meanwhile.
  const bool listed = theap->heap->listed;
  if (listed) rix_lock(&rix_heap_lock);
  if (theap->state != RIX_THEAP_DESTROYED) sparse_punch_theap(theap, &punch);
  if (listed) rix_unlock(&rix_heap_lock);
}

void rix_sparse_punch_all(void) {
  if (rix_option(ri_option_purge_holes) == 0) return;
  if (rix_tls.phase == RIX_THREAD_LIVE) {
    rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
    for (; theap != NULL; theap = theap->next)
      rix_sparse_punch(theap);
  }
  rix_punch_t punch = {.all = true};
  rix_unowned_punch(&punch);
}

// ---- As time passes -----------------------------------------------------------------------------

// How long a pass takes at least, in ms; 0: there are none.
static uint64_t sparse_delay(void) {
  const long delay = rix_option(ri_option_purge_delay);
  if (delay < 0 || rix_option(ri_option_purge_holes) < 2) return 0;
  // The program wants larger pieces to go back.
  if (rix_option(ri_option_minimal_purge_size) > 0) return 0;
  if (rix_option(ri_option_thp) == 3 || rix_option_os_forbidden()) return 0;
  return rix_max((size_t)delay, SPARSE_DELAY_MIN);
}

static void sparse_stand_at(rix_theap_t* theap, unsigned class_index) {
  theap->pass.class_index = class_index;
  theap->pass.page = class_index < RIX_CLASS_COUNT ? theap->queue[class_index].first : NULL;
}

// Goes on until `steps` are reached or the pass is over.
static void sparse_go_on(rix_theap_t* theap, rix_punch_t* punch, size_t steps) {
  while (theap->pass.class_index < RIX_CLASS_COUNT && punch->steps < steps) {
    ri_page_t* const page = theap->pass.page;
    if (page == NULL) {
      sparse_stand_at(theap, theap->pass.class_index + 1);
      continue;
    }
    theap->pass.page = page->next;
    rix_page_punch(page, punch);
  }
}

void rix_sparse_pass(rix_theap_t* theap) {
  const uint64_t delay = sparse_delay();
  if (delay == 0) return;
  const uint64_t now = rix_os_clock_ms();
  const uint64_t ms = now - theap->pass.at;
  if (ms == 0) return;
  theap->pass.at = now;
  const size_t steps = rix_min((size_t)ms, SPARSE_STEPS_MAX / SPARSE_STEPS_MS) * SPARSE_STEPS_MS;
  rix_punch_t punch = {.all = false};
  if (theap->pass.class_index == RIX_CLASS_COUNT && now >= theap->pass.due) {
    theap->pass.due = now + delay;
    if (theap->bytes >= SPARSE_BYTES_MIN) sparse_stand_at(theap, 0);
  }
  rix_theap_enter(theap);
  sparse_go_on(theap, &punch, steps);
  rix_theap_leave(theap);
  rix_unowned_pass(&punch, steps, now, delay);
}
