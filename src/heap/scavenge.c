// SPDX-License-Identifier: MIT
// scavenge.c: who returns what is due when no thread allocates or frees: a task of our own (os.h),
// which begins when there is enough (arena/pace.h) and ends when nothing is due any more.
//
//   release of a page --> rix_due_watch --> rix_due_purge --> scavenge_start --> scavenge_run
//                         is it enough?     no locks here     may it be?         the task
//
// It does what threads of the program do as they go: slices and mappings that are due, pages
// without owner. It looks a little after something is due, so that a program that works does the
// work as ever, at the same time and with the same calls; and one that outlives LIFE_MS ends when
// it was of no use for so long. For the allocator it is a thread in phase DEAD: it owns nothing,
// and what it frees is freed as by a thread that has no heap. It must not call what may belong to
// the program or to a library: hooks, commit functions, messages.
//
// PROCESSOR TIME: a credit, filled up at the rate of the option purge_cpu to at most 100 ms. Work
// is done in parts; when the credit is used up, the task sleeps until there is some again.
//
// CONCURRENCY: os/task.h orders what one task leaves to the next (`credit`). The rest is atomic and
// relaxed: times, and what is shown.
#include "heap/scavenge.h"

#include "arena/arena.h"
#include "arena/due.h"
#include "arena/mapping.h"
#include "arena/pace.h"
#include "base/events.h"
#include "heap/sparse.h"
#include "heap/theap.h"
#include "options/options.h"
#include "os/task.h"
#include "page/abandon.h"

enum {
  SCAVENGE_SLACK = 64,         // ms after something is due
  SCAVENGE_LIFE = 10000,       // ms without use
  SCAVENGE_PART = 8 << 20,     // bytes returned at a time
  SCAVENGE_STEPS = 16 * 1024,  // steps along lists at a time
  SCAVENGE_LOST = 2000,        // ms after which a task that should end may be no more
  SCAVENGE_STUCK = 100,        // ms, that often, after which it does not end because it cannot
  SCAVENGE_STUCK_TIMES = 10,
  SCAVENGE_USE = 1 << 20,        // bytes that were worth it
  SCAVENGE_CREDIT_MAX = 100000,  // us
  SCAVENGE_CREDIT_MIN = 5000,    // us that are worth waking for
  SCAVENGE_PASSES = 3,           // passes over pages that may find nothing
  SCAVENGE_PASS = 100,           // ms of one at least
  SCAVENGE_USELESS = 5,          // how often SCAVENGE_REFUSED doubles
  // How long nobody asks for a task again, in ms:
  SCAVENGE_LOCKED = 10,       // it was asked for where it cannot be started
  SCAVENGE_FORKED = 1000,     // the program forks, and may not like threads just then
  SCAVENGE_FORBIDDEN = 1000,  // by an option, which may change
  SCAVENGE_REFUSED = 10000    // the OS has no task, or the last one was of no use
};

static struct {
  ri_atomic_u32_t xstate;      // os/task.h
  ri_atomic_u32_t xforbidden;  // reasons, each of which holds
  rix_flag_t xtrusted;
  rix_flag_t xfiltered;          // it began behind a filter: as long as it lives
  rix_flag_t xrefused;           // the OS has no such tasks
  ri_atomic(uint32_t) xuseless;  // tasks in a row that were not to be had, or found nothing
  rix_counter_t xruns, xus, xreturned;
} scavenge = {.xstate = {RIX_TASK_HOLD}, .xforbidden = {RIX_SCAVENGE_EARLY}};

static struct {
  int64_t us;
  uint64_t at;  // when it was filled up, in ms; 0: never
} credit;       // the task's, H1 and H2

rix_scavenge_stats_t rix_scavenge_stats(void) {
  return (rix_scavenge_stats_t){rix_counter_get(&scavenge.xruns), rix_counter_get(&scavenge.xus),
                                rix_counter_get(&scavenge.xreturned)};
}

