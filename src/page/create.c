// SPDX-License-Identifier: MIT
// create.c: pages come into being and go.
//
// CONCURRENCY: a page is created by one thread and entered into the page map before any other can
// know of its blocks; it is released by its owner when no block is live, so nobody else may hold a
// pointer into it.
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "base/events.h"
#include "options/options.h"
#include "page/page.h"
#include "page/remote.h"
#include "page/roster.h"

// Descriptors of pages that lie in no arena. Linked through `next`, which only the owner uses.
static rix_meta_pool_t create_descriptors = {sizeof(ri_page_t), offsetof(ri_page_t, next), NULL};

static struct {
  rix_counter_t xmapped_bytes;  // of blocks in mappings of their own
} create;

size_t rix_page_mapped_bytes(void) { return rix_counter_get(&create.xmapped_bytes); }

typedef struct create_shape_s {
  uint8_t* start;
  size_t block_size;
  rix_arena_t* arena;
  size_t slices;
  size_t reserved;
  rix_page_kind_t kind;
  unsigned class_index;
} create_shape_t;

// Fills in a descriptor. xremote stays: zero the first time, and owned when it was given back.
static void create_describe(ri_page_t* page, create_shape_t s, struct rix_heap_s* heap) {
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
  page->next = page->prev = NULL;
  page->idle = 0;
  page->lead = 0;
  ri_store_relaxed(&page->xgiver, 0);
}

// Most threads need a block or two of a medium class at a time: 24 pages of 512 KiB for that, each
// cut and touched a little further every now and then, were half of their memory.
static size_t create_medium_slices(size_t block_size, bool first) {
  size_t slices = first ? 1 : RIX_MEDIUM_SLICES;
  while (slices * RIX_SLICE_SIZE < RIX_MEDIUM_FIRST * block_size)
    slices *= 2;
  return slices;
}

ri_page_t* rix_page_create(unsigned class_index, rix_page_use_t use, struct rix_heap_s* heap) {
  const size_t block_size = rix_class_block_size(class_index);
  const bool small = block_size <= RIX_SMALL_BLOCK_MAX;
  const size_t slices = small ? 1 : create_medium_slices(block_size, use == RIX_PAGE_FIRST);
  const bool dense = use == RIX_PAGE_DENSE;
  rix_slices_t got;
  if (!rix_roster_charge(heap, slices * RIX_SLICE_SIZE)) return NULL;
  if (!rix_arena_claim(&heap->space, slices, RIX_SLICE_SIZE, dense, &got)) {
    rix_roster_uncharge(heap, slices * RIX_SLICE_SIZE);
    return NULL;
  }
  ri_page_t* const page = &got.arena->pages[got.index];
  const create_shape_t shape = {rix_arena_address(got.arena, got.index),
                                block_size,
                                got.arena,
                                slices,
                                slices * RIX_SLICE_SIZE / block_size,
                                small ? RIX_PAGE_SMALL : RIX_PAGE_MEDIUM,
                                class_index};
  create_describe(page, shape, heap);
  if (got.zero) page->flags = RIX_PAGE_ZERO;
  if (RIX_ANNOTATE != 0 || rix_option(ri_option_check) > 0) {
    page->flags |= RIX_PAGE_CHECKED;
    ri_store_relaxed(&page->xowner, RIX_OWNER_NONE | RIX_OWNER_CHECKED);
  }
  rix_pagemap_set(page->start, slices * RIX_SLICE_SIZE, page);
  rix_roster_enter(heap, page);
  rix_event(RIX_EVENT_PAGE + class_index);
  return page;
}

// Of a block larger than this only the first slice is entered in the page map, and the slice of a
// pointer into it that was handed out: entering a block of terabytes would cost gigabytes.
#define CREATE_ENTER_ALL_MAX ((size_t)1 << 30)

static size_t create_entered(size_t span) {
  return span <= CREATE_ENTER_ALL_MAX ? span : RIX_SLICE_SIZE;
}

