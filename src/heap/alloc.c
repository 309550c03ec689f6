// SPDX-License-Identifier: MIT
// alloc.c: the slow path of allocation.
//
//   rix_theap_malloc -- small or medium --> the page that is shown has a block --> pop
//        |                                  otherwise alloc_slow: in this order
//        |                                    full pages of which this thread freed blocks
//        |                                    a page of the queue with free blocks, or collected
//        |                                    full pages into which others freed
//        |                                    more blocks cut from a page of the queue
//        |                                    an abandoned page of the class
//        |                                    a fresh page
//        +---------- large -----------------> a page of one block
#include "heap/alloc.h"

#define RI_FAST_NO_PUBLIC  // ri_malloc is a function here (api/fast_symbols.c)
#include <rimalloc/fast.h>

#include "arena/pagemap.h"
#include "base/annotate.h"
#include "base/events.h"
#include "heap/hard.h"
#include "heap/heartbeat.h"
#include "heap/orphan.h"
#include "heap/profile.h"
#include "heap/quarantine.h"
#include "heap/queue.h"
#include "heap/relief.h"
#include "heap/sample.h"
#include "heap/sparse.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "heap/watch.h"
#include "options/hooks.h"
#include "options/options.h"
#include "options/report.h"
#include "page/claim.h"
#include "page/create.h"
#include "page/harden.h"
#include "page/live.h"
#include "page/remote.h"
#include "page/single.h"
#include "page/trap.h"

// The first page of the queue that has a block; pages without one go to the full list. *extendable:
// the first page met that can be extended. After a few of those it is taken: where holes were
// punched, all pages of a long queue may be such (page/holes.h), and each hole is a block or two.
static ri_page_t* alloc_from_queue(rix_theap_t* theap, unsigned c, ri_page_t** extendable) {
  ri_page_t* next;
  size_t left = RIX_EXTENDABLE_LOOK;
  for (ri_page_t* page = theap->queue[c].first; page != NULL && left > 0; page = next) {
    next = page->next;
    rix_event(RIX_EVENT_SEARCHED);
    if (page->free != NULL || rix_page_look(page)) return page;
    if (RIX_UNLIKELY(rix_page_free_count(page) != 0)) rix_theap_drop_list(theap, page);
    if (rix_page_can_extend(page)) {
      if (*extendable == NULL) *extendable = page;
      left--;
    } else if (!rix_queue_to_full(theap, page)) {
      if (rix_page_look(page)) return page;
      if (*extendable == NULL && rix_page_can_extend(page)) *extendable = page;
    }
  }
  return NULL;
}

// Of the first `candidates` pages, from this one on, that have a block, the fullest: the others may
// become empty.
static RIX_SLOW ri_page_t* alloc_fullest(ri_page_t* page, long candidates) {
  ri_page_t* best = page;
  size_t left = RIX_EXTENDABLE_LOOK;
  for (page = page->next; page != NULL && candidates > 1 && left > 0; page = page->next) {
    rix_event(RIX_EVENT_SEARCHED);
    if (page->free == NULL && !rix_page_look(page)) {
      left--;
      continue;
    }
    if (rix_page_live(page) > rix_page_live(best)) best = page;
    candidates--;
  }
  return best;
}

// A thread with many pages of a class will foreseeably use them up.
static rix_page_use_t alloc_use(const rix_theap_t* theap, unsigned c) {
  if (theap->pages[c] == 0) return RIX_PAGE_FIRST;
  if (theap->pages[c] < RIX_DENSE_PAGES) return RIX_PAGE_MORE;
  const bool medium = rix_class_block_size(c) > RIX_SMALL_BLOCK_MAX;
  const bool dense = rix_arena_in_use() >= (medium ? RIX_DENSE_MEDIUM : RIX_DENSE_MIN);
  return dense ? RIX_PAGE_DENSE : RIX_PAGE_MORE;
}

