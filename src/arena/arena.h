// SPDX-License-Identifier: MIT
// arena.h: large reservations of address space, handed out in slices of 64 KiB.
//
//   one mapping:  [ arena header | bitmaps | page descriptors ........ | slice 0 | slice 1 | ... ]
//
// Per slice one bit each in
//   free       nobody uses it; the only bit that gives the right to use a slice (bitmap.h)
//   committed  it may be accessed (all set from the start unless the OS counts commit strictly)
//   dirty      it may hold something other than zero
//   purge      it is free, and its memory should go back to the OS when the time has come
//   aged       the same, and it was already marked when the last time came
//   abandoned  one bitmap per size class: a page without owner that has free blocks starts here
// and, touched only by the option `check`, one bit for 8 bytes: a live block of a checked page
// starts here.
//
// INVARIANTS, for each slice i
//   claimed(i) by one page  <=>  !free[i]                 (free[i] is cleared by the claimer alone)
//   !dirty[i]  =>  the slice reads as zero
//   the page that starts at slice i has the descriptor pages[i]
// CONCURRENCY: any thread, no locks, but for reserving an arena (rix_arena_lock). Bits of a slice
// other than `free` are changed by whoever claimed it; `abandoned` by who owns the page.
#ifndef RIX_ARENA_ARENA_H
#define RIX_ARENA_ARENA_H

#include "arena/bitmap.h"
#include "os/os.h"
#include "base/sizeclass.h"

enum {
  RIX_ARENAS_MAX = 256,
  RIX_NODE_ANY = 0,  // NUMA nodes are kept as their number + 1
};

#define RIX_SUBPROC_NONE UINT32_MAX  // an arena that serves nobody

typedef struct rix_arena_s {
  // const after init, until the arena's sub-process ends
  uint8_t* base;            // slice 0
  size_t slice_count;       //
  size_t map_size;          // bytes of the whole mapping, which starts at this header
  void* start;              // of the memory, with the parts below
  bool dense;               // asks for huge pages: for memory that will all be used
  bool exclusive;           // serves only who asks for this arena
  bool pinned;              // memory is never given back while the arena serves
  bool given;               // memory of the program
  int node;                 // NUMA node + 1, or RIX_NODE_ANY
  ri_commit_fun_t* commit;  // NULL: the OS does it
  void* commit_arg;
  ri_page_t* pages;  // [slice_count]
  rix_bitmap_t free, committed, dirty, purge, aged;
  rix_word_t* abandoned;  // [RIX_CLASS_COUNT][rix_bitmap_words(slice_count)]
  rix_word_t* live;       // one bit for 8 bytes of slices, for checked pages: else never touched
  // any thread
  ri_atomic(uint32_t) xsubproc;    // the sub-process it serves; changed under rix_arena_lock
  ri_atomic(size_t) xhint;         // no slice below is free, or a claim will look again from 0
  ri_atomic(uint64_t) xpurge_due;  // time in ms, 0: nothing to purge
  ri_atomic(uint32_t) xabandoned[RIX_CLASS_COUNT];  // set bits in each abandoned bitmap
} rix_arena_t;

typedef struct rix_slices_s {
  rix_arena_t* arena;
  size_t index;
  bool zero;  // the memory reads as zero
} rix_slices_t;

// Whose slices somebody may claim.
typedef struct rix_space_s {
  uint32_t subproc;      // a sub-process's arenas
  rix_arena_t* only;     // not NULL: this one's, and no other memory
  ri_atomic(int) xnode;  // NUMA node + 1 that is preferred, or RIX_NODE_ANY
} rix_space_t;

// Claims `count` slices in one run whose address is a multiple of `align` bytes. Reserves a new
// arena when needed. `dense`: all of it will be used soon, so it may come in huge pages; arenas for
// such memory are apart, because elsewhere untouched memory would become resident. False: no memory
// or address space.
RIX_INTERNAL bool rix_arena_claim(const rix_space_t* space, size_t count, size_t align, bool dense,
                                  rix_slices_t* out);

// Claims the `extra` slices that follow a run, if they are free. *zero is set as in rix_slices_t.
RIX_INTERNAL bool rix_arena_extend(rix_arena_t* arena, size_t index, size_t count, size_t extra,
                                   bool* zero);