// Makes the only block of a page live and leaves the page to whoever frees it. guarded > 0: the
// block has this size, and a guard page if that can be.
static ri_page_t* create_single_done(ri_page_t* page, size_t span, size_t guarded) {
  rix_event(RIX_EVENT_PAGE + RIX_CLASS_COUNT);
  page->capacity = 1;
  ri_store_relaxed(&page->used, 1);
  ri_store_relaxed(&page->xspan, span);
  if (guarded > 0) rix_guard_set(page, guarded);
  if (page->kind == RIX_PAGE_MAPPED) {
    rix_counter_add(&create.xmapped_bytes, rix_page_block_size(page));
  }
  rix_pagemap_set(page->start, create_entered(span), page);
  rix_roster_enter(ri_load_relaxed(&page->xheap), page);
  const bool abandoned = rix_remote_abandon(page, false);
  RI_ASSERT(abandoned);
  RIX_UNUSED(abandoned);
  return page;
}

// What a page of one block should be.
typedef struct create_wish_s {
  size_t size, align;
  size_t room;     // in a mapping that may grow to so much
  size_t guarded;  // of the size, bytes of a block with a guard page; 0: all is the block
} create_wish_t;

static ri_page_t* create_mapped(create_wish_t wish, struct rix_heap_s* heap, bool* zero) {
  const size_t size = wish.size;
  if (heap->space.only != NULL || !rix_roster_charge(heap, size)) return NULL;
  ri_page_t* const page = rix_meta_take(&create_descriptors);
  rix_mapping_t m;
  const bool shared = heap->space.subproc == 0;
  const bool done = page != NULL && rix_mapping_claim(size, rix_max(wish.align, RIX_SLICE_SIZE),
                                                      wish.room, shared, &m);
  if (!done) {
    if (page != NULL) rix_meta_give(&create_descriptors, page);
    rix_roster_uncharge(heap, size);
    return NULL;
  }
  rix_roster_uncharge(heap, size - m.size);  // modular: a cached mapping may be larger
  *zero = m.zero;
  const size_t slices = m.room / RIX_SLICE_SIZE;
  const create_shape_t shape = {m.start, size, NULL, slices, 1, RIX_PAGE_MAPPED, 0};
  create_describe(page, shape, heap);
  return create_single_done(page, m.size, wish.guarded);
}

ri_page_t* rix_page_create_mapped(size_t size, size_t align, size_t room, struct rix_heap_s* heap,
                                  bool* zero) {
  return create_mapped((create_wish_t){size, align, room, 0}, heap, zero);
}

void rix_page_mark_interior(ri_page_t* page, const void* p) {
  ri_store_relaxed(&page->xowner, ri_load_relaxed(&page->xowner) | RIX_OWNER_INTERIOR);
  rix_pagemap_set(p, 1, page);
  if (rix_page_is_single(page)) page->inverse = (uintptr_t)p - (uintptr_t)page->start;
  if ((page->flags & RIX_PAGE_CHECKED) != 0) {
    (void)rix_page_unmark_live(page, rix_page_block_of(page, p));
    rix_page_mark_live(page, p);
  }
}

// The largest block that is carved from an arena.
static size_t create_arena_max(const rix_heap_t* heap) {
  if (heap->space.only != NULL || rix_arena_os_forbidden()) return PTRDIFF_MAX / 2;
  if (rix_option(ri_option_disallow_arena_alloc) != 0) return 0;
  return rix_option_bytes(ri_option_arena_max_object_size, 10);
}

// Whether a block's memory comes in huge pages: it will be used as a whole, as far as one can
// foresee. Who asks for zeroes often uses little of a large block.
static bool create_is_dense(size_t block_size, bool zero) {
  if (zero || block_size < RIX_DENSE_BLOCK) return false;
  return block_size >= RIX_DENSE_ALWAYS || rix_arena_in_use() >= RIX_DENSE_MEDIUM;
}

