// SPDX-License-Identifier: MIT
// stats.c: fills ri_stats_t and ri_summary_t: what there is now from the pages (collect.h), what
// happened from the events and gauges (base/events.h), peaks of the former as they were seen here.
//
// CONCURRENCY: any thread. The peaks that are kept here are atomics; rix_thread_lock is held while
// the events of all threads are added up.
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "observe/collect.h"
#include "observe/stats.h"
#include "page/remote.h"

_Static_assert(RIX_COLLECT_BINS <= RI_STAT_BINS, "each class has a bin");

enum { STATS_WORDS = sizeof(ri_stats_t) / sizeof(int64_t) + 1 };

static struct {
  ri_atomic(int64_t) xpeak[STATS_WORDS];         // by the place of the count in ri_stats_t
  ri_atomic(uint64_t) xbefore[RIX_EVENT_COUNT];  // events that are not counted: before a reset
  ri_atomic(size_t) xresident;                   // the most that was seen; resets leave it
} stats;

bool rix_stats_header_valid(const ri_stats_t* s) {
  return s != NULL && s->size == sizeof(*s) && s->version == RI_STAT_VERSION;
}

// The bin of a class in ri_stats_t: larger blocks have the last one.
static size_t stats_bin(unsigned i) { return i < RIX_CLASS_COUNT ? i : RI_STAT_BINS - 1; }

static void stats_set(ri_stat_count_t* count, size_t current) {
  count->total = count->peak = count->current = (int64_t)current;
}

static void stats_raise(int64_t* value, int64_t least) {
  if (*value < least) *value = least;
}

void rix_stats_fill_part(ri_stats_t* s, const rix_collected_t* c) {
  const size_t normal = rix_collected_normal_bytes(c);
  for (unsigned i = 0; i < RIX_COLLECT_BINS; i++) {
    stats_set(&s->page_bins[stats_bin(i)], c->pages[i]);
    stats_set(&s->malloc_bins[stats_bin(i)], c->blocks[i]);
  }
  stats_set(&s->pages, rix_collected_pages(c));
  stats_set(&s->page_committed, c->page_bytes);
  stats_set(&s->blocks, rix_collected_blocks(c));
  stats_set(&s->malloc_normal, normal);
  stats_set(&s->malloc_huge, c->large_bytes);
  stats_set(&s->malloc_requested, normal + c->large_bytes);
  stats_set(&s->chunk_bins[RI_CBIN_SMALL], c->small_pages);
  stats_set(&s->chunk_bins[RI_CBIN_MEDIUM], c->medium_pages);
  stats_set(&s->chunk_bins[RI_CBIN_OTHER], c->single_pages);
  stats_set(&s->chunk_bins[RI_CBIN_HUGE], c->mapped_pages);
  const size_t large = c->blocks[RIX_COLLECT_LARGE];
  s->malloc_normal_count.total = (int64_t)(rix_collected_blocks(c) - large);
  s->malloc_huge_count.total = (int64_t)large;
}

