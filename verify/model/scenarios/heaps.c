// SPDX-License-Identifier: MIT
// heaps.c: a heap is deleted or destroyed while other threads free its blocks, end, or hold one of
// its pages by a hint that is out of date.
#include <rimalloc/heap.h>

#include "observe/count.h"
#include "page/abandon.h"
#include "page/end.h"
#include "world.h"

static ri_heap_t* heap;
static void* block[3];
static ri_page_t* page;

static void fill(void) {
  for (int i = 0; i < 3; i++) {
    block[i] = ri_heap_malloc(heap, WORLD_BLOCK);
    model_take(block[i], 32);
  }
}
static void make(void) { heap = ri_heap_new(); }
static void prepare(int t) {
  world_setup(6, true);
  model_as(4, make);
  model_as(t, fill);
  page = world_page(block[0]);
  world_name_page(block[0]);
  model_name(&page->xheap, "page.xheap");
}
static void setup(void) { prepare(0); }
static void setup_abandoned(void) {
  prepare(5);
  world_thread_exit_as(5);
}

static void setup_abandoned_one(void) {
  prepare(5);
  world_free_as(5, block[0]);
  world_free_as(5, block[2]);
  world_thread_exit_as(5);
}
// Nobody will free the blocks.
static void setup_abandoned_destroy(void) {
  setup_abandoned();
  for (int i = 0; i < 3; i++)
    model_give(block[i]);
}
static void setup_abandoned_destroy_one(void) {
  setup_abandoned_one();
  model_give(block[1]);
}

static void ends(void) { world_thread_exit(); }
static void frees_1(void) { world_free_remote(block[1]); }
static void frees_all(void) {
  for (int i = 0; i < 3; i++)
    world_free_remote(block[i]);
}
static void frees_all_and_uses_again(void) {
  frees_all();
  world_malloc(WORLD_BLOCK);
}
static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void deletes(void) { ri_heap_delete(heap); }
static void destroys(void) { ri_heap_destroy(heap); }
static void frees_1_and_destroys(void) {
  frees_1();
  ri_heap_destroy(heap);
}
static void returns(void) {
  if (rix_remote_claim(page)) rix_page_abandon_again(page);
}
static void collects_and_returns(void) {
  if (!rix_remote_claim(page)) return;
  rix_page_after_claim(page);
  rix_page_abandon_again(page);
}
// And the memory is another page at once, of another heap.
static void returns_and_uses_again(void) {
  returns();
  world_malloc(WORLD_BLOCK);
}
static void finish_gone(void) { MODEL_CHECK(world_slices_in_use() == 0); }
static void finish_moved(void) {
  world_check();
  MODEL_CHECK(ri_load_relaxed(&page->xheap) == &rix_heap_default);
}
static void finish_not_counted(void) {
  world_check();
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    MODEL_CHECK(ri_load_relaxed(&heap->xabandoned[c]) == 0);
}

// ---- Walks --------------------------------------------------------------------------------------

static ri_heap_t* lasting[2];
static void make_three(void) {
  lasting[0] = ri_heap_new();
  heap = ri_heap_new();
  lasting[1] = ri_heap_new();
  block[0] = ri_heap_malloc(heap, WORLD_BLOCK);
}
static void setup_walk(void) {
  world_setup(6, true);
  model_as(4, make_three);
}
static void walks(void) {
  rix_heap_walk_t walk;
  size_t seen[3] = {0};
  rix_heap_walk_begin(&walk, &rix_subproc_main);
  for (rix_heap_t* at; (at = rix_heap_walk_next(&walk)) != NULL;) {
    seen[0] += at == &rix_heap_default;
    for (size_t i = 0; i < 2; i++)
      seen[i + 1] += at == lasting[i];
  }
  for (size_t i = 0; i < 3; i++)
    MODEL_CHECK(seen[i] == 1);
}
static void walks_and_stops(void) {
  rix_heap_walk_t walk;
  rix_heap_walk_begin(&walk, &rix_subproc_main);
  for (rix_heap_t* at; (at = rix_heap_walk_next(&walk)) != NULL && at != heap;) {}
  rix_heap_walk_end(&walk);
}
static void replaces(void) {
  ri_heap_delete(heap);
  MODEL_CHECK(ri_heap_new() != NULL);
}
// A block that is there all the time is counted once.
static void counts(void) {
  rix_count_t c = {0};
  rix_count_subproc(&c, &rix_subproc_main);
  MODEL_CHECK(rix_count_blocks(&c) == 1);
}
static void finish_walk(void) {
  for (const rix_heap_t* h = rix_subproc_main.heaps.first; h != NULL; h = h->next)
    MODEL_CHECK(ri_load_relaxed(&h->xseq) != 0 && h->pins == 0);
}

#define GONE "every page is released, once"

const model_scenario_t model_scenarios[] = {
    {.name = "destroy_return",
     .property = GONE,
     .setup = setup_abandoned,
     .thread = {destroys, returns},
     .finish = finish_gone,
     .spurious = 1},
    {.name = "destroy_return_reuse",
     .property = "the page's next user has nothing to do with the old heap",
     .setup = setup_abandoned_destroy,
     .thread = {destroys, returns_and_uses_again},
     .finish = world_check},
    {.name = "destroy_freed_return_reuse",
     .property = "the page's next user has nothing to do with the old heap",
     .setup = setup_abandoned_one,
     .thread = {frees_1_and_destroys, returns_and_uses_again},
     .finish = world_check},
    {.name = "destroy_exit",
     .property = GONE,
     .setup = setup,
     .thread = {ends, destroys},
     .finish = finish_gone},
    {.name = "delete_claim_free",
     .property = "a page on its way to the main heap is claimed from there by one",
     .setup = setup_abandoned,
     .thread = {deletes, allocates, frees_1},
     .finish = finish_moved},
    {.name = "delete_free",
     .property = "pages move, blocks stay",
     .setup = setup_abandoned,
     .thread = {deletes, frees_1},
     .finish = finish_moved},
    {.name = "delete_free_last",
     .property = "what is freed is not lost",
     .setup = setup_abandoned,
     .thread = {deletes, frees_all},
     .finish = finish_gone},
    {.name = "delete_free_reuse",
     .property = "the page's next user has nothing to do with the old heap",
     .setup = setup_abandoned,
     .thread = {deletes, frees_all_and_uses_again},
     .finish = world_check},
    {.name = "delete_exit",
     .property = "pages move, blocks stay",
     .setup = setup,
     .thread = {ends, deletes},
     .finish = finish_moved},
    {.name = "delete_return",
     .property = "a page given back while its heap is deleted counts for the heap that has it",
     .setup = setup_abandoned_one,
     .thread = {deletes, collects_and_returns},
     .finish = finish_moved},
    {.name = "destroy_return_count",
     .property = "a page given back while its heap is destroyed counts for none",
     .setup = setup_abandoned_destroy_one,
     .thread = {destroys, collects_and_returns},
     .finish = finish_not_counted},
    {.name = "walk_replaced",
     .property = "a walk comes once to each heap that stays, whatever begins and ends",
     .setup = setup_walk,
     .thread = {walks, replaces},
     .finish = finish_walk},
    {.name = "walk_stops",
     .property = "a walk comes once to each heap that stays, and leaves no heap behind",
     .setup = setup_walk,
     .thread = {walks_and_stops, walks, deletes},
     .finish = finish_walk},
    {.name = "count_moved",
     .property = "a block is counted once though its page moves to another heap",
     .setup = setup_walk,
     .thread = {counts, deletes}},
    {.name = NULL},
};
