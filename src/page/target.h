// SPDX-License-Identifier: MIT
// target.h: looking at a pointer that the program passed.
#ifndef RIX_PAGE_TARGET_H
#define RIX_PAGE_TARGET_H

#include "arena/pagemap.h"
#include "base/annotate.h"
#include "page/harden.h"
#include "page/live.h"
#include "page/page.h"

// What a pointer means. page == NULL: it is not ours.
typedef struct rix_target_s {
  ri_page_t* page;
  ri_block_t* block;  // the block that p belongs to; NULL: p points to no block
  size_t tail;        // bytes at its end that are not the program's
} rix_target_t;

// Whether p was handed out, in a page with special flags: pointers into blocks count where such
// were handed out, and in checked pages only what is live.
RIX_INLINE bool rix_target_is_valid(const ri_page_t* page, const ri_block_t* block, const void* p,
                                    uintptr_t owner) {
  const bool interior = (owner & RIX_OWNER_INTERIOR) != 0;
  if (block == NULL || !(interior || (const void*)block == p)) return false;
  if ((owner & RIX_OWNER_CHECKED) != 0) return rix_live_has(page, p);
  return !rix_page_is_single(page) || page->inverse == (uintptr_t)p - (uintptr_t)page->start;
}

// Takes any pointer. What counts as the pointer of a block depends on the page's marks: its start,
// or anywhere in it when the page has blocks with an alignment offset.
RIX_INLINE rix_target_t rix_target(const void* p) {
  ri_page_t* const page = rix_pagemap_find(p);
  if (page == NULL) return (rix_target_t){NULL, NULL, 0};
  ri_block_t* const block = rix_page_block_of(page, p);
  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  const bool ordinary = (owner & (RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED)) == 0;
  if (RIX_LIKELY(ordinary)) return (rix_target_t){page, (const void*)block == p ? block : NULL, 0};
  const bool counts = rix_target_is_valid(page, block, p, owner);
  return (rix_target_t){page, counts ? block : NULL, rix_harden_tail(page)};
}

// Bytes from p to the end of its block.
RIX_INLINE size_t rix_target_usable(rix_target_t t, const void* p) {
  const size_t size = rix_page_block_size(t.page) - t.tail;
  const size_t room = size - (size_t)((const uint8_t*)p - (uint8_t*)t.block);
  return rix_annotated_size(p, room);
}

#endif
