// SPDX-License-Identifier: MIT
// remote.h: everything that threads do to a page that they do not own, in one atomic word. The
// whole protocol is described here; what callers do with the results is in five more files, named
// below.
//
//   xremote   63 ............ 17 |  16  | 15 ........ 2 |   1    |     0
//             head offset/8 + 1  | GAPS |     count     | NOTIFY | ABANDONED
//
//   list       blocks freed by other threads: `head` is the newest, each links to the one before;
//              0: there is none
//   count      blocks that other threads freed and the owner did not collect yet
//   GAPS       `count` has blocks that are not in the list: all that touch a part of the page that
//              went back to the OS, a bit of xgaps each (steal.c). Not where a word has 32 bits
//   NOTIFY     the owner has put the page away as full: the next free notifies it. Without an
//              owner: no allocation will find the page, so the next free must take it
//   ABANDONED  the page has no owner; who clears this bit owns the page. Zero means owned, so that
//              a descriptor that was never used cannot be claimed.
//
// STATES, and all transitions. "own" is done by the owner, "any" by any thread.
//
//                     own  request_wake: only with an empty list
//          .-----------------------------------------------------------.
//          |                                                           v
//        OWNED  <-- any  push -> WAKE, own cancel_wake -------- OWNED + NOTIFY
//         |  ^                                                         |
//         |  '---- any  claim, push -> CLAIMED ------.                 |
//         |        any  take (which leaves NOTIFY)   |                 |
//         |                                          |                 |
//         '---- own  abandon: only with an ------> ABANDONED <---------'
//               empty list; with NOTIFY unless     (+ NOTIFY)
//               the page is listed
//
//   No change of state: push -> PUSHED (owned, without NOTIFY), push_abandoned -> PUSHED
//   (without owner and NOTIFY), collect (own: takes the list), steal (any: takes the list).
//   give_back (any) is a push of all that was stolen: from each state to where a push goes. Pages
//   of one block are ABANDONED + NOTIFY from their creation on. A page that is released or
//   destroyed is OWNED, by nobody.
//
//   operation       caller                           result, and what it means there
//   push            heap/free.c free_push            PUSHED, WAKE, CLAIMED, REFUSED
//   push_abandoned  heap/free.c free_unowned         PUSHED, CLAIMED, REFUSED, TAKEN
//   claim           page/claim.c, api/visit.c (by a hint), page/release.c (the only block), and
//                   push_abandoned after the last block: true: the caller owns the page
//   take            page/end.c: true: as claim; it writes the word in any case (label D)
//   collect         page/page.c rix_page_collect     how many blocks the owner has got back
//   steal           page/steal.c                     true: the list is the caller's
//   give_back       page/steal.c                     WAKE, CLAIMED
//   request_wake    heap/queue.c rix_queue_to_full   false: others freed, the page is not full
//   cancel_wake     heap/queue.c rix_queue_merge
//   abandon         page/abandon.c, page/single.c    false: others freed, collect and try again
//
//   PUSHED   done, and nothing is left to do
//   WAKE     done; set xwoken of the page's theap (labels W1, W2 in heap/queue.c)
//   CLAIMED  done; the page had no owner and is the caller's: adopt it (rix_theap_adopt), abandon
//            it again, or release it if it is empty
//   REFUSED  nothing done: more blocks would be free than the page has: a double free
//   TAKEN    nothing done: the page has an owner, or needs one: push
//
// CLAIMED BUT NOT YET ADOPTED. Between a claim and rix_theap_adopt, rix_page_abandon or
// rix_page_release the page is the thread's although xowner names nobody, and its bit in the
// abandoned bitmap may still be set: rix_page_after_claim clears it. A thread that claimed by a
// hint - a bit of that bitmap, a descriptor that a walk came across, a page into which the block
// was already pushed - may have got a page other than the one that the hint was about, since a
// released descriptor serves the next page at once. So it looks at the page again, and returns what
// it does not want with rix_page_abandon_again (page/end.c), which also settles who releases it
// when its heap is being destroyed.
//
// STOLEN. The owner may sleep for ever, and what others freed into its pages lies there. So any
// thread may take that list. Its blocks are live to whoever owns the page meanwhile, who cannot
// release it for that reason; so the thief is alone with them. He returns the OS pages that they
// cover, and gives all of them back: those of them that would have their links in what was returned
// as GAPS, the others as a list. One thief at a time (lock rix_purge_lock), and with rix_heap_lock,
// so that no heap is destroyed meanwhile. A full page may have neither NOTIFY nor a list while he
// has it: so he always wakes the owner (WAKE), after which xwoken says what an empty list did not.
// xgaps belongs to whoever took GAPS out of the word, thief or owner, until he stores it: the thief
// with the next give_back; the owner, when they are holes like his own, with zero. A thief that
// finds xgaps other than zero and no GAPS in the word lets the page alone.
//
// A free is one compare-and-swap. The count spares the owner a walk to count the blocks, and
// refuses the free of more blocks than the page has.
//
// CONCURRENCY: push, push_abandoned, claim, take: any thread; steal, give_back: any thread with the
// locks; collect, request_wake, cancel_wake, abandon: the owner. Labels:
//   R1 release  push: publishes the link, and what the program wrote to the block
//   A1 acquire  collect, steal, and a push or claim that becomes owner, see all that R1 published
//   R3 release  give_back: as R1, and what the OS did to the gaps, and xgaps
//   R2 release  abandon: publishes the owner's state of the page
//   A2 acquire  claim, and push with old ABANDONED: the new owner sees it
//   F1 release  request_wake: publishes xtheap, which says whom to wake
//   F2 acquire  push with old NOTIFY reads xtheap
//   D  acquire  take, against a change of the page's heap: both ends in page/end.c
//   W1, W2      xwoken of a theap, the answer to WAKE: heap/free.c, heap/queue.c
// The functions touch nothing but the page and the block: no thread-local state, no system calls.
#ifndef RIX_PAGE_REMOTE_H
#define RIX_PAGE_REMOTE_H

