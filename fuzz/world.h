// SPDX-License-Identifier: MIT
// world.h: what heap_ops handles besides blocks: sub-processes, heaps and arenas, with what a
// program may rely on for each. The first heaps are the main ones of the sub-processes.
//
// An arena of the main sub-process stays for ever, so there is one of them; all others are made in
// sub-processes, which end with the input. Memory that the program gives is closed (no access) when
// it is not the allocator's, and, with a commit function, where the allocator must not touch it.
#ifndef RIMALLOC_FUZZ_WORLD_H
#define RIMALLOC_FUZZ_WORLD_H

#include "shadow.h"

enum { WORLD_SUBPROCS = 3, WORLD_HEAPS = 9, WORLD_ARENAS = 6, WORLD_ANY = -1 };

typedef struct world_heap_s {
  ri_heap_t* heap;   // NULL: none
  unsigned subproc;  //
  int arena;         // WORLD_ANY, or the only one that its blocks come from
  size_t quota;      // 0: none
} world_heap_t;

typedef struct world_arena_s {
  ri_arena_id_t id;  // NULL: none
  unsigned subproc;
  bool exclusive;
  bool inherited;  // a heap of it was deleted: its pages are the main heap's
} world_arena_t;

// The calling thread. `chosen` is the heap of its default theap.
typedef struct world_thread_s {
  unsigned subproc, chosen;
} world_thread_t;

typedef struct world_s {
  ri_subproc_id_t subprocs[WORLD_SUBPROCS];  // the main one; others may be none
  world_heap_t heaps[WORLD_HEAPS];
  world_arena_t arenas[WORLD_ARENAS];
  world_thread_t thread;  // that runs
  world_thread_t waits;   // that waits for it to end, if one does
} world_t;

extern world_t world;

void world_begin(void);

// A heap that the thread may use.
unsigned world_heap(unsigned choice);
// Whether an allocation from the heap may be refused.
bool world_may_refuse(unsigned heap);
// A heap may be ended now: it exists, is no main one, and nobody who waits has chosen it.
bool world_may_end(unsigned heap);

// Each of these does nothing where it cannot be done.
void world_new_heap(fuzz_op_t op);
void world_set_limit(unsigned heap, fuzz_op_t op);
void world_ended(unsigned heap);  // the caller deleted or destroyed it
void world_choose(unsigned heap);
void world_new_subproc(fuzz_op_t op);
void world_join(fuzz_op_t op);
void world_leave(void);  // and ends what the thread has
// The sub-process that an operation may end, or 0.
unsigned world_doomed(fuzz_op_t op);
void world_end_subproc(unsigned subproc);
void world_give_memory(fuzz_op_t op);
void world_reserve(fuzz_op_t op);

// A block lies where blocks of the heap may lie.
void world_check_place(const void* p, unsigned heap);

#endif
