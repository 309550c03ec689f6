// SPDX-License-Identifier: MIT
// remote.h: all that threads do to a page that they do not own, in one atomic word.
//
//   xremote   63 ............ 16 | 15 ........ 2 |   1    |     0
//             head offset / 8    |     count     | NOTIFY | ABANDONED
//
//   list       blocks freed by other threads: `head` is the newest, each links to the one before,
//              `count` is their number; count == 0: the list is empty and head means nothing
//   NOTIFY     the owner has put the page away as full: who frees next tells the owner. Without
//              owner: no allocation will find the page, so who frees next must take it
//   ABANDONED  the page has no owner; who clears this bit owns the page. Zero means owned, so that
//              a descriptor that was never used cannot be claimed.
//
//                   request_wake                     push (old NOTIFY) -> WAKE: tell xtheap
//        OWNED ---------------------> OWNED+NOTIFY ----------------------------------------> OWNED
//          |  ^ claim (CAS), push (old ABANDONED) -> CLAIMED; both clear NOTIFY too
//          v  |
//        ABANDONED     abandon (CAS, only while the list is empty); +NOTIFY unless it is listed
//          |  ^
//          +--+        leave (CAS, without NOTIFY): a free that takes nothing over
//
// A free is one compare-and-swap. The count spares the owner a walk to count the blocks, and
// refuses the free of more blocks than the page has.
//
// CONCURRENCY: push, claim: any thread; collect, request_wake, abandon: the owner. Labels:
//   R1 release  push: publishes block->next, and what the program wrote to the block
//   A1 acquire  collect, and a push or claim that becomes owner, see all that R1 published
//   R2 release  abandon: publishes the owner's state of the page
//   A2 acquire  claim, and push with old ABANDONED: the new owner sees it
//   F1 release  request_wake: publishes xtheap, which says whom to wake
//   F2 acquire  push with old NOTIFY reads xtheap
// The functions touch nothing but the page and the block: no thread-local state, no system calls.
#ifndef RIX_PAGE_REMOTE_H
#define RIX_PAGE_REMOTE_H

#include "base/assert.h"
#include "base/atomic.h"

#define RIX_REMOTE_ABANDONED ((uintptr_t)1)
#define RIX_REMOTE_NOTIFY ((uintptr_t)2)
#define RIX_REMOTE_STATE (RIX_REMOTE_ABANDONED | RIX_REMOTE_NOTIFY)
#define RIX_REMOTE_COUNT_SHIFT 2
#define RIX_REMOTE_COUNT_MASK ((uintptr_t)0x3FFF << RIX_REMOTE_COUNT_SHIFT)
#define RIX_REMOTE_COUNT_ONE ((uintptr_t)1 << RIX_REMOTE_COUNT_SHIFT)
#define RIX_REMOTE_HEAD_SHIFT 16
#define RIX_REMOTE_HEAD_MASK (~(uintptr_t)0 << RIX_REMOTE_HEAD_SHIFT)
#define RIX_REMOTE_LIST_MASK (RIX_REMOTE_COUNT_MASK | RIX_REMOTE_HEAD_MASK)

typedef enum rix_remote_result_e {
  RIX_REMOTE_PUSHED,   // done
  RIX_REMOTE_WAKE,     // done; the owner asked to be told
  RIX_REMOTE_CLAIMED,  // done; the page was abandoned and is the caller's now
  RIX_REMOTE_REFUSED,  // nothing done: more blocks would be free than the page has
  RIX_REMOTE_TAKEN,    // nothing done: it has an owner, or needs one
} rix_remote_result_t;

RIX_INLINE size_t rix_remote_count_of(uintptr_t word) {
  return (word & RIX_REMOTE_COUNT_MASK) >> RIX_REMOTE_COUNT_SHIFT;
}

// Blocks that others freed and the owner did not collect yet.
RIX_INLINE size_t rix_remote_count(const ri_page_t* page) {
  return rix_remote_count_of(ri_load_relaxed(&page->xremote));
}

RIX_INLINE ri_block_t* rix_remote_head_of(const ri_page_t* page, uintptr_t word) {
  if (rix_remote_count_of(word) == 0) return NULL;
  return (ri_block_t*)(page->start + ((word >> RIX_REMOTE_HEAD_SHIFT) << 3));
}

// Puts a live block before the list that `old` tells of. Returns the new word without state bits,
// or 0: more blocks would be free than the page has.
RIX_INLINE uintptr_t rix_remote_link(const ri_page_t* page, ri_block_t* block, uintptr_t old) {
  const uintptr_t offset = (uintptr_t)((uint8_t*)block - page->start);
  ri_block_t* const head = rix_remote_head_of(page, old);
  if (head == block || rix_remote_count_of(old) >= page->reserved) return 0;
  block->next = head;
  return ((offset >> 3) << RIX_REMOTE_HEAD_SHIFT) |
         ((old & RIX_REMOTE_COUNT_MASK) + RIX_REMOTE_COUNT_ONE);
}