// The usual case: the first page of the queue is used up and the next has blocks. NULL otherwise.
static ri_page_t* alloc_next_page(rix_theap_t* theap, unsigned c) {
  ri_page_t* const page = theap->queue[c].first;
  if (page == NULL || page->free != NULL) return NULL;
  ri_page_t* const next = page->next;
  if (next == NULL || next->free == NULL) return NULL;
  if (RIX_UNLIKELY(rix_page_free_count_above(page) != 0)) return NULL;  // damaged, or a low mark
  if (rix_page_can_extend(page)) {
    rix_page_note_live(page);
    rix_queue_move_to_front(theap, next);
  } else if (!rix_queue_to_full(theap, page)) {
    return NULL;
  }
  return next;
}

// Whether the block that extending a page makes is to be left as the OS gave it. It must be taken
// at once.
static bool alloc_leaves_untouched(const ri_page_t* page, bool fresh) {
  return fresh && rix_page_extends_untouched(page) &&
         (rix_harden_of(page) & ~(uint32_t)RIX_HARD_CHECK) == 0;
}

static bool alloc_extend(ri_page_t* page, bool fresh) {
  const bool untouched = alloc_leaves_untouched(page, fresh);
  return untouched ? rix_page_extend_untouched(page) : rix_page_extend(page);
}

// A page of the class with a free block, a loose one or the first of its queue, which is shown.
// *fresh: the block is untouched memory that reads as zero except for its link. NULL: no memory.
static ri_page_t* alloc_find_page(rix_theap_t* theap, unsigned c, bool* fresh) {
  rix_event(RIX_EVENT_SEARCHES);
  ri_page_t* page = NULL;
  ri_page_t* found = NULL;
  if (!rix_stress_chance(RIX_STRESS_EMPTY)) {
    if (theap->loose[c] != NULL) found = rix_queue_show_loose(theap, c);
    if (found != NULL) return found;
    const long candidates = rix_option(ri_option_page_max_candidates);
    if (RIX_LIKELY(candidates <= 1)) found = alloc_next_page(theap, c);
    if (found != NULL) {
      rix_queue_unkeep(theap, found);
      return found;
    }
    found = alloc_from_queue(theap, c, &page);
    if (found != NULL && RIX_UNLIKELY(candidates > 1)) found = alloc_fullest(found, candidates);
  }
  if (found == NULL && rix_queue_sweep_full(theap, c)) found = theap->queue[c].first;
  if (found != NULL) {
    rix_queue_unkeep(theap, found);
    rix_queue_move_to_front(theap, found);
    if (RIX_LIKELY(found->free != NULL)) return found;
    return rix_page_extend(found) ? found : NULL;  // what others freed are holes
  }
  if (page != NULL) {
    rix_page_note_live(page);
    rix_queue_move_to_front(theap, page);
  } else {
    page = rix_page_claim_abandoned(c, theap->heap);
    if (page != NULL) rix_event(RIX_EVENT_RECLAIM_ALLOC);
    if (page == NULL) {
      rix_sparse_before_growth();
      page = rix_page_create(c, alloc_use(theap, c), theap->heap);
    }
    if (page == NULL) return NULL;
    rix_theap_adopt(theap, page);
    if (page->free != NULL) return page;
  }
  const bool is_zero = (page->flags & RIX_PAGE_ZERO) != 0;
  if (!alloc_extend(page, is_zero)) return NULL;
  *fresh = is_zero;
  return page;
}

// A page that others left, although a thread may just have claimed it to punch it (page/unowned.c).
static RIX_SLOW ri_page_t* alloc_find_left(rix_theap_t* theap, unsigned c) {
  rix_lock(&rix_purge_lock);
  ri_page_t* const page = rix_page_claim_abandoned(c, theap->heap);
  rix_unlock(&rix_purge_lock);
  if (page == NULL) return NULL;
  rix_event(RIX_EVENT_RECLAIM_ALLOC);
  rix_theap_adopt(theap, page);
  return page->free != NULL || rix_page_extend(page) ? page : NULL;
}

// There was none: releases what this thread keeps, and tries once more.
static RIX_SLOW ri_page_t* alloc_find_again(rix_theap_t* theap, unsigned c, bool* fresh) {
  rix_theap_collect(theap);
  (void)rix_trap_drain();
  if (!rix_heap_pages_refuses(theap->heap, RIX_SLICE_SIZE)) rix_arena_relieve();
  rix_relieve_hard(RIX_MEDIUM_SLICES * RIX_SLICE_SIZE);
  ri_page_t* const page = alloc_find_page(theap, c, fresh);
  return page != NULL ? page : alloc_find_left(theap, c);
}

