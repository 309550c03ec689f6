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
// for small sizes direct slots to the first page of the queue (rimalloc/layout.h).
//
// INVARIANTS, for each class c of a theap
//   direct[w] == queue[c].first for all w with class_of(8 * w) == c, or the empty page when there
//                is none or it is marked RIX_PAGE_SLOW, so that each allocation takes the slow path
//   a page in queue[c] is marked RIX_PAGE_SAMPLED  <=>  the theap samples class c
//   a page in queue[c] or full[c] has class c, this theap and this tld; `place` says where it is
//   FULL flag in a page's owner word  <=>  it is in full[c]
//   a page in full[c] has NOTIFY set, or blocks that others freed and xwoken[c] or sweep[c] tells
// CONCURRENCY: a theap and a tld belong to one thread, but for xwoken (any thread, any time: theaps
// are never unmapped and never become anything else), xsettle, and what locks protect:
//   rix_thread_lock  the list of all threads
//   rix_heap_lock    the list of heaps, each heap's list of theaps (with those of deleted heaps in
//                    the list of the heap that has their pages), and the end of a theap: its thread
//                    collects it or gives it up under this lock (if its heap is a listed
//                    one, roster.h), as does who deletes or destroys the heap: see heaps.c
// The orphan theap is used under rix_orphan_lock.
// LOCK ORDER: rix_lock_level_t in os/os.h; debug builds check it.
#ifndef RIX_HEAP_HEAP_H
#define RIX_HEAP_HEAP_H

#include "base/atomic.h"
#include "base/events.h"
#include "base/sizeclass.h"
#include "page/page.h"
#include "page/roster.h"

typedef struct rix_page_list_s {
  ri_page_t* first;
  ri_page_t* last;
} rix_page_list_t;

// Which blocks get a guard page (sample.c).
typedef struct rix_sample_s {
  size_t rate;             // one in so many, on average, of the blocks within the bounds; 0: none
  size_t low, high;        // bounds of the sizes
  size_t left;             // such blocks until the next one
  uint64_t seed;           // of the program or the options; 0: none
  uint64_t random;         // state of the random numbers
  uint8_t first, classes;  // the classes that have such blocks
  bool own_rate, own_bounds;  // set for this theap: the options say nothing
} rix_sample_t;

typedef struct rix_theap_s {
  ri_fast_theap_t fast;  // first: the fast path knows only this
  struct rix_tld_s* tld;
  rix_heap_t* heap;
  size_t seq;                // the heap's
  struct rix_theap_s* next;  // of the same tld
  struct rix_theap_s* prev;
  struct rix_theap_s* heap_next;  // of the same heap's list: lock rix_heap_lock
  struct rix_theap_s* heap_prev;
  uint8_t state;        // rix_theap_state_t: lock rix_heap_lock
  uint32_t slow_calls;  // slow allocations so far
  uint32_t may_adopt;   // pages that frees may still take over, see RIX_ADOPTIONS
  bool one_arena;       // the heap uses only one arena's memory
  bool busy;            // debug builds: its thread is changing it, see rix_theap_enter
  size_t damaged;       // block size of a page whose free list was found damaged; 0: none
  size_t bytes;         // of all its pages
  size_t spare;         // of those marked RIX_PAGE_SPARE
  rix_page_list_t queue[RIX_CLASS_COUNT];
  rix_page_list_t full[RIX_CLASS_COUNT];
  uint32_t pages[RIX_CLASS_COUNT];     // in the queue and in the full list
  uint32_t sweep[RIX_CLASS_COUNT];     // full pages that the sweep has still to look at
  uint32_t pinned[RIX_CLASS_COUNT];    // pinned pages, all in the queue
  rix_flag_t xwoken[RIX_CLASS_COUNT];  // somebody freed into a full page
  rix_sample_t sample;
} rix_theap_t;

typedef enum rix_theap_state_e {
  RIX_THEAP_LIVE,
  RIX_THEAP_DELETED,    // its heap is gone; its pages belong to the main heap: to be merged
  RIX_THEAP_DESTROYED,  // its heap is gone and so are its pages: to be forgotten
} rix_theap_state_t;

enum { RIX_TLD_TABLE_MIN = 8 };

