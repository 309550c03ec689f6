// SPDX-License-Identifier: MIT
// utilization_is_not_rounded.c: ri_unsafe_heap_page_is_under_utilized rounded the share of live
// blocks down to whole percents: one block of 4,000 counted as 0 percent, and a page with one of 63
// as "at most 1 percent". And a percentage beyond 100 counts as 100, even where its product with
// the number of blocks overflows.
#include "../check.h"

typedef struct found_s {
  const void* p;
  size_t used, capacity;
} found_t;

static bool visit(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                  void* arg) {
  (void)heap, (void)block, (void)size;
  found_t* const found = arg;
  const size_t start = (size_t)((uintptr_t)found->p - (uintptr_t)area->blocks);
  if (start >= area->committed) return true;
  found->used = area->used;
  found->capacity = area->committed / area->block_size;
  return false;
}

// Of the first page only `live` blocks stay: so many, and not one more, are the threshold.
static void threshold(size_t size, size_t live) {
  enum { MOST = 20000 };
  static void* blocks[MOST];
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  const size_t count = 3 * 65536 / size;  // three pages or so
  CHECK(count <= MOST);
  for (size_t i = 0; i < count; i++)
    blocks[i] = ri_heap_malloc(heap, size);
  found_t page = {blocks[0], 0, 0};
  CHECK(!ri_heap_visit_blocks(heap, false, visit, &page));
  CHECK(page.used == page.capacity && page.capacity > live && page.capacity < count);
  for (size_t i = live; i < page.capacity; i++)
    ri_free(blocks[i]);
  CHECK(!ri_heap_visit_blocks(heap, false, visit, &page) && page.used == live);
  for (size_t percent = 0; percent <= 101; percent++) {
    CHECK_MSG(ri_unsafe_heap_page_is_under_utilized(heap, blocks[0], percent) ==
                  (100 * live <= percent * page.capacity),
              "%zu of %zu live, %zu percent", live, page.capacity, percent);
  }
  for (size_t shift = 1; shift <= 12; shift++) {
    const size_t power = (check_hide(SIZE_MAX) >> shift) + 1;
    CHECK(ri_unsafe_heap_page_is_under_utilized(heap, blocks[0], power - 1));
    CHECK(ri_unsafe_heap_page_is_under_utilized(heap, blocks[0], power));
  }
  ri_heap_destroy(heap);
}

int main(void) {
  threshold(16, 1);
  threshold(16, 41);
  threshold(1024, 1);
  threshold(1024, 2);
  threshold(1024, 40);
  threshold(1024, 62);
  return 0;
}