static ri_page_t* create_single(create_wish_t wish, struct rix_heap_s* heap, bool* zero) {
  const size_t align = wish.align;
  const size_t block_size = rix_align_up(wish.size, rix_os_page_size());
  const size_t slices = rix_div_up(block_size, RIX_SLICE_SIZE);
  rix_slices_t got;
  const size_t most = create_arena_max(heap);
  const bool in_arena = block_size <= most && align <= most;
  const bool dense = create_is_dense(block_size, *zero);
  if (in_arena && !rix_roster_charge(heap, slices * RIX_SLICE_SIZE)) return NULL;
  if (!in_arena ||
      !rix_arena_claim(&heap->space, slices, rix_max(align, RIX_SLICE_SIZE), dense, &got)) {
    if (in_arena) rix_roster_uncharge(heap, slices * RIX_SLICE_SIZE);
    return create_mapped((create_wish_t){block_size, align, 0, wish.guarded}, heap, zero);
  }
  ri_page_t* const page = &got.arena->pages[got.index];
  *zero = got.zero;
  const create_shape_t shape = {rix_arena_address(got.arena, got.index),
                                block_size,
                                got.arena,
                                slices,
                                1,
                                RIX_PAGE_SINGLETON,
                                0};
  create_describe(page, shape, heap);
  return create_single_done(page, slices * RIX_SLICE_SIZE, wish.guarded);
}

ri_page_t* rix_page_create_single(size_t size, size_t align, struct rix_heap_s* heap, bool* zero) {
  return create_single((create_wish_t){size, align, 0, 0}, heap, zero);
}

ri_page_t* rix_page_create_guarded(size_t size, size_t align, struct rix_heap_s* heap, bool* zero) {
  const size_t unit = rix_os_page_size();
  const rix_arena_t* const only = heap->space.only;
  if (!rix_guard_has_room() || (only != NULL && !rix_arena_lets_purge(only))) return NULL;
  const create_wish_t wish = {rix_align_up(size, unit) + unit, align, 0, size};
  ri_page_t* const page = create_single(wish, heap, zero);
  if (page == NULL || (page->flags & RIX_PAGE_GUARDED) != 0) return page;
  return rix_page_free_single(page) ? NULL : page;
}

bool rix_page_free_single(ri_page_t* page) {
  if (!rix_remote_claim(page)) return false;
  ri_store_relaxed(&page->used, 0);
  rix_page_release(page);
  return true;
}

void rix_page_release(ri_page_t* page) {
  RI_ASSERT(rix_page_live(page) == 0 && page->place == RIX_PLACE_NONE);
  RI_ASSERT((page->flags & RIX_PAGE_LISTED) == 0);
  RI_ASSERT(rix_remote_count(page) == 0);
  bool shared = rix_roster_strike(page);
  if ((page->flags & RIX_PAGE_GUARDED) != 0 && !rix_guard_clear(page)) shared = false;
  const bool interior = (ri_load_relaxed(&page->xowner) & RIX_OWNER_INTERIOR) != 0;
  ri_store_relaxed(&page->xowner, RIX_OWNER_NONE);
  ri_store_relaxed(&page->xtheap, NULL);
  ri_store_relaxed(&page->xremote, 0);  // owned by nobody who could be found: not claimable
  ri_store_relaxed(&page->used, 0);
  const size_t span = ri_load_relaxed(&page->xspan);
  if (page->kind == RIX_PAGE_MAPPED) {
    void* const start = page->start;
    const size_t room = (size_t)page->slice_count * RIX_SLICE_SIZE;
    rix_pagemap_set(start, interior ? span : create_entered(span), NULL);
    rix_counter_sub(&create.xmapped_bytes, rix_page_block_size(page));
    rix_meta_give(&create_descriptors, page);
    rix_mapping_release(start, span, room, shared);
    return;
  }
  const size_t slices = page->slice_count;
  rix_pagemap_set(page->start, slices * RIX_SLICE_SIZE, NULL);
  rix_arena_release(page->arena, (size_t)(page - page->arena->pages), slices);
}

void rix_page_destroy(ri_page_t* page) {
  if ((page->flags & RIX_PAGE_CHECKED) != 0) {
    const size_t words = RIX_SLICE_SIZE / 8 / RIX_WORD_BITS;
    const size_t first = (size_t)(page - page->arena->pages) * words;
    for (size_t i = 0; i < page->slice_count * words; i++)
      ri_store_relaxed(&page->arena->live[first + i], 0);
  }
  rix_page_unlist(page);
  page->place = RIX_PLACE_NONE;
  page->free = NULL;
  ri_store_relaxed(&page->used, 0);
  ri_store_relaxed(&page->xremote, 0);
  rix_page_release(page);
}

