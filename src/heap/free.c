// SPDX-License-Identifier: MIT
// free.c: every free that the inline path of fast.h does not do.
//
//   rix_free_found: the page is known; the usual cases of it, those of checked pages in hard_free.c
//   rix_free_generic -- NULL ----------------------------------> nothing
//        |-- no page, or no block there ----------------------> error, nothing changed
//        |-- own page, with a flag: full, interior, checked --> local free, and what the flag asks
//        '-- other ---- page of one block --> claim it and release it
//                  |--- without owner, not wanted: leave the block there; the last one releases it
//                  '--- push on the page's remote word -- WAKE ----> wake the owner's theap
//                                                      '- CLAIMED -> adopt, abandon or release it
// CONCURRENCY. Label W1: release exchange of xwoken; pairs with W2 in heap/queue.c.
#include <errno.h>

#define RI_FAST_NO_PUBLIC  // ri_free is a function here (api/fast_symbols.c)
#include <rimalloc/fast.h>

#include "arena/pace.h"
#include "base/annotate.h"
#include "base/events.h"
#include "heap/hard.h"
#include "heap/profile.h"
#include "heap/queue.h"
#include "heap/sparse.h"
#include "heap/theap.h"
#include "heap/tld.h"
#include "heap/watch.h"
#include "options/options.h"
#include "options/report.h"
#include "page/abandon.h"
#include "page/end.h"
#include "page/harden.h"
#include "page/live.h"
#include "page/release.h"
#include "page/remote.h"
#include "page/target.h"

// The thread emptied a page. As with slow allocations it gives parts of others back now and then.
static void free_emptied(rix_theap_t* theap, ri_page_t* page) {
  rix_theap_enter(theap);
  rix_theap_page_emptied(theap, page);
  rix_theap_leave(theap);
  if (RIX_LIKELY(++theap->pass.emptied % RIX_LOOK_EMPTIED != 0)) return;
  // Another thread may end other heaps meanwhile.
  if (theap == ((const rix_tld_t*)rix_tls.self)->main) rix_sparse_pass_emptied(theap);
}

void rix_page_emptied(ri_page_t* page) {
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  free_emptied(theap, page);
}

static RIX_SLOW void free_report_double(const void* p) {
  rix_error(EAGAIN, "double free of %p", p);
}

// p is no live block: the start of a freed one, where that is known, or anything else.
static RIX_SLOW void free_report_invalid(const ri_page_t* page, const void* p) {
  if (rix_watch_reports_free(p)) return;
  const uintptr_t owner = page != NULL ? ri_load_relaxed(&page->xowner) : 0;
  const uintptr_t flags = owner & (RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED);
  if (flags == RIX_OWNER_CHECKED && (const void*)rix_page_block_of(page, p) == p) {
    free_report_double(p);
  } else {
    rix_error(EINVAL, "invalid pointer %p: not a live block of this allocator", p);
  }
}

// Whether a thread that freed into a page without owner may take it over. Only one that has no free
// block of the class: others would hold the page's free blocks in vain, while threads that need
// them make new pages; and none that only frees.
static bool free_may_adopt(const rix_theap_t* theap, const ri_page_t* page) {
  if (theap == NULL || theap->may_adopt == 0 || theap->tld->in_pool) return false;
  if (rix_theap_only_frees(theap)) return false;
  const ri_page_t* const loose = theap->loose[page->class_index];
  if (loose != NULL && loose->free != NULL) return false;
  const ri_page_t* const first = theap->queue[page->class_index].first;
  if (first != NULL && (first->free != NULL || rix_page_can_extend(first))) return false;
  const long max = rix_option(ri_load_relaxed(&page->xlast_owner) == theap->tld->id
                                  ? ri_option_page_max_reclaim
                                  : ri_option_page_cross_thread_max_reclaim);
  return max < 0 || theap->pages[page->class_index] < (unsigned long)max;
}

// The page was abandoned and this thread's free claimed it.
static RIX_NOINLINE void free_claimed(ri_page_t* page) {
  rix_page_after_claim(page);
  if (rix_page_live_plain(page) > 0 && rix_option(ri_option_page_reclaim_on_free) > 0) {
    rix_theap_t* const theap = rix_tld_find_theap(ri_load_relaxed(&page->xheap));
    if (free_may_adopt(theap, page) && rix_harden_fits(page, theap->heap)) {
      rix_event(RIX_EVENT_RECLAIM_FREE);
      theap->may_adopt--;
      rix_theap_adopt(theap, page);
      return;
    }
  }
  if (rix_page_live_plain(page) > 0) rix_event(RIX_EVENT_REABANDONED);
  rix_page_abandon(page);  // releases it when nothing is live
}

// Whether this thread may take over a page without owner. For heaps other than its main one it
// would have to look for its theap, which it does once it has the page (free_claimed).
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
      // The page may belong to somebody else by now; then this wakes a theap in vain.
      rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);  // F2, in push
      // W1: pairs with W2. By an exchange, not a store, which would hide from the owner what
      // threads that set it before have freed: exchanges form one chain, and the owner sees all
      // writes in it.
      if (theap != NULL) (void)ri_exchange_release(&theap->xwoken[c], 1);
      rix_pace_hint(RIX_SLICE_SIZE);  // the owner may sleep
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

