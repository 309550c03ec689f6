// SPDX-License-Identifier: MIT
// subproc.c: a sub-process ends, its arenas serve another one and the program gets its memory back,
// while threads of other sub-processes look through all arenas (arena/reserve.c, heap/subproc.c).
#include <rimalloc/rimalloc.h>

#include "heap/sparse.h"
#include "heap/subproc.h"
#include "observe/count.h"
#include "page/unowned.h"
#include "world.h"

enum { ROOM = 4 * RIX_SLICE_SIZE };

static __attribute__((aligned(RIX_SLICE_SIZE))) uint8_t room[2][ROOM];  // of the program
static rix_subproc_t *old, *fresh;
static void* block;

static rix_arena_t* give(int i, const rix_subproc_t* to) {
  const rix_external_memory_t given = {
      .start = room[i], .size = ROOM, .committed = true, .zero = true};
  bool taken;
  rix_arena_t* const a = rix_arena_manage(given, to->id, &taken);
  MODEL_CHECK(a != NULL && !taken);
  return a;
}
static void joins_old(void) {
  ri_subproc_add_current_thread((ri_subproc_id_t){old});
  block = ri_malloc(WORLD_BLOCK);
}
static void joins_fresh(void) { ri_subproc_add_current_thread((ri_subproc_id_t){fresh}); }

static void setup(void) {
  world_setup(3, true);
  old = rix_subproc_create();
  fresh = rix_subproc_create();
  model_as(2, joins_fresh);
  world_leave_out_statistics(3);
  ri_option_set(ri_option_limit_address_space, 1);  // no other arena
}
// The old one has memory of the program, with a page that an exited thread left behind.
static void setup_given(void) {
  setup();
  rix_arena_t* const a = give(0, old);
  model_name(a, "old arena");
  os_model.messages_allowed = true;
  model_as(5, joins_old);
  MODEL_CHECK(world_page(block)->arena == a);
  world_thread_exit_as(5);
}
// The main heap counts a page that another thread has just taken: so it looks through all arenas.
static void hint(uint32_t n) {
  const unsigned c = rix_class_of(WORLD_BLOCK);
  ri_fetch_add_relaxed(&rix_heap_default.xabandoned[c], n);
}
static void setup_given_searched(void) {
  setup_given();
  hint(1);
}
// The old one has an arena of the OS, for those only who ask for it.
static void setup_reserved(void) {
  setup();
  ri_option_set(ri_option_limit_address_space, 0);
  const rix_arena_request_t request = {.subproc = old->id, .exclusive = true, .commit = true};
  MODEL_CHECK(rix_arena_reserve((size_t)1 << 20, request) != NULL);
  ri_option_set(ri_option_limit_address_space, 1);
}

// A thread of the old one has a page of a heap beside the main one.
static ri_heap_t* other;
static void joins_old_with_heap(void) {
  ri_subproc_add_current_thread((ri_subproc_id_t){old});
  other = ri_heap_new();
  block = ri_heap_malloc(other, WORLD_BLOCK);
}
static void setup_with_heap(void) {
  setup();
  rix_arena_t* const a = give(0, old);
  model_name(a, "old arena");
  os_model.messages_allowed = true;
  model_as(1, joins_old_with_heap);
  MODEL_CHECK(world_page(block)->arena == a);
}