#include "base/assert.h"
#include "base/atomic.h"
#include "page/link.h"

#define RIX_REMOTE_ABANDONED ((uintptr_t)1)
#define RIX_REMOTE_NOTIFY ((uintptr_t)2)
#define RIX_REMOTE_STATE (RIX_REMOTE_ABANDONED | RIX_REMOTE_NOTIFY)
#define RIX_REMOTE_COUNT_SHIFT 2
#define RIX_REMOTE_COUNT_MASK ((uintptr_t)0x3FFF << RIX_REMOTE_COUNT_SHIFT)
#define RIX_REMOTE_COUNT_ONE ((uintptr_t)1 << RIX_REMOTE_COUNT_SHIFT)
#define RIX_REMOTE_STEALS (sizeof(uintptr_t) > 4)
#define RIX_REMOTE_GAPS ((uintptr_t)RIX_REMOTE_STEALS << 16)
#define RIX_REMOTE_HEAD_SHIFT (RIX_REMOTE_STEALS ? 17 : 16)
#define RIX_REMOTE_HEAD_MASK (~(uintptr_t)0 << RIX_REMOTE_HEAD_SHIFT)
#define RIX_REMOTE_LIST_MASK (RIX_REMOTE_COUNT_MASK | RIX_REMOTE_GAPS | RIX_REMOTE_HEAD_MASK)

typedef enum rix_remote_result_e {
  RIX_REMOTE_PUSHED,   // done
  RIX_REMOTE_WAKE,     // done; the owner asked to be notified
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
  const uintptr_t at = word >> RIX_REMOTE_HEAD_SHIFT;
  return at == 0 ? NULL : (ri_block_t*)(page->start + (at << 3) - 8);
}

RIX_INLINE uintptr_t rix_remote_head(const ri_page_t* page, const ri_block_t* block) {
  const uintptr_t offset = (uintptr_t)((const uint8_t*)block - page->start);
  return ((offset >> 3) + 1) << RIX_REMOTE_HEAD_SHIFT;
}