// The page had no owner a moment ago.
static RIX_NOINLINE void free_unowned(ri_page_t* page, ri_block_t* block, const void* p) {
  switch (free_wants(page) ? RIX_REMOTE_TAKEN : rix_remote_push_abandoned(page, block)) {
    case RIX_REMOTE_CLAIMED:  // the last block; or it has become another page meanwhile
      rix_page_after_claim(page);
      rix_page_abandon_again(page);
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

// A block of a multi-block page that is not this thread's.
static void free_shared(ri_page_t* page, ri_block_t* block, const void* p) {
  if (RIX_LIKELY((ri_load_relaxed(&page->xremote) & RIX_REMOTE_ABANDONED) == 0)) {
    free_push(page, block, p);
  } else {
    free_unowned(page, block, p);
  }
}

static void free_remote(ri_page_t* page, ri_block_t* block, const void* p) {
  if (rix_page_is_single(page)) {
    if (RIX_UNLIKELY((page->flags & RIX_PAGE_TRAPPED) != 0)) rix_watch_freeing(page);
    // It has no owner; normally nobody else looks at it, and the claim succeeds.
    if (rix_page_free_single(page)) return;
    block = rix_page_place(page);  // a block before a guard page may have no room
  }
  free_shared(page, block, p);
}

// A page of this thread with a flag set, or a block that the inline path refused.
static void free_own(ri_page_t* page, ri_block_t* block, uintptr_t owner) {
  if (RIX_UNLIKELY(!ri_page_is_block(page, block))) {
    free_report_invalid(page, block);
    return;
  }
  if (page->free == block) {
    free_report_double(block);
    return;
  }
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  rix_theap_enter(theap);
  rix_page_push(page, block);
  const bool full = (owner & RIX_OWNER_FULL) != 0;
  if (full) rix_queue_freed(theap, page);
  rix_theap_leave(theap);
  if (!full && ri_load_relaxed(&page->used) == 0) free_emptied(theap, page);
}

// The usual one of those: a block of a full page without another flag.
RIX_INLINE void free_full(ri_page_t* page, ri_block_t* block) {
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  if (RIX_UNLIKELY(page->free == block)) {
    free_report_double(block);
    return;
  }
  if (RIX_LIKELY(rix_queue_free_loose(theap, page, block))) return;
  rix_theap_enter(theap);
  rix_page_push(page, block);
  rix_queue_freed(theap, page);
  rix_theap_leave(theap);
}

// Frees a block that is no longer marked as live, if it ever was.
RIX_INLINE void free_release(ri_page_t* page, ri_block_t* block, uintptr_t owner, const void* p) {
  if ((owner & ~RIX_OWNER_FLAGS) == rix_tls.self) {
    // Another thread may have freed it, before the page was this one's.
    if (RIX_UNLIKELY((owner & RIX_OWNER_CHECKED) != 0)) rix_live_clear(page, block);
    free_own(page, block, owner);
  } else {
    free_remote(page, block, p);
  }
}

void rix_free_release(ri_page_t* page, ri_block_t* block) {
  free_release(page, block, ri_load_relaxed(&page->xowner), block);
}

static void free_any(void* p) {
  const rix_target_t t = rix_target(p);
  if (RIX_UNLIKELY(t.block == NULL)) {
    free_report_invalid(t.page, p);
    return;
  }
  const uintptr_t owner = ri_load_relaxed(&t.page->xowner);
  const bool own = (owner & ~RIX_OWNER_FLAGS) == rix_tls.self;
  if ((owner & RIX_OWNER_CHECKED) != 0) {
    const rix_live_bit_t bit = rix_live_bit(t.page, p);
    if (!(own ? rix_live_take_back(bit) : rix_live_free_remote(bit))) {
      free_report_double(p);
      return;
    }
  }
  if (RIX_UNLIKELY((owner & RIX_OWNER_PROFILED) != 0)) rix_profile_freed(t.page, t.block);
  rix_annotate_freed(p, t.block, rix_page_block_size(t.page));
  if (RIX_UNLIKELY((owner & RIX_OWNER_CHECKED) != 0)) {
    if (rix_hard_undress(t.page, t.block, p, own)) return;
  }
  free_release(t.page, t.block, owner, p);
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
  if (RIX_ANNOTATE == 0 && owner == (rix_tls.self | RIX_OWNER_FULL) && ri_page_is_block(page, p)) {
    free_full(page, p);
    return;
  }
  const bool rare = RIX_ANNOTATE != 0 || (owner & RIX_OWNER_LASTING) != 0;
  if (RIX_UNLIKELY(rare || rix_page_is_single(page) || !rix_page_has(page, p))) {
    if ((owner & ~RIX_OWNER_FULL) == (rix_tls.self | RIX_OWNER_CHECKED) && RIX_ANNOTATE == 0) {
      rix_hard_free_own(p, page, owner);
    } else {
      rix_free_generic(p);
    }
  } else if ((owner & ~RIX_OWNER_FLAGS) == rix_tls.self) {
    free_own(page, p, owner);
  } else {
    free_shared(page, p, p);
  }
}