// A sub-process: heaps and arenas that no other uses.
typedef struct rix_subproc_s {
  uint32_t id;        // const; 0: the main one
  rix_heap_t* main;   // what ri_malloc uses in its threads
  rix_heap_t* first;  // its heaps by age, but for the default heap: lock rix_heap_lock
  rix_heap_t* last;   // lock rix_heap_lock
  size_t threads;     // lock rix_heap_lock; not counted for the main one
  bool ended;         // lock rix_heap_lock: to be used again when its last thread has ended
  uint64_t events[RIX_EVENT_COUNT];  // of its threads that have ended: lock rix_thread_lock
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
  rix_theap_t* first_table[RIX_TLD_TABLE_MIN];
  struct rix_tld_s* next;  // all threads: lock rix_thread_lock
  struct rix_tld_s* prev;
  rix_events_t events;  // what this thread did on slow paths
  bool exit_known;      // the OS will tell when the thread ends
  bool in_pool;         // runs tasks of others: its frees take over no pages
  rix_flag_t xsettle;   // some theaps are not live: set by any thread, under rix_heap_lock
} rix_tld_t;

typedef enum rix_thread_phase_e {
  RIX_THREAD_NEW,   // has not allocated yet
  RIX_THREAD_LIVE,  // has a tld
  RIX_THREAD_DEAD,  // its tld is gone; late destructors allocate from the orphan theap
} rix_thread_phase_t;

RIX_INTERNAL extern rix_heap_t rix_heap_default;
RIX_INTERNAL extern rix_subproc_t rix_subproc_main;
RIX_INTERNAL extern rix_theap_t rix_theap_empty;  // stands in before a thread has its own
RIX_INTERNAL extern ri_page_t rix_page_empty;     // a page without blocks, for direct slots
RIX_INTERNAL extern rix_lock_t rix_orphan_lock;
RIX_INTERNAL extern rix_lock_t rix_thread_lock;
RIX_INTERNAL extern rix_lock_t rix_heap_lock;

// Around what changes the lists of a theap. In debug builds this finds who comes back in between in
// the same thread: a signal handler that allocates or frees.
RIX_INLINE void rix_theap_enter(rix_theap_t* theap) {
  RI_ASSERT(!theap->busy);
  if (RIX_DEBUG >= 1) theap->busy = true;
}
RIX_INLINE void rix_theap_leave(rix_theap_t* theap) {
  if (RIX_DEBUG >= 1) theap->busy = false;
}

// ---- theap.c: pages of a theap ------------------------------------------------------------------

RIX_INTERNAL void rix_theap_init(rix_theap_t* theap, rix_tld_t* tld, rix_heap_t* heap);
// Takes an ownerless page that this thread claimed or created; it goes to the front of its queue.
RIX_INTERNAL void rix_theap_adopt(rix_theap_t* theap, ri_page_t* page);
// The last live block of an owned page was freed: keeps the page or releases it.
RIX_INTERNAL void rix_theap_page_emptied(rix_theap_t* theap, ri_page_t* page);
// Collects all pages, releases the empty ones.
RIX_INTERNAL void rix_theap_collect(rix_theap_t* theap);
// Small regular work of a thread that allocates: pinned pages, blocks freed by others, purging.
RIX_INTERNAL void rix_theap_heartbeat(rix_theap_t* theap);
// Moves all pages to another theap of the same thread. Nobody uses `from` afterwards.
RIX_INTERNAL void rix_theap_merge(rix_theap_t* from, rix_theap_t* into);
// Gives up all pages.
RIX_INTERNAL void rix_theap_abandon(rix_theap_t* theap);
// Gives up pages, full ones first, until the rest has at most `most` bytes; returns those.
RIX_INTERNAL size_t rix_theap_reduce(rix_theap_t* theap, size_t most);
RIX_INTERNAL bool rix_theap_valid(const rix_theap_t* theap);
// The counts of a page show that its free list cannot be right: blocks were freed twice, or
// somebody wrote to a freed block. Drops the list; rix_theap_report_damage tells.
RIX_INTERNAL RIX_SLOW void rix_theap_drop_list(rix_theap_t* theap, ri_page_t* page);
RIX_INTERNAL RIX_SLOW void rix_theap_report_damage(rix_theap_t* theap);

// ---- queue.c: the lists -------------------------------------------------------------------------

