// SPDX-License-Identifier: MIT
// heap.h: who allocates. A heap is what a program sees: a set of blocks that can be allocated from
// by any thread. A thread that uses a heap has a theap: its private part, with pages that only it
// allocates from. Every thread has a tld (thread-local data) that owns its theaps.
//
//      heap A ----- theap (A, thread 1) ---- tld of thread 1 ---- rix_tls (thread-local)
//            \----- theap (A, thread 2) ---- tld of thread 2
//      heap B ----- theap (B, thread 1) ---- tld of thread 1
//
// A theap has for each size class a queue of pages to allocate from and a list of full pages, and
// for small sizes direct slots to the page to allocate from (rimalloc/layout.h).
//
// A full page of which the owner frees a block becomes LOOSE: it stays where it is, and is the next
// to allocate from. So a thread that replaces blocks here and there, in a heap that stays full,
// moves no page between the lists and need not ask to be woken again; and the fullest pages are
// filled first. Only when several of its blocks are free, or two were freed in a row, does a page
// go back to the queue, where frees are fast.
//
// INVARIANTS, for each class c of a theap
//   shown[c]     the page to allocate from: queue[c].first or a loose page, or NULL
//   direct[w] == shown[c] for all w with class_of(8 * w) == c, or the empty page when there is none
//                or it is marked RIX_PAGE_SLOW, so that each allocation takes the slow path
//   a page in queue[c] or loose is marked RIX_PAGE_SAMPLED  <=>  the theap samples class c, or is
//                profiled
//   a page in queue[c] or full[c] has class c, this theap and this tld; `place` says where it is
//   FULL flag in a page's owner word  <=>  it is in full[c]
//   RIX_PAGE_LOOSE  <=>  in the list from loose[c] on, by side_next; those are in full[c] as well.
//                A page of full[c] with a free list is loose; loose ones whose free list was used
//                up stay in the list until an allocation comes across them
//   RIX_PAGE_KEPT  <=>  in the list from `kept` on, by side_next; those are in a queue
//   a page in full[c] has NOTIFY set, or blocks that others freed and xwoken[c] or sweep[c] tells
// CONCURRENCY: a theap and a tld belong to one thread, except for xwoken (any thread, any time:
// theaps are never unmapped and never become anything else), xstale_theaps, and what locks protect:
//   rix_thread_lock  the list of all threads
//   rix_heap_lock    the list of heaps, each heap's list of theaps (with those of deleted heaps in
//                    the list of the heap that has their pages), and the end of a theap: its thread
//                    collects it or gives it up under this lock (if its heap is a listed
//                    one, heap_pages.h), as does who deletes or destroys the heap: see heap.c
// The orphan theap is used under rix_orphan_lock.
// LOCK ORDER: rix_lock_level_t in os/os.h; debug builds check it.
#ifndef RIX_HEAP_HEAP_H
#define RIX_HEAP_HEAP_H

#include "base/atomic.h"
#include "base/events.h"
#include "base/sizeclass.h"
#include "os/unwind.h"
#include "page/page.h"
#include "page/heap_pages.h"

typedef struct rix_page_list_s {
  ri_page_t* first;
  ri_page_t* last;
} rix_page_list_t;

// Which blocks get a guard page or are watched (sample.c).
typedef struct rix_sample_s {
  size_t rate;                // one in N, on average, of the blocks within the bounds; 0: none
  size_t low, high;           // bounds of the sizes
  size_t left;                // such blocks until the next one
  uint64_t seed;              // of the program or the options; 0: none
  uint64_t random;            // state of the random numbers
  uint8_t first, classes;     // the classes that have such blocks
  bool own_rate, own_bounds;  // set for this theap: the options say nothing
  uint32_t calls;             // slow allocations until one is watched
  size_t watch_rate;          // one slow allocation in N, on average, is watched; 0: none
} rix_sample_t;

// When the profiler takes its next sample (profile.c).
typedef struct rix_countdown_s {
  uint64_t interval;  // bytes between two, on average; 0: off
  int64_t left;       // bytes to the next one; 0 while it is off
  uint64_t end;       // bytes that will have been handed out then
  uint64_t random;    // state of the random numbers; 0: none yet
} rix_countdown_t;

