// SPDX-License-Identifier: MIT
// theaps.c: heaps that several threads allocate from, each with a theap of its own: deleted and
// destroyed by one of them while others end, collect, find their theap gone, and free
// (heap/heap.c, page/heap_pages.c, end.c). heaps.c has pages without owner.
#include <rimalloc/rimalloc.h>

#include "heap/subproc.h"
#include "heap/theap.h"
#include "world.h"

enum { OWN = 3 };

static ri_heap_t *heap, *second, *third;  // threads 0 and 1 have a page in each of the first two
static void *mine[OWN], *theirs[9], *in_second[2];
static ri_page_t* page;  // thread 1's in the first

static void* take(ri_heap_t* from) {
  void* const p = ri_heap_malloc(from, WORLD_BLOCK);
  MODEL_CHECK(p != NULL);
  model_take(p, 32);
  return p;
}
static void makes(void) {
  heap = ri_heap_new();
  second = ri_heap_new();
  third = ri_heap_new();
}
static void fills_0(void) {
  for (int i = 0; i < OWN; i++)
    mine[i] = take(heap);
}
static void fills_1(void) {
  for (int i = 0; i < OWN; i++)
    theirs[i] = take(heap);
}
static void fills_second_0(void) { in_second[0] = take(second); }
static void fills_second_1(void) { in_second[1] = take(second); }
static void setup(void) {
  world_setup(6, true);
  model_as(5, makes);
  model_as(0, fills_0);
  model_as(1, fills_1);
  page = world_page(theirs[0]);
  world_name_page(theirs[0]);
  model_name(&page->xheap, "page.xheap");
}
static void setup_both(void) {
  setup();
  model_as(0, fills_second_0);
  model_as(1, fills_second_1);
}
// Thread 1's page is full, and in the list of full pages.
static void fills_up(void) {
  for (int i = OWN; i < 9; i++)
    theirs[i] = take(heap);
}
static void setup_full(void) {
  setup();
  model_as(1, fills_up);
  MODEL_CHECK(page->place == RIX_PLACE_FULL);
}
// Thread 1 belongs to a sub-process, as did the one that left a page of its heap behind.
static rix_subproc_t* sub;
static void joins(void) { ri_subproc_add_current_thread((ri_subproc_id_t){sub}); }
static void setup_sub(void) {
  world_setup(6, true);
  sub = rix_subproc_create();
  model_as(1, joins);
  model_as(1, makes);
  model_as(4, joins);
  model_as(4, fills_1);
  world_thread_exit_as(4);
  world_leave_out_statistics(2);
  page = world_page(theirs[0]);
  world_name_page(theirs[0]);
}

static void deletes(void) { ri_heap_delete(heap); }
static void deletes_second(void) { ri_heap_delete(second); }
// All uses of the blocks come before.
static void destroys(void) { ri_heap_destroy(heap); }
static void destroys_second(void) { ri_heap_destroy(second); }
static void ends(void) { world_thread_exit(); }
static void collects(void) { ri_collect(false); }
static void settles(void) { rix_heap_settle(); }
static void uses_third(void) { world_free(take(third)); }  // has no theap of it yet
static void frees_1(void) { world_free_remote(theirs[1]); }
static void frees_all_own(void) {
  for (int i = 0; i < 8; i++)
    world_free(theirs[i]);
}
static void frees_all(void) {
  for (int i = 0; i < OWN; i++)
    world_free_remote(theirs[i]);
}
static void frees_all_and_ends(void) {
  frees_all_own();
  world_thread_exit();
}

// ---- The end ------------------------------------------------------------------------------------

