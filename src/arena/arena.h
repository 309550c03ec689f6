// SPDX-License-Identifier: MIT
// arena.h: large reservations of address space, handed out in slices of 64 KiB.
//
//   tables:  [ arena header | bitmaps | page descriptors | ... ]      slices:  [ 0 | 1 | 2 | ... ]
//
// The tables have a mapping of their own, at a random distance from all blocks and with nothing
// beside it: a program that writes past a block does not reach them, nor can it be told where they
// are from where a block is. Only where memory is the program's, or in huge pages of 1 GiB, do they
// lie directly before slice 0 (the header of an arena of the program: reserve.c).
//
// Per slice one bit each in
//   free       nobody uses it; the only bit that gives the right to use a slice (bitmap.h)
//   committed  it may be accessed (all set from the start unless the OS counts commit strictly)
//   dirty      it may hold something other than zero
//   purge      it is free, and its memory should go back to the OS when it is due
//   aged       the same, and it was already marked when the last time came
//   abandoned  one bitmap per size class: a page without owner that has free blocks starts here
// and, made only where options check or harden, two bits for 8 bytes: whether a block of a
// checked page that starts here is live; and for each slice 16 bits: what is done to the blocks of
// the checked page that it belongs to.
//
// INVARIANTS, for each slice i
//   claimed(i) by one page  <=>  !free[i], of mapped ones (free[i] is cleared by the claimer alone)
//   i is not mapped yet     =>   !free[i]                 (grow.c)
//   !dirty[i]  =>  the slice reads as zero
//   the page that starts at slice i has the descriptor pages[i]
// CONCURRENCY: any thread, no locks, except for reserving an arena (rix_arena_lock). Bits of a
// slice other than `free` are changed by whoever claimed it; `abandoned` by who owns the page.
#ifndef RIX_ARENA_ARENA_H
#define RIX_ARENA_ARENA_H

#include "arena/bitmap.h"
#include "arena/runs.h"
#include "options/sealed.h"
#include "os/os.h"
#include "base/sizeclass.h"

enum {
  RIX_ARENAS_MAX = 256,
  RIX_NODE_ANY = 0,  // NUMA nodes are kept as their number + 1
};

#define RIX_SUBPROC_NONE UINT32_MAX  // an arena that serves nobody

typedef ri_atomic(uint8_t) rix_touched_t;
typedef ri_atomic(uint16_t) rix_hard_t;

// Which blocks of 512 bytes are live: page/live.h.
typedef struct rix_live_s {
  ri_atomic(uint64_t) xhanded;
  ri_atomic(uint64_t) xfreed;
} rix_live_t;

typedef ri_atomic(uint64_t) rix_due_t;  // a time in ms when something is due; 0: nothing is

typedef struct rix_arena_s {
  // const after init, until the arena's sub-process ends
  uint8_t* base;       // slice 0
  size_t slice_count;  //
  void* start;         // of the memory: slice 0, or the tables before it
  size_t map_size;     // bytes from there to the end of the last slice
  size_t apart;        // bytes of the tables where they are elsewhere, or 0
  bool dense;          // asks for huge pages: for memory that will all be used
  bool exclusive;      // serves only requests for this very arena
  bool pinned;         // no memory is returned, moved or protected while the arena serves
  bool external;       // memory of the program
  bool usable;         // its parts are usable as soon as they are mapped
  int node;            // NUMA node + 1, or RIX_NODE_ANY
  uintptr_t commit;    // 0: the OS does it; see rix_arena_commit_fun
  void* commit_arg;
  ri_page_t* pages;  // [slice_count]
  rix_bitmap_t free, committed, dirty, purge, aged;
  rix_bitmap_t plain;      // of a dense arena: units that do not ask for huge pages (huge.h)
  rix_runs_t runs;         // where runs of `free` begin
  rix_touched_t* touched;  // [slice_count]: how much of a slice may be resident (touched.h)
  rix_word_t* abandoned;   // [RIX_CLASS_COUNT][rix_bitmap_words(slice_count)]
  size_t limit;            // no slices from here on will be mapped; lock rix_arena_lock
  // any thread
  ri_atomic(size_t) xmapped;     // bytes that are mapped, from `start` on; grows (grow.c)
  ri_atomic(uint32_t) xsubproc;  // the sub-process it serves; changed under rix_arena_lock
  ri_atomic(size_t) xhint;       // no slice below is free, or a claim will look again from 0
  rix_due_t xpurge_due;          // 0: nothing to purge
  ri_atomic(uint32_t) xfreed;    // slices were freed since all free ones were returned
  ri_atomic(uint32_t) xabandoned[RIX_CLASS_COUNT];  // set bits in each abandoned bitmap
  // For checked pages: two bits for 8 bytes of slices; before them, in the other direction, their
  // features (rix_arena_hard). NULL: the arena never had one (rix_arena_track).
  ri_atomic(rix_live_t*) xlive;
} rix_arena_t;

typedef struct rix_slices_s {
  rix_arena_t* arena;
  size_t index;
  bool zero;   // the memory reads as zero
  bool dirty;  // all of it was used before, and did not go back to the OS
} rix_slices_t;

