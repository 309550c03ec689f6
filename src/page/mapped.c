// SPDX-License-Identifier: MIT
// mapped.c: see mapped.h.
#include "page/mapped.h"

#include "arena/meta.h"
#include "arena/pagemap.h"

// Linked through `next`, which only the owner uses.
static rix_meta_pool_t mapped_descriptors = {sizeof(ri_page_t), offsetof(ri_page_t, next), NULL};

static struct {
  rix_counter_t xbytes;      // of blocks in mappings of their own
  ri_atomic(bool) xstrides;  // not all slices of some mapping were entered
} mapped_pages;

ri_page_t* rix_mapped_take(void) { return rix_meta_take(&mapped_descriptors); }

void rix_mapped_give(ri_page_t* page) { rix_meta_give(&mapped_descriptors, page); }

size_t rix_mapped_bytes(void) { return rix_counter_get(&mapped_pages.xbytes); }

void rix_mapped_add_bytes(size_t bytes) { rix_counter_add(&mapped_pages.xbytes, bytes); }

// All slices of a mapping up to the second multiple of this are entered in the page map, and after
// that those at each multiple, through which the slices that follow them are found (rix_page_find):
// entering a block of terabytes as a whole would cost gigabytes.
#define MAPPED_STRIDE ((size_t)1 << 30)

// Enters the page for [from, to) of a mapping; 0: removes it.
static void mapped_enter_part(const uint8_t* start, size_t from, size_t to, ri_page_t* page) {
  const size_t near = MAPPED_STRIDE + ((0 - (uintptr_t)start) & (MAPPED_STRIDE - 1));
  from = rix_align_up(from, RIX_SLICE_SIZE);
  to = rix_align_up(to, RIX_SLICE_SIZE);
  if (from < rix_min(to, near)) rix_pagemap_set(start + from, rix_min(to, near) - from, page);
  if (to <= near) return;
  if (page != NULL) ri_store_relaxed(&mapped_pages.xstrides, true);
  const size_t first = from > near ? rix_align_up(from - near, MAPPED_STRIDE) : 0;
  for (size_t at = near + first; at < to; at += MAPPED_STRIDE)
    rix_pagemap_set(start + at, 1, page);
}

void rix_mapped_enter(ri_page_t* page, size_t old, size_t span) {
  if (span > old) mapped_enter_part(page->start, old, span, page);
  if (span < old) mapped_enter_part(page->start, span, old, NULL);
}

// The caller may have no right to the page: only what is never unmapped is read, and the answer is
// true for a block that stays live meanwhile.
ri_page_t* rix_page_find(const void* p) {
  ri_page_t* const page = rix_pagemap_find(p);
  if (RIX_LIKELY(page != NULL || !ri_load_relaxed(&mapped_pages.xstrides))) return page;
  const uintptr_t stride = rix_align_down((uintptr_t)p, MAPPED_STRIDE);
  ri_page_t* const before = rix_pagemap_find((const void*)stride);
  if (before == NULL || before->arena != NULL || !rix_page_is_single(before)) return NULL;
  const size_t offset = (uintptr_t)p - (uintptr_t)before->start;
  return offset < ri_load_relaxed(&before->xspan) ? before : NULL;
}