// A count of the process: its peak is the largest value that was ever seen here.
static void stats_see(const ri_stats_t* s, ri_stat_count_t* count) {
  const size_t place = (size_t)((uint8_t*)count - (const uint8_t*)s) / sizeof(int64_t);
  int64_t peak = ri_load_relaxed(&stats.xpeak[place]);
  while (count->current > peak &&
         !ri_cas_weak_relaxed(&stats.xpeak[place], &peak, count->current)) {}
  stats_raise(&count->peak, peak);
  stats_raise(&count->peak, count->current);
  stats_raise(&count->total, count->peak);
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

// The kernel's own peak lags behind by some pages, so what was once seen resident counts too.
static void stats_usage(rix_os_usage_t* usage) {
  rix_os_usage(usage);
  size_t peak = ri_load_relaxed(&stats.xresident);
  while (usage->peak_resident > peak &&
         !ri_cas_weak_relaxed(&stats.xresident, &peak, usage->peak_resident)) {}
  usage->peak_resident = rix_max(usage->peak_resident, peak);
}

// What happened on slow paths.
static void stats_fill_events(ri_stats_t* s, const uint64_t* events) {
  s->malloc_guarded_count.total = (int64_t)events[RIX_EVENT_GUARDED];
  s->arena_rollback_count.total = (int64_t)events[RIX_EVENT_ROLLBACK];
  s->arena_purges.total = (int64_t)events[RIX_EVENT_PURGES];
  s->purged.total = (int64_t)events[RIX_EVENT_PURGED_BYTES];
  s->reset.total = (int64_t)events[RIX_EVENT_RESET_BYTES];
  s->pages_extended.total = (int64_t)events[RIX_EVENT_EXTENDED];
  s->pages_retire.total = (int64_t)events[RIX_EVENT_RETIRED];
  s->page_searches.total = (int64_t)events[RIX_EVENT_SEARCHED];
  s->page_searches_count.total = (int64_t)events[RIX_EVENT_SEARCHES];
  s->pages_reclaim_on_alloc.total = (int64_t)events[RIX_EVENT_RECLAIM_ALLOC];
  s->pages_reclaim_on_free.total = (int64_t)events[RIX_EVENT_RECLAIM_FREE];
  s->pages_reabandon_full.total = (int64_t)events[RIX_EVENT_REABANDONED];
  uint64_t created = 0;
  for (unsigned i = 0; i < RIX_COLLECT_BINS; i++) {
    created += events[RIX_EVENT_PAGE + i];
    stats_raise(&s->page_bins[stats_bin(i)].total, (int64_t)events[RIX_EVENT_PAGE + i]);
  }
  stats_raise(&s->pages.total, (int64_t)created);
  stats_raise(&s->malloc_huge_count.total, (int64_t)events[RIX_EVENT_PAGE + RIX_COLLECT_LARGE]);
}

// What belongs to the process as a whole.
static void stats_fill_process(ri_stats_t* s, const uint64_t* events) {
  stats_gauge(&s->reserved, RIX_GAUGE_RESERVED, events);
  stats_gauge(&s->committed, RIX_GAUGE_COMMITTED, events);
  stats_gauge(&s->page_committed, RIX_GAUGE_CLAIMED, events);
  stats_gauge(&s->threads, RIX_GAUGE_THREADS, events);
  const size_t committed = (size_t)s->committed.current;
  const size_t claimed = (size_t)s->page_committed.current;
  stats_set(&s->retained, committed > claimed ? committed - claimed : 0);
  stats_set(&s->metadata, rix_meta_reserved() + rix_pagemap_reserved());
  stats_set(&s->pages_abandoned, rix_page_abandoned_count());
  stats_raise(&s->pages_abandoned.total, (int64_t)events[RIX_EVENT_ABANDONED]);
  stats_gauge(&s->heaps, RIX_GAUGE_HEAPS, events);
  stats_gauge(&s->theaps, RIX_GAUGE_THEAPS, events);
  rix_os_usage_t usage;
  stats_usage(&usage);
  stats_set(&s->resident, usage.resident);
  s->resident.peak = s->resident.total = (int64_t)usage.peak_resident;
  s->arena_count.total = (int64_t)events[RIX_EVENT_GAUGE + RIX_GAUGE_ARENAS];
  s->mmap_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_MAP);
  s->munmap_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_UNMAP);
  s->commit_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_COMMIT);
  s->purge_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_PURGE);
  s->reset_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_RESET);
  s->move_calls.total = (int64_t)rix_os_calls_of(RIX_OS_CALL_MOVE);
}

// The events of all threads since the last reset. To be called after the pages were read: so that
// totals are not smaller than what is there.
static void stats_events(uint64_t events[RIX_EVENT_COUNT]) {
  rix_thread_events(events);
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++) {
    const uint64_t before = ri_load_relaxed(&stats.xbefore[i]);
    events[i] = events[i] > before ? events[i] - before : 0;
  }
}

bool ri_stats_get(ri_stats_t* s) {
  if (!rix_stats_header_valid(s)) return false;
  ri_stats_init(s);
  rix_collected_t c = {0};
  uint64_t events[RIX_EVENT_COUNT];
  rix_collect_process(&c);
  stats_events(events);
  rix_stats_fill_part(s, &c);
  stats_fill_events(s, events);
  stats_fill_process(s, events);
  stats_see_all(s);
  return true;
}

bool ri_thread_stats_get(ri_stats_t* s) {
  if (!rix_stats_header_valid(s)) return false;
  ri_stats_init(s);
  rix_collected_t c = {0};
  uint64_t events[RIX_EVENT_COUNT] = {0};
  rix_collect_thread(&c);
  if (rix_events_mine != NULL) rix_events_sum(rix_events_mine, events);
  rix_stats_fill_part(s, &c);
  stats_fill_events(s, events);
  return true;
}

bool ri_heap_stats_get(ri_heap_t* heap, ri_stats_t* s) {
  if (!rix_stats_header_valid(s)) return false;
  rix_collected_t c = {0};
  rix_collect_heap(&c, heap != NULL ? heap : rix_subproc_current()->main);
  ri_stats_init(s);
  rix_stats_fill_part(s, &c);
  stats_set(&s->heaps, 1);
  return true;
}