// A block of a page that is not a checked one. NULL: the list is damaged.
static void* alloc_take_plain(ri_page_t* page, bool zero, bool fresh) {
  if (fresh && rix_page_extends_untouched(page)) return rix_page_pop_only(page);
  ri_block_t* const block = rix_page_pop(page);
  if (!zero || RIX_UNLIKELY(block == NULL)) return block;
  rix_annotate_open(block, rix_page_block_size(page));
  if (!fresh) __builtin_memset(block, 0, rix_page_block_size(page));
  return block;
}

// Of a checked page. NULL: the free list was damaged, and has been dropped.
static RIX_SLOW void* alloc_take_checked(rix_theap_t* theap, ri_page_t* page, size_t size,
                                         bool zero, bool fresh) {
  const uint32_t hard = rix_harden_of(page);
  ri_block_t* block = NULL;
  if ((hard & ~(uint32_t)RIX_HARD_CHECK) != 0) {
    block = rix_hard_take(theap, page, size, zero);
  } else if (RIX_LIKELY(rix_live_hand_out_first(page))) {
    block = alloc_take_plain(page, zero, fresh);
  }
  if (RIX_UNLIKELY(block == NULL)) rix_theap_drop_list(theap, page);
  return block;
}

static void* alloc_take(rix_theap_t* theap, ri_page_t* page, size_t size, bool zero, bool fresh) {
  if (RIX_UNLIKELY((page->flags & RIX_PAGE_CHECKED) != 0)) {
    return alloc_take_checked(theap, page, size, zero, fresh);
  }
  void* const p = alloc_take_plain(page, zero, fresh);
  if (RIX_UNLIKELY(p == NULL)) rix_theap_drop_list(theap, page);
  return p;
}

// A watched block if one is possible; otherwise NULL.
static void* alloc_watched(rix_heap_t* heap, rix_trap_shape_t shape, bool zero) {
  if (shape.size > PTRDIFF_MAX / 2 || shape.align > rix_os_page_size()) return NULL;
  bool is_zero;
  ri_page_t* const page = rix_page_create_trapped(shape, rix_watch_slots(), heap, &is_zero);
  if (page == NULL) return NULL;
  if (zero && !is_zero) __builtin_memset(rix_page_first(page), 0, shape.size);
  return rix_page_first(page);
}

// A block before a guard page; a watched one if possible.
static void* alloc_guarded(rix_heap_t* heap, size_t size, size_t align, bool zero,
                           uintptr_t frame) {
  if (align > RIX_SLICE_SIZE) return NULL;
  // Its end is fixed: so the alignment must divide the size.
  size = rix_align_up(size, align);
  const bool precise = rix_option(ri_option_guarded_precise) != 0;
  const size_t whole = precise ? size : rix_align_up(size, 16);
  const rix_trap_shape_t shape = {whole, align, RIX_TRAP_AT_END, true, frame};
  void* const p = alloc_watched(heap, shape, zero);
  if (p != NULL) return p;
  bool is_zero;
  ri_page_t* const page = rix_page_create_guarded(size, align, heap, zero, &is_zero);
  if (page == NULL) return NULL;
  if (zero && !is_zero) rix_page_zero_single(page, 0);
  return rix_page_first(page);
}

// A watched block or one with a guard page if it is this one's turn; otherwise NULL.
static RIX_SLOW void* alloc_sampled(rix_theap_t* theap, size_t size, size_t align, bool zero) {
  const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  if (rix_sample_watches(theap, size)) {
    size = rix_max(size, 1);
    rix_watch_begin();
    const bool end = rix_sample_random(theap, 2) != 0;
    const size_t least = size > 8 ? 16 : 8;
    const rix_trap_side_t side = end ? RIX_TRAP_AT_END : RIX_TRAP_AT_START;
    const rix_trap_shape_t shape = {size, rix_max(align, least), side, rix_watch_is_asked(), frame};
    return alloc_watched(theap->heap, shape, zero);
  }
  if (theap->sample.rate == 0 || !rix_sample_takes(theap, size)) return NULL;
  rix_watch_begin();
  return alloc_guarded(theap->heap, rix_max(size, 1), align, zero, frame);
}

