// SPDX-License-Identifier: MIT
// pagemap_find.c: looking up pointers while pages and arenas come and go (arena/pagemap.c, arena.c,
// page/mapped.c). A look-up may come at any time, with any pointer: live blocks give their page,
// all others nothing or a page, and nothing is read that is not there.
#include "arena/pagemap.h"
#include "world.h"

static void* block;
static ri_atomic(void*) xpassed;  // from the thread that allocated it, in order
static uint8_t* beyond;           // an address that the map does not cover yet

static void setup(void) {
  world_setup(3, true);
  block = world_malloc_as(0, 70000);  // a page of its own
  rix_arena_t* const a = rix_arena_at(0);
  beyond = rix_arena_address(a, a->slice_count) + ((size_t)1 << 30);
}
// No slice is free: who allocates reserves an arena, and the map grows with it.
static void setup_all_taken(void) {
  setup();
  rix_arena_t* const a = rix_arena_at(0);
  for (size_t i = 0; i < a->slice_count; i++)
    rix_bitmap_clear_run(&a->free, i, 1);
}

static void allocates_and_passes(void) {
  void* const p = world_malloc(3 * WORLD_BLOCK);
  MODEL_CHECK(world_page(p) != NULL);
  ri_store_release(&xpassed, p);
}
static void allocates_large(void) { world_malloc(70000); }
static void frees(void) { world_free(block); }
static void frees_passed(void) {
  void* p;
  while ((p = ri_load_acquire(&xpassed)) == NULL)
    model_wait();
  MODEL_CHECK(ri_usable_size(p) >= 3 * WORLD_BLOCK);
  world_free(p);
}
static void finds_foreign(void) {
  static int foreign;
  MODEL_CHECK(rix_pagemap_find(&foreign) == NULL);
  MODEL_CHECK(rix_pagemap_find(NULL) == NULL);
  MODEL_CHECK(rix_pagemap_find(beyond) == NULL);
  MODEL_CHECK(rix_pagemap_find((void*)UINTPTR_MAX) == NULL);
}
// A block that is, or was, or will be: to ask is wrong, but does no harm.
static void finds_any(void) {
  const ri_page_t* const page = rix_pagemap_find(block);
  MODEL_CHECK(page == NULL || page == &rix_arena_at(0)->pages[0]);
  const rix_arena_t* const last = rix_arena_at(rix_arena_count() - 1);
  const ri_page_t* const other = rix_pagemap_find(last->base);
  MODEL_CHECK(other == NULL || other == &last->pages[0]);
}

static void finish(void) {
  const size_t n = rix_arena_count();
  model_outcome("%zu arenas", n);
  if (n == 1) world_check();
}

const model_scenario_t model_scenarios[] = {
    {.name = "find_foreign",
     .property = "foreign pointers are foreign while pages are made and passed on",
     .setup = setup_all_taken,
     .thread = {allocates_and_passes, finds_foreign},
     .finish = finish},
    {.name = "find_passed",
     .property = "who got a block finds its page, in an arena that was reserved for it",
     .setup = setup_all_taken,
     .thread = {allocates_and_passes, frees_passed},
     .finish = finish},
    {.name = "find_just_freed",
     .property = "a pointer just freed gives its old page, another, or none",
     .setup = setup,
     .thread = {frees, finds_any},
     .finish = finish},
    {.name = "find_new_arena",
     .property = "an arena that can be seen is whole",
     .setup = setup_all_taken,
     .thread = {allocates_and_passes, finds_any},
     .finish = finish},
    {.name = "find_new_arena_allocate",
     .property = "an arena that can be seen is whole, for look-ups and allocations",
     .setup = setup_all_taken,
     .thread = {allocates_and_passes, finds_any, allocates_large},
     .finish = finish},
    {.name = "two_new_arenas",
     .property =
         "two threads that reserve arenas at once each get their block, and no slot is lost",
     .setup = setup_all_taken,
     .thread = {allocates_and_passes, allocates_and_passes},
     .finish = finish,
     .slow = true},
    {.name = NULL}};
