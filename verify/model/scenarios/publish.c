// SPDX-License-Identifier: MIT
// publish.c: threads that look at arenas and at the page map while others make them.
#include <rimalloc/fast.h>

#include "arena/pagemap.h"
#include "world.h"

static void setup_arena(void) { world_setup(2, true); }
static void makes_arena(void) {
  rix_slices_t got;
  // More than the first has left.
  MODEL_CHECK(rix_arena_claim(&rix_heap_default.space, 16, RIX_SLICE_SIZE, false, &got));
}
static void takes_all(void) {
  rix_slices_t got;
  setup_arena();
  MODEL_CHECK(rix_arena_claim(&rix_heap_default.space, 16, RIX_SLICE_SIZE, false, &got));
}
static void looks_at_arenas(void) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    MODEL_CHECK(a->slice_count >= 16 && a->base != NULL);
    MODEL_CHECK(rix_bitmap_count_run(&a->free, 0, a->slice_count) <= a->slice_count);
  }
}
static void check_arenas(void) { MODEL_CHECK(rix_arena_count() == 2); }

static uint8_t* memory;
static void setup_map(void) {
  os_model_init();
  memory = rix_os_map(NULL, RIX_SLICE_SIZE, RIX_OS_USABLE);
}
static void covers(void) {
  MODEL_CHECK(rix_pagemap_cover(memory, RIX_SLICE_SIZE));
  rix_pagemap_set(memory, RIX_SLICE_SIZE, &rix_page_empty);
}
static void looks_up(void) {
  const ri_page_t* const page = rix_pagemap_find(memory);
  MODEL_CHECK(page == NULL || page == &rix_page_empty);
}

static void looks_up_inline(void) {
  const ri_page_t* const page = rix_fast_page_of(memory);
  MODEL_CHECK(page == NULL || page == &rix_page_empty);
}
static void check_inline(void) { MODEL_CHECK(rix_fast_page_of(memory) == &rix_page_empty); }

// A table that lies in the program's memory.
static uintptr_t given[512];
static __attribute__((aligned(RIX_SLICE_SIZE))) uint8_t region[RIX_SLICE_SIZE];
static void uses_given(void) {
  rix_pagemap_use_table(given, sizeof(given), region, sizeof(region));
  rix_pagemap_set(region, sizeof(region), &rix_page_empty);
}
static void looks_up_region(void) {
  const ri_page_t* const page = rix_pagemap_find(region);
  MODEL_CHECK(page == NULL || page == &rix_page_empty);
}

// Arenas by number, for programs of mimalloc's second version.
bool rix_mi2_manage_os_memory_ex(void* start, size_t size, bool is_committed, bool is_large,
                                 bool is_zero, int numa_node, bool exclusive, int* number);
void* rix_mi2_arena_area(int number, size_t* size);
enum { ROOM = 4 * RIX_SLICE_SIZE };
static __attribute__((aligned(RIX_SLICE_SIZE))) uint8_t room[2][ROOM];
static ri_atomic(int) xnumber[2];
static void manages(void) {
  int number = 0;
  const int t = model_thread();
  MODEL_CHECK(rix_mi2_manage_os_memory_ex(room[t], ROOM, true, false, true, -1, false, &number));
  ri_store_relaxed(&xnumber[t], number);
}
static void asks(void) {
  size_t size;
  const int number = ri_load_relaxed(&xnumber[0]);
  const void* const area = number != 0 ? rix_mi2_arena_area(number, &size) : NULL;
  MODEL_CHECK(area == NULL || (area == room[0] && size > 0));
}
static void check_numbers(void) {
  MODEL_CHECK(rix_mi2_arena_area(ri_load_relaxed(&xnumber[0]), NULL) == room[0]);
  MODEL_CHECK(rix_mi2_arena_area(ri_load_relaxed(&xnumber[1]), NULL) == room[1]);
}

const model_scenario_t model_scenarios[] = {
    {.name = "arena_look",
     .property = "who counts an arena can look at it",
     .setup = takes_all,
     .thread = {makes_arena, looks_at_arenas},
     .finish = check_arenas},
    {.name = "arena_make_twice",
     .property = "one arena is made for two that need one",
     .setup = takes_all,
     .thread = {makes_arena, looks_at_arenas, looks_at_arenas},
     .finish = check_arenas},
    {.name = "map_look_up",
     .property = "any address can be looked up while the map is made",
     .setup = setup_map,
     .thread = {covers, looks_up}},
    {.name = "map_inline",
     .property = "the same of what programs have inline",
     .setup = setup_map,
     .thread = {covers, looks_up_inline},
     .finish = check_inline},
    {.name = "map_cover_twice",
     .property = "two may make the map",
     .setup = setup_map,
     .thread = {covers, covers, looks_up}},
    {.name = "map_given",
     .property = "any address can be looked up while the map gets a table of the program",
     .setup = setup_map,
     .thread = {uses_given, looks_up_region}},
    {.name = "arena_number",
     .property = "who knows an arena's number, in whatever way, finds it whole or not at all",
     .setup = setup_arena,
     .thread = {manages, asks}},
    {.name = "arena_numbers",
     .property = "each arena has a number of its own",
     .setup = setup_arena,
     .thread = {manages, manages},
     .finish = check_numbers},
    {.name = NULL},
};
