// SPDX-License-Identifier: MIT
// workloads.c: small versions of the thread workloads of bench/workloads, for any number of CPUs.
// Each CPU does the same work, whatever their number; it is counted after a first part of it, and without cleaning up.
#include <stdatomic.h>
#include <string.h>

#include "coherence.h"

// ---- What all use -------------------------------------------------------------------------------

typedef struct rng_s {
  uint64_t state;
} rng_t;

static uint32_t rng_next(rng_t* rng) {
  rng->state = rng->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(rng->state >> 33);
}
static size_t rng_below(rng_t* rng, size_t n) { return rng_next(rng) % n; }

// Mostly below 256 bytes, some to 4 KiB.
static size_t rng_size(rng_t* rng) {
  return rng_below(rng, 8) != 0 ? 16 + rng_below(rng, 240) : 256 + rng_below(rng, 3840);
}

// The program writes to what it gets, and reads what it frees.
static void* make(size_t size) {
  size_t* const p = co_malloc(size);
  *p = size;
  return p;
}
static void drop(void* p) {
  if (p == NULL) return;
  if (*(volatile size_t*)p == 0) co_fail("a block was overwritten");
  co_free(p);
}

typedef struct worker_s {
  _Alignas(128) unsigned index;
  unsigned cpus;
  rng_t rng;
  void** slots;
} worker_t;

static worker_t workers[CO_CPUS_MAX];

// Runs a function for each CPU, the first on that of the caller, which waits.
static void for_each(unsigned cpus, co_fun_t* fun) {
  co_fiber_t* threads[CO_CPUS_MAX];
  for (unsigned i = 0; i < cpus; i++) {
    workers[i] = (worker_t){i, cpus, {i * 7919u + 17}, NULL};
    threads[i] = co_start(fun, &workers[i], i);
  }
  for (unsigned i = 0; i < cpus; i++)
    co_join(threads[i]);
}

static void measure_together(unsigned cpus) {
  co_meet(cpus);
  co_measure();
}

// ---- Threads that share nothing -----------------------------------------------------------------

// A block, allocated and freed at once.
static void pairs_thread(void* arg) {
  worker_t* const w = arg;
  for (int i = 0; i < 1500; i++) {
    if (i == 500) measure_together(w->cpus);
    drop(make(16 + 16 * rng_below(&w->rng, 8)));
  }
  co_rest();
}
static void pairs(unsigned cpus) { for_each(cpus, pairs_thread); }

// Many live blocks, replaced at random.
static void slots_thread(void* arg) {
  enum { SLOTS = 300, STEPS = 1500 };
  worker_t* const w = arg;
  void* slots[SLOTS] = {NULL};
  for (int i = 0; i < STEPS; i++) {
    if (i == STEPS / 2) measure_together(w->cpus);
    void** const slot = &slots[rng_below(&w->rng, SLOTS)];
    drop(*slot);
    *slot = make(rng_size(&w->rng));
  }
  co_rest();
  for (int i = 0; i < SLOTS; i++)
    drop(slots[i]);
}
static void slots(unsigned cpus) { for_each(cpus, slots_thread); }

// Grows by 400 KB and frees it all, again and again: pages come and go.
static void waves_thread(void* arg) {
  enum { BLOCKS = 200, ROUNDS = 3 };
  worker_t* const w = arg;
  void* blocks[BLOCKS];
  for (int round = 0; round < ROUNDS; round++) {
    if (round == 1) measure_together(w->cpus);
    for (int i = 0; i < BLOCKS; i++)
      blocks[i] = make(64 + rng_below(&w->rng, 4000));
    for (int i = 0; i < BLOCKS; i++)
      drop(blocks[i]);
  }
  co_rest();
}
static void waves(unsigned cpus) { for_each(cpus, waves_thread); }

// Blocks of 100 to 500 KB, of which a few are live.
static void large_thread(void* arg) {
  enum { LIVE = 4, STEPS = 120 };
  worker_t* const w = arg;
  void* slots[LIVE] = {NULL};
  for (int i = 0; i < STEPS; i++) {
    if (i == STEPS / 3) measure_together(w->cpus);
    void** const slot = &slots[rng_below(&w->rng, LIVE)];
    drop(*slot);
    *slot = make(100000 + rng_below(&w->rng, 400000));
  }
  co_rest();
  for (int i = 0; i < LIVE; i++)
    drop(slots[i]);
}
static void large(unsigned cpus) { for_each(cpus, large_thread); }

// Blocks of eight bytes that are written to often.
static void writes_thread(void* arg) {
  worker_t* const w = arg;
  for (int i = 0; i < 120; i++) {
    if (i == 40) measure_together(w->cpus);
    volatile size_t* const p = co_malloc(sizeof(size_t));
    for (size_t k = 1; k <= 500; k++)
      *p = k;
    co_free((void*)p);
  }
}
static void writes(unsigned cpus) { for_each(cpus, writes_thread); }

// ---- Threads that share -------------------------------------------------------------------------

// A thread replaces blocks of a table, starts its successor, leaves it the table and ends.
enum { LARSON_SLOTS = 150, LARSON_STEPS = 400, LARSON_GENERATIONS = 4 };

