// SPDX-License-Identifier: MIT
// api.h: what the files of the public interface share: looking at a pointer that the program gave.
#ifndef RIX_API_API_H
#define RIX_API_API_H

#define RI_FAST_NO_PUBLIC  // ri_malloc and ri_free are functions here (fast_symbols.c)
#include <rimalloc/fast.h>

#include "arena/pagemap.h"
#include "base/annotate.h"
#include "heap/heap.h"
#include "options/report.h"
#include "page/page.h"

// A pointer taken apart. page == NULL: it is none of ours.
typedef struct rix_target_s {
  ri_page_t* page;
  ri_block_t* block;  // the block that p belongs to; NULL: p points to no block
} rix_target_t;

// Whether p was handed out, in a page with special flags: pointers into blocks count where such
// were handed out, and in checked pages only what is live.
RIX_INLINE bool rix_target_counts(const ri_page_t* page, const ri_block_t* block, const void* p,
                                  uintptr_t owner) {
  const bool interior = (owner & RIX_OWNER_INTERIOR) != 0;
  if (block == NULL || !(interior || (const void*)block == p)) return false;
  if ((owner & RIX_OWNER_CHECKED) != 0) return rix_page_is_marked_live(page, p);
  return !rix_page_is_single(page) || page->inverse == (uintptr_t)p - (uintptr_t)page->start;
}

// Any pointer at all. Only what a page was marked for counts as the pointer of a block: its start,
// or anywhere in it when the page has blocks with an alignment offset.
RIX_INLINE rix_target_t rix_target(const void* p) {
  ri_page_t* const page = rix_pagemap_find(p);
  if (page == NULL) return (rix_target_t){NULL, NULL};
  ri_block_t* const block = rix_page_block_of(page, p);
  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  const bool ordinary = (owner & (RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED)) == 0;
  const bool counts =
      RIX_LIKELY(ordinary) ? (const void*)block == p : rix_target_counts(page, block, p, owner);
  return (rix_target_t){page, counts ? block : NULL};
}

// Bytes from p to the end of its block.
RIX_INLINE size_t rix_target_usable(rix_target_t t, const void* p) {
  const size_t room = rix_page_block_size(t.page) - (size_t)((const uint8_t*)p - (uint8_t*)t.block);
  return rix_annotated_size(p, room);
}

RIX_INLINE rix_theap_t* rix_api_theap(void) { return (rix_theap_t*)(void*)rix_tls.theap; }

// Where blocks come from: a theap of the calling thread; or, when it is NULL because the thread has
// ended, single pages of the heap.
typedef struct rix_source_s {
  rix_theap_t* theap;
  rix_heap_t* heap;
} rix_source_t;

// What ri_malloc uses.
RIX_INLINE rix_source_t rix_api_source(void) { return (rix_source_t){rix_api_theap(), NULL}; }
// heap may be NULL.
RIX_INLINE rix_source_t rix_api_heap_source(rix_heap_t* heap) {
  rix_theap_t* const theap = rix_heap_theap(heap);
  return (rix_source_t){theap, theap == NULL && heap == NULL ? &rix_heap_default : heap};
}
// The heap that blocks of the source belong to.
RIX_INLINE rix_heap_t* rix_source_heap(rix_source_t from) {
  if (from.theap == &rix_theap_empty) from.theap = rix_thread_theap();
  if (from.theap != NULL) return from.theap->heap;
  return from.heap != NULL ? from.heap : &rix_heap_default;
}
// NULL: no memory; the caller reports it.
RIX_INLINE void* rix_source_malloc(rix_source_t from, size_t size, size_t align, bool zero) {
  if (RIX_LIKELY(from.theap != NULL)) {
    return rix_theap_malloc_aligned(from.theap, size, align, zero);
  }
  return rix_heap_malloc_single(from.heap, size, align, zero);
}

RIX_INTERNAL void* rix_source_malloc_at(rix_source_t from, size_t size, size_t align, size_t offset,
                                        bool zero);
RIX_INTERNAL void* rix_source_realloc(rix_source_t from, void* p, size_t size, size_t align,
                                      size_t offset, bool zero);

// size bytes at a multiple of align, or with (address + offset) at one. NULL: no memory, reported.
RIX_INTERNAL void* rix_api_malloc_at(size_t size, size_t align, size_t offset, bool zero);

#endif