// The program unmaps its memory.
static void ends_old(void) {
  rix_subproc_end(old);
  model_forbid(room[0], ROOM);
}
static void deletes_and_ends_old(void) {
  ri_heap_delete(other);
  ends_old();
}
static void exits(void) { world_thread_exit(); }
static void ends_old_and_gives(void) {
  rix_subproc_end(old);
  give(1, fresh);
}
static void ends_old_and_gives_main(void) {
  rix_subproc_end(old);
  give(1, &rix_subproc_main);
}
static void claims_fresh(void) {
  rix_slices_t got;
  if (!rix_arena_claim(&fresh->main->space, 1, RIX_SLICE_SIZE, false, &got)) return;
  MODEL_CHECK(!got.arena->exclusive && got.index < got.arena->slice_count);
  model_take(rix_arena_address(got.arena, got.index), 8);
}
static void ends_old_and_claims(void) {
  rix_subproc_end(old);
  claims_fresh();
}
// The same shape: the arena that is retired serves again, unless a claim was faster.
static void ends_old_and_reserves(void) {
  rix_subproc_end(old);
  const rix_arena_request_t request = {.subproc = fresh->id, .commit = true};
  (void)rix_arena_reserve((size_t)1 << 20, request);  // if it was not, the limit allows no other
}
static void allocates(void) { world_malloc(WORLD_BLOCK); }
static void prints(void) { ri_arenas_print(); }
static void purges(void) { rix_arena_purge(true); }
static bool sees(const ri_heap_t* heap, const ri_heap_area_t* area, void* p, size_t size,
                 void* arg) {
  (void)heap, (void)area, (void)p, (void)size, (void)arg;
  return true;
}
static void visits(void) { (void)ri_heap_visit_blocks(NULL, false, sees, NULL); }
static void counts(void) {
  rix_count_t c = {0};
  rix_count_process(&c);
  MODEL_CHECK(rix_count_pages(&c) <= 1);
}

static void steals(void) { rix_sparse_steal(); }
static void punches(void) {
  rix_punch_t punch = {.all = true};
  rix_unowned_punch(&punch);
}

static void finish(void) { world_check(); }
static void finish_searched(void) {
  hint((uint32_t)-1);
  world_check();
}
static void finish_any(void) { MODEL_CHECK(old->ended || rix_arena_count() >= 2); }

#define MEMORY "nobody looks at memory that the program has back"
#define WHOLE "who finds an arena of its sub-process finds all of it"

const model_scenario_t model_scenarios[] = {
    {.name = "end_and_allocate",
     .property = MEMORY,
     .setup = setup_given_searched,
     .thread = {ends_old, allocates},
     .finish = finish_searched},
    {.name = "end_and_visit",
     .property = MEMORY,
     .setup = setup_given,
     .thread = {ends_old, visits},
     .finish = finish},
    {.name = "end_and_count",
     .property = MEMORY,
     .setup = setup_given,
     .thread = {ends_old, counts},
     .finish = finish},
    {.name = "end_and_punch",
     .property = MEMORY,
     .setup = setup_given,
     .thread = {ends_old, punches},
     .finish = finish},
    {.name = "delete_end_and_exit",
     .property = MEMORY,
     .setup = setup_with_heap,
     .thread = {deletes_and_ends_old, exits},
     .finish = finish},
    {.name = "given_and_claim",
     .property = WHOLE,
     .setup = setup_given,
     .thread = {ends_old_and_gives, purges, claims_fresh},
     .finish = finish_any},
    {.name = "given_and_allocate",
     .property = WHOLE,
     .setup = setup_given_searched,
     .thread = {ends_old_and_gives_main, allocates},
     .finish = finish_any},
    {.name = "given_and_visit",
     .property = WHOLE,
     .setup = setup_given,
     .thread = {ends_old_and_gives_main, visits},
     .finish = finish_any},
    {.name = "given_and_print",
     .property = WHOLE,
     .setup = setup_given,
     .thread = {ends_old_and_gives_main, prints},
     .finish = finish_any},
    {.name = "given_and_count",
     .property = WHOLE,
     .setup = setup_given,
     .thread = {ends_old_and_gives, counts},
     .finish = finish_any},
    {.name = "given_and_punch",
     .property = WHOLE,
     .setup = setup_given,
     .thread = {ends_old_and_gives, punches},
     .finish = finish_any},
    {.name = "given_and_steal",
     .property = WHOLE,
     .setup = setup_given,
     .thread = {ends_old_and_gives, steals},
     .finish = finish_any},
    {.name = "reused_and_claim",
     .property = WHOLE,
     .setup = setup_reserved,
     .thread = {ends_old_and_claims, claims_fresh},
     .finish = finish_any},
    {.name = "reserved_again_and_claim",
     .property = WHOLE,
     .setup = setup_reserved,
     .thread = {ends_old_and_reserves, claims_fresh},
     .finish = finish_any},
    {.name = NULL},
};
