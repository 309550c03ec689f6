// SPDX-License-Identifier: MIT
// place.c: where mappings go: the first ones of a process, by threads at once, and a window of
// addresses that is used up while another thread has only just chosen it (arena/pagemap.c).
#include "arena/pagemap.h"
#include "world.h"

#define MIB ((size_t)1 << 20)

static void* got[MODEL_THREADS];
static ri_atomic(bool) xdone;

static void setup(void) {
  os_model_init();
  os_model.places = true;
  os_model.address_space = 4 * MIB;  // a window of 256 MiB
  model_name(&rix_pagemap.xbase, "xbase");
  model_name(&rix_pagemap.xcount, "xcount");
}
static void maps(size_t room) {
  got[model_thread()] =
      rix_pagemap_map(NULL, RIX_SLICE_SIZE, RIX_SLICE_SIZE, room, RIX_OS_RESERVED);
}
static void maps_any(void) { maps(RIX_SLICE_SIZE); }
static void maps_more_than_half(void) { maps(150 * MIB); }
// After the other took its place: a relaxed look tells nothing of the rest.
static void maps_the_rest(void) {
  if (ri_load_relaxed(&rix_pagemap.xtable) == NULL) return;
  maps(120 * MIB);
  MODEL_CHECK(got[model_thread()] != NULL);
}

// What comes behind the first mapping lies behind the table, which cannot be longer: from there on
// places begin again in the part of the window that it has.
static void maps_behind_table(void) {
  maps_more_than_half();
  world_cut_table(128 * MIB / RIX_SLICE_SIZE);
  os_model.refuse_commit = true;  // nor can it move
  void* const first = got[model_thread()];
  maps(40 * MIB);
  MODEL_CHECK(got[model_thread()] != NULL && (uint8_t*)got[model_thread()] > (uint8_t*)first);
  got[model_thread()] = first;
  ri_store_relaxed(&xdone, true);
}
// After all that, as far as it knows: the flag publishes nothing.
static void maps_a_quarter(void) {
  if (!ri_load_relaxed(&xdone)) return;
  maps(60 * MIB);
  MODEL_CHECK(got[model_thread()] != NULL);
}

// Each has a place of its own, which the table covers.
static void finish(void) {
  for (int t = 0; t < MODEL_THREADS; t++) {
    if (got[t] == NULL) continue;
    MODEL_CHECK((uintptr_t)got[t] >= ri_load_relaxed(&rix_pagemap.xbase));
    rix_pagemap_set(got[t], RIX_SLICE_SIZE, &rix_page_empty);
    for (int u = 0; u < t; u++)
      MODEL_CHECK(got[t] != got[u]);
  }
}
static void finish_all(void) {
  finish();
  MODEL_CHECK(got[0] != NULL && got[1] != NULL);
}
static void finish_first(void) {
  finish();
  MODEL_CHECK((uintptr_t)got[0] == ri_load_relaxed(&rix_pagemap.xbase));
}

// ---- A table that moves -------------------------------------------------------------------------

enum { SMALL = 3 };
static uint8_t* window;
static ri_atomic(bool) xset;

static void setup_small(void) {
  setup();
  window = rix_pagemap_map(NULL, RIX_SLICE_SIZE, RIX_SLICE_SIZE, 16 * MIB, RIX_OS_RESERVED);
  world_small_table(SMALL);
  rix_pagemap_set(window, RIX_SLICE_SIZE, &rix_page_empty);
}
static uint8_t* slice(size_t i) { return window + i * RIX_SLICE_SIZE; }
static bool leads(size_t i) { return rix_pagemap_find(slice(i)) == &rix_page_empty; }
static void covers_more(void) {
  MODEL_CHECK(rix_pagemap_cover(slice(SMALL + 2), RIX_SLICE_SIZE));
  rix_pagemap_set(slice(SMALL + 2), RIX_SLICE_SIZE, &rix_page_empty);
  MODEL_CHECK(leads(SMALL + 2));
}
static void enters_two(void) {
  rix_pagemap_set(slice(1), 2 * RIX_SLICE_SIZE, &rix_page_empty);
  MODEL_CHECK(leads(1) && leads(2));
  ri_store_release(&xset, true);
}
// A page goes, and another one comes; so it is for whoever hears of it.
static void changes(void) {
  rix_pagemap_set(slice(0), RIX_SLICE_SIZE, NULL);
  MODEL_CHECK(!leads(0));
  enters_two();
}
static void finds_old(void) { MODEL_CHECK(leads(0)); }
static void finds_passed(void) {
  if (!ri_load_acquire(&xset)) return;
  MODEL_CHECK(leads(1) && leads(2));
}
static void finish_entered(void) { MODEL_CHECK(leads(0) && leads(1) && leads(2) && leads(5)); }
static void finish_changed(void) { MODEL_CHECK(!leads(0) && leads(1) && leads(2) && leads(5)); }
static void finish_old(void) { MODEL_CHECK(leads(0) && !leads(1) && leads(5)); }

const model_scenario_t model_scenarios[] = {
    {.name = "place_first",
     .property = "of the first mappings each gets its place, whoever chooses the window",
     .setup = setup,
     .thread = {maps_any, maps_any},
     .finish = finish_all},
    {.name = "place_again",
     .property = "who finds no room up to the window's end begins again at its start",
     .setup = setup,
     .thread = {maps_more_than_half, maps_the_rest},
     .finish = finish_first},
    {.name = "place_behind_table",
     .property = "who finds no room in the table begins again where it has some",
     .setup = setup,
     .thread = {maps_behind_table, maps_a_quarter},
     .finish = finish_first},
    {.name = "move_find",
     .property = "while the table moves, what was entered before is found",
     .setup = setup_small,
     .thread = {covers_more, finds_old},
     .finish = finish_old},
    {.name = "move_enter",
     .property = "nothing that is entered while the table moves is lost",
     .setup = setup_small,
     .thread = {covers_more, enters_two},
     .finish = finish_entered},
    {.name = "move_change",
     .property = "nothing that is taken out while the table moves comes back",
     .setup = setup_small,
     .thread = {covers_more, changes},
     .finish = finish_changed},
    {.name = "move_pass",
     .property = "who gets a block finds its page, in whichever table",
     .setup = setup_small,
     .thread = {covers_more, enters_two, finds_passed},
     .finish = finish_entered},
    {.name = NULL}};