// The first page of the queue has a block, and is marked. NULL: its list was damaged.
static RIX_SLOW void* alloc_marked(rix_theap_t* theap, ri_page_t* page, size_t size, size_t align,
                                   bool zero) {
  if (theap->hard != 0 && (page->flags & RIX_PAGE_SLOW) == RIX_PAGE_CHECKED) {
    void* const p = rix_hard_take(theap, page, size, zero);
    if (RIX_UNLIKELY(theap->damaged != 0)) rix_theap_report_damage(theap);
    if (RIX_LIKELY(p != NULL)) return p;
  }
  if (theap->sample.rate == 0 && (page->flags & RIX_PAGE_SLOW) == RIX_PAGE_SAMPLED) {
    // For the profiler alone: most blocks are only counted.
    const int64_t left = theap->profile.left - (int64_t)rix_page_block_size(page);
    if (RIX_LIKELY(left >= 0)) {
      void* const p = alloc_take_plain(page, zero, false);
      if (RIX_LIKELY(p != NULL)) theap->profile.left = left;
      if (RIX_LIKELY(p != NULL)) return p;
    }
  }
  void* p = theap->sample.rate != 0 ? alloc_sampled(theap, size, align, zero) : NULL;
  if (p == NULL) {
    p = alloc_take(theap, page, size, zero, false);
    if (RIX_UNLIKELY(p != NULL && theap->damaged != 0)) rix_theap_report_damage(theap);
  }
  rix_profile_theap_count_any(theap, p, size);
  return p;
}

// A block of the class, or NULL.
static void* alloc_try(rix_theap_t* theap, unsigned c, size_t size, bool zero) {
  rix_theap_enter(theap);
  if (rix_stress_chance(RIX_STRESS_ABANDON)) rix_theap_abandon(theap);
  ri_page_t* page;
  void* p = NULL;
  do {
    bool fresh = false;
    page = alloc_find_page(theap, c, &fresh);
    if (RIX_UNLIKELY(page == NULL)) page = alloc_find_again(theap, c, &fresh);
    if (page != NULL) p = alloc_take(theap, page, size, zero, fresh);
  } while (RIX_UNLIKELY(page != NULL && p == NULL));  // each time, the list of a page is dropped
  rix_theap_leave(theap);
  if (RIX_UNLIKELY(theap->damaged != 0)) rix_theap_report_damage(theap);
  return p;
}

// What was tried for one block.
typedef struct alloc_tries_s {
  bool waiting;    // blocks that were freed and wait
  bool deferred;   // the program's deferred frees
  unsigned calls;  // of the program's function
  uint64_t until;  // time to give up, 0: not known yet
} alloc_tries_t;

// Whether to try once more: the program has made its deferred frees, or its function says so, or
// other threads may still return memory (option retry_on_oom).
static RIX_SLOW bool alloc_again(rix_heap_t* heap, size_t size, alloc_tries_t* tries) {
  if (rix_report_is_muted()) return false;
  if (!tries->waiting) {
    tries->waiting = true;
    if (rix_tls.phase == RIX_THREAD_LIVE && rix_free_waiting((rix_tld_t*)rix_tls.self)) return true;
  }
  if (!tries->deferred) {
    tries->deferred = true;
    if (rix_hook_is_deferred() && rix_tls.phase == RIX_THREAD_LIVE) {
      rix_hook_run_deferred(true);
      return true;
    }
  }
  if (tries->calls < RI_OOM_RETRIES) {
    if (rix_hook_out_of_memory(size, tries->calls)) {
      tries->calls++;
      return true;
    }
    tries->calls = RI_OOM_RETRIES;
  }
  const uint64_t ms = (uint64_t)rix_option(ri_option_retry_on_oom);
  if (ms == 0 || rix_option_os_forbidden() || rix_heap_pages_refuses(heap, size)) return false;
  const uint64_t now = rix_os_clock_ms();
  if (tries->until == 0) tries->until = now + ms;
  if (now >= tries->until) return false;
  rix_os_wait_ms(1);
  return true;
}