static void larson_thread(void* arg);

static void larson_chain(void* arg) {
  worker_t* const w = arg;
  void* table[LARSON_SLOTS];
  for (int i = 0; i < LARSON_SLOTS; i++)
    table[i] = make(rng_size(&w->rng));
  w->slots = table;
  for (int g = 0; g < LARSON_GENERATIONS; g++) {
    if (g == 2) measure_together(w->cpus);
    co_join(co_start(larson_thread, w, w->index));
  }
  co_rest();
  for (int i = 0; i < LARSON_SLOTS; i++)
    drop(table[i]);
}
static void larson_thread(void* arg) {
  worker_t* const w = arg;
  for (int i = 0; i < LARSON_STEPS; i++) {
    void** const slot = &w->slots[rng_below(&w->rng, LARSON_SLOTS)];
    drop(*slot);
    *slot = make(rng_size(&w->rng));
  }
}
static void larson(unsigned cpus) { for_each(cpus, larson_chain); }

// Half of the threads allocate batches, the others free them.
enum { BATCH = 50, BATCHES = 18 };

static co_queue_t* batches;

static void producer(const worker_t* w, rng_t* rng) {
  for (int b = 0; b < BATCHES; b++) {
    if (b == BATCHES / 3) measure_together(w->cpus);
    void** const batch = make(BATCH * sizeof(void*));
    for (int i = 0; i < BATCH; i++)
      batch[i] = make(rng_size(rng));
    co_put(batches, batch);
  }
}
static void consumer(const worker_t* w) {
  for (int b = 0; b < BATCHES; b++) {
    if (b == BATCHES / 3) measure_together(w->cpus);
    void** const batch = co_take(batches);
    for (int i = 0; i < BATCH; i++)
      drop(batch[i]);
    drop(batch);
  }
}
static void producers_thread(void* arg) {
  worker_t* const w = arg;
  if (w->index % 2 == 0) {
    producer(w, &w->rng);
  } else {
    consumer(w);
  }
}
static void producers(unsigned cpus) {
  batches = co_queue_new(4 * cpus);
  for_each(cpus / 2 * 2, producers_thread);
}

// Random replacement; each fourth step exchanges a block with a table that all share. After half of
// the steps all threads end and others take over.
enum { TRANSFER_SLOTS = 200, TRANSFER_STEPS = 400, TRANSFER_SHARED = 8 * CO_CPUS_MAX };

static _Atomic(void*) shared[TRANSFER_SHARED];

static void transfers_part(void* arg) {
  worker_t* const w = arg;
  for (int i = 0; i < TRANSFER_STEPS; i++) {
    void** const slot = &w->slots[rng_below(&w->rng, TRANSFER_SLOTS)];
    if (rng_below(&w->rng, 4) == 0) {
      *slot = atomic_exchange(&shared[rng_below(&w->rng, 8 * w->cpus)], *slot);
    } else {
      drop(*slot);
      *slot = make(rng_size(&w->rng));
    }
  }
}
static void transfers_thread(void* arg) {
  worker_t* const w = arg;
  void* slots_of_all[TRANSFER_SLOTS] = {NULL};
  w->slots = slots_of_all;
  for (int g = 0; g < 3; g++) {
    if (g == 1) measure_together(w->cpus);
    co_join(co_start(transfers_part, w, w->index));
  }
  co_rest();
  for (int i = 0; i < TRANSFER_SLOTS; i++)
    drop(slots_of_all[i]);
}
static void transfers(unsigned cpus) { for_each(cpus, transfers_thread); }

// Threads that live briefly and leave a few blocks to the one that started them.
enum { BRIEF_BLOCKS = 100, BRIEF_LEFT = 20, BRIEF_THREADS = 4 };

static void brief_thread(void* arg) {
  worker_t* const w = arg;
  void* blocks[BRIEF_BLOCKS];
  for (int i = 0; i < BRIEF_BLOCKS; i++)
    blocks[i] = make(rng_size(&w->rng));
  for (int i = 0; i < BRIEF_BLOCKS; i++) {
    drop(blocks[i]);
    blocks[i] = make(rng_size(&w->rng));
  }
  memcpy(w->slots, blocks, BRIEF_LEFT * sizeof(void*));
  for (int i = BRIEF_LEFT; i < BRIEF_BLOCKS; i++)
    drop(blocks[i]);
}
static void short_thread(void* arg) {
  worker_t* const w = arg;
  void* left[BRIEF_LEFT];
  w->slots = left;
  for (int g = 0; g < BRIEF_THREADS; g++) {
    if (g == 1) measure_together(w->cpus);
    co_join(co_start(brief_thread, w, w->index));
    for (int i = 0; i < BRIEF_LEFT; i++)
      drop(left[i]);
  }
}
static void short_threads(unsigned cpus) { for_each(cpus, short_thread); }

const co_workload_t co_workloads[] = {
    {"pairs", 1, pairs},         {"slots", 1, slots},
    {"waves", 1, waves},         {"large", 1, large},
    {"larson", 1, larson},       {"producers", 2, producers},
    {"transfers", 1, transfers}, {"short_threads", 1, short_threads},
    {"writes", 1, writes},       {NULL, 0, NULL},
};