bool ri_subproc_stats_get(ri_subproc_id_t subproc, ri_stats_t* s) {
  rix_subproc_t* const of = subproc._ri_subproc_id;
  if (of == NULL || !rix_stats_header_valid(s)) return false;
  rix_collected_t c = {0};
  size_t seq = 0, count = 0;
  rix_heap_t* heap;
  while ((heap = rix_subproc_next_heap(of, &seq)) != NULL) {
    rix_collect_heap(&c, heap);
    count++;
  }
  rix_collected_space_t space = {0};
  uint64_t events[RIX_EVENT_COUNT];
  rix_collect_space(&space, of->id);
  rix_thread_events_of(of, events);
  ri_stats_init(s);
  rix_stats_fill_part(s, &c);
  stats_fill_events(s, events);
  stats_set(&s->heaps, count);
  stats_set(&s->threads, rix_subproc_threads(of));
  // What the main one frees of mappings is kept for it.
  const size_t mapped = c.mapped_bytes + (of == &rix_subproc_main ? rix_mapping_cached() : 0);
  const size_t committed = space.committed + mapped;
  stats_set(&s->reserved, space.reserved + mapped);
  stats_set(&s->committed, committed);
  stats_set(&s->retained, committed - rix_min(committed, c.page_bytes));
  s->arena_count.total = (int64_t)space.arenas;
  return true;
}

bool ri_subproc_stats_get_exclusive(ri_subproc_id_t subproc, ri_stats_t* s) {
  if (subproc._ri_subproc_id == NULL || !rix_stats_header_valid(s)) return false;
  ri_stats_init(s);
  return true;
}

void ri_heap_stats_merge_to_subproc(ri_heap_t* heap) { RIX_UNUSED(heap); }

void ri_stats_reset(void) {
  uint64_t events[RIX_EVENT_COUNT];
  rix_collected_t c = {0};
  rix_collect_process(&c);
  rix_thread_events(events);
  // Of what is still there the total begins with what is there.
  for (unsigned i = 0; i < RIX_COLLECT_BINS; i++)
    events[RIX_EVENT_PAGE + i] -= rix_min((size_t)events[RIX_EVENT_PAGE + i], c.pages[i]);
  for (size_t i = 0; i < RIX_GAUGE_COUNT; i++) {
    const size_t now = rix_gauge_now((rix_gauge_t)i);
    events[RIX_EVENT_GAUGE + i] -= rix_min((size_t)events[RIX_EVENT_GAUGE + i], now);
    ri_store_relaxed(&rix_gauges[i].xpeak, now);
  }
  events[RIX_EVENT_ABANDONED] -=
      rix_min((size_t)events[RIX_EVENT_ABANDONED], rix_page_abandoned_count());
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    ri_store_relaxed(&stats.xbefore[i], events[i]);
  for (size_t i = 0; i < STATS_WORDS; i++)
    ri_store_relaxed(&stats.xpeak[i], 0);
}

void ri_stats_merge(void) {}

size_t ri_stats_get_bin_size(size_t bin) {
  return bin < RIX_CLASS_COUNT ? rix_class_block_size((unsigned)bin) : 0;
}

// ---- The summary and the process ----------------------------------------------------------------

void ri_summary(ri_summary_t* summary) {
  rix_collected_t c = {0};
  rix_collect_process(&c);
  ri_summary_t s = {0};
  s.pages = rix_collected_pages(&c);
  s.blocks = rix_collected_blocks(&c);
  s.in_use = rix_collected_normal_bytes(&c) + c.large_bytes;
  s.arenas = rix_arena_count();
  s.mappings = rix_mapping_count();
  s.cached = rix_mapping_cached();
  s.committed = rix_gauge_now(RIX_GAUGE_COMMITTED);
  s.reserved = rix_gauge_now(RIX_GAUGE_RESERVED);
  s.abandoned = rix_page_abandoned_count();
  s.threads = rix_thread_count();
  s.metadata = rix_meta_reserved() + rix_pagemap_reserved();
  s.os_calls = rix_os_calls();
  s.purged = rix_purged_bytes();
  *summary = s;
}

static void stats_give(size_t* to, size_t value) {
  if (to != NULL) *to = value;
}

void ri_process_info(size_t* elapsed_ms, size_t* user_ms, size_t* system_ms, size_t* current_rss,
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
