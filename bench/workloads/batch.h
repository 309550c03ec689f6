// SPDX-License-Identifier: MIT
// batch.h: a batch of checked blocks that one thread makes and another consumes.
//
// The batch itself is a block too. Sizes are 16 to 512 bytes, three of four below 128: the shape of
// messages. The consumer needs nothing but the batch to check and free all of it.
#ifndef BENCH_BATCH_H
#define BENCH_BATCH_H

#include "bench.h"

typedef struct batch_item_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} batch_item_t;

typedef struct batch_s {
  size_t count;
  batch_item_t items[];
} batch_t;

static inline batch_t* batch_make(bench_rng_t* rng, size_t count) {
  batch_t* const batch = (batch_t*)bench_malloc(sizeof *batch + count * sizeof *batch->items);
  batch->count = count;
  for (size_t i = 0; i < count; i++) {
    batch_item_t* const item = &batch->items[i];
    const uint32_t tag = bench_next(rng);
    item->tag = tag;
    item->size = (tag & 3) != 0 ? 16 + (tag >> 8) % 112 : 128 + (tag >> 8) % 385;
    item->p = bench_malloc(item->size);
    bench_stamp(item->p, item->size, tag);
  }
  return batch;
}

static inline uint64_t batch_drop(batch_t* batch) {
  uint64_t check = 0;
  for (size_t i = 0; i < batch->count; i++) {
    const batch_item_t* const item = &batch->items[i];
    check += bench_verify(item->p, item->size, item->tag);
    free(item->p);
  }
  free(batch);
  return check;
}

#endif