// Memory that was used before: above this the OS hands out zero pages, which also makes the block
// cost nothing until it is touched; below, writing is faster.
#define CREATE_ZERO_BY_OS_MIN ((size_t)1 << 20)

void rix_page_zero_single(ri_page_t* page, size_t from) {
  uint8_t* const start = page->start + from;
  const size_t size = page->lead + rix_page_block_size(page) - from;  // whole OS pages
  const bool by_os = page->arena == NULL || rix_arena_lets_purge(page->arena);
  if (size >= CREATE_ZERO_BY_OS_MIN && by_os && rix_os_purge(start, size)) return;
  __builtin_memset(start, 0, size);
}

// ---- Resizing pages of one block ----------------------------------------------------------------

// Enters the page for a span that changes from `old` to `span`.
static void create_enter(ri_page_t* page, size_t old, size_t span) {
  const size_t before = rix_align_up(create_entered(old), RIX_SLICE_SIZE);
  const size_t after = rix_align_up(create_entered(span), RIX_SLICE_SIZE);
  if (after > before) rix_pagemap_set(page->start + before, after - before, page);
  if (after < before) rix_pagemap_set(page->start + after, before - after, NULL);
}

static bool create_resize_mapped(ri_page_t* page, size_t size, bool* zero) {
  const size_t span = ri_load_relaxed(&page->xspan);
  *zero = size > span && rix_page_block_size(page) == span;
  if (size <= span && size > span / 2) return true;
  // Entries of what is given up are cleared before somebody else can get the addresses.
  if (size < span) create_enter(page, span, size);
  if (!rix_mapping_resize(page->start, span, size)) {
    if (size < span) create_enter(page, size, span);
    return size <= span;
  }
  if (size > span) create_enter(page, span, size);
  ri_store_relaxed(&page->xspan, size);
  return true;
}

static bool create_resize_in_arena(ri_page_t* page, size_t size, bool* zero) {
  const size_t wanted = rix_div_up(size, RIX_SLICE_SIZE);
  const size_t have = page->slice_count;
  const size_t index = (size_t)(page - page->arena->pages);
  if (wanted > have) {
    if (size > create_arena_max(ri_load_relaxed(&page->xheap))) return false;
    if (!rix_arena_extend(page->arena, index, have, wanted - have, zero)) return false;
    *zero = *zero && rix_page_block_size(page) == have * RIX_SLICE_SIZE;
    page->slice_count = (uint32_t)wanted;
    rix_pagemap_set(page->start + have * RIX_SLICE_SIZE, (wanted - have) * RIX_SLICE_SIZE, page);
  } else if (wanted < have) {
    page->slice_count = (uint32_t)wanted;
    rix_pagemap_set(page->start + wanted * RIX_SLICE_SIZE, (have - wanted) * RIX_SLICE_SIZE, NULL);
    rix_arena_release(page->arena, index + wanted, have - wanted);
  }
  ri_store_relaxed(&page->xspan, wanted * RIX_SLICE_SIZE);
  return true;
}

bool rix_page_resize_single(ri_page_t* page, size_t size, bool* zero) {
  RI_ASSERT(rix_page_is_single(page));
  *zero = false;
  size = rix_align_up(size, rix_os_page_size());
  const size_t before = rix_roster_bytes(page);
  const size_t reserved = size > before ? rix_align_up(size, RIX_SLICE_SIZE) - before : 0;
  if (!rix_roster_will_grow(page, reserved)) return false;
  const bool done = page->kind == RIX_PAGE_MAPPED ? create_resize_mapped(page, size, zero)
                                                  : create_resize_in_arena(page, size, zero);
  if (done && page->kind == RIX_PAGE_MAPPED) {
    rix_counter_add(&create.xmapped_bytes, size - rix_page_block_size(page));  // modular
  }
  if (done) ri_store_relaxed(&page->xblock_size, size);
  rix_roster_resized(page, before, reserved);
  return done;
}
