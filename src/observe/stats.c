// SPDX-License-Identifier: MIT
// stats.c: fills ri_stats_t and ri_summary_t: what there is now from the pages (count.h), what
// happened from the events and gauges (base/events.h), peaks of the former as they were seen here.
//
// CONCURRENCY: any thread. The peaks that are kept here are atomics; rix_thread_lock is held while
// the events of all threads are added up.
#include "arena/due.h"
#include "arena/limit.h"
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pace.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/scavenge.h"
#include "heap/subproc.h"
#include "heap/thread.h"
#include "heap/tld.h"
#include "observe/count.h"
#include "observe/stats.h"
#include "options/options.h"
#include "page/abandon.h"
#include "page/mapped.h"
#include "page/remote.h"
#include "page/trap.h"

_Static_assert(RIX_COUNT_BINS <= RI_STAT_BINS, "each class has a bin");

enum { STATS_WORDS = sizeof(ri_stats_t) / sizeof(int64_t) + 1 };

static struct {
  ri_atomic(int64_t) xpeak[STATS_WORDS];          // by the place of the count in ri_stats_t
  ri_atomic(uint64_t) xbefore[RIX_EVENT_COUNT];   // events that are not counted: before a reset
  ri_atomic(uint64_t) xhighest[RIX_EVENT_COUNT];  // and the maximum of the others that was reported
  ri_atomic(size_t) xresident;                    // the maximum seen; resets leave it
} stats;

bool rix_stats_header_valid(const ri_stats_t* s) {
  return s != NULL && s->size == sizeof(*s) && s->version == RI_STAT_VERSION;
}

// The bin of a class in ri_stats_t: the last one is for larger blocks.
static size_t stats_bin(unsigned i) { return i < RIX_CLASS_COUNT ? i : RI_STAT_BINS - 1; }

static void stats_set(ri_stat_count_t* count, size_t current) {
  count->total = count->peak = count->current = (int64_t)current;
}

static void stats_raise(int64_t* value, int64_t least) {
  if (*value < least) *value = least;
}

void rix_stats_fill_part(ri_stats_t* s, const rix_count_t* c) {
  const size_t normal = rix_count_normal_bytes(c);
  for (unsigned i = 0; i < RIX_COUNT_BINS; i++) {
    stats_set(&s->page_bins[stats_bin(i)], c->pages[i]);
    stats_set(&s->malloc_bins[stats_bin(i)], c->blocks[i]);
  }
  stats_set(&s->pages, rix_count_pages(c));
  stats_set(&s->page_committed, c->page_bytes);
  stats_set(&s->holes, c->holes);
  stats_set(&s->excess, c->excess);
  stats_set(&s->blocks, rix_count_blocks(c));
  stats_set(&s->malloc_normal, normal);
  stats_set(&s->malloc_huge, c->large_bytes);
  stats_set(&s->malloc_requested, normal + c->large_bytes);
  stats_set(&s->chunk_bins[RI_CBIN_SMALL], c->small_pages);
  stats_set(&s->chunk_bins[RI_CBIN_MEDIUM], c->medium_pages);
  stats_set(&s->chunk_bins[RI_CBIN_OTHER], c->single_pages);
  stats_set(&s->chunk_bins[RI_CBIN_HUGE], c->mapped_pages);
  const size_t large = c->blocks[RIX_COUNT_LARGE];
  s->malloc_normal_count.total = (int64_t)(rix_count_blocks(c) - large);
  s->malloc_huge_count.total = (int64_t)large;
}

// A count of the process: its peak is the largest value that was ever seen here.
static void stats_see(const ri_stats_t* s, ri_stat_count_t* count) {
  const size_t place = (size_t)((uint8_t*)count - (const uint8_t*)s) / sizeof(int64_t);
  ri_raise_relaxed(&stats.xpeak[place], count->current);
  stats_raise(&count->peak, ri_load_relaxed(&stats.xpeak[place]));
  stats_raise(&count->peak, count->current);
  stats_raise(&count->total, count->peak);
}

// What was noted when pages were looked at.
static void stats_level(ri_stat_count_t* count, const rix_level_t* level) {
  stats_raise(&count->peak, (int64_t)ri_load_relaxed(&level->xpeak));
  stats_raise(&count->peak, count->current);
  stats_raise(&count->total, count->peak);
}

