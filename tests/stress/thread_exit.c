// SPDX-License-Identifier: MIT
// thread_exit.c: threads exit and leave live blocks, which others free: later threads, the main
// thread, or both at once while the owner is just exiting. Over 200 rounds neither address space
// nor resident memory grows, and no page stays abandoned. Catches: a heap that leaks at thread
// exit, a page that two threads take over, a page that nobody takes over, a free that is lost in
// between.
#include "traffic.h"

enum { THREADS = 3, LEFT = 600 };
static traffic_slot_t left[THREADS][LEFT];  // what thread t of the last round left behind
static size_t round_number;

static void* leaver(void* arg) {
  const size_t self = (size_t)(uintptr_t)arg;
  uint64_t rng = round_number * THREADS + self;
  // Takes what the neighbour of the round before left, while its successor makes its own.
  const size_t other = (self + 1) % THREADS;
  for (size_t i = 0; i < LEFT; i++) {
    if (check_below(&rng, 3) == 0) continue;
    traffic_free(traffic_swap(&left[other][i], NULL));
  }
  for (size_t i = 0; i < LEFT; i++) {
    void* const p = traffic_make(&rng, i % 50 == 0 ? (size_t)32 * CHECK_MIB : 400000);
    traffic_free(traffic_swap(&left[self][i], p));
  }
  // The end of a thread races with frees of its blocks by the others.
  for (size_t i = 0; i < LEFT; i += 2) {
    traffic_free(traffic_swap(&left[(self + 2) % THREADS][i], NULL));
  }
  return NULL;
}

static void one_round(void) {
  pthread_t threads[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(leaver, (void*)t);
  for (size_t i = 0; i < LEFT; i += 5) {
    traffic_free(traffic_swap(&left[round_number % THREADS][i], NULL));
  }
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  round_number++;
}

int main(void) {
  check_watchdog(120);
  ri_register_output(check_capture_output, check_captured());
  ri_free(ri_malloc(1));
  const ri_summary_t before = check_summary();
  const size_t rounds = check_scaled(200);
  for (size_t i = 0; i < 20; i++)
    one_round();
  const ri_summary_t early = check_summary();
  const size_t resident = check_resident();
  for (size_t i = 0; i < rounds; i++)
    one_round();
  const ri_summary_t late = check_summary();
  CHECK_MSG(late.reserved <= early.reserved + (size_t)96 * CHECK_MIB, "reserved %zu, before %zu",
            late.reserved, early.reserved);
  CHECK_MSG(late.metadata <= early.metadata + (size_t)512 * CHECK_KIB, "metadata %zu, before %zu",
            late.metadata, early.metadata);
  CHECK_MSG(check_sanitized() || check_resident() <= resident + (size_t)48 * CHECK_MIB,
            "resident %zu KiB, before %zu", check_resident() / 1024, resident / 1024);
  for (size_t t = 0; t < THREADS; t++) {
    for (size_t i = 0; i < LEFT; i++) {
      traffic_free(traffic_swap(&left[t][i], NULL));
    }
  }
  traffic_all_gone(&before);
  check_nothing_reported();
  return 0;
}