// How many full pages came back to the queues since the slow allocation number `calls` (queue.c);
// `only`: so many that the thread is one that only frees.
typedef struct rix_freeing_s {
  uint32_t calls, pages;
  bool only;
} rix_freeing_t;

// A pass over the queues, which gives parts of sparse pages back (sparse.c).
typedef struct rix_pass_s {
  ri_page_t* page;       // to be looked at next, in a queue; NULL: the class is done
  unsigned class_index;  // of the page; RIX_CLASS_COUNT: the pass is over
  uint64_t due;          // when the next may begin, in ms
  uint64_t at;           // when a part of it was done last
  uint32_t calls;        // slow allocations from that look to the next
  uint32_t emptied;      // pages that frees of this thread emptied, so far
} rix_pass_t;

typedef struct rix_theap_s {
  ri_fast_theap_t fast;  // first: the fast path knows only this
  struct rix_tld_s* tld;
  rix_heap_t* heap;
  size_t seq;                // the heap's
  struct rix_theap_s* next;  // of the same tld
  struct rix_theap_s* prev;
  struct rix_theap_s* heap_next;  // of the same heap's list: lock rix_heap_lock
  struct rix_theap_s* heap_prev;
  struct rix_theap_s* ended_next;  // of tld->ended: lock rix_heap_lock
  uint8_t state;                   // rix_theap_state_t: lock rix_heap_lock
  uint32_t slow_calls;             // slow allocations so far
  uint32_t may_adopt;              // pages that frees may still take over, see RIX_ADOPTIONS
  bool one_arena;                  // the heap uses only one arena's memory
  bool busy;                       // debug builds: its thread is changing it, see rix_theap_enter
  ri_page_t* freed;                // the full page that a block was last freed in; it may be gone
  size_t damaged;                  // to be reported (rix_theap_damage_error); 0: nothing
  const void* written;             // with RIX_THEAP_WRITTEN: the block
  uint32_t hard;                   // features of the pages that it makes (page/harden.h)
  uint64_t random;                 // state of random numbers, for blocks in no order; 0: none yet
  size_t bytes;                    // of all its pages
  size_t spare;                    // of those marked RIX_PAGE_SPARE;
  size_t lone;                     // of those marked RIX_PAGE_KEPT and not so;
  size_t roomy;                    // of those in queues
  rix_page_list_t queue[RIX_CLASS_COUNT];
  rix_page_list_t full[RIX_CLASS_COUNT];
  ri_page_t* shown[RIX_CLASS_COUNT];   // to allocate from
  ri_page_t* loose[RIX_CLASS_COUNT];   // full pages with free blocks
  ri_page_t* kept;                     // kept pages, of all classes
  uint32_t pages[RIX_CLASS_COUNT];     // in the queue and in the full list
  uint32_t sweep[RIX_CLASS_COUNT];     // full pages that the sweep still has to look at
  rix_flag_t xwoken[RIX_CLASS_COUNT];  // somebody freed into a full page
  rix_pass_t pass;
  rix_freeing_t freeing;
  rix_sample_t sample;
  rix_countdown_t profile;
} rix_theap_t;

RIX_INLINE bool rix_theap_only_frees(const rix_theap_t* theap) {
  return theap->freeing.only && theap->freeing.calls == theap->slow_calls;
}

typedef enum rix_theap_state_e {
  RIX_THEAP_LIVE,
  RIX_THEAP_DELETED,    // its heap is gone; its pages belong to the main heap: to be merged
  RIX_THEAP_DESTROYED,  // its heap is gone and so are its pages: to be forgotten
} rix_theap_state_t;

enum { RIX_TLD_TABLE_MIN = 8 };

typedef struct rix_heap_list_s {
  rix_heap_t* first;
  rix_heap_t* last;
} rix_heap_list_t;

// A sub-process: heaps and arenas that no other uses.
typedef struct rix_subproc_s {
  uint32_t id;            // const; 0: the main one
  rix_heap_t* main;       // what ri_malloc uses in its threads
  rix_heap_list_t heaps;  // by age, except the default heap: lock rix_heap_lock. Those with number
                          // 0 have ended, and a walk stands there
  size_t threads;         // lock rix_heap_lock; not counted for the main one
  bool ended;             // lock rix_heap_lock: to be used again when its last thread has ended
  uint64_t events[RIX_EVENT_COUNT];  // of its threads that have exited: lock rix_thread_lock
  struct rix_subproc_s* next;        // all but the main one: lock rix_heap_lock
} rix_subproc_t;

