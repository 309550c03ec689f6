// SPDX-License-Identifier: MIT
// create.c: pages of every class and of one block: their shape, their entries in the page map, what
// they charge to their heap, how they are resized and released.
#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "page/create.h"
#include "page/mapped.h"
#include "page/release.h"
#include "page/remote.h"
#include "page/single.h"
#include "../check.h"

static rix_heap_t* heap;

static size_t held(void) { return ri_load_relaxed(&heap->xbytes); }

// All of [start, start + size) leads to the page, and what is behind does not.
static bool leads_to(const uint8_t* start, size_t size, const ri_page_t* page) {
  for (size_t at = 0; at < size; at += RIX_SLICE_SIZE)
    if (rix_pagemap_find(start + at) != page) return false;
  return rix_pagemap_find(start + size - 1) == page;
}

static void pages_of_a_class(rix_page_use_t use) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    ri_page_t* const page = rix_page_create(c, use, heap);
    CHECK(page != NULL);
    const size_t room = (size_t)page->slice_count * RIX_SLICE_SIZE;
    const size_t size = rix_class_block_size(c);
    CHECK(rix_page_block_size(page) == size && page->class_index == c);
    CHECK(page->reserved * size <= room && (page->reserved + 1u) * size > room);
    if (size > RIX_SMALL_BLOCK_MAX) {  // as few slices as will do, or as many as there can be
      const bool first = use == RIX_PAGE_FIRST;
      CHECK(first ? page->reserved >= RIX_MEDIUM_FIRST : page->slice_count == RIX_MEDIUM_SLICES);
      CHECK(!first || page->slice_count == 1 || room / 2 < RIX_MEDIUM_FIRST * size);
    }
    CHECK(page->kind == (size <= RIX_SMALL_BLOCK_MAX ? RIX_PAGE_SMALL : RIX_PAGE_MEDIUM));
    CHECK(rix_page_live(page) == 0 && page->capacity == 0 && page->free == NULL);
    CHECK(page->place == RIX_PLACE_NONE && ri_load_relaxed(&page->xheap) == heap);
    CHECK(leads_to(page->start, room, page) && rix_pagemap_find(page->start + room) != page);
    CHECK(held() == room && heap->page_count == 1);
    uint8_t* const start = page->start;
    rix_page_release(page);
    CHECK(leads_to(start, room, NULL) && held() == 0 && heap->page_count == 0);
  }
}

// Nothing is charged for what is refused.
static void quota(void) {
  ri_store_relaxed(&heap->xquota, RIX_SLICE_SIZE);
  ri_page_t* const page = rix_page_create(0, RIX_PAGE_MORE, heap);
  CHECK(page != NULL && rix_page_create(0, RIX_PAGE_MORE, heap) == NULL &&
        held() == RIX_SLICE_SIZE);
  bool zero = false;
  CHECK(rix_page_create_single(100000, 1, heap, zero, &zero) == NULL);
  CHECK(rix_page_create_mapped(100000, 1, 0, heap, &zero) == NULL && held() == RIX_SLICE_SIZE);
  rix_page_release(page);
  CHECK(rix_page_create(RIX_CLASS_COUNT - 1, RIX_PAGE_MORE, heap) == NULL && held() == 0);
  ri_store_relaxed(&heap->xquota, 0);
}

static void check_single(const ri_page_t* page, size_t size, size_t align) {
  CHECK(page != NULL && rix_page_is_single(page) && check_aligned(page->start, align));
  CHECK(rix_page_block_size(page) >= size && rix_page_block_size(page) < size + 65536);
  CHECK(rix_page_live(page) == 1 && page->capacity == 1 && page->reserved == 1);
  CHECK(ri_load_relaxed(&page->xspan) >= rix_page_block_size(page) && rix_page_valid(page));
  CHECK((ri_load_relaxed(&page->xremote) & RIX_REMOTE_ABANDONED) != 0);  // whoever frees it
  CHECK(leads_to(page->start, rix_page_block_size(page), page));
  CHECK(held() == rix_heap_pages_bytes(page) && held() >= size);
}

static void pages_of_one_block(void) {
  static const size_t sizes[] = {1, 4096, 65537, 300000, 5000000};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    for (size_t align = 1; align <= (size_t)4 << 20; align *= 64) {
      bool zero = false;
      ri_page_t* page = rix_page_create_single(sizes[i], align, heap, zero, &zero);
      check_single(page, sizes[i], align);
      CHECK(page->kind == RIX_PAGE_SINGLETON && page->arena != NULL);
      if (zero) CHECK_ZERO(page->start, 0, sizes[i]);
      memset(page->start, 0xA5, sizes[i]);
      uint8_t* start = page->start;
      CHECK(rix_page_free_single(page) && held() == 0 && rix_pagemap_find(start) == NULL);
      const size_t mapped = rix_mapped_bytes(), count = rix_mapping_count();
      page =
          rix_page_create_mapped(rix_align_up(sizes[i], rix_os_page_size()), align, 0, heap, &zero);
      check_single(page, sizes[i], align);
      CHECK(page->kind == RIX_PAGE_MAPPED && page->arena == NULL);
      CHECK(rix_mapping_count() == count + 1);
      CHECK(rix_mapped_bytes() == mapped + rix_page_block_size(page));
      if (zero) CHECK_ZERO(page->start, 0, sizes[i]);
      start = page->start;
      CHECK(rix_page_free_single(page) && held() == 0 && rix_pagemap_find(start) == NULL);
      CHECK(rix_mapped_bytes() == mapped && rix_mapping_count() == count);
    }
  }
}

