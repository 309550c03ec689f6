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
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    ri_store_relaxed(&events->xcount[i], 0);
  rix_events_mine = events;
}

void rix_events_end(rix_events_t* events) {
  if (rix_events_mine == events) rix_events_mine = NULL;
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    ri_fetch_add_relaxed(&rix_events_shared.xcount[i], ri_load_relaxed(&events->xcount[i]));
}
