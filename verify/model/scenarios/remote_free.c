// SPDX-License-Identifier: MIT
// remote_free.c: blocks freed by threads that do not own their page.
#include "world.h"

static void* block[4];

static void setup(void) {
  world_setup(4, false);
  for (int i = 0; i < 4; i++)
    block[i] = world_malloc_as(0, WORLD_BLOCK);
  model_name(world_page(block[0]), "page");
  model_name(&world_page(block[0])->xremote, "page.xremote");
}

static void allocates(void) { world_free(world_malloc(WORLD_BLOCK)); }
static void frees_1(void) { world_free(block[1]); }
static void frees_2(void) { world_free(block[2]); }
static void frees_3(void) { world_free(block[3]); }

static void finish(void) {
  world_check();
  world_collect_as(0);
  world_check();
  MODEL_CHECK(model_taken() == (block[3] == NULL ? 2 : 1) || model_taken() == 2);
}

const model_scenario_t model_scenarios[] = {
    {.name = "remote_free_2",
     .property =
         "two frees by others while the owner allocates and frees: nothing is lost, nothing "
         "is handed out twice",
     .setup = setup,
     .thread = {allocates, frees_1, frees_2},
     .finish = finish,
     .spurious = 1},
    {.name = "remote_free_3",
     .property = "the same with three frees by others",
     .setup = setup,
     .thread = {allocates, frees_1, frees_2, frees_3},
     .finish = finish},
    {.name = NULL}};
