// SPDX-License-Identifier: MIT
// create.c: creating pages of blocks.
//
// CONCURRENCY: a page is created by one thread and entered into the page map before any other can
// know of its blocks.
#include "page/create.h"

#include "arena/due.h"
#include "arena/pagemap.h"
#include "base/events.h"
#include "options/options.h"
#include "page/density.h"
#include "page/excess.h"
#include "page/harden.h"
#include "page/holes.h"
#include "page/heap_pages.h"

void rix_page_describe(ri_page_t* page, rix_page_shape_t s, struct rix_heap_s* heap) {
  RI_ASSERT(ri_load_relaxed(&page->xremote) == 0);
  RI_ASSERT(s.block_size > 0);
  ri_store_relaxed(&page->xowner, RIX_OWNER_NONE);
  ri_store_relaxed(&page->xtheap, NULL);
  ri_store_relaxed(&page->xheap, heap);
  ri_store_relaxed(&page->xblock_size, s.block_size);
  ri_store_relaxed(&page->xspan,
                   s.kind == RIX_PAGE_SMALL || s.kind == RIX_PAGE_MEDIUM ? 0 : s.block_size);
  ri_store_relaxed(&page->used, 0);
  page->start = s.start;
  page->arena = s.arena;
  page->inverse = rix_class_inverse(s.block_size);
  page->slice_count = (uint32_t)s.slices;
  page->reserved = (uint16_t)s.reserved;
  page->class_index = (uint8_t)s.class_index;
  page->kind = (uint8_t)s.kind;
  page->free = NULL;
  page->capacity = 0;
  page->place = RIX_PLACE_NONE;
  page->flags = 0;
  page->next = page->prev = page->side_next = page->side_prev = NULL;
  page->idle = 0;
  ri_store_relaxed(&page->xlow, 0);
  rix_holes_init(page);
  ri_store_relaxed(&page->xexcess, 0);
  ri_store_relaxed(&page->xseen, 0);
  ri_store_relaxed(&page->xlast_owner, 0);
}

// Most threads need a block or two of a medium class at a time: 24 pages of 512 KiB for that, each
// cut and touched a little further now and then, would be half of their memory.
static size_t create_medium_slices(size_t block_size, bool first) {
  size_t slices = first ? 1 : RIX_MEDIUM_SLICES;
  while (slices * RIX_SLICE_SIZE < RIX_MEDIUM_FIRST * block_size)
    slices *= 2;
  return slices;
}

// Other threads were faster, and the heap may not have them; or there is no more memory.
static RIX_SLOW void create_return_slices(rix_slices_t got, size_t slices) {
  rix_arena_release(got.arena, got.index, slices);
  rix_due_purge();
}

bool rix_page_claim_slices(struct rix_heap_s* heap, size_t slices, size_t align, bool dense,
                           rix_slices_t* got) {
  const size_t bytes = slices * RIX_SLICE_SIZE;
  if (rix_heap_pages_refuses(heap, bytes)) return false;
  if (!rix_arena_claim(&heap->space, slices, align, dense, got)) return false;
  if (rix_heap_pages_charge(heap, bytes)) return true;
  create_return_slices(*got, slices);
  return false;
}

// The same for a page that will use so many units of them.
static bool create_claim_fitting(struct rix_heap_s* heap, size_t slices, size_t units, bool dense,
                                 rix_slices_t* got) {
  const size_t bytes = slices * RIX_SLICE_SIZE;
  if (rix_heap_pages_refuses(heap, bytes)) return false;
  if (!rix_arena_claim_fitting(&heap->space, slices, units, dense, got)) return false;
  if (rix_heap_pages_charge(heap, bytes)) return true;
  create_return_slices(*got, slices);
  return false;
}

ri_page_t* rix_page_create(unsigned class_index, rix_page_use_t use, struct rix_heap_s* heap) {
  const size_t block_size = rix_class_block_size(class_index);
  const bool small = block_size <= RIX_SMALL_BLOCK_MAX;
  const size_t slices = small ? 1 : create_medium_slices(block_size, use == RIX_PAGE_FIRST);
  // Small blocks are all touched, by the links of their lists.
  const bool dense = use == RIX_PAGE_DENSE && (small || rix_density_is_proved(block_size, false));
  const size_t units = rix_excess_expected(class_index, use == RIX_PAGE_FIRST, slices);
  const size_t fitting = rix_excess_is_scarce() ? units : 0;
  const uint32_t hard = rix_harden_wanted(heap);
  const bool checked = RIX_ANNOTATE != 0 || hard != 0 || rix_option(ri_option_check) > 0;
  rix_slices_t got;
  if (!create_claim_fitting(heap, slices, fitting, dense, &got)) return NULL;
  if (RIX_UNLIKELY(checked) && !rix_arena_track(got.arena)) {
    rix_heap_pages_uncharge(heap, slices * RIX_SLICE_SIZE);
    create_return_slices(got, slices);
    return NULL;
  }
  ri_page_t* const page = &got.arena->pages[got.index];
  const rix_page_shape_t shape = {rix_arena_address(got.arena, got.index),
                                  block_size,
                                  got.arena,
                                  slices,
                                  slices * RIX_SLICE_SIZE / block_size,
                                  small ? RIX_PAGE_SMALL : RIX_PAGE_MEDIUM,
                                  class_index};
  rix_page_describe(page, shape, heap);
  if (use == RIX_PAGE_FIRST) page->flags |= RIX_PAGE_BEGINS;
  rix_excess_adapt(page, units);
  if (got.zero) page->flags |= RIX_PAGE_ZERO;
  if (got.zero && !small) rix_density_note(block_size, page->start, shape.reserved * block_size);
  if (checked) {
    page->flags |= RIX_PAGE_CHECKED;
    ri_store_relaxed(&page->xowner, RIX_OWNER_NONE | RIX_OWNER_CHECKED);
    rix_harden_enter(page, hard);
  }
  rix_pagemap_set(page->start, slices * RIX_SLICE_SIZE, page);
  rix_heap_pages_add(heap, page);
  rix_event(RIX_EVENT_PAGE + class_index);
  rix_levels_page(class_index, true);
  rix_levels_flush(class_index);
  return page;
}