// There is no memory: the program may free something. Not with the orphan theap, which is locked.
static RIX_SLOW void* alloc_retry(rix_theap_t* theap, unsigned c, size_t size, bool zero) {
  if (theap->tld->id != rix_tls.self) return NULL;
  alloc_tries_t tries = {false, false, 0, 0};
  void* p = NULL;
  while (p == NULL && alloc_again(theap->heap, rix_class_block_size(c), &tries))
    p = alloc_try(theap, c, size, zero);
  return p;
}

// A block for a thread that no longer has a theap.
static RIX_SLOW void* alloc_orphan(size_t size, size_t align, bool zero) {
  void* const p = rix_theap_malloc_bare(rix_orphan_take(), size, align, zero);
  rix_orphan_give();
  return p;
}

_Static_assert(RIX_HEARTBEAT % RIX_LOOK_CALLS == 0, "a heartbeat is such a look");

static RIX_SLOW void alloc_look_around(rix_theap_t* theap) {
  if (rix_profile_theap_is_stale(theap)) rix_profile_theap_refresh(theap);
  if (theap->slow_calls % RIX_HEARTBEAT == 0) rix_theap_heartbeat(theap);
  rix_sparse_pass(theap);
  rix_limit_reread();
}

// A block of a theap that samples, for guard pages or for the profiler.
static RIX_SLOW void* alloc_slow_sampled(rix_theap_t* theap, unsigned c, size_t size, size_t align,
                                         bool zero) {
  void* p = alloc_sampled(theap, size, align, zero);
  if (p == NULL) p = alloc_try(theap, c, size, zero);
  if (p == NULL) p = alloc_retry(theap, c, size, zero);
  rix_profile_theap_count_any(theap, p, size);
  return p;
}

static void* alloc_slow_of(rix_theap_t* theap, unsigned c, size_t size, size_t align, bool zero) {
  if (RIX_UNLIKELY(++theap->slow_calls % RIX_LOOK_CALLS == 0)) alloc_look_around(theap);
  if (rix_hook_is_deferred() && theap->tld->id == rix_tls.self) rix_hook_run_deferred(false);
  if (rix_relief_is_due(theap->heap) && theap->tld->id == rix_tls.self) rix_relieve(theap->heap);
  theap->may_adopt = RIX_ADOPTIONS;
  const bool samples = rix_sample_counts(theap);
  if (RIX_UNLIKELY(samples || theap->profile.interval != 0))
    return alloc_slow_sampled(theap, c, size, align, zero);
  void* const p = alloc_try(theap, c, size, zero);
  return RIX_LIKELY(p != NULL) ? p : alloc_retry(theap, c, size, zero);
}

static RIX_SLOW void* alloc_padded(rix_theap_t* theap, size_t size, size_t align, bool zero);

static RIX_NOINLINE void* alloc_slow(rix_theap_t* theap, unsigned c, size_t size, size_t align,
                                     bool zero) {
  if (RIX_UNLIKELY(theap == &rix_theap_empty)) {
    theap = rix_thread_theap();
    if (theap == NULL) return alloc_orphan(size, rix_max(align, 16), zero);
  }
  if (RIX_UNLIKELY((theap->hard & RIX_HARD_CANARY) != 0)) {
    return alloc_padded(theap, size, align, zero);
  }
  return alloc_slow_of(theap, c, size, align, zero);
}

// The list of the page that the class shows is damaged.
static RIX_SLOW void* alloc_damaged(rix_theap_t* theap, ri_page_t* page, size_t size, size_t align,
                                    bool zero) {
  rix_theap_drop_list(theap, page);
  return alloc_slow_of(theap, page->class_index, size, align, zero);
}

static ri_page_t* alloc_try_single(rix_theap_t* theap, rix_heap_t* heap, size_t size, size_t align,
                                   bool zero, bool* is_zero) {
  ri_page_t* const page = rix_page_create_single(size, align, heap, zero, is_zero);
  if (RIX_LIKELY(page != NULL)) return page;
  // Pages of this thread help only if, together with all that is free, they are as large as the
  // block.
  const size_t unused = rix_arena_reserved() - rix_min(rix_arena_in_use(), rix_arena_reserved());
  if (theap != NULL && size <= unused + theap->bytes) rix_theap_collect(theap);
  (void)rix_trap_drain();
  if (!rix_heap_pages_refuses(heap, size)) rix_arena_relieve();
  rix_relieve_hard(size);
  return rix_page_create_single(size, align, heap, zero, is_zero);
}