static void stats_levels(ri_stats_t* s) {
  const rix_levels_t* const l = &rix_levels;
  for (unsigned i = 0; i < RIX_COUNT_BINS; i++) {
    const rix_level_t* const blocks = i < RIX_CLASS_COUNT ? &l->blocks[i] : &l->pages[i];
    stats_level(&s->malloc_bins[stats_bin(i)], blocks);
    stats_level(&s->page_bins[stats_bin(i)], &l->pages[i]);
  }
  stats_level(&s->pages, &l->all_pages);
  stats_level(&s->blocks, &l->all_blocks);
  stats_level(&s->malloc_normal, &l->normal);
  stats_level(&s->malloc_huge, &l->large);
  stats_level(&s->malloc_requested, &l->in_use);
}

static void stats_see_all(ri_stats_t* s) {
#define RI_STAT_COUNT(name, text) stats_see(s, &s->name);
#define RI_STAT_COUNTER(name, text)
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    stats_see(s, &s->malloc_bins[i]);
    stats_see(s, &s->page_bins[i]);
  }
  for (size_t i = 0; i < RI_CBIN_COUNT; i++)
    stats_see(s, &s->chunk_bins[i]);
}

static void stats_gauge(ri_stat_count_t* count, rix_gauge_t gauge, const uint64_t* events) {
  stats_set(count, rix_gauge_now(gauge));
  stats_raise(&count->peak, (int64_t)ri_load_relaxed(&rix_gauges[gauge].xpeak));
  stats_raise(&count->total, (int64_t)events[RIX_EVENT_GAUGE + (size_t)gauge]);
}

// The kernel's own peak lags by some pages, so what was once seen resident counts too.
static void stats_usage(rix_os_usage_t* usage) {
  rix_os_usage(usage);
  ri_raise_relaxed(&stats.xresident, usage->peak_resident);
  usage->peak_resident = ri_load_relaxed(&stats.xresident);
}

// What was handed out so far.
static void stats_fill_blocks(ri_stats_t* s, const uint64_t* events) {
  uint64_t count = 0, bytes = 0;
  for (unsigned i = 0; i < RIX_CLASS_COUNT; i++) {
    ri_stat_count_t* const bin = &s->malloc_bins[stats_bin(i)];
    stats_raise(&bin->total, (int64_t)events[RIX_EVENT_BLOCK + i]);
    count += (uint64_t)bin->total;
    bytes += (uint64_t)bin->total * rix_class_block_size(i);
  }
  ri_stat_count_t* const large = &s->malloc_bins[stats_bin(RIX_COUNT_LARGE)];
  stats_raise(&large->total, (int64_t)events[RIX_EVENT_PAGE + RIX_COUNT_LARGE]);
  stats_raise(&s->malloc_huge.total, (int64_t)events[RIX_EVENT_LARGE_BYTES]);
  s->malloc_normal_count.total = (int64_t)count;
  stats_raise(&s->malloc_normal.total, (int64_t)bytes);
  stats_raise(&s->blocks.total, (int64_t)count + large->total);
  stats_raise(&s->malloc_requested.total, s->malloc_normal.total + s->malloc_huge.total);
}

