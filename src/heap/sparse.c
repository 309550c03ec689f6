// SPDX-License-Identifier: MIT
// sparse.c: parts of sparse pages go back to the OS (page/holes.h): all at once when somebody asks,
// and as time passes.
//
// A pass goes over the queues of a theap once in a purge delay, a part at a time: so much as the
// time since the last part allows, which is about one in a hundred of it, and no more than what
// 128 ms allow. It begins at the next slow allocation after its time, or after frees emptied some
// pages. Full pages have next to nothing that could go back; kept ones are released by the
// heartbeat.
//
// The clock is looked at every RIX_LOOK_CALLS slow allocations. A thread that works lightly in
// pages with much room makes so few that this would be seconds: so if the process has much, the
// next look comes after fewer, for one about every SPARSE_LOOK_MS. Where it finds room everywhere
// it makes hardly any; then it is frees that look, once for RIX_LOOK_EMPTIED pages that they empty.
//
// CONCURRENCY: owner only, except for pages without owner, which any thread may claim, and what
// others freed, which any thread may steal.
#include "heap/sparse.h"

#include "arena/limit.h"
#include "base/events.h"
#include "heap/queue.h"
#include "heap/theap.h"
#include "heap/tld.h"
#include "options/options.h"
#include "page/steal.h"
#include "page/unowned.h"

enum {
  SPARSE_BYTES_MIN = 256 * 1024,       // a theap with less has no passes
  SPARSE_DELAY_MIN = 100,              // ms of a pass
  SPARSE_LIGHT_MIN = 4 * 1024 * 1024,  // with less in use no thread changes its pace; with more
  SPARSE_LOOK_MS = 32,                 // it looks at the clock so often,
  SPARSE_LOOK_CALLS = 4,               // but not after fewer slow allocations
  SPARSE_STEPS_MS = 1024,              // steps along lists that a millisecond allows,
  SPARSE_STEPS_MAX = 128 * 1024,       // and all the time since the last part
  SPARSE_GROWTH = 1024 * 1024,         // so many more bytes in use are growth;
  SPARSE_GROWTH_STEPS = 8 * 1024,      // what looking for them in others' pages may cost
};

// Where the next part of the time begins: lock rix_purge_lock.
static struct {
  rix_steal_t idle;          // of the pass over all pages
  rix_steal_t whole;         // of what is done before growth
  rix_steal_t relief;        // of what is done near a limit
  ri_atomic(uint64_t) xdue;  // time in ms of the next pass
  ri_atomic(size_t) xpeak;   // bytes in use when it was grown last
} sparse = {.idle = {.what = RIX_STEAL_IDLE},
            .whole = {.what = RIX_STEAL_WHOLE},
            .relief = {.what = RIX_STEAL_ALL}};

// ---- When somebody asks -------------------------------------------------------------------------

static void sparse_punch_loose(rix_theap_t* theap, unsigned c, rix_punch_t* punch) {
  ri_page_t* next;
  for (ri_page_t* page = theap->loose[c]; page != NULL; page = next) {
    next = page->side_next;
    rix_page_punch(page, punch);
    if (rix_page_can_extend(page)) rix_queue_from_full(theap, page);
  }
}

static void sparse_punch_theap(rix_theap_t* theap, rix_punch_t* punch) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    for (ri_page_t* page = theap->queue[c].first; page != NULL; page = page->next)
      rix_page_punch(page, punch);
    sparse_punch_loose(theap, c, punch);
  }
}

// With both locks held. False: there are no more pages.
static bool sparse_steal(rix_steal_t* steal) {
  const bool more = rix_steal_step(steal);
  // W1: pairs with W2 (heap/queue.c), as where a free wakes an owner.
  if (steal->wake != NULL) (void)ri_exchange_release(&steal->wake->xwoken[steal->class_index], 1);
  return more;
}

static bool sparse_lock_try(void) {
  if (!rix_lock_try(&rix_heap_lock)) return false;
  if (rix_lock_try(&rix_purge_lock)) return true;
  rix_unlock(&rix_heap_lock);
  return false;
}

static void sparse_unlock(void) {
  rix_unlock(&rix_purge_lock);
  rix_unlock(&rix_heap_lock);
}

