// SPDX-License-Identifier: MIT
// abandon.c: a thread exits while others free its blocks and look for pages to adopt.
#include "world.h"

static void* block[8];

// A thread has n of the 8 blocks of its page, which can be cut further when n < 8.
static void prepare(int owner, int n) {
  world_setup(6, true);
  for (int i = 0; i < n; i++)
    block[i] = world_malloc_as(owner, WORLD_BLOCK);
  world_name_page(block[0]);
}
static void setup_4(void) { prepare(0, 4); }
static void setup_8(void) { prepare(0, 8); }  // no free block
static void setup_2(void) {                   // only 1 and 2 live
  prepare(0, 4);
  world_free_as(0, block[0]);
  world_free_as(0, block[3]);
}
// The owner has ended already.
static void setup_2_abandoned(void) {
  prepare(5, 4);
  world_free_as(5, block[0]);
  world_free_as(5, block[3]);
  world_thread_exit_as(5);
}
static void setup_8_abandoned(void) {
  prepare(5, 8);
  world_thread_exit_as(5);
}

static void ends(void) { world_thread_exit(); }
static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void allocates_and_ends(void) {
  world_malloc(WORLD_BLOCK);
  world_thread_exit();
}
static void frees_1(void) { world_free(block[1]); }
static void frees_2(void) { world_free(block[2]); }
static void frees_3(void) { world_free(block[3]); }
static void pushes_1(void) { world_free_remote(block[1]); }
static void pushes_2(void) { world_free_remote(block[2]); }
static void pushes_3(void) { world_free_remote(block[3]); }
static void frees_1_and_ends(void) {
  world_free(block[1]);
  world_thread_exit();
}

static void finish(void) { world_check(); }
// All blocks were freed: the page is gone, or kept as the only one by a thread that took it over.
static void finish_empty(void) {
  world_check();
  for (int t = 0; t < 5; t++)
    world_collect_as(t);
  world_check();
  MODEL_CHECK(model_taken() > 0 || world_slices_in_use() == 0);
}

#define OWNER "exactly one owner at any time; no block is lost"
#define EMPTY "who frees the last block sees the page released, once"

const model_scenario_t model_scenarios[] = {
    {.name = "exit_1",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, frees_1},
     .finish = finish,
     .spurious = 1},
    {.name = "exit_2",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, frees_1, frees_2},
     .finish = finish},
    {.name = "exit_push_2",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, pushes_1, pushes_2},
     .finish = finish},
    {.name = "exit_push_3",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, pushes_1, pushes_2, pushes_3},
     .finish = finish,
     .slow = true},
    {.name = "abandoned_push_3",
     .property = OWNER,
     .setup = setup_8_abandoned,
     .thread = {pushes_1, pushes_2, pushes_3},
     .finish = finish},
    {.name = "exit_full_2",
     .property = OWNER,
     .setup = setup_8,
     .thread = {ends, frees_1, frees_2},
     .finish = finish},
    {.name = "exit_last_blocks",
     .property = EMPTY,
     .setup = setup_2,
     .thread = {ends, frees_1, frees_2},
     .finish = finish_empty},
    {.name = "abandoned_free_2",
     .property = EMPTY,
     .setup = setup_2_abandoned,
     .thread = {frees_1, frees_2},
     .finish = finish_empty,
     .spurious = 1},
    {.name = "abandoned_full_free_3",
     .property = OWNER,
     .setup = setup_8_abandoned,
     .thread = {frees_1, frees_2, frees_3},
     .finish = finish,
     .slow = true},
    {.name = "claim_1",
     .property = OWNER,
     .setup = setup_2_abandoned,
     .thread = {allocates, frees_1},
     .finish = finish_empty},
    {.name = "claim_push_2",
     .property = OWNER,
     .setup = setup_2_abandoned,
     .thread = {allocates, pushes_1, pushes_2},
     .finish = finish_empty,
     .slow = true},
    {.name = "claim_claim_push",
     .property = OWNER,
     .setup = setup_2_abandoned,
     .thread = {allocates, allocates, pushes_1},
     .finish = finish_empty,
     .slow = true},
    {.name = "claim_and_exit",
     .property = OWNER,
     .setup = setup_2_abandoned,
     .thread = {allocates_and_ends, frees_1},
     .finish = finish_empty},
    {.name = "claim_claim",
     .property = OWNER,
     .setup = setup_2_abandoned,
     .thread = {allocates, allocates},
     .finish = finish_empty},
    {.name = "exit_claim",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, allocates},
     .finish = finish},
    {.name = "exit_claim_free",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, allocates, frees_1},
     .finish = finish},
    {.name = "exit_claim_push_2",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, allocates, pushes_1, pushes_2},
     .finish = finish,
     .slow = true},
    {.name = "exit_free_and_exit",
     .property = OWNER,
     .setup = setup_4,
     .thread = {ends, frees_1_and_ends},
     .finish = finish},
    {.name = NULL},
};
