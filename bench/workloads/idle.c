// SPDX-License-Identifier: MIT
// idle: allocate, free all (or all but one in twenty), then do almost nothing for a while.
//
// Stresses: what an idle program keeps. 200 MiB of blocks of 16 to 2,048 bytes are allocated and
// freed in an order unlike that of allocation; with keep=20 one block in twenty stays, spread over
// all pages, and keep=clustered leaves the first twentieth. Then the program idles: for two seconds
// it wakes up every 20 ms and does a hundred small allocations, as event loops do. Resident memory
// is printed at 0, 0.1, 0.5, 1 and 2 seconds of idleness; the last is the "final" column.
//
// Why it is here: desktop programs, language servers and daemons are idle nearly always. An
// allocator should give the memory back soon, without being called for it more often than an idle
// program calls it, and should not spend the program's time on it.
//
// With one in twenty kept the blocks' pages cannot be freed as a whole; only whole OS pages inside
// that hold no live block could. This shows what compaction of holes is worth.
//
// A bad result means: RSS after two seconds close to the peak. Wall time is fixed here: compare
// CPU.
//
// Arguments: total (200 MiB), keep (0, 20, clustered).
#include "bench.h"

typedef struct item_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} item_t;

static uint64_t drop(item_t* item) {
  const uint64_t check = bench_verify(item->p, item->size, item->tag);
  free(item->p);
  item->p = NULL;
  return check;
}

static uint64_t tick(bench_rng_t* rng) {
  uint64_t check = 0;
  for (size_t i = 0; i < 100; i++) {
    const size_t size = bench_between(rng, 16, 512);
    void* const p = bench_malloc(size);
    bench_stamp(p, size, (uint32_t)i);
    check += bench_verify(p, size, (uint32_t)i);
    free(p);
  }
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  return check;
}

static uint64_t idle(bench_rng_t* rng) {
  uint64_t check = 0;
  bench_phase("idle-0");
  for (size_t i = 1; i <= 100; i++) {
    check += tick(rng);
    if (i == 5) bench_phase("idle-0.1");
    if (i == 25) bench_phase("idle-0.5");
    if (i == 50) bench_phase("idle-1");
    if (i == 100) bench_phase("idle-2");
  }
  return check;
}

static bool stays(const char* keep, size_t i, size_t count) {
  if (strcmp(keep, "20") == 0) return i % 20 == 0;
  if (strcmp(keep, "clustered") == 0) return i < count / 20;
  return false;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const char* const keep = bench_arg_text("keep", "0");
  const size_t total = bench_scaled(bench_arg("total", 200) << 20);
  const size_t most = total / 256;
  item_t* const items = (item_t*)calloc(most, sizeof *items);
  if (items == NULL) bench_fail("calloc returned NULL");
  bench_rng_t rng = bench_seed(51);
  size_t count = 0;
  for (size_t bytes = 0; bytes < total && count < most; count++) {
    item_t* const item = &items[count];
    item->size = (uint32_t)bench_log_size(&rng, 4, 10);
    item->tag = bench_next(&rng);
    item->p = bench_malloc(item->size);
    memset(item->p, 1, item->size);
    bench_stamp(item->p, item->size, item->tag);
    bytes += item->size;
  }
  bench_phase("peak");
  uint64_t check = 0;
  const size_t stride = 7919;  // prime: jumps through memory
  size_t at = 0;
  while (count % stride == 0)
    count--;
  for (size_t i = 0; i < count; i++, at = (at + stride) % count) {
    if (!stays(keep, at, count)) check += drop(&items[at]);
  }
  check += idle(&rng);
  bench_print("ops %zu check %016llx\nfinal %zu\n", count, (unsigned long long)check,
              bench_resident());
  return 0;
}
