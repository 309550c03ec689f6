// SPDX-License-Identifier: MIT
// exchange.c: threads exchange blocks through a shared array of atomic slots over several
// generations of threads, so that blocks are freed by threads that did not make them, and by
// threads that started after the maker had ended. Sizes are mixed, some large, some aligned, some
// resized. Every content is verified. Runs three times: as shipped, with option `check`, and with a
// purge delay of 0 and no reclaim on free.
#include "traffic.h"

enum { THREADS = 4, SLOTS = 1024, OWN = 128, GENERATIONS = 6 };
static traffic_slot_t slots[SLOTS];
static size_t operations;

static void* worker(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  void* own[OWN] = {NULL};
  for (size_t i = 0; i < operations; i++) {
    const size_t at = check_below(&rng, OWN);
    switch (check_below(&rng, 8)) {
      case 0:
      case 1:
        traffic_free(own[at]);
        own[at] = traffic_make(&rng, (size_t)2 * CHECK_MIB);
        break;
      case 2:
        if (own[at] != NULL) own[at] = traffic_resize(own[at], &rng);
        break;
      default:
        own[at] = traffic_swap(&slots[check_below(&rng, SLOTS)], own[at]);
        break;
    }
  }
  // Half of what a thread holds outlives it in the slots.
  for (size_t i = 0; i < OWN; i++) {
    if (i % 2 == 0) {
      own[i] = traffic_swap(&slots[check_below(&rng, SLOTS)], own[i]);
    }
    traffic_free(own[i]);
  }
  return NULL;
}

static void generations(uint64_t seed) {
  const ri_summary_t before = check_summary();
  for (size_t g = 0; g < GENERATIONS; g++) {
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
      threads[t] = check_start(worker, (void*)(uintptr_t)(seed * 1000 + g * THREADS + t));
    }
    for (size_t t = 0; t < THREADS; t++)
      check_join(threads[t]);
    for (size_t i = 0; i < SLOTS; i += 3) {
      traffic_free(traffic_swap(&slots[i], NULL));
    }
    CHECK(ri_audit());
  }
  for (size_t i = 0; i < SLOTS; i++) {
    traffic_free(traffic_swap(&slots[i], NULL));
  }
  traffic_all_gone(&before);
}

int main(void) {
  check_watchdog(120);
  ri_register_output(check_capture_output, check_captured());
  operations = check_scaled(40000);
  ri_free(ri_malloc(1));
  generations(1);
  ri_option_set(ri_option_check, 1);
  generations(2);
  ri_option_set(ri_option_check, 0);
  ri_option_set(ri_option_purge_delay, 0);
  ri_option_set(ri_option_page_reclaim_on_free, 0);
  generations(3);
  check_nothing_reported();
  return 0;
}
