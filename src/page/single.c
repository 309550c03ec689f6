// SPDX-License-Identifier: MIT
// single.c: pages of one block: in slices of an arena or in a mapping, made, zeroed and resized.
//
// They have no owner from the start: the thread that frees the block claims the page and releases
// it (release.c).
//
// CONCURRENCY: a page is made by one thread and entered into the page map before any other can know
// of its block; whoever has the block resizes it.
#include "page/single.h"

#include "arena/due.h"
#include "arena/huge.h"
#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "arena/touched.h"
#include "base/events.h"
#include "options/options.h"
#include "page/create.h"
#include "page/density.h"
#include "page/guard.h"
#include "page/heap_pages.h"
#include "page/history.h"
#include "page/mapped.h"
#include "page/release.h"
#include "page/remote.h"
#include "page/trap.h"

// What a page of one block should be.
typedef struct single_request_s {
  size_t size, align;
  size_t room;       // in a mapping that may grow to this much
  size_t guarded;    // of the size, bytes of a block with a guard page; 0: all is the block
  bool zero;         // zeroed memory is wanted
  rix_trap_t* trap;  // a watched block, of this shape; or NULL
  rix_trap_shape_t shape;
} single_request_t;

// Makes the only block of a page live and leaves the page to the thread that frees it; with guards
// as the request says, if possible.
static ri_page_t* single_done(ri_page_t* page, size_t span, const single_request_t* request) {
  rix_event(RIX_EVENT_PAGE + RIX_CLASS_COUNT);
  page->capacity = 1;
  ri_store_relaxed(&page->used, 1);
  ri_store_relaxed(&page->xspan, span);
  if (request->guarded > 0) rix_guard_set(page, request->guarded);
  if (request->trap != NULL && page->kind == RIX_PAGE_SINGLETON) {
    (void)rix_trap_set(page, request->trap, request->shape);
  }
  if (page->kind == RIX_PAGE_MAPPED) {
    rix_mapped_add_bytes(rix_page_block_size(page));
    rix_mapped_enter(page, 0, span);
  } else {
    rix_pagemap_set(page->start, span, page);
  }
  rix_event_add(RIX_EVENT_LARGE_BYTES, rix_page_block_size(page));
  rix_levels_page(RIX_CLASS_COUNT, true);
  rix_levels_large(1, rix_page_block_size(page));
  rix_heap_pages_add(ri_load_relaxed(&page->xheap), page);
  const bool abandoned = rix_remote_abandon(page, false);
  RI_ASSERT(abandoned);
  RIX_UNUSED(abandoned);
  return page;
}

// A mapping within the heap's quota, charged to it.
static bool single_map(single_request_t request, struct rix_heap_s* heap, rix_mapping_t* m) {
  const size_t size = request.size;
  const size_t align = rix_max(request.align, RIX_SLICE_SIZE);
  const bool shared = heap->space.subproc == 0;
  if (heap->space.only != NULL || rix_heap_pages_refuses(heap, size)) return false;
  if (!rix_mapping_claim(size, align, request.room, shared, m)) return false;
  if (rix_heap_pages_charge(heap, m->size)) return true;
  // A cached mapping may be larger, and only the excess may not fit.
  if (m->size > size && rix_mapping_resize(m->start, m->size, size)) {
    m->size = size;
    if (rix_heap_pages_charge(heap, size)) return true;
  }
  rix_mapping_release(m->start, m->size, m->room, shared);
  rix_due_purge();
  return false;
}

static ri_page_t* single_create_mapped(single_request_t request, struct rix_heap_s* heap,
                                       bool* is_zero) {
  const size_t size = request.size;
  ri_page_t* const page = rix_mapped_take();
  if (page == NULL) return NULL;
  rix_mapping_t m;
  if (!single_map(request, heap, &m)) {
    rix_mapped_give(page);
    return NULL;
  }
  *is_zero = m.zero;
  const size_t slices = m.room / RIX_SLICE_SIZE;
  const rix_page_shape_t shape = {m.start, size, NULL, slices, 1, RIX_PAGE_MAPPED, 0};
  rix_page_describe(page, shape, heap);
  return single_done(page, m.size, &request);
}

ri_page_t* rix_page_create_mapped(size_t size, size_t align, size_t room, struct rix_heap_s* heap,
                                  bool* is_zero) {
  const single_request_t request = {.size = size, .align = align, .room = room};
  return single_create_mapped(request, heap, is_zero);
}

// The largest block that is carved from an arena.
static size_t single_arena_max(const rix_heap_t* heap) {
  if (heap->space.only != NULL || rix_option_os_forbidden()) return PTRDIFF_MAX / 2;
  if (rix_option(ri_option_disallow_arena_alloc) != 0) return 0;
  return rix_option_bytes(ri_option_arena_max_object_size, 10);
}