// A freed mapping is reused for a smaller block; the excess is charged too.
static void larger_mappings(void) {
  bool zero = false;
  const size_t size = (size_t)3 << 20, less = size - 65536;
  CHECK(rix_page_free_single(rix_page_create_mapped(size, 1, 0, heap, &zero)));
  const size_t cached = rix_mapping_cached();
  ri_page_t* const page = rix_page_create_mapped(less, 1, 0, heap, &zero);
  CHECK(rix_mapping_cached() < cached && ri_load_relaxed(&page->xspan) == size);
  CHECK(held() == size && rix_heap_pages_bytes(page) == size);
  CHECK(rix_page_free_single(page) && held() == 0);
  // Where that is too much, it is given back.
  ri_store_relaxed(&heap->xquota, less);
  ri_page_t* const fitted = rix_page_create_mapped(less, 1, 0, heap, &zero);
  CHECK(fitted != NULL && ri_load_relaxed(&fitted->xspan) == less && held() == less);
  CHECK(rix_page_free_single(fitted) && held() == 0);
  ri_store_relaxed(&heap->xquota, 0);
}

// What the arena cannot give is not charged.
static void no_memory(void) {
  enum { SLICES = 10 };
  rix_heap_t* const others = heap;
  rix_arena_t* const a = rix_arena_reserve(SLICES * RIX_SLICE_SIZE, (rix_arena_request_t){0});
  CHECK(a != NULL);
  heap = rix_heap_create(&rix_subproc_main, a);
  size_t pages = 0;
  while (rix_page_create(0, RIX_PAGE_MORE, heap) != NULL)
    pages++;
  bool zero = false;
  CHECK(pages == SLICES && rix_page_create_single(70000, 1, heap, zero, &zero) == NULL);
  CHECK(rix_page_create(RIX_CLASS_COUNT - 1, RIX_PAGE_MORE, heap) == NULL);
  CHECK(held() == SLICES * RIX_SLICE_SIZE && heap->page_count == SLICES);
  while (heap->pages != NULL)
    rix_page_release(heap->pages);
  CHECK(held() == 0);
  rix_heap_end(heap, true);
  heap = others;
}

// A page changes its size in place or not at all; what it gives up leads nowhere.
static void resizing(bool mapped) {
  const size_t unit = RIX_SLICE_SIZE;
  bool zero = false;
  ri_page_t* const page = mapped ? rix_page_create_mapped(4 * unit, 1, 16 * unit, heap, &zero)
                                 : rix_page_create_single(4 * unit, 1, heap, zero, &zero);
  CHECK(page != NULL);
  uint8_t* const start = page->start;
  check_fill(start, 4 * unit, 1);
  if (!rix_page_resize_single(page, 8 * unit, &zero)) {
    // Something lies behind it, or an emulator does not move its end.
    CHECK(mapped && (RIX_OS_ADDRESS_BITS <= 32 || !check_measurable()));
    CHECK(rix_page_block_size(page) == 4 * unit && held() == rix_heap_pages_bytes(page));
    CHECK(rix_page_free_single(page) && held() == 0);
    return;
  }
  CHECK(page->start == start);
  CHECK(rix_page_block_size(page) == 8 * unit && leads_to(start, 8 * unit, page));
  CHECK_FILLED(start, 4 * unit, 1);
  if (zero) CHECK_ZERO(start, 4 * unit, 8 * unit);
  CHECK(held() == rix_heap_pages_bytes(page) && held() >= 8 * unit);
  check_fill(start, 8 * unit, 2);
  ri_store_relaxed(&heap->xquota, 9 * unit);
  CHECK(!rix_page_resize_single(page, 12 * unit, &zero) && !zero);
  CHECK(rix_page_block_size(page) == 8 * unit && held() == rix_heap_pages_bytes(page));
  ri_store_relaxed(&heap->xquota, 0);
  CHECK(rix_page_resize_single(page, 2 * unit, &zero) && !zero);
  CHECK_FILLED(start, 2 * unit, 2);
  CHECK(leads_to(start, 2 * unit, page) && leads_to(start + 2 * unit, 6 * unit, NULL));
  CHECK(rix_page_block_size(page) == 2 * unit && held() == 2 * unit && rix_page_valid(page));
  CHECK(rix_page_free_single(page) && held() == 0 && leads_to(start, 2 * unit, NULL));
}

// From anywhere in the block to its end, whoever does it: by hand, or the OS when it is large.
static void zeroing(void) {
  static const size_t sizes[] = {100000, 3000000};
  for (size_t i = 0; i < 2; i++) {
    bool zero = false;
    ri_page_t* const page = rix_page_create_single(sizes[i], 1, heap, zero, &zero);
    CHECK(page != NULL);
    const size_t size = rix_page_block_size(page), from = 2 * rix_os_page_size();
    memset(page->start, 0xA5, size);
    rix_page_zero_single(page, from);
    CHECK(page->start[0] == 0xA5 && page->start[from - 1] == 0xA5);
    CHECK_ZERO(page->start, from, size);
    CHECK(rix_page_free_single(page));
  }
}

int main(void) {
  check_watchdog(60);
  ri_free(ri_malloc(100));  // what every thread has is there
  heap = rix_heap_create(&rix_subproc_main, NULL);
  CHECK(heap != NULL);
  pages_of_a_class(RIX_PAGE_FIRST);
  pages_of_a_class(RIX_PAGE_MORE);
  pages_of_a_class(RIX_PAGE_DENSE);
  quota();
  pages_of_one_block();
  larger_mappings();
  no_memory();
  resizing(false);
  resizing(true);
  zeroing();
  rix_heap_end(heap, true);
  CHECK(ri_audit());
  return 0;
}
