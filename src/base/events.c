// SPDX-License-Identifier: MIT
// events.c: the counters of threads that have none of their own, and sums.
#include "base/events.h"

__thread rix_events_t* rix_events_mine;
rix_events_t rix_events_shared;
rix_gauge_value_t rix_gauges[RIX_GAUGE_COUNT] = {[RIX_GAUGE_HEAPS] = {{1}, {1}}};

void rix_events_sum(rix_events_t* from, uint64_t sum[RIX_EVENT_COUNT]) {
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    sum[i] += ri_load_relaxed(&from->xcount[i]);
}

void rix_events_begin(rix_events_t* events) {
  __builtin_memset(events, 0, sizeof(*events));  // nobody reads them without the caller's lock
  rix_events_mine = events;
}

// ---- Levels -------------------------------------------------------------------------------------

rix_levels_t rix_levels;

// Modular: n may be a number below zero.
static inline void events_change(rix_level_t* level, size_t n) {
  const size_t now = ri_fetch_add_relaxed(&level->xnow, n) + n;
  if ((ptrdiff_t)n > 0 && (ptrdiff_t)now > 0) ri_raise_relaxed(&level->xpeak, now);
}

void rix_levels_page(unsigned class_index, bool comes) {
  const size_t n = comes ? 1 : (size_t)-1;
  events_change(&rix_levels.pages[class_index], n);
  events_change(&rix_levels.all_pages, n);
}

void rix_levels_large(size_t blocks, size_t bytes) {
  events_change(&rix_levels.large, bytes);
  events_change(&rix_levels.in_use, bytes);
  if (blocks != 0) events_change(&rix_levels.all_blocks, blocks);
}

void rix_levels_add(unsigned c, int32_t more) {
  const size_t n = (size_t)(ptrdiff_t)more;
  const size_t bytes = n * rix_class_block_size(c);
  events_change(&rix_levels.blocks[c], n);
  events_change(&rix_levels.all_blocks, n);
  events_change(&rix_levels.normal, bytes);
  events_change(&rix_levels.in_use, bytes);
}

void rix_events_end(rix_events_t* events) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (events->unlevelled[c] != 0) rix_levels_add(c, events->unlevelled[c]);
    events->unlevelled[c] = 0;
  }
  if (rix_events_mine == events) rix_events_mine = NULL;
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    ri_fetch_add_relaxed(&rix_events_shared.xcount[i], ri_load_relaxed(&events->xcount[i]));
}

void rix_levels_seen_shared(unsigned c, int32_t more) {
  rix_levels_add(c, more);
  if (more > 0) rix_event_add(RIX_EVENT_BLOCK + c, (uint32_t)more);
}

void rix_levels_publish(unsigned c) {
  rix_events_t* const mine = rix_events_mine;
  rix_levels_add(c, mine->unlevelled[c]);
  mine->unlevelled[c] = 0;
}

static void events_reset_levels(rix_level_t* levels, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const size_t now = ri_load_relaxed(&levels[i].xnow);
    ri_store_relaxed(&levels[i].xpeak, (ptrdiff_t)now > 0 ? now : 0);
  }
}

void rix_levels_reset(void) {
  rix_levels_t* const l = &rix_levels;
  events_reset_levels(l->blocks, RIX_CLASS_COUNT);
  events_reset_levels(l->pages, RIX_CLASS_COUNT + 1);
  rix_level_t* const rest[] = {&l->all_pages, &l->all_blocks, &l->normal, &l->large, &l->in_use};
  for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
    events_reset_levels(rest[i], 1);
}