// Gives slices back; their memory is purged later, as the option purge_delay says.
RIX_INTERNAL void rix_arena_release(rix_arena_t* arena, size_t index, size_t count);

// What a reserved arena should be.
typedef struct rix_arena_wish_s {
  uint32_t subproc;
  int node;  // NUMA node + 1, or RIX_NODE_ANY
  bool commit, large, exclusive;
} rix_arena_wish_t;

// manage.c: arenas that a program asks for. NULL: no memory.
RIX_INTERNAL rix_arena_t* rix_arena_reserve(size_t size, rix_arena_wish_t wish);
// An arena of up to `pages` huge pages of 1 GiB; *got of them.
RIX_INTERNAL rix_arena_t* rix_arena_reserve_huge(size_t pages, size_t timeout,
                                                 rix_arena_wish_t wish, size_t* got);

// Memory that a program gives.
typedef struct rix_given_s {
  void* start;
  size_t size;
  bool committed, pinned, zero, exclusive;
  int node;  // NUMA node + 1, or RIX_NODE_ANY
  ri_commit_fun_t* commit;
  void* commit_arg;
} rix_given_t;
RIX_INTERNAL rix_arena_t* rix_arena_manage(rix_given_t given, uint32_t subproc);

// Whether the option forbids to get memory from the OS.
RIX_INTERNAL bool rix_arena_os_forbidden(void);
// Ends the arenas of a sub-process, in which no slice is in use.
RIX_INTERNAL void rix_arena_retire(uint32_t subproc);

// Gives back to the OS what is due, or with `force` all that is unused. Cheap when nothing is due.
RIX_INTERNAL void rix_arena_purge(bool force);
// Notes that something is due at `due`; rix_arena_purge looks no earlier than the earliest.
RIX_INTERNAL void rix_purge_at(uint64_t due);
RIX_INTERNAL bool rix_purge_is_due(void);

RIX_INTERNAL size_t rix_arena_count(void);
RIX_INTERNAL rix_arena_t* rix_arena_at(size_t i);
RIX_INTERNAL size_t rix_arena_in_use(void);    // bytes of claimed slices
RIX_INTERNAL size_t rix_arena_reserved(void);  // bytes of all arenas
RIX_INTERNAL size_t rix_purged_bytes(void);

RIX_INLINE uint8_t* rix_arena_address(const rix_arena_t* arena, size_t index) {
  return arena->base + index * RIX_SLICE_SIZE;
}

RIX_INLINE rix_bitmap_t rix_arena_abandoned(const rix_arena_t* arena, unsigned class_index) {
  const size_t words = rix_bitmap_words(arena->slice_count);
  return (rix_bitmap_t){arena->abandoned + class_index * words, arena->slice_count};
}

RIX_INTERNAL extern rix_lock_t rix_arena_lock;
RIX_INTERNAL extern rix_lock_t rix_purge_lock;

// The parts of an arena's memory (arena.c): offsets, and the size of all before slice 0.
typedef struct rix_arena_layout_s {
  size_t words, pages, abandoned, live, bytes;
} rix_arena_layout_t;
// `align`: of slice 0, when the memory is aligned so.
RIX_INTERNAL rix_arena_layout_t rix_arena_layout(size_t slice_count, size_t align);
// Fills in a header for memory whose parts before slice 0 are accessible and zero.
RIX_INTERNAL void rix_arena_init(rix_arena_t* arena, void* start, size_t slice_count,
                                 rix_arena_layout_t layout, bool committed);
// Puts an arena into the table, serving `subproc`, with rix_arena_lock held; there is room.
RIX_INTERNAL void rix_arena_enter(rix_arena_t* arena, uint32_t subproc);
RIX_INTERNAL void rix_arena_counts(size_t reserved);  // modular
RIX_INTERNAL bool rix_arena_has_room(void);
// Slices that the caller claimed may be resident now. True when all of them read as zero.
RIX_INTERNAL bool rix_arena_mark_dirty(rix_arena_t* arena, size_t index, size_t count);

// purge.c
// Whether the OS may take memory of the arena back.
RIX_INTERNAL bool rix_arena_lets_purge(const rix_arena_t* arena);
RIX_INTERNAL void rix_purge_arena_all(rix_arena_t* arena);
RIX_INTERNAL void rix_purge_schedule(rix_arena_t* arena, size_t index, size_t count);

#endif
