// SPDX-License-Identifier: MIT
// hard_free.c: the short path of free, see hard.h.
//
//   rix_hard_free_own -- no live block -----> rix_free_generic, which reports it
//        |-- features: undress -- waits ----> what leaves the quarantine is released in its place
//        '-- push
#include "heap/hard.h"

#include <errno.h>

#define RI_FAST_NO_PUBLIC
#include <rimalloc/fast.h>

#include "heap/quarantine.h"
#include "heap/queue.h"
#include "heap/theap.h"
#include "options/report.h"
#include "page/harden.h"
#include "page/live.h"

static RIX_SLOW void hard_report_overflow(const ri_page_t* page, const ri_block_t* damaged,
                                          const void* p) {
  const size_t size = rix_page_block_size(page) - rix_harden_tail(page);
  if (rix_page_block_of(page, p) == damaged) {
    rix_error(EFAULT, "overflow: the block at %p was written to past its end, at %zu bytes", p,
              size);
  } else {
    rix_error(EFAULT,
              "overflow: the block at %p was written to past its end, at %zu bytes; it lies next "
              "to %p, which is being freed",
              (const void*)damaged, size, p);
  }
}

static RIX_NOINLINE void hard_push_full(ri_page_t* page, ri_block_t* block) {
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  rix_theap_enter(theap);
  rix_page_push(page, block);
  rix_queue_freed(theap, page);
  rix_theap_leave(theap);
}

// Puts a block that is not live into the list of its page, which is this thread's.
RIX_INLINE void hard_push(ri_page_t* page, ri_block_t* block, uintptr_t owner) {
  if ((owner & RIX_OWNER_FULL) != 0) {
    hard_push_full(page, block);
    return;
  }
  rix_page_push(page, block);
  if (RIX_UNLIKELY(ri_load_relaxed(&page->used) == 0)) rix_page_emptied(page);
}

// Releases one that waited.
RIX_INLINE void hard_release(rix_quarantine_t* q) {
  ri_page_t* page;
  const uintptr_t taken = rix_quarantine_take(q, &page);
  ri_block_t* const block = (ri_block_t*)(taken & ~RIX_QUARANTINE_REMOTE);
  RI_ASSERT(page != NULL && block != NULL);
  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  const bool own = (owner & ~RIX_OWNER_FULL) == (rix_tls.self | RIX_OWNER_CHECKED);
  if (RIX_LIKELY(own && (taken & RIX_QUARANTINE_REMOTE) == 0)) {
    hard_push(page, block, owner);
  } else {
    rix_free_release(page, block);
  }
}

bool rix_free_waiting(rix_tld_t* tld) {
  rix_quarantine_t* const q = tld->quarantine;
  if (RIX_LIKELY(q == NULL)) return false;
  while (q->count > 0)
    hard_release(q);
  return true;
}

// True: the block waits.
RIX_INLINE bool hard_wait(const ri_page_t* page, const ri_block_t* block, uint32_t features,
                          bool own) {
  if ((features & RIX_HARD_DELAY) == 0 || rix_tls.phase != RIX_THREAD_LIVE) return false;
  if (ri_load_relaxed(&page->xheap) != &rix_heap_default) return false;
  const size_t bytes = rix_page_block_size(page);
  const size_t limit = rix_harden_delayed_bytes();
  if (RIX_UNLIKELY(bytes > limit / RIX_QUARANTINE_PART)) return false;
  rix_quarantine_t* const q = rix_quarantine_of((rix_tld_t*)rix_tls.self);
  if (RIX_UNLIKELY(q == NULL)) return false;
  rix_quarantine_put(q, block, bytes, !own);
  while (rix_quarantine_is_full(q, limit))
    hard_release(q);
  return true;
}

RIX_INLINE bool hard_undress(ri_page_t* page, ri_block_t* block, uint32_t features, const void* p,
                             bool own) {
  const ri_block_t* const damaged = rix_harden_look(page, block, features, own);
  if (RIX_UNLIKELY(damaged != NULL)) hard_report_overflow(page, damaged, p);
  rix_harden_wipe(page, block, features);
  return hard_wait(page, block, features, own);
}

bool rix_hard_undress(ri_page_t* page, ri_block_t* block, const void* p, bool own) {
  const uint32_t features = rix_harden_of(page);
  return features != 0 && hard_undress(page, block, features, p, own);
}

static RIX_NOINLINE void hard_free_dressed(void* p, ri_page_t* page, uint32_t features,
                                           uintptr_t owner) {
  if (!hard_undress(page, p, features, p, true)) hard_push(page, p, owner);
}

// All exits are tail calls, so that there is no frame.
void rix_hard_free_own(void* p, ri_page_t* page, uintptr_t owner) {
  if (RIX_UNLIKELY(!ri_page_is_block(page, p) || !rix_live_take_back(rix_live_bit(page, p)))) {
    rix_free_generic(p);
    return;
  }
  const uint32_t features = rix_harden_at(page, p);
  if ((features & ~(uint32_t)RIX_HARD_CHECK) != 0) {
    hard_free_dressed(p, page, features, owner);
  } else {
    hard_push(page, p, owner);
  }
}
