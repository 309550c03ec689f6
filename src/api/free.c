// SPDX-License-Identifier: MIT
// free.c: every free that the inline path of fast.h does not do.
//
//   rix_free_found: the page is known; the usual cases of the same
//   rix_free_generic -- NULL ----------------------------------> nothing
//        |-- no page, or no block there ----------------------> error, nothing changed
//        |-- own page, with a flag: full, interior, checked --> local free, and what the flag asks
//        '-- other ---- page of one block --> claim it and release it
//                  |--- without owner, not wanted: leave the block there; the last one releases it
//                  '--- push on the page's remote word -- WAKE ----> tell the owner's theap
//                                                      '- CLAIMED -> adopt, abandon or release it
// CONCURRENCY. Label W1: release exchange of xwoken; pairs with W2 in heap/queue.c.
#include <errno.h>
#include "api/api.h"
#include "base/events.h"
#include "options/options.h"
#include "page/remote.h"

void rix_page_emptied(ri_page_t* page) {
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  rix_theap_enter(theap);
  rix_theap_page_emptied(theap, page);
  rix_theap_leave(theap);
}

static RIX_SLOW void free_report_double(const void* p) {
  rix_error(EAGAIN, "double free of %p", p);
}

// p is no live block: the start of one that was freed, where that is known, or anything else.
static RIX_SLOW void free_report_invalid(const ri_page_t* page, const void* p) {
  const uintptr_t owner = page != NULL ? ri_load_relaxed(&page->xowner) : 0;
  const uintptr_t flags = owner & (RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED);
  if (flags == RIX_OWNER_CHECKED && (const void*)rix_page_block_of(page, p) == p) {
    free_report_double(p);
  } else {
    rix_error(EINVAL, "invalid pointer %p: not a live block of this allocator", p);
  }
}

// Whether a thread that freed into a page without owner may take it over. Only one that has no
// block of the class at hand: the others would have the page's free blocks for nothing, while
// threads that need them make new pages.
static bool free_may_adopt(const rix_theap_t* theap, const ri_page_t* page) {
  if (theap == NULL || theap->may_adopt == 0 || theap->tld->in_pool) return false;
  const ri_page_t* const first = theap->queue[page->class_index].first;
  if (first != NULL && (first->free != NULL || rix_page_can_extend(first))) return false;
  const long most = rix_option(ri_load_relaxed(&page->xgiver) == theap->tld->id
                                   ? ri_option_page_max_reclaim
                                   : ri_option_page_cross_thread_max_reclaim);
  return most < 0 || theap->pages[page->class_index] < (unsigned long)most;
}

// The page was abandoned and this thread's free claimed it.
static RIX_NOINLINE void free_claimed(ri_page_t* page) {
  rix_page_claimed(page);
  if (rix_page_live(page) > 0 && rix_option(ri_option_page_reclaim_on_free) > 0) {
    rix_theap_t* const theap = rix_thread_find_theap(ri_load_relaxed(&page->xheap));
    if (free_may_adopt(theap, page)) {
      rix_event(RIX_EVENT_RECLAIM_FREE);
      theap->may_adopt--;
      rix_theap_adopt(theap, page);
      return;
    }
  }
  if (rix_page_live(page) > 0) rix_event(RIX_EVENT_REABANDONED);
  rix_page_abandon(page);  // releases it when nothing is live
}

// Whether this thread may take over a page without owner. Of heaps but its main one it would have
// to look for its theap, which it does with the page in its hands (free_claimed).
static bool free_wants(const ri_page_t* page) {
  if (rix_option(ri_option_page_reclaim_on_free) <= 0) return false;
  if (rix_tls.phase != RIX_THREAD_LIVE) return false;
  const rix_theap_t* const theap = ((const rix_tld_t*)rix_tls.self)->main;
  return ri_load_relaxed(&page->xheap) != theap->heap || free_may_adopt(theap, page);
}

RIX_INLINE void free_push(ri_page_t* page, ri_block_t* block, const void* p) {
  const unsigned c = page->class_index;  // the page stays what it is while the block is live
  switch (rix_remote_push(page, block)) {
    case RIX_REMOTE_PUSHED:
      break;
    case RIX_REMOTE_WAKE: {
      // The page may be somebody else's by now; then this wakes a theap for nothing.
      rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);  // F2, in push
      // W1: pairs with W2. By an exchange, not a store, which would hide what others who set it
      // before have freed from the owner: it sees all whose writes are in one chain.
      if (theap != NULL) (void)ri_exchange_release(&theap->xwoken[c], 1);
      break;
    }
    case RIX_REMOTE_CLAIMED:
      free_claimed(page);
      break;
    case RIX_REMOTE_TAKEN:
    case RIX_REMOTE_REFUSED:
      free_report_double(p);
      break;
  }
}

// The page was without owner a moment ago.
static RIX_NOINLINE void free_unowned(ri_page_t* page, ri_block_t* block, const void* p) {
  switch (free_wants(page) ? RIX_REMOTE_TAKEN : rix_remote_leave(page, block)) {
    case RIX_REMOTE_CLAIMED:  // the last block; or it has become another page meanwhile
      rix_page_claimed(page);
      rix_page_return(page);
      break;
    case RIX_REMOTE_REFUSED:
      free_report_double(p);
      break;
    case RIX_REMOTE_TAKEN:
      free_push(page, block, p);
      break;
    case RIX_REMOTE_PUSHED:
    case RIX_REMOTE_WAKE:
      break;
  }
}

