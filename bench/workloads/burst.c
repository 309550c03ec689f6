// SPDX-License-Identifier: MIT
// burst: a short peak of memory, then a long steady state that needs a fraction of it.
//
// Stresses: giving memory back while the program goes on. 200 MiB of blocks of 16 bytes to 32 KiB
// are allocated and freed; then a small table of blocks (about 4 MiB) is worked on for some time,
// and this is repeated. During the steady state the allocator has every opportunity to return what
// the burst left: its fast and slow paths run, time passes. Resident memory over time is the
// result; the runner draws it, and `phase steady` lines name the moments. Each steady state is
// paced to at least 300 ms: 30 slices of work with 5 ms of sleep, as a server under light load. So
// compare CPU time, not wall.
//
// Why it is here: most services have peaks (start-up, a large request, a batch job at night) and
// run on shared machines where the memory of the peak is somebody else's the rest of the day.
//
// A bad result means: resident memory stays at the peak for ever (never purges, or purges only when
// a call comes that never comes), or CPU time is spent on purging and faulting what is used again.
//
// Arguments: total (200 MiB), rounds (3).
#include "bench.h"

typedef struct item_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} item_t;

#define STEADY 4000

static void fill(item_t* item, bench_rng_t* rng, unsigned low, unsigned high) {
  item->size = (uint32_t)bench_log_size(rng, low, high);
  item->tag = bench_next(rng);
  item->p = bench_malloc(item->size);
  bench_stamp(item->p, item->size, item->tag);
  if (item->size > 4096) memset((char*)item->p + 4, 1, item->size - 8);
}

static uint64_t drop(const item_t* item) {
  const uint64_t check = bench_verify(item->p, item->size, item->tag);
  free(item->p);
  return check;
}

static uint64_t burst(item_t* items, size_t most, size_t total, bench_rng_t* rng) {
  uint64_t check = 0;
  size_t count = 0;
  for (size_t bytes = 0; bytes < total && count < most; count++) {
    fill(&items[count], rng, 4, 14);
    bytes += items[count].size;
  }
  bench_phase("peak");
  for (size_t i = 0; i < count; i++)
    check += drop(&items[i]);
  return check;
}

static uint64_t steady(item_t* items, bench_rng_t* rng) {
  uint64_t check = 0;
  for (size_t slice = 0; slice < 30; slice++) {
    for (size_t i = 0; i < 20000; i++) {
      item_t* const item = &items[bench_below(rng, STEADY)];
      check += drop(item);
      fill(item, rng, 4, 10);
    }
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t total = bench_scaled(bench_arg("total", 200) << 20);
  const size_t rounds = bench_arg("rounds", 3);
  const size_t most = total / 1024;
  item_t* const peak = (item_t*)calloc(most, sizeof *peak);
  if (peak == NULL) bench_fail("calloc returned NULL");
  static item_t table[STEADY];
  bench_rng_t rng = bench_seed(41);
  for (size_t i = 0; i < STEADY; i++)
    fill(&table[i], &rng, 4, 10);
  uint64_t check = 0;
  for (size_t round = 0; round < rounds; round++) {
    check += burst(peak, most, total, &rng);
    check += steady(table, &rng);
    bench_phase("steady");
  }
  for (size_t i = 0; i < STEADY; i++)
    check += drop(&table[i]);
  free(peak);
  return bench_finish((uint64_t)rounds * 30 * 20000 * 2, check);
}