// Whether a block's memory comes in huge pages: when it will foreseeably be used as a whole. A
// program that asks for zeroes often uses little of a large block.
static bool single_is_dense(size_t block_size, bool zero) {
  if (block_size < RIX_DENSE_BLOCK) return false;
  if (zero && block_size < RIX_DENSE_LARGE && rix_arena_in_use() < RIX_DENSE_ZEROED) return false;
  if (zero) return rix_density_is_proved_zeroed(block_size);
  if (block_size < RIX_DENSE_LARGE && rix_arena_in_use() < RIX_DENSE_MEDIUM) return false;
  // The first large block is often the table or the heap that the program is all about, used at
  // random.
  const bool first = block_size >= RIX_DENSE_LARGE && block_size <= RIX_DENSE_FIRST_MAX;
  return rix_density_is_proved(block_size, first);
}

// Slices for a block. In huge pages, where what is between blocks is resident, zeroed ones of about
// a megabyte come in steps of a quarter: of many lengths, each would leave a hole that the next one
// does not fit into.
static size_t single_slices(size_t block_size, bool frame) {
  const size_t slices = rix_div_up(block_size, RIX_SLICE_SIZE);
  const bool steps = frame && slices > RIX_UNIT_SLICES / 2 && slices < RIX_UNIT_SLICES;
  return steps ? rix_align_up(slices, RIX_UNIT_SLICES / 8) : slices;
}

static ri_page_t* single_create(single_request_t request, struct rix_heap_s* heap, bool* is_zero) {
  const size_t align = request.align;
  const size_t block_size = rix_align_up(request.size, rix_os_page_size());
  rix_slices_t got;
  const size_t max = single_arena_max(heap);
  const bool in_arena = block_size <= max && align <= max;
  const bool dense = single_is_dense(block_size, request.zero);
  const size_t slices = single_slices(block_size, dense && request.zero);
  if (in_arena && rix_heap_pages_refuses(heap, slices * RIX_SLICE_SIZE)) return NULL;
  if (!in_arena ||
      !rix_page_claim_slices(heap, slices, rix_max(align, RIX_SLICE_SIZE), dense, &got)) {
    request.size = block_size;
    return single_create_mapped(request, heap, is_zero);
  }
  ri_page_t* const page = &got.arena->pages[got.index];
  *is_zero = got.zero;
  if (got.zero && block_size >= RIX_DENSE_BLOCK) {
    (request.zero ? rix_density_note_zeroed : rix_density_note)(
        block_size, rix_arena_address(got.arena, got.index), block_size);
  }
  const rix_page_shape_t shape = {rix_arena_address(got.arena, got.index),
                                  block_size,
                                  got.arena,
                                  slices,
                                  1,
                                  RIX_PAGE_SINGLETON,
                                  0};
  rix_page_describe(page, shape, heap);
  const bool plain = request.guarded == 0 && request.trap == NULL;
  if (request.zero && plain && rix_history_watches(block_size)) {
    page->flags |= RIX_PAGE_WATCHED;
    // Only where everything is known to be resident, or memory of the kind was used as a whole.
    if ((got.dirty || (dense && !got.zero)) && rix_history_take_touched(block_size)) {
      __builtin_memset(page->start, 0, block_size);
      *is_zero = true;
    }
  }
  return single_done(page, slices * RIX_SLICE_SIZE, &request);
}

ri_page_t* rix_page_create_single(size_t size, size_t align, struct rix_heap_s* heap, bool zero,
                                  bool* is_zero) {
  const single_request_t request = {.size = size, .align = align, .zero = zero};
  return single_create(request, heap, is_zero);
}

ri_page_t* rix_page_create_guarded(size_t size, size_t align, struct rix_heap_s* heap, bool zero,
                                   bool* is_zero) {
  const size_t unit = rix_os_page_size();
  const rix_arena_t* const only = heap->space.only;
  if (!rix_guard_has_room() || (only != NULL && !rix_arena_can_change(only))) return NULL;
  const single_request_t request = {
      .size = rix_align_up(size, unit) + unit, .align = align, .guarded = size, .zero = zero};
  ri_page_t* const page = single_create(request, heap, is_zero);
  if (page == NULL || (page->flags & RIX_PAGE_GUARDED) != 0) return page;
  return rix_page_free_single(page) ? NULL : page;
}

ri_page_t* rix_page_create_trapped(rix_trap_shape_t shape, size_t most, struct rix_heap_s* heap,
                                   bool* is_zero) {
  // Its place outlives the block: so only where nobody takes arenas away.
  if (heap->space.subproc != 0 || heap->space.only != NULL) return NULL;
  rix_trap_t* const trap = rix_trap_take(most);
  if (trap == NULL) return NULL;
  const single_request_t request = {
      .size = rix_trap_span(shape.size), .align = shape.align, .trap = trap, .shape = shape};
  ri_page_t* const page = single_create(request, heap, is_zero);
  if (page != NULL && (page->flags & RIX_PAGE_TRAPPED) != 0) return page;
  rix_trap_return(trap);
  if (page != NULL) (void)rix_page_free_single(page);
  return NULL;
}

