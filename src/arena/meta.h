// SPDX-License-Identifier: MIT
// meta.h: memory for the allocator's own structures: heaps, threads, descriptors of mappings.
//
// It is never returned to the OS, and a structure's memory is only ever reused for the same type.
// So a thread that still holds a pointer to a structure that was returned (to wake a heap whose
// thread has just ended) touches a structure of the right type, and its fields that begin with x
// stay meaningful.
// CONCURRENCY: any thread; one lock, innermost.
#ifndef RIX_ARENA_META_H
#define RIX_ARENA_META_H

#include "base/compiler.h"
#include "os/os.h"

typedef struct rix_meta_item_s {
  struct rix_meta_item_s* next;
} rix_meta_item_t;

// Structures of one type. The link of a returned structure lies at `link_offset`: choose a field
// that no other thread reads.
typedef struct rix_meta_pool_s {
  size_t size;
  size_t link_offset;
  rix_meta_item_t* items;  // lock rix_meta_lock
} rix_meta_pool_t;

// A structure aligned to a cache line: zero when it is used for the first time, otherwise as it was
// returned, except for the link. NULL: no memory.
RIX_INTERNAL void* rix_meta_take(rix_meta_pool_t* pool);
RIX_INTERNAL void rix_meta_give(rix_meta_pool_t* pool, void* p);
RIX_INTERNAL size_t rix_meta_reserved(void);
// How many slices of arenas it took, which are no pages: where the OS may not be asked.
RIX_INTERNAL size_t rix_meta_slices(void);

RIX_INTERNAL extern rix_lock_t rix_meta_lock;

#endif