// A block of a page of several that is not this thread's.
static void free_shared(ri_page_t* page, ri_block_t* block, const void* p) {
  if (RIX_LIKELY((ri_load_relaxed(&page->xremote) & RIX_REMOTE_ABANDONED) == 0)) {
    free_push(page, block, p);
  } else {
    free_unowned(page, block, p);
  }
}

static void free_remote(ri_page_t* page, ri_block_t* block, const void* p) {
  if (rix_page_is_single(page)) {
    // It has no owner; normally nobody else looks at it, and the claim is ours.
    if (rix_page_free_single(page)) return;
    block = (ri_block_t*)(void*)page->start;  // a block before a guard page may have no room
  }
  free_shared(page, block, p);
}

// A page of this thread with a flag set, or a block that the inline path refused.
static void free_own(ri_page_t* page, ri_block_t* block, uintptr_t owner) {
  if (page->free == block) {
    free_report_double(block);
    return;
  }
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  rix_theap_enter(theap);
  rix_page_push(page, block);
  if ((owner & RIX_OWNER_FULL) != 0) rix_queue_from_full(theap, page);
  if (ri_load_relaxed(&page->used) == 0) rix_theap_page_emptied(theap, page);
  rix_theap_leave(theap);
}

static void free_any(void* p) {
  const rix_target_t t = rix_target(p);
  if (RIX_UNLIKELY(t.block == NULL)) {
    free_report_invalid(t.page, p);
    return;
  }
  const uintptr_t owner = ri_load_relaxed(&t.page->xowner);
  if ((owner & RIX_OWNER_CHECKED) != 0 && !rix_page_unmark_live(t.page, p)) {
    free_report_double(p);
    return;
  }
  rix_annotate_freed(p, t.block, rix_page_block_size(t.page));
  if ((owner & ~RIX_OWNER_FLAGS) == rix_tls.self) {
    free_own(t.page, t.block, owner);
  } else {
    free_remote(t.page, t.block, p);
  }
}

void rix_free_generic(void* p) {
  if (p == NULL) return;
  rix_annotate_enter();
  free_any(p);
  rix_annotate_leave();
}

// The usual ones are done here: a block of another thread's page, or of a full page.
void rix_free_found(void* p, ri_page_t* page) {
  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  const bool rare = RIX_ANNOTATE != 0 || (owner & (RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED)) != 0;
  if (RIX_UNLIKELY(rare || rix_page_is_single(page) || !rix_page_has(page, p))) {
    rix_free_generic(p);
  } else if ((owner & ~RIX_OWNER_FLAGS) == rix_tls.self) {
    free_own(page, p, owner);
  } else {
    free_shared(page, p, p);
  }
}

// ---- With what the caller knows -----------------------------------------------------------------

// Debug builds look at every size, others at those of blocks that the option `check` covers.
static bool free_is_checked(const ri_page_t* page) {
  if (RIX_DEBUG > 0) return true;
  const bool marked = (ri_load_relaxed(&page->xowner) & RIX_OWNER_CHECKED) != 0;
  return (marked || rix_page_is_single(page)) && rix_option(ri_option_check) != 0;
}

static void free_check_size(rix_target_t t, const void* p, size_t size) {
  if (t.block == NULL || RIX_LIKELY(!free_is_checked(t.page))) return;
  const size_t usable = rix_target_usable(t, p);
  if (usable < size) {
    rix_error(EINVAL, "free of %p with size %zu, but its block has %zu", p, size, usable);
  }
}

// Everything that the inline part of ri_free_sized leaves: pages of others, of one block, checked.
static RIX_NOINLINE void free_sized_generic(void* p, size_t size) {
  if (p == NULL) return;
  const rix_target_t t = rix_target(p);
  free_check_size(t, p, size);
  // The size says that the block is alone in its page, which then has no owner to compare with.
  const bool alone = RIX_ANNOTATE == 0 && size > RIX_MEDIUM_BLOCK_MAX && t.block != NULL &&
                     rix_page_is_single(t.page);
  if (alone && rix_page_free_single(t.page)) return;
  rix_free_generic(p);
}

void ri_free_sized(void* p, size_t size) {
  ri_page_t* const page = size <= RIX_MEDIUM_BLOCK_MAX ? rix_fast_page_of(p) : NULL;
  const bool own = page != NULL && ri_load_relaxed(&page->xowner) == rix_tls.self;
  if (RIX_UNLIKELY(!own || RIX_DEBUG > 0)) {
    free_sized_generic(p, size);
    return;
  }
  rix_fast_push(page, p);
}

static void free_check_alignment(const void* p, size_t alignment) {
  if (p == NULL || (rix_is_pow2(alignment) && rix_is_aligned(p, alignment))) return;
  const rix_target_t t = rix_target(p);
  if (t.block == NULL || !free_is_checked(t.page)) return;
  rix_error(EINVAL, "free of %p, which is not aligned to %zu", p, alignment);
}

void ri_free_aligned_sized(void* p, size_t alignment, size_t size) {
  free_check_alignment(p, alignment);
  ri_free_sized(p, size);
}

void ri_free_size(void* p, size_t size) { ri_free_sized(p, size); }

void ri_free_aligned(void* p, size_t alignment) {
  free_check_alignment(p, alignment);
  ri_free(p);
}

void ri_free_size_aligned(void* p, size_t size, size_t alignment) {
  ri_free_aligned_sized(p, alignment, size);
}

void ri_free_small(void* p) { rix_fast_free(p); }

void ri_cfree(void* p) {
  if (rix_pagemap_find(p) != NULL) rix_fast_free(p);
}

void ri_ufree(void* p, size_t* block_size) {
  if (block_size != NULL) *block_size = ri_usable_size(p);
  rix_fast_free(p);
}