// What happened on slow paths.
static void stats_fill_events(ri_stats_t* s, const uint64_t* events) {
  s->malloc_guarded_count.total = (int64_t)events[RIX_EVENT_GUARDED];
  s->arena_rollback_count.total = (int64_t)events[RIX_EVENT_ROLLBACK];
  s->arena_purges.total = (int64_t)events[RIX_EVENT_PURGES];
  s->purged.total = (int64_t)events[RIX_EVENT_PURGED_BYTES];
  s->reset.total = (int64_t)events[RIX_EVENT_RESET_BYTES];
  s->limit_hits.total = (int64_t)events[RIX_EVENT_LIMIT_HIT];
  s->limit_reliefs.total = (int64_t)events[RIX_EVENT_RELIEF];
  s->pages_extended.total = (int64_t)events[RIX_EVENT_EXTENDED];
  s->pages_retire.total = (int64_t)events[RIX_EVENT_KEPT];
  s->page_searches.total = (int64_t)events[RIX_EVENT_SEARCHED];
  s->page_searches_count.total = (int64_t)events[RIX_EVENT_SEARCHES];
  s->pages_reclaim_on_alloc.total = (int64_t)events[RIX_EVENT_RECLAIM_ALLOC];
  s->pages_reclaim_on_free.total = (int64_t)events[RIX_EVENT_RECLAIM_FREE];
  s->pages_reabandon_full.total = (int64_t)events[RIX_EVENT_REABANDONED];
  uint64_t created = 0;
  for (unsigned i = 0; i < RIX_COUNT_BINS; i++) {
    created += events[RIX_EVENT_PAGE + i];
    stats_raise(&s->page_bins[stats_bin(i)].total, (int64_t)events[RIX_EVENT_PAGE + i]);
  }
  stats_raise(&s->pages.total, (int64_t)created);
  stats_fill_blocks(s, events);
  stats_raise(&s->malloc_huge_count.total, (int64_t)events[RIX_EVENT_PAGE + RIX_COUNT_LARGE]);
}

// Bytes that may be resident and are in no page.
static size_t stats_retained(void) {
  const size_t committed = rix_gauge_now(RIX_GAUGE_COMMITTED) + rix_gauge_now(RIX_GAUGE_HOLES);
  const size_t claimed = rix_gauge_now(RIX_GAUGE_CLAIMED);
  return committed - rix_min(committed, claimed);
}

static void stats_fill_limits(ri_stats_t* s) {
  rix_limit_look();
  const size_t soft = rix_limit_soft();
  const rix_limit_group_t group = rix_limit_group();
  stats_set(&s->limit_used, rix_limit_used());
  stats_set(&s->limit_hard, rix_option_bytes(ri_option_limit_hard, 10));
  stats_set(&s->limit_soft, soft == SIZE_MAX ? 0 : soft);
  stats_set(&s->limit_level, rix_limit_level());
  stats_set(&s->group_limit, group.limit == SIZE_MAX ? 0 : group.limit);
  stats_set(&s->group_usage, group.limit == SIZE_MAX ? 0 : group.usage);
}

// What the library has for itself. (The profiler's tables are asked for, and say so themselves.)
static size_t stats_metadata(void) {
  return rix_meta_reserved() + rix_pagemap_reserved() + rix_os_task_bytes() +
         rix_trap_counts().table;
}

// What belongs to the process as a whole.
static void stats_fill_process(ri_stats_t* s, const uint64_t* events) {
  stats_gauge(&s->reserved, RIX_GAUGE_RESERVED, events);
  stats_gauge(&s->committed, RIX_GAUGE_COMMITTED, events);
  stats_gauge(&s->page_committed, RIX_GAUGE_CLAIMED, events);
  stats_gauge(&s->threads, RIX_GAUGE_THREADS, events);
  stats_gauge(&s->holes, RIX_GAUGE_HOLES, events);
  stats_gauge(&s->excess, RIX_GAUGE_EXCESS, events);
  stats_set(&s->retained, stats_retained());
  stats_set(&s->metadata, stats_metadata());
  stats_set(&s->pages_abandoned, rix_page_abandoned_count());
  stats_raise(&s->pages_abandoned.total, (int64_t)events[RIX_EVENT_ABANDONED]);
  stats_gauge(&s->heaps, RIX_GAUGE_HEAPS, events);
  stats_gauge(&s->theaps, RIX_GAUGE_THEAPS, events);
  stats_fill_limits(s);
  rix_os_usage_t usage;
  stats_usage(&usage);
  stats_set(&s->resident, usage.resident);
  s->resident.peak = s->resident.total = (int64_t)usage.peak_resident;
  s->arena_count.total = (int64_t)events[RIX_EVENT_GAUGE + RIX_GAUGE_ARENAS];
  const rix_scavenge_stats_t scavenger = rix_scavenge_stats();
  s->scavenger_runs.total = (int64_t)scavenger.runs;
  s->scavenger_us.total = (int64_t)scavenger.us;
  s->scavenger_returned.total = (int64_t)scavenger.returned;
  s->refaulted.total = (int64_t)rix_pace_refaulted();
  const int64_t wait = rix_due_delay();
  stats_set(&s->purge_wait, wait > 0 ? (size_t)wait : 0);
  s->mmap_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_MAP);
  s->munmap_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_UNMAP);
  s->commit_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_COMMIT);
  s->purge_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_PURGE);
  s->reset_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_RESET);
  s->move_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_MOVE);
}

