// SPDX-License-Identifier: MIT
// place.c: where mappings go: the first ones of a process, by threads at once, and a window of
// addresses that is used up while another thread has only just chosen it (arena/pagemap.c).
#include "arena/pagemap.h"
#include "world.h"

#define MIB ((size_t)1 << 20)

static void* got[MODEL_THREADS];

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
    {.name = NULL}};