// A watched block where a heap is hardened so; NULL: not this one.
static RIX_SLOW void* alloc_single_hard(rix_heap_t* heap, size_t size, size_t align, bool zero) {
  const uint32_t hard = ri_load_relaxed(&heap->xhard);
  if (RIX_LIKELY((hard & RIX_HARD_LARGE) == 0) || size > RIX_HARD_LARGE_MAX) return NULL;
  rix_watch_begin();
  return alloc_guarded(heap, size, align, zero, (uintptr_t)__builtin_frame_address(0));
}

// theap: of this thread, to be collected when there is no memory; or NULL.
static void* alloc_single(rix_theap_t* theap, rix_heap_t* heap, size_t size, size_t align,
                          bool zero) {
  if (size > PTRDIFF_MAX || align > PTRDIFF_MAX) return NULL;
  size = rix_max(size, 1);
  if (rix_hook_is_deferred() && rix_tls.phase == RIX_THREAD_LIVE) rix_hook_run_deferred(false);
  if (rix_relief_is_due(heap)) rix_relieve(heap);
  rix_limit_reread();
  if (theap != NULL && theap->sample.rate != 0) {
    void* const p = alloc_sampled(theap, size, align, zero);
    if (p != NULL) return p;
  }
  if (RIX_UNLIKELY(ri_load_relaxed(&rix_option_hardens) != 0)) {
    void* const p = alloc_single_hard(heap, size, align, zero);
    if (p != NULL) return p;
  }
  alloc_tries_t tries = {false, false, 0, 0};
  ri_page_t* page;
  bool is_zero;
  do {
    page = alloc_try_single(theap, heap, size, align, zero, &is_zero);
  } while (page == NULL && alloc_again(heap, size, &tries));
  if (page == NULL) return NULL;
  rix_annotate_open(page->start, rix_page_block_size(page));
  if (zero && !is_zero) rix_page_zero_single(page, 0);
  if (!zero && RIX_UNLIKELY((rix_harden_wanted(heap) & RIX_HARD_FILL) != 0)) {
    rix_harden_fill_fresh(page->start, size, rix_page_block_size(page));
  }
  return page->start;
}

// As above; the profiler counts the block.
static void* alloc_single_counted(rix_theap_t* theap, rix_heap_t* heap, size_t size, size_t align,
                                  bool zero) {
  if (theap != NULL && RIX_UNLIKELY(rix_profile_theap_is_stale(theap)))
    rix_profile_theap_refresh(theap);
  void* const p = alloc_single(theap, heap, size, align, zero);
  if (theap != NULL) rix_profile_theap_count_any(theap, p, size);
  return p;
}

// Tells a tool of a new block, of which `size` bytes were requested.
static void alloc_annotate(void* p, size_t size, bool zero) {
  if (RIX_ANNOTATE == 0 || p == NULL) return;
  rix_annotate_allocated(p, size, rix_page_block_size(rix_pagemap_find(p)), zero);
}

void* rix_heap_malloc_single(rix_heap_t* heap, size_t size, size_t align, bool zero) {
  if (size > SIZE_MAX - RIX_REDZONE) return NULL;
  rix_annotate_enter();
  void* const p = alloc_single_counted(NULL, heap, size + RIX_REDZONE, align, zero);
  alloc_annotate(p, size, zero);
  rix_annotate_leave();
  return p;
}

static RIX_NOINLINE void* alloc_large(rix_theap_t* theap, size_t size, size_t align, bool zero) {
  if (theap == &rix_theap_empty) theap = rix_thread_theap();
  rix_heap_t* const heap = theap != NULL ? theap->heap : &rix_heap_default;
  return alloc_single_counted(theap, heap, size, align, zero);
}

