// SPDX-License-Identifier: MIT
// meta.c: chunks cut into structures; returned structures in one list per type.
#include "arena/meta.h"

#include "arena/arena.h"

#include "base/assert.h"
#include "base/bits.h"
#include "options/options.h"

enum { META_FIRST = 16 * 1024, META_CHUNK = 64 * 1024 };

rix_lock_t rix_meta_lock = RIX_LOCK_OPEN(RIX_LEVEL_META);

// The first chunk is part of the image: a program with one thread never maps another.
static __attribute__((aligned(RI_CACHE_LINE))) uint8_t meta_first[META_FIRST];

static struct {
  uint8_t* next;  // lock rix_meta_lock
  uint8_t* end;   // lock rix_meta_lock
  rix_counter_t xreserved;
  rix_counter_t xslices;
} meta;

// Memory that reads as zero. When the OS may not be asked, it is taken from the program's arenas.
static uint8_t* meta_chunk(size_t size) {
  if (!rix_option_os_forbidden()) return rix_os_map(NULL, size, RIX_OS_USABLE);
  static const rix_space_t space = {0, NULL, {RIX_NODE_ANY}};
  rix_slices_t got;
  if (!rix_arena_claim(&space, rix_div_up(size, RIX_SLICE_SIZE), RIX_SLICE_SIZE, false, &got)) {
    return NULL;
  }
  uint8_t* const p = rix_arena_address(got.arena, got.index);
  if (!got.zero) __builtin_memset(p, 0, size);
  rix_counter_add(&meta.xslices, rix_div_up(size, RIX_SLICE_SIZE));
  return p;
}

static void* meta_cut(size_t size) {
  if (meta.next == NULL) {
    meta.next = meta_first;
    meta.end = meta_first + META_FIRST;
    rix_counter_add(&meta.xreserved, META_FIRST);
  }
  if ((size_t)(meta.end - meta.next) < size) {
    const size_t chunk = rix_align_up(rix_max(size, META_CHUNK), rix_os_page_size());
    uint8_t* const p = meta_chunk(chunk);
    if (p == NULL) return NULL;
    rix_counter_add(&meta.xreserved, chunk);
    meta.next = p;
    meta.end = p + chunk;
  }
  void* const p = meta.next;
  meta.next += size;
  return p;
}

static rix_meta_item_t* meta_link(rix_meta_pool_t* pool, void* p) {
  return (rix_meta_item_t*)((uint8_t*)p + pool->link_offset);
}

void* rix_meta_take(rix_meta_pool_t* pool) {
  const size_t size = rix_align_up(pool->size, RI_CACHE_LINE);
  RI_ASSERT(pool->link_offset + sizeof(rix_meta_item_t) <= size);
  rix_lock(&rix_meta_lock);
  void* p;
  if (pool->items != NULL) {
    rix_meta_item_t* const item = pool->items;
    pool->items = item->next;
    p = (uint8_t*)item - pool->link_offset;
  } else {
    p = meta_cut(size);
  }
  rix_unlock(&rix_meta_lock);
  return p;
}

void rix_meta_give(rix_meta_pool_t* pool, void* p) {
  rix_lock(&rix_meta_lock);
  rix_meta_item_t* const item = meta_link(pool, p);
  item->next = pool->items;
  pool->items = item;
  rix_unlock(&rix_meta_lock);
}

size_t rix_meta_reserved(void) { return rix_counter_get(&meta.xreserved); }

size_t rix_meta_slices(void) { return rix_counter_get(&meta.xslices); }