// Puts a live block in front of the list in `old`. Returns the new word without state bits, or 0:
// more blocks would be free than the page has.
RIX_INLINE uintptr_t rix_remote_link(const ri_page_t* page, ri_block_t* block, uintptr_t old) {
  ri_block_t* const head = rix_remote_head_of(page, old);
  if (head == block || rix_remote_count_of(old) >= page->reserved) return 0;
  rix_link_set(block, head);
  return rix_remote_head(page, block) |
         ((old & (RIX_REMOTE_COUNT_MASK | RIX_REMOTE_GAPS)) + RIX_REMOTE_COUNT_ONE);
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

// Frees a live block of a page that has no owner and needs none. CLAIMED: it was the last one, and
// what is claimed may be another page by now. If another thread claims the page in between, that
// thread finds the block, and that it was the last.
RIX_INLINE rix_remote_result_t rix_remote_push_abandoned(ri_page_t* page, ri_block_t* block) {
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

// Owner: takes the whole list. Returns how many blocks it gets back, and stores the first of the
// list; *gaps: some are not in the list.
/*@ axiomatic remote_blocks {
      logic ri_block_t* remote_block(integer i);
      logic integer remote_blocks;
    } */
// The contract is believed by the proofs; verify/symbolic (remote.c) proves it for every word.
/*@ requires \valid(page) && \valid(head) && \valid(gaps) && \separated(page, head, gaps);
    assigns page->xremote.v, *head, *gaps;
    ensures \result == remote_blocks + page_gaps && remote_blocks >= 0 && page_gaps >= 0;
    ensures remote_blocks > 0 ==> *head == remote_block(0);
    ensures \result == 0 ==> *head == \old(*head);
    ensures *gaps <==> page_gaps > 0; */
RIX_INLINE size_t rix_remote_collect(ri_page_t* page, ri_block_t** head, bool* gaps) {
  *gaps = false;
  const uintptr_t seen = ri_load_relaxed(&page->xremote);
  if (rix_remote_count_of(seen) == 0) return 0;
  const uintptr_t old = ri_fetch_and_acquire(&page->xremote, ~RIX_REMOTE_LIST_MASK);  // A1
  *head = rix_remote_head_of(page, old);
  *gaps = (old & RIX_REMOTE_GAPS) != 0;
  return rix_remote_count_of(old);
}

// Thief: takes the list, which *word is about; `gaps`: and the gaps, which it must have then, or
// not have otherwise. False: nothing done.
RIX_INLINE bool rix_remote_steal(ri_page_t* page, bool gaps, uintptr_t* word) {
  uintptr_t old = ri_load_relaxed(&page->xremote);
  do {
    if (rix_remote_count_of(old) == 0) return false;
    if (((old & RIX_REMOTE_GAPS) != 0) != gaps) return false;
  } while (!ri_cas_weak_acquire(&page->xremote, &old, old & ~RIX_REMOTE_LIST_MASK));  // A1
  *word = old;
  return true;
}

// What a thief gives back.
typedef struct rix_remote_loot_s {
  ri_block_t* first;  // of a list, or NULL
  ri_block_t* last;
  size_t count;  // of the list, and of the gaps
  bool gaps;     // xgaps says which
} rix_remote_loot_t;

// Thief: CLAIMED: the page has no owner and is the caller's. WAKE: it has one, to be woken.
RIX_INLINE rix_remote_result_t rix_remote_give_back(ri_page_t* page,
                                                    const rix_remote_loot_t* loot) {
  const uintptr_t more = loot->count * RIX_REMOTE_COUNT_ONE + (loot->gaps ? RIX_REMOTE_GAPS : 0);
  uintptr_t old = ri_load_relaxed(&page->xremote);
  uintptr_t word;
  do {
    word = (old & ~RIX_REMOTE_STATE) + more;
    if (loot->first != NULL) {
      rix_link_set(loot->last, rix_remote_head_of(page, old));
      word = (word & ~RIX_REMOTE_HEAD_MASK) | rix_remote_head(page, loot->first);
    }
    // R3 pairs A1, A2 pairs R2, F2 pairs F1.
  } while (!ri_cas_weak_acq_rel(&page->xremote, &old, word));
  return (old & RIX_REMOTE_ABANDONED) != 0 ? RIX_REMOTE_CLAIMED : RIX_REMOTE_WAKE;
}

// Owner: asks the next free to wake it. False, and nothing asked, when the list is not empty.
RIX_INLINE bool rix_remote_request_wake(ri_page_t* page) {
  uintptr_t old = ri_load_relaxed(&page->xremote);
  do {
    if (rix_remote_count_of(old) != 0) return false;
    if ((old & RIX_REMOTE_NOTIFY) != 0) return true;
  } while (!ri_cas_weak_release(&page->xremote, &old, old | RIX_REMOTE_NOTIFY));  // F1
  return true;
}

// Owner: abandons the page while its list is empty; false, and nothing done, when it is not.
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

// As claim, but writes the word in any case, and leaves NOTIFY.
RIX_INLINE bool rix_remote_take(ri_page_t* page) {
  // D, see end.c.
  const uintptr_t old = ri_fetch_and_acquire(&page->xremote, ~RIX_REMOTE_ABANDONED);
  return (old & RIX_REMOTE_ABANDONED) != 0;
}

// Owner: no free needs to wake it any more, until it asks again.
RIX_INLINE void rix_remote_cancel_wake(ri_page_t* page) {
  ri_fetch_and_relaxed(&page->xremote, ~RIX_REMOTE_NOTIFY);
}

#endif