// Whose slices somebody may claim.
typedef struct rix_space_s {
  uint32_t subproc;      // a sub-process's arenas
  rix_arena_t* only;     // not NULL: this arena's, and no other memory
  ri_atomic(int) xnode;  // NUMA node + 1 that is preferred, or RIX_NODE_ANY
} rix_space_t;

// Claims `count` slices in one run whose address is a multiple of `align` bytes. Reserves a new
// arena when needed. `dense`: all of it will be used soon, so it may come in huge pages; arenas for
// such memory are apart, because elsewhere untouched memory would become resident. False: no memory
// or address space.
RIX_INTERNAL bool rix_arena_claim(const rix_space_t* space, size_t count, size_t align, bool dense,
                                  rix_slices_t* out);
// The same for a few slices of which so many units (touched.h) will be used, from the first on: of
// the runs at hand the one of which as much is resident. 0: nothing is known.
RIX_INTERNAL bool rix_arena_claim_fitting(const rix_space_t* space, size_t count, size_t units,
                                          bool dense, rix_slices_t* out);

// Claims the `extra` slices that follow a run, if they are free. *zero is set as in rix_slices_t.
RIX_INTERNAL bool rix_arena_extend(rix_arena_t* arena, size_t index, size_t count, size_t extra,
                                   bool* zero);

// Releases slices; their memory is purged later, as the option purge_delay says: the caller sees to
// that (rix_due_purge).
RIX_INTERNAL void rix_arena_release(rix_arena_t* arena, size_t index, size_t count);

// What a reserved arena should be.
typedef struct rix_arena_request_s {
  uint32_t subproc;
  int node;  // NUMA node + 1, or RIX_NODE_ANY
  bool commit, large, exclusive;
} rix_arena_request_t;

// reserve.c: arenas that a program asks for. NULL: no memory.
RIX_INTERNAL rix_arena_t* rix_arena_reserve(size_t size, rix_arena_request_t request);
// An arena of up to `pages` huge pages of 1 GiB; *got of them.
RIX_INTERNAL rix_arena_t* rix_arena_reserve_huge(size_t pages, size_t timeout,
                                                 rix_arena_request_t request, size_t* got);

// Memory that a program gives.
// The program's function is kept in a form that only the key turns into an address.
RIX_INLINE uintptr_t rix_arena_hide(ri_commit_fun_t* fun) {
  return fun != NULL ? (uintptr_t)fun ^ rix_sealed_key() : 0;
}
RIX_INLINE ri_commit_fun_t* rix_arena_commit_fun(const rix_arena_t* a) {
  return (ri_commit_fun_t*)(a->commit ^ rix_sealed.key);
}

typedef struct rix_external_memory_s {
  void* start;
  size_t size;
  bool committed, pinned, zero, exclusive;
  int node;  // NUMA node + 1, or RIX_NODE_ANY
  ri_commit_fun_t* commit;
  void* commit_arg;
} rix_external_memory_t;
// NULL: no memory, no room; or *taken: some of it is the allocator's already.
RIX_INTERNAL rix_arena_t* rix_arena_manage(rix_external_memory_t memory, uint32_t subproc,
                                           bool* taken);
RIX_INTERNAL void rix_arena_reserve_after_fork(void);

// Ends the arenas of a sub-process, in which no slice is in use.
RIX_INTERNAL void rix_arena_retire(uint32_t subproc);

// Returns to the OS what is due, or with `force` all that is unused. Cheap when nothing is due, or
// nothing was freed since the last time.
RIX_INTERNAL void rix_arena_purge(bool force);
// The same in parts of about `bytes`.
typedef enum rix_purge_by_e {
  RIX_PURGE_TASK,  // what is due, without functions of the program: by no thread of it
  RIX_PURGE_DUE,   // what is due
  RIX_PURGE_ALL    // all that is unused
} rix_purge_by_t;
// Whether there may be more. At once when another thread is purging.
RIX_INTERNAL bool rix_arena_purge_part(size_t bytes, rix_purge_by_t by);
// There is no memory: returns what an allocation could lack, which is address space and what the OS
// has committed; it finds unused memory by itself. What another thread's purge has claimed is free
// afterwards. Costs as much as was freed since the last time.
RIX_INTERNAL void rix_arena_relieve(void);
// As rix_arena_purge(true), unless another thread is at it.
RIX_INTERNAL void rix_arena_purge_pressed(void);

// Whether two ranges of memory have bytes in common.
RIX_INLINE bool rix_ranges_meet(const void* a, size_t a_size, const void* b, size_t b_size) {
  const uintptr_t from = (uintptr_t)a, other = (uintptr_t)b;
  return a_size > 0 && b_size > 0 && (other - from < a_size || from - other < b_size);
}

// The slots of the table, RIX_ARENAS_MAX pointers: for readers from outside (observe/layout.c).
RIX_INTERNAL extern const void* const rix_arena_slots;
RIX_INTERNAL size_t rix_arena_count(void);
RIX_INTERNAL rix_arena_t* rix_arena_at(size_t i);
// The sub-process that an arena serves; RIX_SUBPROC_NONE too for what is none. Any pointer.
RIX_INTERNAL uint32_t rix_arena_serves(const void* arena);
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

