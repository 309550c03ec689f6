// SPDX-License-Identifier: MIT
// trap.h: watched blocks: each in OS pages of its own between two parts that nobody may access, and
// once it is freed inaccessible itself for a while. What is known of it: who allocated it and who
// freed it. Which blocks are watched: heap/sample.c; what is said of an access: heap/watch.c.
//
//   start                                                                     start + span
//   | no access | lead or not | the block, xblock_size bytes | rest | no access |
//               ^ room, whole OS pages; what is not the block's has a pattern ^
//
// The block lies at the end of its room, so that what comes after it faults at once, or at the
// start, so that what comes before it does. Whatever else is written around it shows in the
// pattern, which is looked at when the block is freed.
//
// INVARIANTS
//   live + freed + unused == used <= most;  a trap is in one of three states, and in the list of
//   its state if that is "freed" (the oldest first) or "unused"
//   a page with RIX_PAGE_TRAPPED is in one arena of the main sub-process, and one live trap's
// CONCURRENCY: any thread. The table is changed under rix_trap_lock, under which nothing is called
// that takes another lock.
#ifndef RIX_PAGE_TRAP_H
#define RIX_PAGE_TRAP_H

#include "page/page.h"

enum { RIX_TRAP_FRAMES = 24 };

typedef struct rix_trap_stack_s {
  uintptr_t thread;  // rix_os_thread_name(); 0: nobody yet
  size_t count;
  uintptr_t frames[RIX_TRAP_FRAMES];
} rix_trap_stack_t;

typedef enum rix_trap_state_e {
  RIX_TRAP_UNUSED,
  RIX_TRAP_LIVE,
  RIX_TRAP_FREED,  // inaccessible, until its place is needed
} rix_trap_state_t;

typedef struct rix_trap_s {
  uint8_t* start;
  size_t span;
  uint8_t* block;
  size_t size;         // of the block
  rix_arena_t* arena;  // of the page
  uint32_t state;      // rix_trap_state_t
  bool open;           // an access was reported: all of it is accessible
  bool asked;          // as in the shape
  struct rix_trap_s* next;
  rix_trap_stack_t made, freed;
} rix_trap_t;

RIX_INTERNAL extern rix_lock_t rix_trap_lock;

// Which end of its room a block lies at.
typedef enum rix_trap_side_e { RIX_TRAP_AT_START, RIX_TRAP_AT_END } rix_trap_side_t;

// What a trap is made of: the block begins at a multiple of `align`, at most an OS page.
typedef struct rix_trap_shape_s {
  size_t size, align;
  rix_trap_side_t side;
  bool asked;       // somebody asked for it: then by any means of the OS (rix_os_guard)
  uintptr_t frame;  // where the stack of the allocation begins
} rix_trap_shape_t;

// Bytes of the page that a watched block needs.
RIX_INTERNAL size_t rix_trap_span(size_t size);
// A trap that is nobody's, of a table of at most `most`; the oldest freed one if all are in use.
// NULL: all are live, or no memory. The caller sets or returns it.
RIX_INTERNAL rix_trap_t* rix_trap_take(size_t most);
RIX_INTERNAL void rix_trap_return(rix_trap_t* trap);
// Makes the trap that of a page that nobody knows yet, in an arena, which has rix_trap_span bytes.
// False, and the page is as before, if not possible.
RIX_INTERNAL bool rix_trap_set(ri_page_t* page, rix_trap_t* trap, rix_trap_shape_t shape);
// To be called instead of releasing a page's slices, when nothing else knows the page: they stay
// claimed until the trap is needed for another block. False: nothing done but that all is
// accessible again; where the OS refused even that, the slices are no longer committed.
RIX_INTERNAL bool rix_trap_keep(ri_page_t* page);
// Releases the places of all freed blocks; true if there were some.
RIX_INTERNAL bool rix_trap_drain(void);

// Of a page with RIX_PAGE_TRAPPED.
RIX_INLINE rix_trap_t* rix_trap_of(const ri_page_t* page) {
  return (rix_trap_t*)(void*)page->side_next;
}
// The first byte around the block that is no longer as it was filled; NULL: all are.
RIX_INTERNAL const uint8_t* rix_trap_damage(const rix_trap_t* trap);

// With rix_trap_lock held: the trap whose addresses contain `at`; NULL: none.
RIX_INTERNAL rix_trap_t* rix_trap_find(uintptr_t at);
// Makes all of a trap accessible, so that a program may go on.
RIX_INTERNAL void rix_trap_open(rix_trap_t* trap);

// How many are live and freed, the slices that the freed ones hold, which are no pages, and the
// bytes of the table.
typedef struct rix_trap_counts_s {
  size_t live, freed, freed_slices, table;
} rix_trap_counts_t;
RIX_INTERNAL rix_trap_counts_t rix_trap_counts(void);

#endif