RIX_INTERNAL void rix_queue_push_front(rix_theap_t* theap, ri_page_t* page);
RIX_INTERNAL void rix_queue_push_back(rix_theap_t* theap, ri_page_t* page);
RIX_INTERNAL void rix_queue_move_to_front(rix_theap_t* theap, ri_page_t* page);
// An empty page is kept: as a spare one it goes to the back.
RIX_INTERNAL void rix_queue_pin(rix_theap_t* theap, ri_page_t* page, bool spare);
// It is in use again, or kept no longer.
RIX_INTERNAL void rix_queue_unpin(rix_theap_t* theap, ri_page_t* page);
// Out of the queue or full list that it is in.
RIX_INTERNAL void rix_queue_remove(rix_theap_t* theap, ri_page_t* page);
// From the queue to the full list, or given up when there are as many full pages as the option
// page_full_retain allows. False: others freed blocks of it meanwhile, it stays.
RIX_INTERNAL bool rix_queue_to_full(rix_theap_t* theap, ri_page_t* page);
// From the full list to the back of the queue: the owner freed a block of it.
RIX_INTERNAL void rix_queue_from_full(rix_theap_t* theap, ri_page_t* page);
// Looks at some full pages, if somebody freed into one; those with blocks go to the front of the
// queue. True when there were any.
RIX_INTERNAL bool rix_queue_sweep_full(rix_theap_t* theap, unsigned class_index);

// Marks the pages of a class as the theap samples it or not.
RIX_INTERNAL void rix_queue_mark_sampled(rix_theap_t* theap, unsigned class_index);

// Moves the pages of a class to another theap of the same thread.
RIX_INTERNAL void rix_queue_merge(rix_theap_t* from, rix_theap_t* into, unsigned class_index);

// ---- sample.c: which blocks get a guard page ----------------------------------------------------

// A theap without pages samples as the options say.
RIX_INTERNAL void rix_sample_init(rix_theap_t* theap);
// The same, as far as nothing was set for this theap, if the options have changed.
RIX_INTERNAL void rix_sample_refresh(rix_theap_t* theap);
RIX_INTERNAL void rix_sample_set_rate(rix_theap_t* theap, size_t rate, uint64_t seed);
RIX_INTERNAL void rix_sample_set_bounds(rix_theap_t* theap, size_t low, size_t high);
// Counts a block; whether it is to have a guard page.
RIX_INTERNAL bool rix_sample_takes(rix_theap_t* theap, size_t size);

// Whether blocks of the class may get guard pages.
RIX_INLINE bool rix_sample_covers(const rix_theap_t* theap, unsigned class_index) {
  return class_index - theap->sample.first < theap->sample.classes;
}

// ---- alloc.c ------------------------------------------------------------------------------------

// A block of at least `size` bytes; `zero`: set to zero to its usable size. NULL: no memory (the
// caller reports it). theap may be the empty one.
RIX_INTERNAL void* rix_theap_malloc(rix_theap_t* theap, size_t size, bool zero);
// As above at a multiple of `align`, a power of two.
RIX_INTERNAL void* rix_theap_malloc_aligned(rix_theap_t* theap, size_t size, size_t align,
                                            bool zero);
// As above; the caller tells a tool (base/annotate.h) of it.
RIX_INTERNAL void* rix_theap_malloc_bare(rix_theap_t* theap, size_t size, size_t align, bool zero);

// A block of the heap, at least the size of a slice, without a theap.
RIX_INTERNAL void* rix_heap_malloc_single(rix_heap_t* heap, size_t size, size_t align, bool zero);

// ---- heaps.c ------------------------------------------------------------------------------------

// A new heap of a sub-process; `only`: it uses only this arena. NULL: no memory.
RIX_INTERNAL rix_heap_t* rix_heap_create(rix_subproc_t* subproc, rix_arena_t* only);
// Ends a heap that is not a main heap: its blocks move to the main heap, or are gone.
RIX_INTERNAL void rix_heap_end(rix_heap_t* heap, bool destroy);
// The main heap too, with rix_heap_lock held.
RIX_INTERNAL void rix_heap_destroy_locked(rix_heap_t* heap);
// Enters a theap of the calling thread in its heap, if that is a listed one.
RIX_INTERNAL void rix_heap_link_theap(rix_heap_t* heap, rix_theap_t* theap);
// The calling thread's theap of a heap (NULL: its main heap), made when needed. NULL: the thread is
// dead, or no memory.
RIX_INTERNAL rix_theap_t* rix_heap_theap_slow(rix_heap_t* heap);
// The table of theaps of a thread: empty, with a theap in the place of its heap, and closed.
RIX_INTERNAL void rix_heap_table_open(rix_tld_t* tld);
RIX_INTERNAL void rix_heap_table_enter(rix_tld_t* tld, rix_theap_t* theap);
RIX_INTERNAL void rix_heap_table_leave(rix_tld_t* tld, const rix_theap_t* theap);
RIX_INTERNAL void rix_heap_table_close(rix_tld_t* tld);
// Merges or forgets the theaps whose heaps are gone. The calling thread is live.
RIX_INTERNAL void rix_heap_settle(void);
// Takes a theap of a thread that ends out of its heap and gives up its pages.
RIX_INTERNAL void rix_heap_abandon_theap(rix_theap_t* theap);
// Collects a theap of the calling thread.
RIX_INTERNAL void rix_heap_collect_theap(rix_theap_t* theap);