// Slices that are mapped.
RIX_INLINE size_t rix_arena_slices(const rix_arena_t* arena) {
  const size_t before = (size_t)(arena->base - (uint8_t*)arena->start);
  const size_t mapped = ri_load_relaxed(&arena->xmapped);
  return mapped > before ? (mapped - before) / RIX_SLICE_SIZE : 0;
}

RIX_INTERNAL extern rix_lock_t rix_arena_lock;
RIX_INTERNAL extern rix_lock_t rix_purge_lock;

// The parts of an arena's tables: offsets, and the size of all of them.
typedef struct rix_arena_layout_s {
  size_t words, touched, pages, abandoned, tracks, live, bytes;
} rix_arena_layout_t;
// `align`: of what follows them.
RIX_INTERNAL rix_arena_layout_t rix_arena_layout(size_t slice_count, size_t align);
// The memory of an arena: tables that are accessible and zero, slices of which the first `mapped`
// are there.
typedef struct rix_arena_memory_s {
  uint8_t* tables;
  uint8_t* base;  // slice 0
  size_t guard;   // bytes on each side of the tables that nobody may access
  size_t slices, mapped;
  bool joined;  // the tables lie directly before slice 0, those of checked pages among them
} rix_arena_memory_t;
// Maps slices at a multiple of `align`, the first `mapped` of them with this access, and their
// tables. False: no memory.
RIX_INTERNAL bool rix_arena_map(size_t slices, size_t mapped, size_t align, rix_os_access_t access,
                                rix_arena_memory_t* out);
RIX_INTERNAL void rix_arena_unmap(const rix_arena_memory_t* memory);
// Makes the tables of checked pages, if the arena has none yet. False: no memory.
RIX_INTERNAL bool rix_arena_track(rix_arena_t* arena);
// The same of all arenas there are, as far as there is memory: a heap will have such pages.
RIX_INTERNAL void rix_arena_track_all(void);
// The same of an arena that has none, with rix_arena_lock.
RIX_INTERNAL bool rix_arena_make_tracks(rix_arena_t* arena);
// The features of the checked page that a slice belongs to (page/harden.h).
RIX_INLINE rix_hard_t* rix_arena_hard(const rix_arena_t* arena, size_t slice) {
  return (rix_hard_t*)(void*)ri_load_relaxed(&arena->xlive) - 1 - slice;
}
// Fills in a header.
RIX_INTERNAL void rix_arena_init(rix_arena_t* arena, const rix_arena_memory_t* memory,
                                 bool committed);
// Puts an arena, serving `subproc`, into the table; with rix_arena_lock held, and room in the
// table.
RIX_INTERNAL void rix_arena_enter(rix_arena_t* arena, uint32_t subproc);
RIX_INTERNAL void rix_arena_counts(size_t reserved);  // modular
RIX_INTERNAL bool rix_arena_has_room(void);
// Whether an arena may take that many more bytes: where address space is short, some is left to
// others. `asks`: finds out now whether it is short.
RIX_INTERNAL bool rix_arena_leaves_room(size_t bytes, bool asks);
// Notes that slices that the caller claimed, and charged (limit.h), may be resident now. Returns
// how many may have been so already: the others read as zero.
RIX_INTERNAL size_t rix_arena_mark_dirty(rix_arena_t* arena, size_t index, size_t count);

// Lets anybody claim slices of the caller. True when all of them were claimed.
RIX_INTERNAL bool rix_arena_free(rix_arena_t* arena, size_t index, size_t count);

// grow.c How many slices of a new arena are mapped at first, when `needed` are to be used.
RIX_INTERNAL size_t rix_arena_first_slices(size_t slices, size_t needed, bool dense);
// Maps more of the arena, so that its slices before `end` exist; false when it cannot.
RIX_INTERNAL bool rix_arena_grow(rix_arena_t* arena, size_t end);
// Maps more of an arena that rix_arena_claim would take, best `needed` slices; with rix_arena_lock
// held. False: none of them can grow.
RIX_INTERNAL bool rix_arena_grow_any(const rix_space_t* space, size_t needed, bool dense, int node);

// purge.c
// Whether the OS may take memory of the arena back.
RIX_INTERNAL bool rix_arena_can_purge(const rix_arena_t* arena);
// And whether its OS pages may move elsewhere or be protected: not if the program gets the memory
// back later.
RIX_INTERNAL bool rix_arena_can_change(const rix_arena_t* arena);
// Whether parts of slices in use may go back.
RIX_INTERNAL bool rix_arena_lets_discard(const rix_arena_t* arena);
// Gives OS pages inside of a slice in use, or of several, back; they stay usable. False: the OS
// keeps them, or it may have them only when it needs some, and nothing is known of their content.
RIX_INTERNAL bool rix_arena_discard(rix_arena_t* arena, void* p, size_t size);
RIX_INTERNAL void rix_purge_arena_all(rix_arena_t* arena);

#endif
