// SPDX-License-Identifier: MIT
// windows.c: sixteen threads at a time, far more than there are processors, for
// RIMALLOC_WINDOWS_SECONDS (default 2). They exchange blocks of all kinds, exit and start again,
// collect, give up their heaps, visit what was left behind, and change options; every block is
// signed, and the structures are audited at the end of each thread and of each round. In builds of
// the preset `stress` every atomic operation may yield, compare-and-swaps fail, lists are empty
// and pages are abandoned (base/config.h), so that what needs bad luck elsewhere happens thousands
// of times. An hour: RIMALLOC_WINDOWS_SECONDS=3600.
#include "traffic.h"

enum { THREADS = 16, SLOTS = 256, OWN = 64, STEPS = 1500 };
static traffic_slot_t slots[SLOTS];
static _Atomic(size_t) operations, threads_done;

// Options change under the threads' hands, as a program may change them.
static void turn_option(uint64_t* rng) {
  static const struct {
    ri_option_t option;
    long values[3];
  } turns[] = {{ri_option_check, {0, 1, 0}},
               {ri_option_purge_delay, {0, 1, 50}},
               {ri_option_page_reclaim_on_free, {0, 1, 1}},
               {ri_option_mapping_cache, {0, 4, 256}},
               {ri_option_thp, {0, 1, 2}}};
  const size_t at = check_below(rng, sizeof(turns) / sizeof(turns[0]));
  ri_option_set(turns[at].option, turns[at].values[check_below(rng, 3)]);
}

// Only pages of threads that exited are visited, and those have blocks of a class.
static bool left_behind(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                        void* arg) {
  CHECK(heap == ri_heap_main() && arg == slots && area->used * size <= area->reserved);
  CHECK_MSG(size <= (size_t)64 * CHECK_KIB && area->reserved <= (size_t)512 * CHECK_KIB,
            "%p: %zu bytes of %zu", block, size, area->reserved);
  return true;
}

static void rare(uint64_t* rng, void** own) {
  switch (check_below(rng, 9)) {
    case 0:
      ri_collect(check_below(rng, 2) == 0);
      break;
    case 1:
      ri_thread_done();  // its blocks live on in pages that anybody may take over
      break;
    case 2:
      turn_option(rng);
      break;
    case 3: {
      const ri_summary_t s = check_summary();
      CHECK(s.arenas >= 1 && s.threads >= 1);
      break;
    }
    case 4: {  // a mapping of its own
      void* const p = ri_malloc((size_t)257 * CHECK_MIB);
      CHECK(p != NULL);
      ri_free(p);
      break;
    }
    case 5:
      CHECK(ri_heap_visit_abandoned_blocks(NULL, check_below(rng, 2) == 0, left_behind, slots));
      break;
    default:
      for (size_t i = 0; i < OWN; i++)
        own[i] = traffic_swap(&slots[check_below(rng, SLOTS)], own[i]);
      break;
  }
}

static void* worker(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  void* own[OWN] = {NULL};
  const size_t steps = 1 + check_below(&rng, STEPS);
  for (size_t i = 0; i < steps; i++) {
    const size_t at = check_below(&rng, OWN);
    if (check_below(&rng, 200) == 0) rare(&rng, own);
    switch (check_below(&rng, 6)) {
      case 0:
      case 1:
        traffic_free(own[at]);
        own[at] = traffic_make(&rng, (size_t)256 * CHECK_KIB);
        break;
      case 2:
        if (own[at] != NULL) own[at] = traffic_resize(own[at], &rng);
        break;
      default:
        own[at] = traffic_swap(&slots[check_below(&rng, SLOTS)], own[at]);
        break;
    }
  }
  CHECK(ri_audit());
  for (size_t i = 0; i < OWN; i++) {
    if (i % 2 == 0) own[i] = traffic_swap(&slots[check_below(&rng, SLOTS)], own[i]);
    traffic_free(own[i]);
  }
  atomic_fetch_add_explicit(&operations, steps, memory_order_relaxed);
  atomic_fetch_add_explicit(&threads_done, 1, memory_order_relaxed);
  return NULL;
}

static void round_of(uint64_t seed, uint64_t end) {
  const ri_summary_t before = check_summary();
  pthread_t threads[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(worker, (void*)(uintptr_t)(seed * 1000 + t));
  // Each that ends is followed by another, so that threads begin and end all the time.
  for (size_t next = THREADS; next < 40 * THREADS && check_now_ms() < end; next++) {
    check_join(threads[next % THREADS]);
    threads[next % THREADS] = check_start(worker, (void*)(uintptr_t)(seed * 1000 + next));
  }
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  for (size_t i = 0; i < SLOTS; i++)
    traffic_free(traffic_swap(&slots[i], NULL));
  traffic_all_gone(&before);
}

int main(void) {
  const char* const text = getenv("RIMALLOC_WINDOWS_SECONDS");
  const unsigned seconds = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 2;
  check_watchdog(seconds + 100);
  check_capture_start();
  ri_free(ri_malloc(1));
  const uint64_t begin = check_now_ms(), end = begin + (uint64_t)seconds * 1000;
  uint64_t seed = begin;
  do {
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    round_of(seed++, end);
    check_nothing_reported();
  } while (check_now_ms() < end);
  printf("%zu operations in %zu threads\n", operations, threads_done);
  return 0;
}