static void scavenge_ask_in(uint64_t ms) {
  if (ri_load_relaxed(&scavenge.xrefused) != 0) return;
  ri_store_relaxed(&rix_pace_xask_from, rix_os_clock_ms() + ms);
}

// The OS has no task to spare, or the last one was of no use: each time in a row twice as long.
static void scavenge_ask_later(void) {
  const uint32_t before = ri_load_relaxed(&scavenge.xuseless);
  scavenge_ask_in((uint64_t)SCAVENGE_REFUSED << before);
  if (before < SCAVENGE_USELESS) ri_store_relaxed(&scavenge.xuseless, before + 1);
}

// ---- The task -----------------------------------------------------------------------------------

typedef struct scavenge_life_s {
  uint64_t used_at;    // when it was last of use, in ms
  uint64_t pages_due;  // when the pass over pages goes on, in ms
  size_t pages_bytes;  // that this pass returned
  unsigned passes;     // that may still find nothing
  size_t returned;     // bytes, by this task
} scavenge_life_t;

static uint64_t scavenge_least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void scavenge_fill_credit(uint64_t now) {
  const int64_t rate = rix_option(ri_option_purge_cpu);  // in a thousand, and so us for each ms
  const int64_t more = (int64_t)scavenge_least(now - credit.at, SCAVENGE_CREDIT_MAX) * rate;
  credit.us = credit.us + more < SCAVENGE_CREDIT_MAX ? credit.us + more : SCAVENGE_CREDIT_MAX;
  credit.at = now;
}

// For work that began when the task had used so much processor time.
static void scavenge_pay(uint64_t from) {
  const uint64_t took = rix_os_task_us() - from;
  credit.us -= (int64_t)took;
  rix_counter_add(&scavenge.xus, (size_t)took);
}

static bool scavenge_goes_on(void) { return credit.us > 0 && !rix_task_is_asked(&scavenge.xstate); }

// One part of the work, and what it took.
static bool scavenge_part(scavenge_life_t* life) {
  const uint64_t from = rix_os_task_us();
  const size_t purged = rix_purged_bytes(), cached = rix_mapping_cached();
  const bool more = rix_arena_purge_part(SCAVENGE_PART, RIX_PURGE_TASK);
  // What others return meanwhile counts too; it is not worth a counter for each thread.
  const size_t unmapped = cached - rix_min(cached, rix_mapping_cached());
  life->returned += rix_purged_bytes() - purged + unmapped;
  scavenge_pay(from);
  return more;
}

// What is in pages: those without owner, and what others freed into those of owners that sleep. A
// part of a pass; whether there is more of it.
static bool scavenge_pages(scavenge_life_t* life, uint64_t now) {
  if (life->passes == 0 || now < life->pages_due) return false;
  const uint64_t from = rix_os_task_us();
  const size_t purged = rix_purged_bytes();
  const bool over = !rix_sparse_punch_some(SCAVENGE_STEPS);
  const size_t bytes = rix_purged_bytes() - purged;
  life->pages_bytes += bytes;
  life->returned += bytes;
  if (over) {
    life->passes = life->pages_bytes >= SCAVENGE_USE ? SCAVENGE_PASSES : life->passes - 1;
    life->pages_bytes = 0;
    life->pages_due = now + rix_max((size_t)rix_option(ri_option_purge_delay), SCAVENGE_PASS);
  }
  scavenge_pay(from);
  return !over;
}

static void scavenge_work(scavenge_life_t* life) {
  const size_t before = life->returned;
  const uint64_t now = rix_os_clock_ms();
  scavenge_fill_credit(now);
  while (scavenge_goes_on() && scavenge_part(life)) {}
  while (scavenge_goes_on() && scavenge_pages(life, now)) {}
  rix_counter_add(&scavenge.xreturned, life->returned - before);
  if (life->returned - before >= SCAVENGE_USE) life->used_at = now;
}