// The class already gives the alignment, which is passed on for blocks that do not come from one.
static RIX_NOINLINE void* alloc_plain(rix_theap_t* theap, size_t size, size_t align, bool zero) {
  if (RIX_UNLIKELY(size > RIX_MEDIUM_BLOCK_MAX)) return alloc_large(theap, size, align, zero);
  const unsigned c = rix_class_of(size);
  ri_page_t* const page = theap->shown[c];
  if (RIX_LIKELY(page != NULL && page->free != NULL)) {
    if (RIX_LIKELY((page->flags & RIX_PAGE_SLOW) == 0)) {
      void* const p = alloc_take_plain(page, zero, false);
      return RIX_LIKELY(p != NULL) ? p : alloc_damaged(theap, page, size, align, zero);
    }
    if (RIX_UNLIKELY((theap->hard & RIX_HARD_CANARY) != 0)) {
      return alloc_padded(theap, size, align, zero);
    }
    void* const p = alloc_marked(theap, page, size, align, zero);
    if (RIX_LIKELY(p != NULL)) return p;
  }
  return alloc_slow(theap, c, size, align, zero);
}

// The same where a canary follows each block.
static RIX_SLOW void* alloc_padded(rix_theap_t* theap, size_t size, size_t align, bool zero) {
  const size_t tail = rix_harden_tail_of(theap->hard);
  const size_t whole = rix_align_up(rix_max(size, 1) + tail, align > 16 ? align : 1);
  if (whole > RIX_MEDIUM_BLOCK_MAX) return alloc_large(theap, size, align, zero);
  const unsigned c = rix_class_of(whole);
  ri_page_t* const page = theap->shown[c];
  if (RIX_LIKELY(page != NULL && page->free != NULL)) {
    void* const p = alloc_marked(theap, page, size, align, zero);
    if (RIX_LIKELY(p != NULL)) return p;
  }
  return alloc_slow_of(theap, c, size, align, zero);
}

void* rix_theap_malloc_bare(rix_theap_t* theap, size_t size, size_t align, bool zero) {
  if (align <= 8 || (align == 16 && size > 8)) return alloc_plain(theap, size, align, zero);
  if (size > RIX_MEDIUM_BLOCK_MAX || align > RIX_SLICE_SIZE) {
    return alloc_large(theap, size, align, zero);
  }
  // A class that serves a multiple of `align` consists of multiples of `align` (sizeclass.h).
  return alloc_plain(theap, rix_align_up(size == 0 ? 1 : size, align), align, zero);
}

// With room after the block, and a tool that is told of it.
static RIX_NOINLINE void* alloc_annotated(rix_theap_t* theap, size_t size, size_t align,
                                          bool zero) {
  if (size > SIZE_MAX - RIX_REDZONE) return NULL;
  rix_annotate_enter();
  void* const p = rix_theap_malloc_bare(theap, size + RIX_REDZONE, align, zero);
  alloc_annotate(p, size, zero);
  rix_annotate_leave();
  return p;
}

void* rix_theap_malloc(rix_theap_t* theap, size_t size, bool zero) {
  if (RIX_ANNOTATE != 0) return alloc_annotated(theap, size, 1, zero);
  return alloc_plain(theap, size, 1, zero);
}

void* rix_theap_malloc_aligned(rix_theap_t* theap, size_t size, size_t align, bool zero) {
  if (RIX_ANNOTATE != 0) return alloc_annotated(theap, size, align, zero);
  return rix_theap_malloc_bare(theap, size, align, zero);
}

RIX_NOINLINE void* rix_alloc_reported(rix_theap_t* theap, size_t size) {
  void* const p = rix_theap_malloc(theap, size, false);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

// Medium blocks have no direct slots: they are popped here, without a frame and a second call.
void* rix_malloc_generic(size_t size, ri_fast_theap_t* fast) {
  rix_theap_t* const theap = (rix_theap_t*)(void*)fast;
  if (RIX_LIKELY(size > RI_DIRECT_MAX && size <= RIX_MEDIUM_BLOCK_MAX)) {
    ri_page_t* const page = theap->shown[rix_class_of(size)];
    const bool ready = page != NULL && ri_block_is_some(page->free);
    if (RIX_LIKELY(ready && (page->flags & RIX_PAGE_SLOW) == 0)) {
      ri_block_t* const block = rix_page_pop(page);
      if (RIX_LIKELY(block != NULL)) return block;
    }
  }
  if (RIX_UNLIKELY(theap->hard != 0)) return rix_hard_malloc(theap, size);
  return rix_alloc_reported(theap, size);
}
