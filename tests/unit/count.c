// SPDX-License-Identifier: MIT
// count.c: what is read off the pages (observe/count.c): each kind of page in its place, blocks
// that others freed not counted, the same sum by heap, by thread and by process.
#include "../check.h"

#include "heap/heap.h"
#include "observe/count.h"

static rix_count_t of_process(void) {
  rix_count_t c = {0};
  rix_count_process(&c);
  return c;
}
static rix_count_t of_heap(rix_heap_t* heap) {
  rix_count_t c = {0};
  rix_count_heap(&c, heap);
  return c;
}
static rix_count_t of_thread(void) {
  rix_count_t c = {0};
  rix_count_thread(&c);
  return c;
}

static void check_empty(rix_count_t c) {
  CHECK(rix_count_pages(&c) == 0 && rix_count_blocks(&c) == 0 && c.page_bytes == 0);
  CHECK(c.small_pages + c.medium_pages + c.single_pages + c.mapped_pages + c.large_bytes == 0);
}

static void kinds(rix_heap_t* heap) {
  void* const small = ri_heap_malloc(heap, 100);
  void* const medium = ri_heap_malloc(heap, 20000);
  void* const single = ri_heap_malloc(heap, 100000);
  void* const mapped = ri_heap_malloc(heap, (size_t)300 * CHECK_MIB);
  const rix_count_t h = of_heap(heap), p = of_process();
  for (int i = 0; i < 2; i++) {
    const rix_count_t c = i == 0 ? h : p;
    CHECK(c.small_pages == 1 && c.medium_pages == 1 && c.single_pages == 1 && c.mapped_pages == 1);
    CHECK(rix_count_pages(&c) == 4 && rix_count_blocks(&c) == 4);
    CHECK(c.blocks[rix_class_of(100)] == 1 && c.pages[rix_class_of(100)] == 1);
    CHECK(c.blocks[rix_class_of(20000)] == 1 && c.blocks[RIX_COUNT_LARGE] == 2);
    CHECK(c.large_bytes == ri_usable_size(single) + ri_usable_size(mapped));
    CHECK(rix_count_normal_bytes(&c) == ri_usable_size(small) + ri_usable_size(medium));
    CHECK(c.page_bytes == (size_t)(1 + 1 + 2) * RIX_SLICE_SIZE + (size_t)300 * CHECK_MIB);
  }
  CHECK(h.mapped_bytes == (size_t)300 * CHECK_MIB);
  // Large blocks belong to no thread.
  const rix_count_t t = of_thread();
  CHECK(rix_count_pages(&t) == 2 && rix_count_blocks(&t) == 2);
  ri_free(small);
  ri_free(medium);
  ri_free(single);
  ri_free(mapped);
  ri_collect(true);
  check_empty(of_heap(heap));
  check_empty(of_process());
}

static void* frees(void* arg) {
  void** const blocks = arg;
  for (size_t i = 0; i < 50; i++)
    ri_free(blocks[i]);
  check_empty(of_thread());  // it has no page
  return NULL;
}

static void freed_by_others(void) {
  void* blocks[80];
  for (size_t i = 0; i < 80; i++)
    blocks[i] = ri_malloc(100);
  check_in_thread(frees, blocks);
  const rix_count_t t = of_thread(), p = of_process(), h = of_heap(&rix_heap_default);
  CHECK(t.blocks[rix_class_of(100)] == 30 && t.pages[rix_class_of(100)] == 1);
  CHECK(memcmp(&t, &p, sizeof(t)) == 0 && memcmp(&t, &h, sizeof(t)) == 0);
  for (size_t i = 50; i < 80; i++)
    ri_free(blocks[i]);
  ri_collect(true);
  check_empty(of_process());
}

// Each page counts once, for the heap that it has now.
static void moved(void) {
  rix_heap_t* const heap = ri_heap_new();
  for (size_t i = 0; i < 3000; i++)
    CHECK(ri_heap_malloc(heap, i * 10) != NULL);
  const rix_count_t before = of_heap(heap), p = of_process();
  CHECK(rix_count_blocks(&before) == 3000 && memcmp(&before, &p, sizeof(p)) == 0);
  check_empty(of_heap(&rix_heap_default));
  ri_heap_delete(heap);
  const rix_count_t after = of_heap(&rix_heap_default);
  CHECK(memcmp(&before, &after, sizeof(after)) == 0);
}

static void spaces(void) {
  rix_count_space_t c = {0}, none = {0};
  rix_count_space(&c, 0);
  CHECK(c.arenas == rix_arena_count() && c.reserved == rix_arena_reserved());
  CHECK(c.committed >= rix_arena_in_use() && c.committed <= c.reserved);
  rix_count_space(&none, 12345);
  CHECK(none.arenas == 0 && none.reserved == 0 && none.committed == 0);
}

int main(void) {
  check_watchdog(30);
  check_empty(of_process());
  check_empty(of_thread());
  kinds(&rix_heap_default);
  rix_heap_t* const heap = ri_heap_new();
  kinds(heap);
  ri_heap_destroy(heap);
  freed_by_others();
  moved();
  spaces();
  CHECK(ri_audit());
  return 0;
}