// How long to sleep, in ms; 0: there is nothing to wait for.
static uint64_t scavenge_sleep(const scavenge_life_t* life) {
  const uint64_t now = rix_os_clock_ms();
  const int64_t delay = rix_due_delay();  // what has only just become unused waits for up to two
  if (now - life->used_at >= SCAVENGE_LIFE + 2 * (uint64_t)(delay > 0 ? delay : 0)) return 0;
  uint64_t next = rix_due_next();
  if (life->passes > 0 && (next == 0 || life->pages_due < next)) next = life->pages_due;
  if (next == 0) return 0;
  const uint64_t sleep = (next > now ? next - now : 0) + SCAVENGE_SLACK;
  const int64_t lacks = SCAVENGE_CREDIT_MIN - credit.us;
  const uint64_t poor = lacks > 0 ? (uint64_t)(lacks / rix_option(ri_option_purge_cpu)) + 1 : 0;
  return scavenge_least(sleep > poor ? sleep : poor, SCAVENGE_LIFE);
}

static void scavenge_run(void) {
  rix_tls = (ri_tls_t)RIX_TLS_OF_NOBODY(RIX_THREAD_DEAD);
  const uint64_t now = rix_os_clock_ms();
  scavenge_life_t life = {.used_at = now, .passes = SCAVENGE_PASSES};
  life.pages_due = now;
  rix_pace_forget_hints();
  for (uint64_t ms; (ms = scavenge_sleep(&life)) != 0;) {
    rix_os_wait_on(&scavenge.xstate, RIX_TASK_THERE, ms);
    if (rix_task_is_asked(&scavenge.xstate)) break;
    scavenge_work(&life);
  }
  if (life.returned >= SCAVENGE_USE) ri_store_relaxed(&scavenge.xuseless, 0);
  if (life.returned >= SCAVENGE_USE || rix_task_is_asked(&scavenge.xstate)) {
    scavenge_ask_in(0);
  } else {
    scavenge_ask_later();
  }
  rix_task_end(&scavenge.xstate, rix_os_wake_all);
}

// ---- Its beginning ------------------------------------------------------------------------------

// Whether filters that the program began with (a container's, a service manager's) are known to let
// threads begin: it has had several.
static bool scavenge_had_threads(void) {
  return ri_load_relaxed(&rix_gauges[RIX_GAUGE_THREADS].xpeak) > 1;
}

// Whether the program lets a task begin, and the system can have one.
static bool scavenge_may_begin(bool* filtered) {
  const long level = rix_option(ri_option_scavenger);
  if (level == 0 || rix_option_os_forbidden() || rix_option(ri_option_purge_delay) < 0)
    return false;
  if (level == 1 && ri_load_relaxed(&scavenge.xtrusted) == 0) return false;
  if (!rix_os_task_can() || (level == 1 && rix_os_is_init())) return false;
  *filtered = ri_load_relaxed(&scavenge.xfiltered) != 0 || rix_os_is_filtered();
  if (*filtered) ri_store_relaxed(&scavenge.xfiltered, 1);
  return level > 1 || !*filtered || scavenge_had_threads();
}

static void scavenge_start(void) {
  if (rix_lock_held()) {
    scavenge_ask_in(SCAVENGE_LOCKED);
    return;
  }
  bool filtered = true;
  if (ri_load_relaxed(&scavenge.xstate) != 0 || !scavenge_may_begin(&filtered)) {
    scavenge_ask_in(SCAVENGE_FORBIDDEN);
    return;
  }
  if (!rix_task_begin(&scavenge.xstate)) return;
  ri_store_relaxed(&rix_pace_xask_from, UINT64_MAX);  // it will ask for its successor
  if (credit.at == 0) credit.us = SCAVENGE_CREDIT_MAX;
  const void* const locals[] = {&rix_tls, &rix_events_mine, NULL};
  const rix_os_begun_t begun = rix_os_task_start(scavenge_run, locals, filtered);
  if (begun == RIX_OS_BEGUN) {
    rix_counter_add(&scavenge.xruns, 1);
    return;
  }
  if (begun == RIX_OS_NEVER) ri_store_relaxed(&scavenge.xrefused, 1);
  scavenge_ask_later();
  rix_task_end(&scavenge.xstate, rix_os_wake_all);
}

