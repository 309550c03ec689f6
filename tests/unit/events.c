// SPDX-License-Identifier: MIT
// events.c: counting what happens (base/events.h): each thread for itself, what exited threads
// counted, and what threads without counters of their own count in the shared ones; gauges with
// their peaks.
#include "../check.h"

#include "base/events.h"

static uint64_t sum_of(rix_events_t* a, rix_events_t* b, size_t event) {
  uint64_t sum[RIX_EVENT_COUNT] = {0};
  rix_events_sum(a, sum);
  if (b != NULL) rix_events_sum(b, sum);
  return sum[event];
}

static void* counts(void* arg) {
  rix_events_t* const mine = arg;
  rix_event_add(RIX_EVENT_KEPT, 5);  // shared: nothing has begun
  rix_events_begin(mine);
  CHECK(rix_events_mine == mine && sum_of(mine, NULL, RIX_EVENT_KEPT) == 0);
  for (int i = 0; i < 1000; i++)
    rix_event(RIX_EVENT_EXTENDED);
  rix_event_add(RIX_EVENT_PAGE + RIX_CLASS_COUNT, 7);
  CHECK(sum_of(mine, NULL, RIX_EVENT_EXTENDED) == 1000);
  return NULL;
}

static void threads(void) {
  static rix_events_t events[3];
  memset(events, 0xFF, sizeof(events));  // of somebody before
  const uint64_t retired = sum_of(&rix_events_shared, NULL, RIX_EVENT_KEPT);
  const uint64_t extended = sum_of(&rix_events_shared, NULL, RIX_EVENT_EXTENDED);
  for (size_t i = 0; i < 3; i++)
    check_in_thread(counts, &events[i]);
  CHECK(sum_of(&rix_events_shared, NULL, RIX_EVENT_KEPT) == retired + 15);
  CHECK(sum_of(&rix_events_shared, NULL, RIX_EVENT_EXTENDED) == extended);
  CHECK(sum_of(&events[0], &events[2], RIX_EVENT_EXTENDED) == 2000);
  CHECK(sum_of(&events[0], &events[2], RIX_EVENT_EXTENDED + 1) == 0);
  for (size_t i = 0; i < 3; i++)
    rix_events_end(&events[i]);  // by another thread, whose own stay
  CHECK(sum_of(&rix_events_shared, NULL, RIX_EVENT_EXTENDED) == extended + 3000);
  CHECK(sum_of(&rix_events_shared, NULL, RIX_EVENT_PAGE + RIX_CLASS_COUNT) >= 21);
}

static void own_end(void) {
  static rix_events_t mine;
  rix_events_t* const before = rix_events_mine;
  const uint64_t searches = sum_of(&rix_events_shared, NULL, RIX_EVENT_SEARCHES);
  rix_events_begin(&mine);
  rix_event(RIX_EVENT_SEARCHES);
  rix_events_end(&mine);
  CHECK(rix_events_mine == NULL);
  rix_event(RIX_EVENT_SEARCHES);  // counted all the same
  CHECK(sum_of(&rix_events_shared, NULL, RIX_EVENT_SEARCHES) == searches + 2);
  rix_events_mine = before;
}

static void gauges(void) {
  const size_t now = rix_gauge_now(RIX_GAUGE_RESERVED);
  const size_t peak = ri_load_relaxed(&rix_gauges[RIX_GAUGE_RESERVED].xpeak);
  rix_gauge_up(RIX_GAUGE_RESERVED, 1000 + peak);
  rix_gauge_down(RIX_GAUGE_RESERVED, 600 + peak);
  rix_gauge_up(RIX_GAUGE_RESERVED, 100);
  CHECK(rix_gauge_now(RIX_GAUGE_RESERVED) == now + 500);
  CHECK(ri_load_relaxed(&rix_gauges[RIX_GAUGE_RESERVED].xpeak) == now + 1000 + peak);
  rix_gauge_down(RIX_GAUGE_RESERVED, 500);
  CHECK(rix_gauge_now(RIX_GAUGE_HEAPS) == 1);  // the main heap, from the start
}

enum { THREADS = 4, UPS = 20000 };

static void* goes_up_and_down(void* arg) {
  for (size_t i = 0; i < UPS; i++) {
    rix_gauge_up(RIX_GAUGE_ARENAS, 3);
    rix_gauge_down(RIX_GAUGE_ARENAS, 2);
  }
  return arg;
}

static void gauges_of_threads(void) {
  const size_t before = rix_gauge_now(RIX_GAUGE_ARENAS);
  const uint64_t ups = sum_of(&rix_events_shared, NULL, RIX_EVENT_GAUGE + RIX_GAUGE_ARENAS);
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    threads[i] = check_start(goes_up_and_down, NULL);
  for (size_t i = 0; i < THREADS; i++)
    check_join(threads[i]);
  const size_t now = rix_gauge_now(RIX_GAUGE_ARENAS);
  const size_t peak = ri_load_relaxed(&rix_gauges[RIX_GAUGE_ARENAS].xpeak);
  CHECK(now == before + (size_t)THREADS * UPS && peak > now && peak <= now + 3 * THREADS);
  CHECK(sum_of(&rix_events_shared, NULL, RIX_EVENT_GAUGE + RIX_GAUGE_ARENAS) ==
        ups + (uint64_t)3 * THREADS * UPS);
}

int main(void) {
  check_watchdog(30);
  threads();
  own_end();
  gauges();
  gauges_of_threads();
  return 0;
}
