// SPDX-License-Identifier: MIT
// relief.c: see relief.h.
//
// A relief of a thread: its empty pages, all slices and mappings that are free, then holes in its
// pages and in those of nobody, as much at each slow allocation as takes a few milliseconds. It
// ends as soon as a tenth of the soft limit is free again, so that a program near its limit gives
// back what it needs, not all that it has. When all was looked at and level 2 stays, the program's
// function is called; and there is no other relief for a while, unless use has grown or the program
// gets there from below again.
#include "heap/relief.h"

#include "arena/arena.h"
#include "base/events.h"
#include "heap/sparse.h"
#include "heap/theap.h"
#include "options/hooks.h"
#include "os/os.h"
#include "page/trap.h"

enum {
  RELIEF_STEPS = 4 * 1024,  // steps along lists (page/holes.h) at a time
  RELIEF_PAUSE_MS = 100,    // at least, after one that did not suffice
  RELIEF_PAUSE_MAX_MS = 1000,
  RELIEF_PAUSE_PART = 8,  // and so many times as long as it took
  RELIEF_CALLS = 32,      // slow allocations between two looks at the clock
  RELIEF_TELLS = 20,      // growth by one in so many of the limit is worth another, and a call
};

static struct {
  rix_counter_t xtold;  // bytes used at the last call for the process; 0: none since level 2 began
} relief;

static bool relief_has_grown(size_t told, size_t used, size_t limit) {
  return told == 0 || used >= told + limit / RELIEF_TELLS;
}

// Whether this thread is the one to call, now that `used` of `limit` are used.
static bool relief_tells(rix_counter_t* told, size_t used, size_t limit) {
  size_t last = ri_load_relaxed(told);
  return relief_has_grown(last, used, limit) && ri_cas_strong_relaxed(told, &last, used);
}

// A relief of this thread is over and did not suffice. A process that stays above its limit would
// otherwise do little else.
static void relief_pause(rix_tld_t* tld) {
  const uint64_t now = rix_os_clock_ms();
  const uint64_t pause = (now - tld->relief_began) * RELIEF_PAUSE_PART;
  const uint64_t longest = RELIEF_PAUSE_MAX_MS, least = RELIEF_PAUSE_MS;
  tld->relief_due = now + (pause < least ? least : pause > longest ? longest : pause);
}

static void relief_collect(rix_tld_t* tld) {
  rix_heap_settle();
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = theap->next)
    rix_heap_collect_theap(theap);
}

// Of a heap: what this thread keeps of it.
static void relief_of_heap(rix_heap_t* heap) {
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  const size_t limit = rix_heap_pages_soft(heap);
  if (ri_load_relaxed(&heap->xbytes) >= rix_limit_level2_of(limit)) relief_collect(tld);
  const size_t used = ri_load_relaxed(&heap->xbytes);
  if (used < rix_limit_level2_of(limit)) {
    ri_store_relaxed(&heap->xpressed, 0);
    ri_store_relaxed(&heap->xtold, 0);
  } else if (relief_tells(&heap->xtold, used, limit)) {
    rix_hook_run_pressure(2, used, limit, heap);
  }
}

// Of the process.
static void relief_of_all(void) {
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  if (rix_limit_is_over()) {
    ri_store_relaxed(&relief.xtold, 0);
    tld->relieving = false;
    tld->relief_due = 0;
    return;
  }
  const bool begins = !tld->relieving;
  const size_t limit = rix_limit_soft(), told = ri_load_relaxed(&relief.xtold);
  const bool grown = relief_has_grown(told, rix_limit_used(), limit);
  if (begins && !grown && ++tld->relief_calls % RELIEF_CALLS != 0) return;
  const uint64_t now = rix_os_clock_ms();
  if (begins && !grown && now < tld->relief_due) return;
  const size_t goal = limit - limit / 10;
  if (begins) {
    rix_event(RIX_EVENT_RELIEF);
    tld->relief_began = now;
    relief_collect(tld);
    (void)rix_trap_drain();
    rix_arena_purge_pressed();
  }
  tld->relieving = !rix_sparse_relieve(begins, RELIEF_STEPS, goal);
  if (tld->relieving || rix_limit_is_over()) return;
  relief_pause(tld);
  const size_t used = rix_limit_used();
  if (relief_tells(&relief.xtold, used, limit)) rix_hook_run_pressure(2, used, limit, NULL);
}

void rix_relieve(rix_heap_t* heap) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_limit_find_due_group();
  if (rix_limit_is_pressed()) relief_of_all();
  if (ri_load_relaxed(&heap->xpressed) != 0) relief_of_heap(heap);
}

void rix_relieve_hard(size_t size) {
  if (!rix_limit_refuses(size)) return;
  const size_t goal = rix_limit_goal(size);
  if (goal == 0) return;  // it can never have so much
  if (rix_tls.phase == RIX_THREAD_LIVE) relief_collect((rix_tld_t*)rix_tls.self);
  (void)rix_trap_drain();
  rix_arena_relieve();
  if (rix_limit_used() > goal) (void)rix_sparse_relieve(true, SIZE_MAX, goal);
}
