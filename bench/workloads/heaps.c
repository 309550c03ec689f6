// SPDX-License-Identifier: MIT
// heaps: many first-class heaps: created, used a little, walked over, destroyed; and pages that an
// ended thread left in one of them.
//
// Stresses: what a heap costs beside thousands of others: a thread's first block of it, its blocks
// after that, its end. And, mode=left, whether an allocation of another heap looks at pages that
// are not for it.
//
// Why it is here: a heap for each request, connection, table or script is what first-class heaps
// are for; a server has tens of thousands. An allocator that walks over all heaps of a thread for
// the first use or the end of each is fast with ten of them and takes minutes with a hundred
// thousand.
//
// A bad result means: time per heap grows with their number (compare count=1000 and count=20000).
// Allocators without heaps do the same with malloc and free, one block after the other.
//
// Arguments: count (20000) heaps of 3 blocks; end=destroy or delete; mode=left: pages (10000) that
// an exited thread left in a heap, and then batches of blocks of their size from the default heap.
#include <dlfcn.h>

#include "bench.h"

typedef struct block_s {
  struct block_s* next;
  uint64_t value;
} block_t;

static struct {
  void* (*make)(void);
  void* (*take)(void* heap, size_t size);
  void (*destroy)(void* heap);
} api;

static void* find(const char* name) {
  char full[64];
  snprintf(full, sizeof full, "ri_%s", name);
  void* const f = dlsym(RTLD_DEFAULT, full);
  if (f != NULL) return f;
  snprintf(full, sizeof full, "mi_%s", name);
  return dlsym(RTLD_DEFAULT, full);
}

// ---- A heap of an allocator without: a list of blocks -------------------------------------------

static void* list_make(void) { return calloc(1, sizeof(block_t*)); }
static void* list_take(void* heap, size_t size) {
  block_t* const b = bench_malloc(size + sizeof(block_t*));
  b->next = *(block_t**)heap;
  *(block_t**)heap = b;
  return &b->value;
}
static void list_destroy(void* heap) {
  block_t* next;
  for (block_t* b = *(block_t**)heap; b != NULL; b = next) {
    next = b->next;
    free(b);
  }
  free(heap);
}

static void find_all(void) {
  const bool deletes = strcmp(bench_arg_text("end", "destroy"), "delete") == 0;
  *(void**)&api.make = find("heap_new");
  *(void**)&api.take = find("heap_malloc");
  *(void**)&api.destroy = find(deletes ? "heap_delete" : "heap_destroy");
  if (api.make != NULL && api.take != NULL && api.destroy != NULL) return;
  api.make = list_make;
  api.take = list_take;
  api.destroy = list_destroy;
}

// ---- The work -----------------------------------------------------------------------------------

static uint64_t bench_ops;

BENCH_WORK uint64_t bench_work(void** heaps, size_t count) {
  uint64_t check = 0;
  for (size_t i = 0; i < count; i++)
    heaps[i] = api.make();
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < count; i++) {
      for (size_t k = 0; k < 3; k++) {
        const size_t size = (size_t)40 << k;
        void* const p = api.take(heaps[i], size);
        if (p == NULL) bench_fail("no block of %zu bytes", size);
        bench_stamp(p, size, (uint32_t)i);
        check += bench_verify(p, size, (uint32_t)i);
      }
    }
  }
  for (size_t i = 0; i < count; i++)
    api.destroy(heaps[i]);
  bench_ops = 8 * (uint64_t)count;
  return check;
}

enum { LEFT_SIZE = 512, LEFT_BLOCKS = 128, LEFT_BATCH = 200 * LEFT_BLOCKS };

static void* left_heap;

// Of each page one block stays.
static void* leaves(void* arg) {
  const size_t n = *(const size_t*)arg * LEFT_BLOCKS;
  void** const p = calloc(n, sizeof(void*));
  for (size_t i = 0; i < n; i++)
    p[i] = left_heap != NULL ? api.take(left_heap, LEFT_SIZE) : bench_malloc(LEFT_SIZE);
  for (size_t i = 0; i < n; i++) {
    if (i % LEFT_BLOCKS != 0) free(p[i]);
  }
  free(p);
  return NULL;
}

BENCH_WORK uint64_t bench_work_left(void** blocks, size_t rounds) {
  uint64_t check = 0;
  for (size_t r = 0; r < rounds; r++) {
    for (size_t i = 0; i < LEFT_BATCH; i++) {
      blocks[i] = bench_malloc(LEFT_SIZE);
      bench_stamp(blocks[i], LEFT_SIZE, (uint32_t)i);
    }
    for (size_t i = 0; i < LEFT_BATCH; i++) {
      check += bench_verify(blocks[i], LEFT_SIZE, (uint32_t)i);
      free(blocks[i]);
    }
  }
  bench_ops = 2 * (uint64_t)rounds * LEFT_BATCH;
  return check;
}

static uint64_t work_left(void) {
  size_t pages = bench_arg("pages", 10000);
  if (api.make != list_make) left_heap = api.make();
  pthread_t thread;
  if (pthread_create(&thread, NULL, leaves, &pages) != 0) bench_fail("no thread");
  pthread_join(thread, NULL);
  void** const blocks = calloc(LEFT_BATCH, sizeof(void*));
  return bench_work_left(blocks, bench_scaled(100));
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  find_all();
  if (strcmp(bench_arg_text("mode", "many"), "left") == 0) {
    const uint64_t check = work_left();
    return bench_finish(bench_ops, check);
  }
  const size_t count = bench_scaled(bench_arg("count", 20000));
  void** const heaps = calloc(count, sizeof(void*));
  const uint64_t check = bench_work(heaps, count);
  return bench_finish(bench_ops, check);
}
