// SPDX-License-Identifier: MIT
// visit.c: walking heaps and theaps (rimalloc/heap.h) against a record of what is live: own pages,
// pages of other threads, of exited threads, freed locally and by others, large blocks, the main
// heap. Catches: a block reported twice, one that is free, one that is missing, an area whose
// counts do not fit its blocks, a visit that goes on after the visitor said no, a page lost after
// its visit.
#include "../check.h"

enum { BLOCKS = 4000 };
static void* blocks[BLOCKS];
static bool seen[BLOCKS];

typedef struct count_s {
  ri_heap_t* heap;
  size_t areas, used, known, others, bytes;
  size_t stop_after;  // callbacks
} count_t;

static bool count(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t block_size,
                  void* arg) {
  count_t* const c = arg;
  CHECK(heap == c->heap && block_size == area->block_size);
  CHECK(area->full_block_size == block_size && area->reserved1 == NULL);
  CHECK(area->committed <= area->reserved && area->used * block_size <= area->committed);
  if (block == NULL) {
    c->areas++;
    c->used += area->used;
  } else {
    const uint8_t* const start = area->blocks;
    CHECK((uint8_t*)block >= start && (uint8_t*)block + block_size <= start + area->reserved);
    CHECK(ri_usable_size(block) == block_size && ri_heap_of(block) == heap);
    size_t i = 0;
    while (i < BLOCKS && blocks[i] != block)
      i++;
    if (i < BLOCKS) {
      CHECK(!seen[i]);
      seen[i] = true;
      c->known++;
    } else {
      c->others++;
    }
    c->bytes += block_size;
  }
  return c->stop_after == 0 || --c->stop_after > 0;
}

static count_t fresh(ri_heap_t* heap) {
  memset(seen, 0, sizeof(seen));
  return (count_t){.heap = heap};
}

static void* fill(void* heap) {
  uint64_t rng = 5;
  for (size_t i = 0; i < BLOCKS; i++) {
    const size_t size = 1 + check_any_size(&rng, i % 400 == 0 ? 2000000 : 3000);
    blocks[i] = ri_heap_malloc(heap, i == 9 ? (size_t)300 * CHECK_MIB : size);
    CHECK(blocks[i] != NULL);
  }
  return NULL;
}

static void* free_odd(void* arg) {
  (void)arg;
  for (size_t i = 1; i < BLOCKS; i += 2) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  return NULL;
}

static void free_fours(void) {
  for (size_t i = 0; i < BLOCKS; i += 4) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
}

static size_t live(void) {
  size_t n = 0;
  for (size_t i = 0; i < BLOCKS; i++)
    n += blocks[i] != NULL;
  return n;
}

static void expect_all(ri_heap_t* heap) {
  count_t c = fresh(heap);
  CHECK(ri_heap_visit_blocks(heap, true, count, &c));
  CHECK_MSG(c.known == live() && c.others == 0 && c.used == live(), "%zu of %zu, %zu others, %zu",
            c.known, live(), c.others, c.used);
  count_t areas = fresh(heap);
  CHECK(ri_heap_visit_blocks(heap, false, count, &areas));
  CHECK(areas.areas == c.areas && areas.known + areas.others == 0);
}

static void own_heap(bool in_other_thread) {
  ri_heap_t* const heap = ri_heap_new();
  expect_all(heap);
  if (in_other_thread) {
    check_in_thread(fill, heap);
  } else {
    fill(heap);
  }
  expect_all(heap);
  check_in_thread(free_odd, NULL);
  expect_all(heap);
  free_fours();
  expect_all(heap);
  count_t c = fresh(heap);
  c.stop_after = 20;
  CHECK(!ri_heap_visit_blocks(heap, true, count, &c) && c.stop_after == 0);
  CHECK(ri_audit());
  ri_heap_destroy(heap);
  memset(blocks, 0, sizeof(blocks));
}