// ---- subproc.c ----------------------------------------------------------------------------------

RIX_INTERNAL rix_subproc_t* rix_subproc_create(void);
// All of its heaps and arenas; not the main one, and none of a thread that will still allocate.
RIX_INTERNAL void rix_subproc_end(rix_subproc_t* subproc);
RIX_INTERNAL void rix_subproc_join(rix_subproc_t* subproc);   // a thread begins
RIX_INTERNAL void rix_subproc_leave(rix_subproc_t* subproc);  // a thread has ended
// The calling thread's.
RIX_INTERNAL rix_subproc_t* rix_subproc_current(void);
// The oldest heap younger than the number; *seq becomes its. NULL: none.
RIX_INTERNAL rix_heap_t* rix_subproc_next_heap(rix_subproc_t* subproc, size_t* seq);
RIX_INTERNAL size_t rix_subproc_threads(const rix_subproc_t* subproc);
RIX_INTERNAL void rix_subproc_after_fork(void);

// ---- thread.c -----------------------------------------------------------------------------------

RIX_INTERNAL void rix_process_init(void);
// Makes the calling thread one of a sub-process; it is none of another. False: no memory.
RIX_INTERNAL bool rix_thread_start(rix_subproc_t* subproc);
// The calling thread's default theap, made when needed. NULL: the thread is dead, or no memory.
RIX_INTERNAL rix_theap_t* rix_thread_theap(void);
// A theap of the calling thread for a heap, without pages, in no list of the heap. NULL: no memory.
RIX_INTERNAL rix_theap_t* rix_thread_new_theap(rix_tld_t* tld, rix_heap_t* heap);
// Forgets a theap without pages, which is not the thread's main one.
RIX_INTERNAL void rix_thread_drop_theap(rix_tld_t* tld, rix_theap_t* theap);
// The calling thread's theap of a heap, NULL when it has none.
RIX_INTERNAL rix_theap_t* rix_thread_find_theap(const rix_heap_t* heap);
RIX_INTERNAL void rix_thread_register_exit(rix_tld_t* tld);
RIX_INTERNAL size_t rix_thread_count(void);
// Adds up the events of all threads, of now and before.
RIX_INTERNAL void rix_thread_events(uint64_t sum[RIX_EVENT_COUNT]);
// The same of the threads of a sub-process.
RIX_INTERNAL void rix_thread_events_of(const rix_subproc_t* subproc, uint64_t sum[RIX_EVENT_COUNT]);
RIX_INTERNAL uint64_t rix_process_started_ms(void);  // time of the first use
// Whether no other thread holds or held anything of the allocator that nobody else can see.
RIX_INTERNAL bool rix_thread_is_alone(void);
// Gives up pages of the calling thread until the rest has at most `most` bytes.
RIX_INTERNAL void rix_thread_reduce(size_t most);
// Runs f with the orphan theap under its lock.
RIX_INTERNAL void* rix_orphan_malloc(size_t size, size_t align, bool zero);
RIX_INTERNAL void rix_orphan_collect(void);

// The calling thread's theap of a heap: a few instructions when it was used before.
RIX_INLINE rix_theap_t* rix_heap_theap(rix_heap_t* heap) {
  const rix_tld_t* const tld = (const rix_tld_t*)rix_tls.self;
  if (RIX_LIKELY(tld != NULL && heap != NULL)) {
    rix_theap_t* const theap = tld->table[heap->slot & tld->table_mask];
    if (RIX_LIKELY(theap->seq == ri_load_relaxed(&heap->xseq))) return theap;
  }
  return rix_heap_theap_slow(heap);
}

#endif
