// SPDX-License-Identifier: MIT
// falls: a program of two gigabytes that goes on with fifty megabytes.
//
// Stresses: a fall of live memory by a factor of forty, with light work after it. Blocks of 16
// bytes to 32 KiB are allocated until `from` MiB are live, then freed until `to` MiB are left: most
// of these are the oldest, as the state of a program is, and `spread` percent of them lie spread
// over all the rest. Then for ten seconds the program wakes up every 100 ms, replaces twenty blocks
// and reads two hundred.
//
// Why it is here: a service that loads its data, an import, a compaction, a nightly report: minutes
// of a large heap and hours of a small one, on a machine with others.
//
// `phase` lines have resident and live memory at the peak and 0, 1, 2, 5 and 10 seconds after the
// fall; `final` is the last. Compare CPU, not wall time.
//
// A bad result means: resident memory of more than 1.3 times what lives, ten seconds later. A small
// block that lies alone holds a page of the OS: where pages are of one size each, what stays takes
// 1.15 times its size at least with spread=10, and 1.6 times with spread=100.
//
// Arguments: from (2048 MiB), to (50 MiB), spread (10 percent).
#include "whole.h"

typedef struct table_s {
  whole_t* blocks;
  size_t count;
  size_t most;
  size_t live;  // bytes, this table included
} table_t;

static table_t table_new(size_t most) {
  table_t table = {.most = most, .live = most * sizeof(whole_t)};
  table.blocks = (whole_t*)bench_malloc(table.live);
  return table;
}

// A block of the table gets a new content; the place may be empty.
static uint64_t table_put(table_t* table, size_t at, bench_rng_t* rng) {
  whole_t* const block = &table->blocks[at];
  const uint64_t check = whole_drop(block);
  table->live -= block->size;
  const size_t size = bench_log_size(rng, 4, 14);
  whole_fill(block, size, bench_next(rng));
  table->live += size;
  return check;
}

static void table_fill(table_t* table, size_t bytes, bench_rng_t* rng) {
  while (table->live < bytes && table->count < table->most) {
    table->blocks[table->count] = (whole_t){.p = NULL};
    table_put(table, table->count++, rng);
  }
}

// Moves what stays to `small` and frees the rest, and the table itself.
static uint64_t table_fall(table_t* table, table_t* small, size_t to, size_t spread) {
  const size_t old = to / 100 * (100 - spread);
  const size_t rest = table->live > old ? table->live - old : 0;
  const size_t every = spread == 0 ? SIZE_MAX : rest / (to / 100 * spread + 1) + 1;
  uint64_t check = 0;
  for (size_t i = 0; i < table->count; i++) {
    const bool stays = small->live < old || i % every == 0;
    if (stays && small->count < small->most) {
      small->blocks[small->count++] = table->blocks[i];
      small->live += table->blocks[i].size;
    } else {
      check += whole_drop(&table->blocks[i]);
    }
  }
  free(table->blocks);
  return check;
}

static uint64_t work_lightly(table_t* table, bench_rng_t* rng) {
  uint64_t check = 0;
  for (size_t tick = 1; tick <= 100; tick++) {
    for (size_t i = 0; i < 20; i++)
      check += table_put(table, bench_below(rng, table->count), rng);
    for (size_t i = 0; i < 200; i++)
      check += whole_check(&table->blocks[bench_below(rng, table->count)]);
    bench_rest(0.1);
    if (tick == 10) bench_phase_live("after-1", table->live);
    if (tick == 20) bench_phase_live("after-2", table->live);
    if (tick == 50) bench_phase_live("after-5", table->live);
    if (tick == 100) bench_phase_live("after-10", table->live);
  }
  return check;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t from = bench_scaled(bench_arg("from", 2048) << 20);
  const size_t to = bench_scaled(bench_arg("to", 50) << 20);
  const size_t spread = bench_arg("spread", 10);
  if (spread > 100 || to > from) bench_fail("spread is a percentage, and the program shrinks");
  bench_rng_t rng = bench_seed(71);
  table_t table = table_new(from / 3072 + 64);
  table_fill(&table, from, &rng);
  bench_phase_live("peak", table.live);
  const size_t ops = table.count;
  table_t small = table_new(to / 2048 + 64);
  uint64_t check = table_fall(&table, &small, to, spread);
  bench_phase_live("after-0", small.live);
  check += work_lightly(&small, &rng);
  const size_t final = bench_resident();
  for (size_t i = 0; i < small.count; i++)
    check += whole_drop(&small.blocks[i]);
  free(small.blocks);
  return bench_finish_at(2 * (uint64_t)(ops + 2000), check, final);
}
