// SPDX-License-Identifier: MIT
// quota.c: the limit of a heap while several threads take from it (page/heap_pages.c, create.c):
// what fits is never refused because of a request that does not, and the limit is never exceeded.
#include <rimalloc/heap.h>

#include "heap/alloc.h"
#include "page/single.h"
#include "world.h"

enum { QUOTA_SLICES = 3, SMALL = 60000, LARGE = 4 * RIX_SLICE_SIZE };

static ri_heap_t* heap;
static void* block;
static void* taken[3];

static void make(void) { heap = ri_heap_new(); }
static void take(void) {
  block = rix_heap_malloc_single(heap, SMALL, 1, false);
  MODEL_CHECK(block != NULL);
}
static void setup(void) {
  world_setup(3, true);
  model_as(0, make);
  for (size_t i = 0; i < 3; i++)
    taken[i] = NULL;
  MODEL_CHECK(ri_heap_set_quota(heap, QUOTA_SLICES * RIX_SLICE_SIZE));
  model_name(&heap->xbytes, "heap.xbytes");
}
static void setup_block(void) {
  setup();
  model_as(0, take);
}

static void* page_of(size_t slices) {
  void* const p = rix_heap_malloc_single(heap, slices * RIX_SLICE_SIZE, 1, false);
  MODEL_CHECK(ri_load_relaxed(&heap->xbytes) <= QUOTA_SLICES * RIX_SLICE_SIZE);
  return p;
}
static void takes_too_much(void) { MODEL_CHECK(page_of(QUOTA_SLICES + 1) == NULL); }
static void takes_1(void) { MODEL_CHECK(page_of(1) != NULL); }
static void takes_2(void) { taken[model_thread()] = page_of(2); }
static void grows_too_much(void) {
  bool zero;
  MODEL_CHECK(!rix_page_resize_single(world_page(block), LARGE, &zero));
}
// It may find the slices behind it taken.
static void grows_and_shrinks(void) {
  bool zero;
  if (!rix_page_resize_single(world_page(block), (size_t)2 * RIX_SLICE_SIZE, &zero)) return;
  MODEL_CHECK(rix_page_resize_single(world_page(block), SMALL, &zero));
}
static bool charge(size_t slices) { return rix_heap_pages_charge(heap, slices * RIX_SLICE_SIZE); }
static void charges_1(void) { MODEL_CHECK(charge(1)); }
static void charges_2(void) {
  if (charge(2)) taken[model_thread()] = heap;
}
static void deletes(void) { ri_heap_delete(heap); }

// What is counted is what the pages have.
static void finish(void) {
  size_t bytes = 0;
  for (const ri_page_t* page = heap->pages; page != NULL; page = page->heap_next)
    bytes += rix_heap_pages_bytes(page);
  MODEL_CHECK(ri_load_relaxed(&heap->xbytes) == bytes && bytes <= QUOTA_SLICES * RIX_SLICE_SIZE);
  MODEL_CHECK(world_slices_in_use() == bytes / RIX_SLICE_SIZE);
}
static void finish_one_of_two(void) {
  finish();
  MODEL_CHECK((taken[0] != NULL) + (taken[1] != NULL) == 1);
}
static void finish_charged(void) {
  MODEL_CHECK((taken[0] != NULL) + (taken[1] != NULL) == 1);
  MODEL_CHECK(ri_load_relaxed(&heap->xbytes) == QUOTA_SLICES * RIX_SLICE_SIZE);
}
static void finish_moved(void) {
  MODEL_CHECK(heap->pages == NULL && ri_load_relaxed(&heap->xbytes) == 0);
  MODEL_CHECK(ri_load_relaxed(&world_page(block)->xheap) == &rix_heap_default);
  MODEL_CHECK(world_slices_in_use() == 1);
}

#define FITS "what fits is there, whatever others ask for"

const model_scenario_t model_scenarios[] = {
    {.name = "quota_charge",
     .property = FITS,
     .setup = setup,
     .thread = {charges_2, charges_2, charges_1},
     .finish = finish_charged,
     .spurious = 1},
    {.name = "quota_too_much",
     .property = FITS,
     .setup = setup,
     .thread = {takes_1, takes_too_much, takes_too_much},
     .finish = finish},
    {.name = "quota_two_fit",
     .property = FITS,
     .setup = setup,
     .thread = {takes_1, takes_1, takes_too_much},
     .finish = finish},
    {.name = "quota_one_of_two",
     .property = "of two that exclude each other one is there",
     .setup = setup,
     .thread = {takes_2, takes_2},
     .finish = finish_one_of_two},
    {.name = "quota_grow_too_much",
     .property = FITS,
     .setup = setup_block,
     .thread = {grows_too_much, takes_1, takes_1},
     .finish = finish},
    {.name = "quota_grow",
     .property = FITS,
     .setup = setup_block,
     .thread = {grows_and_shrinks, takes_1},
     .finish = finish},
    {.name = "quota_grow_delete",
     .property = "a block that grows while its heap is deleted is counted in neither",
     .setup = setup_block,
     .thread = {grows_and_shrinks, deletes},
     .finish = finish_moved},
    {.name = NULL},
};