static void settle(void) {
  if (rix_tls.phase == RIX_THREAD_LIVE) rix_heap_settle();
}
static void collect_main(void) { ri_heap_collect(NULL, false); }
// The pages are the main heap's, and their owners are told of what was freed in full ones.
static void finish_moved(void) {
  world_check();
  for (int t = 0; t < 2; t++)
    model_as(t, settle);
  world_check();
  MODEL_CHECK(heap->pages == NULL && heap->theaps == NULL && ri_load_relaxed(&heap->xbytes) == 0);
  for (int i = 0; i < OWN; i++)
    if (mine[i] != NULL) MODEL_CHECK(ri_heap_of(mine[i]) == &rix_heap_default);
}
// What was destroyed is gone, whoever had it.
static void finish_gone(void) {
  for (int t = 0; t < 2; t++)
    model_as(t, settle);
  MODEL_CHECK(world_slices_in_use() == 0);
  for (int t = 0; t < 2; t++)
    MODEL_CHECK(world_theap(t) == NULL || rix_theap_valid(world_theap(t)));
}
static void finish_moved_one_gone(void) {
  for (int t = 0; t < 2; t++)
    model_give(in_second[t]);
  finish_moved();
}
// The sub-process has no blocks, and its main heap no pages.
static void finish_sub(void) {
  MODEL_CHECK(model_taken() == 0);
  for (int t = 0; t < 2; t++)
    model_as(t, collect_main);
  MODEL_CHECK(sub->main->pages == NULL && ri_load_relaxed(&sub->main->xbytes) == 0);
}

#define MOVED "blocks stay, their pages are the main heap's, with one owner or none"
#define GONE "every page is released, once"

const model_scenario_t model_scenarios[] = {
    {.name = "delete_exit_theaps",
     .property = MOVED,
     .setup = setup,
     .thread = {deletes, ends},
     .finish = finish_moved},
    {.name = "delete_exit_free",
     .property = MOVED,
     .setup = setup,
     .thread = {deletes, ends, frees_1},
     .finish = finish_moved},
    {.name = "delete_settle_free",
     .property = MOVED,
     .setup = setup,
     .thread = {deletes, settles, frees_1},
     .finish = finish_moved},
    {.name = "delete_settle_full",
     .property = "the owner is told of a full page of a heap that is gone",
     .setup = setup_full,
     .thread = {deletes, settles, frees_1},
     .finish = finish_moved,
     .spurious = 1},
    {.name = "delete_use_other",
     .property = MOVED,
     .setup = setup,
     .thread = {deletes, uses_third, frees_1},
     .finish = finish_moved},
    {.name = "delete_own_free_last",
     .property = MOVED,
     .setup = setup_full,
     .thread = {deletes, frees_all_own},
     .finish = finish_moved},
    {.name = "delete_exit_free_last",
     .property = MOVED,
     .setup = setup,
     .thread = {deletes, ends, frees_all},
     .finish = finish_moved},
    {.name = "delete_exit_after_last",
     .property = MOVED,
     .setup = setup_full,
     .thread = {deletes, frees_all_and_ends},
     .finish = finish_moved},
    {.name = "exit_exit_free",
     .property = "pages of a heap that no thread has a theap of are found by it",
     .setup = setup,
     .thread = {ends, ends, frees_1},
     .finish = world_check},
    {.name = "delete_exit_exit",
     .property = MOVED,
     .setup = setup,
     .thread = {ends, ends, deletes},
     .finish = finish_moved},
    {.name = "delete_delete",
     .property = MOVED,
     .setup = setup_both,
     .thread = {deletes, deletes_second},
     .finish = finish_moved},
    {.name = "destroy_exit_theaps",
     .property = GONE,
     .setup = setup,
     .thread = {destroys, ends},
     .finish = finish_gone},
    {.name = "destroy_exit_exit",
     .property = GONE,
     .setup = setup,
     .thread = {ends, ends, destroys},
     .finish = finish_gone},
    {.name = "destroy_collect",
     .property = GONE,
     .setup = setup,
     .thread = {destroys, collects},
     .finish = finish_gone},
    {.name = "destroy_exit_delete",
     .property = "of two heaps that end at once, the blocks of one are gone and those of one stay",
     .setup = setup_both,
     .thread = {destroys_second, ends, deletes},
     .finish = finish_moved_one_gone},
    {.name = "delete_in_subproc",
     .property = "pages of a sub-process move to its main heap, while another frees the last block",
     .setup = setup_sub,
     .thread = {frees_all, deletes},
     .finish = finish_sub},
    {.name = NULL},
};
