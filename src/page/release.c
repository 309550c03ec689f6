// SPDX-License-Identifier: MIT
// release.c: a page without live blocks returns its memory to where that came from.
//
// CONCURRENCY: by the page's owner, or by the thread that claimed it. No block is live, so nobody
// else may hold a pointer into it.
#include "page/release.h"

#include "arena/due.h"
#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "arena/touched.h"
#include "base/events.h"
#include "page/density.h"
#include "page/excess.h"
#include "page/guard.h"
#include "page/heap_pages.h"
#include "page/history.h"
#include "page/holes.h"
#include "page/mapped.h"
#include "page/remote.h"
#include "page/trap.h"

// For statistics: a page goes, with what was live in it.
static void release_uncount(ri_page_t* page) {
  if (rix_page_is_single(page)) {
    rix_levels_large((size_t)-1, 0 - rix_page_block_size(page));
    rix_levels_page(RIX_CLASS_COUNT, false);
  } else {
    rix_page_note_live(page);
    rix_levels_flush(page->class_index);
    rix_levels_page(page->class_index, false);
  }
}

void rix_page_release(ri_page_t* page) {
  RI_ASSERT(rix_page_live(page) == 0 && page->place == RIX_PLACE_NONE);
  RI_ASSERT((page->flags & RIX_PAGE_LISTED) == 0);
  RI_ASSERT(rix_remote_count(page) == 0);
  release_uncount(page);
  if (rix_page_is_single(page)) rix_history_learn(page);
  bool shared = rix_heap_pages_remove(page);
  const bool guarded = rix_page_is_single(page) && (page->flags & RIX_PAGE_GUARDED) != 0;
  const bool trapped = guarded && (page->flags & RIX_PAGE_TRAPPED) != 0;
  if (guarded && !trapped && !rix_guard_clear(page)) shared = false;
  const bool interior = (ri_load_relaxed(&page->xowner) & RIX_OWNER_INTERIOR) != 0;
  ri_store_relaxed(&page->xowner, RIX_OWNER_NONE);
  ri_store_relaxed(&page->xtheap, NULL);
  ri_store_relaxed(&page->xremote, 0);  // "owned", by nobody: not claimable
  ri_store_relaxed(&page->used, 0);
  const size_t span = ri_load_relaxed(&page->xspan);
  if (page->kind == RIX_PAGE_MAPPED) {
    uint8_t* const start = page->start;
    const size_t room = (size_t)page->slice_count * RIX_SLICE_SIZE;
    rix_mapped_enter(page, span, 0);
    if (interior) rix_pagemap_set(start + page->inverse, 1, NULL);
    rix_mapped_add_bytes((size_t)0 - rix_page_block_size(page));
    rix_mapped_give(page);
    rix_mapping_release(start, span, room, shared);
    rix_due_purge();
    return;
  }
  const size_t block_size = rix_page_block_size(page);
  if (page->kind != RIX_PAGE_SMALL) {
    rix_density_note_freed(block_size, page->start, page->capacity * block_size);
  }
  if (RIX_UNLIKELY(rix_holes_any(page))) rix_holes_forget(page);
  const size_t slices = page->slice_count, index = (size_t)(page - page->arena->pages);
  if (trapped) {
    rix_pagemap_set(page->start, slices * RIX_SLICE_SIZE, NULL);
    if (rix_trap_keep(page)) return;
  }
  if (rix_page_is_single(page)) {
    rix_touched_raise(page->arena, index, slices, slices * RIX_TOUCHED_SLICE);
  } else {
    rix_excess_learn(page);
  }
  rix_pagemap_set(page->start, slices * RIX_SLICE_SIZE, NULL);
  rix_arena_release(page->arena, index, slices);
  rix_due_purge();
}

bool rix_page_free_single(ri_page_t* page) {
  if (!rix_remote_claim(page)) return false;
  ri_store_relaxed(&page->used, 0);
  rix_page_release(page);
  return true;
}