void rix_page_zero_single(ri_page_t* page, size_t from) {
  uint8_t* const start = page->start + from;
  const size_t size = rix_page_lead(page) + rix_page_block_size(page) - from;  // whole OS pages
  const bool by_os = page->arena == NULL || rix_arena_can_purge(page->arena);
  if (size >= RIX_ZERO_BY_OS_MIN && by_os && rix_os_purge(start, size)) return;
  __builtin_memset(start, 0, size);
}

// ---- Resizing -----------------------------------------------------------------------------------

// Whether the quota of its heap allows a page to grow.
static bool single_may_grow(const ri_page_t* page, size_t bytes) {
  return !rix_heap_pages_refuses(ri_load_relaxed(&page->xheap), bytes);
}

static bool single_grow_mapped(ri_page_t* page, size_t span, size_t size) {
  if (!single_may_grow(page, size - span)) return false;
  if (!rix_mapping_resize(page->start, span, size)) return false;
  if (!rix_heap_pages_grow(page, size - span)) {  // other threads were faster
    if (rix_mapping_resize(page->start, size, span)) return false;
    rix_heap_pages_shrink(page, span - size);  // modular: the OS keeps it, so it counts
  }
  rix_mapped_enter(page, span, size);
  ri_store_relaxed(&page->xspan, size);
  return true;
}

static bool single_resize_mapped(ri_page_t* page, size_t size, bool* zero) {
  const size_t span = ri_load_relaxed(&page->xspan);
  *zero = size > span && rix_page_block_size(page) == span;
  if (size > span) return single_grow_mapped(page, span, size);
  if (size > span / 2) return true;
  // Entries of what is released are cleared before somebody else can get the addresses.
  rix_mapped_enter(page, span, size);
  if (!rix_mapping_resize(page->start, span, size)) {
    rix_mapped_enter(page, size, span);
    return true;
  }
  ri_store_relaxed(&page->xspan, size);
  rix_heap_pages_shrink(page, span - size);
  return true;
}

static bool single_resize_in_arena(ri_page_t* page, size_t size, bool* zero) {
  const size_t wanted = rix_div_up(size, RIX_SLICE_SIZE);
  const size_t have = page->slice_count;
  const size_t index = (size_t)(page - page->arena->pages);
  if (wanted > have) {
    if (size > single_arena_max(ri_load_relaxed(&page->xheap))) return false;
    const size_t more = (wanted - have) * RIX_SLICE_SIZE;
    if (!single_may_grow(page, more)) return false;
    if (!rix_arena_extend(page->arena, index, have, wanted - have, zero)) return false;
    if (!rix_heap_pages_grow(page, more)) {  // other threads were faster
      rix_arena_release(page->arena, index + have, wanted - have);
      rix_due_purge();
      return false;
    }
    *zero = *zero && rix_page_block_size(page) == have * RIX_SLICE_SIZE;
    page->slice_count = (uint32_t)wanted;
    rix_pagemap_set(page->start + have * RIX_SLICE_SIZE, (wanted - have) * RIX_SLICE_SIZE, page);
  } else if (wanted < have) {
    page->slice_count = (uint32_t)wanted;
    rix_pagemap_set(page->start + wanted * RIX_SLICE_SIZE, (have - wanted) * RIX_SLICE_SIZE, NULL);
    const size_t less = have - wanted;
    rix_touched_raise(page->arena, index + wanted, less, less * RIX_TOUCHED_SLICE);
    rix_arena_release(page->arena, index + wanted, less);
    rix_due_purge();
    rix_heap_pages_shrink(page, (have - wanted) * RIX_SLICE_SIZE);
  }
  ri_store_relaxed(&page->xspan, wanted * RIX_SLICE_SIZE);
  return true;
}

bool rix_page_resize_single(ri_page_t* page, size_t size, bool* zero) {
  RI_ASSERT(rix_page_is_single(page));
  *zero = false;
  size = rix_align_up(size, rix_os_page_size());
  const bool done = page->kind == RIX_PAGE_MAPPED ? single_resize_mapped(page, size, zero)
                                                  : single_resize_in_arena(page, size, zero);
  *zero = *zero && done;
  if (done && page->kind == RIX_PAGE_MAPPED) {
    rix_mapped_add_bytes(size - rix_page_block_size(page));  // modular
  }
  if (done) {
    const size_t before = rix_page_block_size(page);
    if (size > before) rix_event_add(RIX_EVENT_LARGE_BYTES, size - before);
    rix_levels_large(0, size - before);  // modular: it may have shrunk
    ri_store_relaxed(&page->xblock_size, size);
  }
  return done;
}