// Blocks that were handed out since their pages were looked at.
static void stats_add_unseen(uint64_t events[RIX_EVENT_COUNT], const rix_count_t* c) {
  for (unsigned i = 0; i < RIX_CLASS_COUNT; i++)
    events[RIX_EVENT_BLOCK + i] += c->unseen[i];
}

// The events of all threads since the last reset. To be called after the pages were read: so that
// totals are not smaller than what is there.
static void stats_events(uint64_t events[RIX_EVENT_COUNT], const rix_count_t* c) {
  rix_tld_events(events);
  stats_add_unseen(events, c);
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++) {
    const uint64_t before = ri_load_relaxed(&stats.xbefore[i]);
    events[i] = events[i] > before ? events[i] - before : 0;
    // What is not seen yet may be freed before it is, and what other threads see meanwhile may have
    // been counted twice: a second reading must not be lower.
    ri_raise_relaxed(&stats.xhighest[i], events[i]);
    const uint64_t highest = ri_load_relaxed(&stats.xhighest[i]);
    events[i] = events[i] > highest ? events[i] : highest;  // a reset may have come in between
  }
}

bool rix_stats_get(ri_stats_t* s) {
  if (!rix_stats_header_valid(s)) return false;
  ri_stats_init(s);
  rix_count_t c = {0};
  uint64_t events[RIX_EVENT_COUNT];
  rix_count_process(&c);
  stats_events(events, &c);
  rix_stats_fill_part(s, &c);
  stats_fill_events(s, events);
  stats_fill_process(s, events);
  stats_levels(s);
  stats_see_all(s);
  stats_fill_blocks(s, events);  // again: a peak that was seen is part of what was handed out
  return true;
}

bool rix_stats_get_thread(ri_stats_t* s) {
  if (!rix_stats_header_valid(s)) return false;
  ri_stats_init(s);
  rix_count_t c = {0};
  uint64_t events[RIX_EVENT_COUNT] = {0};
  rix_count_thread(&c);
  if (rix_events_mine != NULL) rix_events_sum(rix_events_mine, events);
  stats_add_unseen(events, &c);
  rix_stats_fill_part(s, &c);
  stats_fill_events(s, events);
  return true;
}

bool rix_stats_get_heap(ri_heap_t* heap, ri_stats_t* s) {
  if (!rix_stats_header_valid(s)) return false;
  rix_count_t c = {0};
  rix_count_heap(&c, heap != NULL ? heap : rix_subproc_current()->main);
  ri_stats_init(s);
  rix_stats_fill_part(s, &c);
  stats_set(&s->heaps, 1);
  return true;
}

bool rix_stats_get_subproc(ri_subproc_id_t subproc, ri_stats_t* s) {
  rix_subproc_t* const of = subproc._ri_subproc_id;
  if (of == NULL || !rix_stats_header_valid(s)) return false;
  rix_count_t c = {0};
  const size_t count = rix_count_subproc(&c, of);
  rix_count_space_t space = {0};
  uint64_t events[RIX_EVENT_COUNT];
  rix_count_space(&space, of->id);
  rix_tld_events_of(of, events);
  stats_add_unseen(events, &c);
  ri_stats_init(s);
  rix_stats_fill_part(s, &c);
  stats_fill_events(s, events);
  stats_set(&s->heaps, count);
  stats_set(&s->threads, rix_subproc_threads(of));
  // Freed mappings are kept for the main one.
  const size_t mapped = c.mapped_bytes + (of == &rix_subproc_main ? rix_mapping_cached() : 0);
  const size_t committed = space.committed + mapped;
  stats_set(&s->reserved, space.reserved + mapped);
  stats_set(&s->committed, committed - rix_min(committed, c.holes));
  stats_set(&s->retained, committed - rix_min(committed, c.page_bytes));
  s->arena_count.total = (int64_t)space.arenas;
  return true;
}