typedef struct rix_tld_s {
  // owner's id: the address of this structure, whose low bits are free for flags
  __attribute__((aligned(RI_CACHE_LINE))) uintptr_t id;
  rix_theap_t* theaps;  // all of this thread
  rix_theap_t* main;    // the one of the sub-process's main heap
  rix_subproc_t* subproc;
  rix_theap_t** table;  // [table_mask + 1], by the heap's slot: a theap, perhaps not the heap's
  size_t table_mask;    //
  bool table_shared;    // there is a theap of a heap whose slot is larger than table_mask
  rix_theap_t* first_table[RIX_TLD_TABLE_MIN];
  struct rix_tld_s* next;  // all threads: lock rix_thread_lock
  struct rix_tld_s* prev;
  rix_events_t events;                  // what this thread did on slow paths
  bool exit_known;                      // the OS will report the end of the thread
  bool in_pool;                         // runs tasks of others: its frees take over no pages
  bool relieving;                       // in the middle of a look at its pages (relief.c)
  uint32_t relief_calls;                // slow allocations while there may be none
  uint64_t relief_began;                // when the last one did, in ms
  uint64_t relief_due;                  // no other before, in ms
  struct rix_quarantine_s* quarantine;  // freed blocks that wait; NULL: none do
  rix_theap_t* ended;        // those of heaps that were ended, to be settled: lock rix_heap_lock
  rix_flag_t xstale_theaps;  // there are some: set by any thread, under rix_heap_lock
} rix_tld_t;

typedef enum rix_thread_phase_e {
  RIX_THREAD_NEW,   // has not allocated yet
  RIX_THREAD_LIVE,  // has a tld
  RIX_THREAD_DEAD,  // its tld is gone; late destructors allocate from the orphan theap
} rix_thread_phase_t;

RIX_INTERNAL extern rix_heap_t rix_heap_default;
RIX_INTERNAL extern rix_subproc_t rix_subproc_main;
RIX_INTERNAL extern rix_lock_t rix_heap_lock;

// ---- heap.c -------------------------------------------------------------------------------------

// A new heap of a sub-process; `only`: it uses only this arena. NULL: no memory.
RIX_INTERNAL rix_heap_t* rix_heap_create(rix_subproc_t* subproc, rix_arena_t* only);
// Ends a heap that is not a main heap: its blocks move to the main heap, or are gone.
RIX_INTERNAL void rix_heap_end(rix_heap_t* heap, bool destroy);
// All heaps of a sub-process, the main heap too, with rix_heap_lock held.
RIX_INTERNAL void rix_heap_destroy_all(rix_subproc_t* subproc);

// A walk over the heaps of a sub-process, the oldest first: each that is there all the time comes
// once, whatever begins and ends meanwhile; of those that begin meanwhile, the ones of the calling
// thread come too, but no others, so that the walk ends. Between two steps no lock is held, and the
// descriptor of the heap that it stands at does not become another heap.
typedef struct rix_heap_walk_s {
  rix_subproc_t* subproc;
  rix_heap_t* at;  // NULL: before the first
  size_t youngest;
} rix_heap_walk_t;

RIX_INTERNAL void rix_heap_walk_begin(rix_heap_walk_t* walk, rix_subproc_t* subproc);
// NULL: there are no more, and the walk is over. Cost: a few steps, over all of a walk as many as
// there are heaps.
RIX_INTERNAL rix_heap_t* rix_heap_walk_next(rix_heap_walk_t* walk);
// Stops a walk early.
RIX_INTERNAL void rix_heap_walk_end(rix_heap_walk_t* walk);
// Enters a theap of the calling thread in its heap, if that is a listed one.
RIX_INTERNAL void rix_heap_link_theap(rix_heap_t* heap, rix_theap_t* theap);
// Merges or forgets the theaps whose heaps are gone. The calling thread is live.
RIX_INTERNAL void rix_heap_settle(void);
// Takes a theap of a thread that ends out of its heap and gives up its pages.
RIX_INTERNAL void rix_heap_abandon_theap(rix_theap_t* theap);
// Collects a theap of the calling thread.
RIX_INTERNAL void rix_heap_collect_theap(rix_theap_t* theap);

#endif