// Frees a live block of the page. If it has no owner it is the caller's afterwards.
RIX_INLINE rix_remote_result_t rix_remote_push(ri_page_t* page, ri_block_t* block) {
  uintptr_t old = ri_load_relaxed(&page->xremote);
  uintptr_t word;
  do {
    word = rix_remote_link(page, block, old);
    if (word == 0) return RIX_REMOTE_REFUSED;
    // R1 pairs A1, A2 pairs R2, F2 pairs F1.
  } while (!ri_cas_weak_acq_rel(&page->xremote, &old, word));
  if ((old & RIX_REMOTE_ABANDONED) != 0) return RIX_REMOTE_CLAIMED;
  return (old & RIX_REMOTE_NOTIFY) != 0 ? RIX_REMOTE_WAKE : RIX_REMOTE_PUSHED;
}

// Makes the caller the owner if the page has none.
RIX_INLINE bool rix_remote_claim(ri_page_t* page) {
  uintptr_t old = ri_load_relaxed(&page->xremote);
  do {
    if ((old & RIX_REMOTE_ABANDONED) == 0) return false;
  } while (!ri_cas_weak_acquire(&page->xremote, &old, old & ~RIX_REMOTE_STATE));  // A2 pairs R2
  return true;
}

// Frees a live block of a page that has no owner and needs none. CLAIMED: it was the last one. If
// another claims the page in between, that one finds the block, and that it was the last.
RIX_INLINE rix_remote_result_t rix_remote_leave(ri_page_t* page, ri_block_t* block) {
  uintptr_t old = ri_load_relaxed(&page->xremote);
  uintptr_t word;
  do {
    if ((old & RIX_REMOTE_STATE) != RIX_REMOTE_ABANDONED) return RIX_REMOTE_TAKEN;
    word = rix_remote_link(page, block, old);
    if (word == 0) return RIX_REMOTE_REFUSED;
    // R1 pairs A1, A2 pairs R2: so `used` is what the last owner left.
  } while (!ri_cas_weak_acq_rel(&page->xremote, &old, word | RIX_REMOTE_ABANDONED));
  const size_t live = ri_load_relaxed(&page->used) & RI_PAGE_USED_MASK;
  if (rix_remote_count_of(word) < live) return RIX_REMOTE_PUSHED;
  return rix_remote_claim(page) ? RIX_REMOTE_CLAIMED : RIX_REMOTE_PUSHED;
}

// Owner: takes the whole list. Returns its length and stores its first block.
/*@ axiomatic remote_blocks {
      logic ri_block_t* remote_block(integer i);
      logic integer remote_blocks;
    } */
// The contract is believed by the proofs; verify/symbolic (remote.c) proves it for every word.
/*@ requires \valid(page) && \valid(head) && \separated(page, head);
    assigns page->xremote.v, *head;
    ensures \result == remote_blocks >= 0;
    ensures \result > 0 ==> *head == remote_block(0);
    ensures \result == 0 ==> *head == \old(*head); */
RIX_INLINE size_t rix_remote_collect(ri_page_t* page, ri_block_t** head) {
  const uintptr_t seen = ri_load_relaxed(&page->xremote);
  if (rix_remote_count_of(seen) == 0) return 0;
  const uintptr_t old = ri_fetch_and_acquire(&page->xremote, ~RIX_REMOTE_LIST_MASK);  // A1
  *head = rix_remote_head_of(page, old);
  return rix_remote_count_of(old);
}

// Owner: asks to be told of the next free. False, and nothing asked, when the list is not empty.
RIX_INLINE bool rix_remote_request_wake(ri_page_t* page) {
  uintptr_t old = ri_load_relaxed(&page->xremote);
  do {
    if (rix_remote_count_of(old) != 0) return false;
    if ((old & RIX_REMOTE_NOTIFY) != 0) return true;
  } while (!ri_cas_weak_release(&page->xremote, &old, old | RIX_REMOTE_NOTIFY));  // F1
  return true;
}

// Owner: gives the page up while its list is empty; false, and nothing done, when it is not.
// `listed`: an allocation may find it.
RIX_INLINE bool rix_remote_abandon(ri_page_t* page, bool listed) {
  const uintptr_t word = listed ? RIX_REMOTE_ABANDONED : RIX_REMOTE_STATE;
  uintptr_t old = ri_load_relaxed(&page->xremote);
  do {
    RI_ASSERT((old & RIX_REMOTE_ABANDONED) == 0);
    if (rix_remote_count_of(old) != 0) return false;
  } while (!ri_cas_weak_release(&page->xremote, &old, word));  // R2 pairs A2
  return true;
}

// As claim, but writes the word in any case.
RIX_INLINE bool rix_remote_take(ri_page_t* page) {
  // D, see roster.c.
  const uintptr_t old = ri_fetch_and_acquire(&page->xremote, ~RIX_REMOTE_ABANDONED);
  return (old & RIX_REMOTE_ABANDONED) != 0;
}

// Owner: nobody needs to tell it of frees any more, until it asks again.
RIX_INLINE void rix_remote_cancel_wake(ri_page_t* page) {
  ri_fetch_and_relaxed(&page->xremote, ~RIX_REMOTE_NOTIFY);
}

#endif