static void stats_begin_event(size_t i, uint64_t before) {
  ri_store_relaxed(&stats.xbefore[i], before);
  ri_store_relaxed(&stats.xhighest[i], 0);
}

void rix_stats_reset(void) {
  uint64_t events[RIX_EVENT_COUNT];
  rix_count_t c = {0};
  rix_count_process(&c);
  rix_tld_events(events);
  stats_add_unseen(events, &c);
  // For what still exists, the total restarts at the present value.
  for (unsigned i = 0; i < RIX_COUNT_BINS; i++)
    events[RIX_EVENT_PAGE + i] -= rix_min((size_t)events[RIX_EVENT_PAGE + i], c.pages[i]);
  for (unsigned i = 0; i < RIX_CLASS_COUNT; i++)
    events[RIX_EVENT_BLOCK + i] -= rix_min((size_t)events[RIX_EVENT_BLOCK + i], c.blocks[i]);
  events[RIX_EVENT_LARGE_BYTES] -= rix_min((size_t)events[RIX_EVENT_LARGE_BYTES], c.large_bytes);
  for (size_t i = 0; i < RIX_GAUGE_COUNT; i++) {
    const size_t now = rix_gauge_now((rix_gauge_t)i);
    events[RIX_EVENT_GAUGE + i] -= rix_min((size_t)events[RIX_EVENT_GAUGE + i], now);
    ri_store_relaxed(&rix_gauges[i].xpeak, now);
  }
  events[RIX_EVENT_ABANDONED] -=
      rix_min((size_t)events[RIX_EVENT_ABANDONED], rix_page_abandoned_count());
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    stats_begin_event(i, events[i]);
  for (size_t i = 0; i < STATS_WORDS; i++)
    ri_store_relaxed(&stats.xpeak[i], 0);
  rix_levels_reset();
}

size_t rix_stats_bin_size(size_t bin) {
  return bin < RIX_CLASS_COUNT ? rix_class_block_size((unsigned)bin) : 0;
}

// ---- The summary and the process ----------------------------------------------------------------

void rix_stats_summary(ri_summary_t* summary) {
  rix_count_t c = {0};
  rix_count_process(&c);
  ri_summary_t s = {0};
  s.pages = rix_count_pages(&c);
  s.blocks = rix_count_blocks(&c);
  s.in_use = rix_count_normal_bytes(&c) + c.large_bytes;
  s.arenas = rix_arena_count();
  s.mappings = rix_mapping_count();
  s.cached = rix_mapping_cached();
  s.committed = rix_gauge_now(RIX_GAUGE_COMMITTED);
  s.reserved = rix_gauge_now(RIX_GAUGE_RESERVED);
  s.abandoned = rix_page_abandoned_count();
  s.threads = rix_thread_count();
  s.metadata = stats_metadata();
  s.os_calls = rix_os_calls();
  s.purged = rix_purged_bytes();
  *summary = s;
}

rix_introspect_t rix_introspect(void) {
  rix_count_t c = {0};
  rix_count_process(&c);
  return (rix_introspect_t){
      .free_blocks = c.free_blocks,
      .mapped = rix_mapping_reserved(),
      .mapped_blocks = rix_mapped_bytes(),
      .retained = stats_retained(),
  };
}

static void stats_give(size_t* to, size_t value) {
  if (to != NULL) *to = value;
}

void rix_stats_process(size_t* elapsed_ms, size_t* user_ms, size_t* system_ms, size_t* current_rss,
                       size_t* peak_rss, size_t* current_commit, size_t* peak_commit,
                       size_t* page_faults) {
  rix_os_usage_t usage;
  stats_usage(&usage);
  const uint64_t started = rix_process_started_ms();
  stats_give(elapsed_ms, started != 0 ? (size_t)(rix_os_clock_ms() - started) : 0);
  stats_give(user_ms, (size_t)usage.user_ms);
  stats_give(system_ms, (size_t)usage.system_ms);
  stats_give(current_rss, usage.resident);
  stats_give(peak_rss, usage.peak_resident);
  stats_give(current_commit, rix_gauge_now(RIX_GAUGE_COMMITTED));
  stats_give(peak_commit, ri_load_relaxed(&rix_gauges[RIX_GAUGE_COMMITTED].xpeak));
  stats_give(page_faults, usage.major_faults);
}
