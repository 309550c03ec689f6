// SPDX-License-Identifier: MIT
// hard.c: see hard.h.
//
//   rix_hard_malloc -- the page of the class has a free block --> rix_hard_take: validate, mark,
//        |                                                        pop, dress
//        '---- otherwise ---------------------------------------> rix_alloc_reported
//   rix_hard_free_own -- no live block -----> rix_free_generic, which reports it
//        |-- features: undress -- waits ----> what leaves the quarantine is released in its place
//        '-- push
#include "heap/hard.h"

#include <errno.h>

#define RI_FAST_NO_PUBLIC
#include <rimalloc/fast.h>

#include "heap/alloc.h"
#include "heap/quarantine.h"
#include "heap/queue.h"
#include "heap/theap.h"
#include "options/report.h"
#include "page/harden.h"
#include "page/live.h"

// ---- Allocation ---------------------------------------------------------------------------------

// Brings a block to the front of the list of a page that nobody can foretell.
static RIX_NOINLINE void hard_pick(rix_theap_t* theap, ri_page_t* page) {
  if (RIX_UNLIKELY(theap->random == 0)) theap->random = rix_os_random();
  theap->random = theap->random * 0x5851F42D4C957F2Du + 0x14057B7EF767814Fu;
  rix_harden_pick(page, (size_t)(theap->random >> 60));
}

void rix_hard_reseed(rix_tld_t* tld) {
  rix_quarantine_reseed(tld);
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = theap->next)
    theap->random = 0;
}

static RIX_NOINLINE void hard_dress_any(rix_theap_t* theap, const ri_page_t* page,
                                        ri_block_t* block, size_t size, bool zero) {
  if (RIX_LIKELY(rix_harden_dress_any(page, block, rix_harden_of(page), size, zero))) return;
  theap->damaged = RIX_THEAP_WRITTEN;
  theap->written = block;
}

// With features other than RIX_HARD_CHECK, which is one of all.
RIX_INLINE ri_block_t* hard_take(rix_theap_t* theap, ri_page_t* page, uint32_t features,
                                 size_t size, bool zero) {
  if (RIX_UNLIKELY((features & RIX_HARD_PICK) != 0)) hard_pick(theap, page);
  if (RIX_UNLIKELY(!rix_live_hand_out_first(page))) return NULL;
  ri_block_t* const block = rix_page_pop(page);
  if (zero || !rix_harden_dress(page, block, features)) {
    hard_dress_any(theap, page, block, size, zero);
  }
  return block;
}

ri_block_t* rix_hard_take(rix_theap_t* theap, ri_page_t* page, size_t size, bool zero) {
  return hard_take(theap, page, rix_harden_at(page, page->start), size, zero);
}

static RIX_NOINLINE void* hard_malloc_dressed(rix_theap_t* theap, ri_page_t* page, size_t size) {
  void* const p = hard_take(theap, page, rix_harden_at(page, page->start), size, false);
  if (RIX_UNLIKELY(theap->damaged != 0)) rix_theap_report_damage(theap);
  return RIX_LIKELY(p != NULL) ? p : rix_alloc_reported(theap, size);
}

// All exits but one are tail calls, so that there is no frame.
void* rix_hard_malloc(rix_theap_t* theap, size_t size) {
  const size_t whole = size + rix_harden_tail_of(theap->hard);
  if (RIX_UNLIKELY(size > RIX_SMALL_BLOCK_MAX)) return rix_alloc_reported(theap, size);
  ri_page_t* const page = theap->shown[rix_class_of(whole)];
  if (RIX_UNLIKELY(page == NULL || (page->flags & RIX_PAGE_SLOW) != RIX_PAGE_CHECKED)) {
    return rix_alloc_reported(theap, size);
  }
  const bool dressed = (rix_harden_at(page, page->start) & ~(uint32_t)RIX_HARD_CHECK) != 0;
  if (dressed) return hard_malloc_dressed(theap, page, size);
  if (RIX_UNLIKELY(!rix_live_hand_out_first(page))) return rix_alloc_reported(theap, size);
  ri_block_t* const block = rix_page_pop(page);
  block->next = NULL;  // nobody sees the link
  return block;
}

// ---- Free ---------------------------------------------------------------------------------------

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