static void abandoned(void) {
  ri_heap_t* const heap = ri_heap_new();
  fill(heap);
  count_t c = fresh(heap);
  CHECK(ri_heap_visit_abandoned_blocks(heap, true, count, &c) && c.areas == 0);
  ri_heap_destroy(heap);
  ri_heap_t* const left = ri_heap_new();
  check_in_thread(fill, left);
  check_in_thread(free_odd, NULL);
  size_t large = 0;
  for (size_t i = 0; i < BLOCKS; i++)
    large += blocks[i] != NULL && ri_usable_size(blocks[i]) > 65536;
  for (int again = 0; again < 3; again++) {  // the pages are there again after a visit
    c = fresh(left);
    CHECK(ri_heap_visit_abandoned_blocks(left, true, count, &c));
    CHECK_MSG(c.known == live() - large && c.others == 0 && c.used == c.known, "%zu of %zu, %zu",
              c.known, live() - large, c.used);
  }
  c = fresh(left);
  c.stop_after = 7;
  CHECK(!ri_heap_visit_abandoned_blocks(left, true, count, &c) && c.stop_after == 0);
  c = fresh(left);
  CHECK(ri_heap_visit_abandoned_blocks(left, true, count, &c) && c.known == live() - large);
  // They are still found by an allocation, and by frees.
  const size_t held = ri_heap_held(left);
  ri_free(ri_heap_malloc(left, 100));
  CHECK(ri_heap_held(left) == held);
  for (size_t i = 0; i < BLOCKS; i++) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
  ri_heap_collect(left, false);
  CHECK_MSG(ri_heap_held(left) == 0, "%zu", ri_heap_held(left));
  ri_heap_delete(left);
}

static void main_heap(void) {
  ri_collect(false);
  count_t before = fresh(ri_heap_main());
  CHECK(ri_heap_visit_blocks(NULL, true, count, &before));
  check_in_thread(fill, NULL);
  check_in_thread(free_odd, NULL);
  count_t c = fresh(ri_heap_main());
  CHECK(ri_heap_visit_blocks(NULL, true, count, &c));
  CHECK_MSG(c.known == live() && c.others == before.others, "%zu of %zu, %zu others of %zu",
            c.known, live(), c.others, before.others);
  size_t large = 0;
  for (size_t i = 0; i < BLOCKS; i++)
    large += blocks[i] != NULL && ri_usable_size(blocks[i]) > 65536;
  c = fresh(ri_heap_main());
  CHECK(ri_heap_visit_abandoned_blocks(NULL, true, count, &c));
  CHECK_MSG(c.known == live() - large, "%zu of %zu", c.known, live() - large);
  c = fresh(ri_heap_main());
  c.stop_after = 3;
  CHECK(!ri_heap_visit_abandoned_blocks(NULL, true, count, &c) && c.stop_after == 0);
  for (size_t i = 0; i < BLOCKS; i++) {
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
}

static void theap(void) {
  ri_heap_t* const heap = ri_heap_new();
  fill(heap);
  size_t large = 0;
  for (size_t i = 0; i < BLOCKS; i++)
    large += ri_usable_size(blocks[i]) > 65536;
  count_t c = fresh(heap);
  CHECK(ri_theap_visit_blocks(ri_heap_theap(heap), true, count, &c));
  CHECK(c.known == BLOCKS - large && c.others == 0);
  c = fresh(heap);
  c.stop_after = 5;
  CHECK(!ri_theap_visit_blocks(ri_heap_theap(heap), true, count, &c));
  c = fresh(ri_heap_main());
  CHECK(ri_theap_visit_blocks(NULL, true, count, &c) && c.known == 0);
  ri_heap_destroy(heap);
  memset(blocks, 0, sizeof(blocks));
}

int main(void) {
  check_watchdog(100);
  own_heap(false);
  own_heap(true);
  abandoned();
  main_heap();
  theap();
  CHECK(ri_audit());
  return 0;
}