// A part of a walk, until it cost `steps` or brought `bytes`. False: it is over, and begins again.
static bool sparse_steal_part(rix_steal_t* steal, size_t steps, size_t bytes) {
  steal->punch = (rix_punch_t){.all = true};
  while (steal->punch.steps < steps && steal->punch.bytes < bytes) {
    if (sparse_steal(steal)) continue;
    steal->arena = steal->index = 0;
    return false;
  }
  return true;
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
  rix_sparse_punch_unowned();
}

void rix_sparse_punch_unowned(void) {
  if (rix_option(ri_option_purge_holes) == 0) return;
  rix_punch_t punch = {.all = true};
  rix_unowned_punch(&punch);
  rix_sparse_steal();
}

void rix_sparse_steal(void) {
  rix_steal_t steal = {.what = RIX_STEAL_ALL};
  bool more = true;
  while (more) {
    rix_lock(&rix_heap_lock);
    rix_lock(&rix_purge_lock);
    more = sparse_steal(&steal);
    rix_unlock(&rix_purge_lock);
    rix_unlock(&rix_heap_lock);
  }
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

// Goes on until `steps` are reached, no more than `goal` bytes are used, or the pass is over.
static void sparse_go_on(rix_theap_t* theap, rix_punch_t* punch, size_t steps, size_t goal) {
  while (theap->pass.class_index < RIX_CLASS_COUNT && punch->steps < steps) {
    if (goal != 0 && rix_limit_used() <= goal) return;
    ri_page_t* const page = theap->pass.page;
    if (page == NULL) {
      sparse_stand_at(theap, theap->pass.class_index + 1);
      continue;
    }
    theap->pass.page = page->next;
    rix_page_punch(page, punch);
  }
}

// All pages once in two delays: what was seen in one pass is stolen in the next. Whether it can go
// on at once.
static bool sparse_steal_pass(size_t steps, uint64_t now, uint64_t delay) {
  if (now < ri_load_relaxed(&sparse.xdue) || rix_tld_is_alone()) return false;
  if (!sparse_lock_try()) return true;
  const bool more = sparse_steal_part(&sparse.idle, steps, SIZE_MAX);
  if (!more) ri_store_relaxed(&sparse.xdue, now + delay);
  sparse_unlock();
  return more;
}

// Those of a theap whose heap may be ended by another thread, but for that.
static void sparse_relieve_theap(rix_theap_t* theap, bool begins, rix_punch_t* punch, size_t steps,
                                 size_t goal) {
  const bool listed = theap->heap->listed;
  if (listed) rix_lock(&rix_heap_lock);
  if (theap->state == RIX_THEAP_DESTROYED) {
    theap->pass.class_index = RIX_CLASS_COUNT;
  } else {
    if (begins) {
      for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
        sparse_punch_loose(theap, c, punch);
      sparse_stand_at(theap, 0);
    }
    sparse_go_on(theap, punch, steps, goal);
  }
  if (listed) rix_unlock(&rix_heap_lock);
}

// What others freed into pages of threads that do not look. True: there is no more.
static bool sparse_relieve_others(rix_punch_t* punch, size_t steps, size_t goal) {
  bool more = !rix_tld_is_alone();
  if (!more) return true;
  while (more && punch->steps < steps && rix_limit_used() > goal) {
    rix_lock(&rix_heap_lock);
    rix_lock(&rix_purge_lock);
    sparse.relief.punch = (rix_punch_t){.all = true};
    more = sparse_steal(&sparse.relief);
    if (!more) sparse.relief.arena = sparse.relief.index = 0;
    punch->steps += sparse.relief.punch.steps;
    rix_unlock(&rix_purge_lock);
    rix_unlock(&rix_heap_lock);
  }
  return !more;
}

bool rix_sparse_relieve(bool begins, size_t steps, size_t goal) {
  if (rix_option(ri_option_purge_holes) == 0) return true;
  rix_punch_t punch = {.all = true};
  bool done = true;
  if (rix_tls.phase == RIX_THREAD_LIVE) {
    rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
    for (; theap != NULL; theap = theap->next) {
      sparse_relieve_theap(theap, begins, &punch, steps, goal);
      done = done && theap->pass.class_index == RIX_CLASS_COUNT;
    }
  }
  return done && rix_unowned_relieve(&punch, steps, goal) &&
         sparse_relieve_others(&punch, steps, goal);
}

// The part of a pass that is in the theap's own pages.
static void sparse_pass_own(rix_theap_t* theap, rix_punch_t* punch, size_t steps, uint64_t now,
                            uint64_t delay) {
  if (theap->pass.class_index == RIX_CLASS_COUNT && now >= theap->pass.due) {
    theap->pass.due = now + delay;
    if (theap->bytes >= SPARSE_BYTES_MIN) sparse_stand_at(theap, 0);
  }
  rix_theap_enter(theap);
  sparse_go_on(theap, punch, steps, 0);
  rix_theap_leave(theap);
}

// The slow allocations until the next look are fewer where those until this one took long.
static void sparse_keep_pace(rix_theap_t* theap, uint64_t ms) {
  uint64_t calls = RIX_LOOK_CALLS;
  if (ms > SPARSE_LOOK_MS && rix_arena_in_use() >= SPARSE_LIGHT_MIN) {
    calls = (uint64_t)theap->pass.calls * SPARSE_LOOK_MS / ms;
    if (calls < SPARSE_LOOK_CALLS) calls = SPARSE_LOOK_CALLS;
  }
  theap->pass.calls = (uint32_t)calls;
  theap->slow_calls += (uint32_t)(RIX_LOOK_CALLS - calls);
}

// `may_end`: its heap may be ended by another thread, but for the lock.
static void sparse_pass(rix_theap_t* theap, bool may_end) {
  const uint64_t delay = sparse_delay();
  if (delay == 0 || rix_limit_is_pressed()) return;
  const uint64_t now = rix_os_clock_ms();
  const uint64_t ms = now - theap->pass.at;
  if (ms == 0) return;
  theap->pass.at = now;
  const size_t steps = rix_min((size_t)ms, SPARSE_STEPS_MAX / SPARSE_STEPS_MS) * SPARSE_STEPS_MS;
  rix_punch_t punch = {.all = false};
  if (may_end) rix_lock(&rix_heap_lock);
  if (theap->state != RIX_THEAP_DESTROYED) sparse_pass_own(theap, &punch, steps, now, delay);
  if (may_end) rix_unlock(&rix_heap_lock);
  (void)rix_unowned_pass(&punch, steps, now, delay);
  if (punch.steps < steps) (void)sparse_steal_pass(steps - punch.steps, now, delay);
}

void rix_sparse_pass(rix_theap_t* theap) {
  const uint64_t before = theap->pass.at;
  sparse_pass(theap, false);
  sparse_keep_pace(theap, before == 0 ? 0 : theap->pass.at - before);
}

void rix_sparse_pass_emptied(rix_theap_t* theap) { sparse_pass(theap, false); }

void rix_sparse_pass_any(rix_theap_t* theap) { sparse_pass(theap, theap->heap->listed); }

// ---- Before it grows ----------------------------------------------------------------------------

// More than these bytes at a time are worth a look.
static RIX_SLOW void sparse_grow(size_t bytes) {
  if (rix_tld_is_alone() || sparse_delay() == 0 || !sparse_lock_try()) return;
  (void)sparse_steal_part(&sparse.whole, SPARSE_GROWTH_STEPS, bytes);
  sparse_unlock();
}

void rix_sparse_before_growth(void) {
  const size_t now = rix_arena_in_use();
  const size_t peak = ri_load_relaxed(&sparse.xpeak);
  if (RIX_LIKELY(now < peak + SPARSE_GROWTH)) return;
  ri_store_relaxed(&sparse.xpeak, now);
  sparse_grow(now - peak);
}

bool rix_sparse_punch_some(size_t steps) {
  const uint64_t delay = sparse_delay();
  if (delay == 0) return false;
  const uint64_t now = rix_os_clock_ms();
  rix_punch_t punch = {.all = false};
  if (!rix_unowned_pass(&punch, steps, now, delay) || punch.steps >= steps) return true;
  return sparse_steal_pass(steps - punch.steps, now, delay);
}