void rix_scavenge_thread_ended(void) {
  if (rix_os_clock_ms() < ri_load_relaxed(&rix_pace_xask_from)) return;
  const size_t left = rix_page_abandoned_count() * RIX_SLICE_SIZE;
  if (left >= rix_option_bytes(ri_option_scavenger_min, 10) || rix_pace_is_enough()) {
    scavenge_start();
  }
}

// ---- Its end ------------------------------------------------------------------------------------

// As rix_task_hold wants it: the wait may end for no reason. In a child that was made without its C
// library's fork there is no task, and nobody said so: then nothing happens for all the time. A
// child of vfork has another process number too, but shares the memory, and the task ends there as
// it should: so the number alone says nothing.
static bool scavenge_wait(ri_atomic_u32_t* word, uint32_t value) {
  const uint64_t from = rix_os_clock_ms();
  rix_os_wait_on(word, value, SCAVENGE_LOST);
  if ((ri_load_relaxed(word) & RIX_TASK_THERE) == 0) return true;
  const bool late = rix_os_clock_ms() - from >= SCAVENGE_LOST / 2;
  if (late && rix_os_task_is_lost()) rix_task_end(word, rix_os_wake_all);
  return true;
}

static bool scavenge_wait_once(ri_atomic_u32_t* word, uint32_t value) {
  static ri_atomic(uint32_t) xtimes;
  rix_os_wait_on(word, value, SCAVENGE_STUCK);
  return ri_fetch_add_relaxed(&xtimes, 1) < SCAVENGE_STUCK_TIMES;
}

void rix_scavenge_hold(void) { rix_task_hold(&scavenge.xstate, scavenge_wait, rix_os_wake_all); }

void rix_scavenge_release(void) { rix_task_release(&scavenge.xstate); }

void rix_scavenge_dismiss(void) {
  rix_scavenge_hold();
  rix_os_task_wait();
}

void rix_scavenge_forbid(rix_scavenge_reason_t reason) {
  rix_scavenge_dismiss();
  const uint32_t before = ri_fetch_or_relaxed(&scavenge.xforbidden, (uint32_t)reason);
  if ((before & (uint32_t)reason) != 0) rix_scavenge_release();
}

void rix_scavenge_allow(rix_scavenge_reason_t reason) {
  const uint32_t before = ri_fetch_and_relaxed(&scavenge.xforbidden, ~(uint32_t)reason);
  if ((before & (uint32_t)reason) != 0) rix_scavenge_release();
  ri_store_relaxed(&scavenge.xrefused, 0);  // the system is asked again
  scavenge_ask_in(0);
}

void rix_scavenge_trust(void) { ri_store_relaxed(&scavenge.xtrusted, 1); }

bool rix_scavenge_is_trusted(void) { return ri_load_relaxed(&scavenge.xtrusted) != 0; }

void rix_scavenge_load(void) {
  rix_pace_call(scavenge_start);
  rix_scavenge_allow(RIX_SCAVENGE_EARLY);
}

void rix_scavenge_unload(void) {
  rix_task_hold(&scavenge.xstate, scavenge_wait_once, rix_os_wake_all);
  if ((ri_load_relaxed(&scavenge.xstate) & RIX_TASK_THERE) == 0) rix_os_task_wait();
}

void rix_scavenge_after_fork(bool in_child) {
  if (in_child) rix_os_task_forget();
  scavenge_ask_in(SCAVENGE_FORKED);
  rix_scavenge_release();
}
