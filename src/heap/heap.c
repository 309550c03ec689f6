// SPDX-License-Identifier: MIT
// heap.c: first-class heaps: their life, and the theaps that threads have of them.
//
//   use      A thread's first allocation from a heap makes its theap. It is found by the heap's
//            slot in a table of the thread; that it is the heap's, and not one of an earlier heap
//            in that slot, is seen by its number (seq).
//   delete   All pages of the heap get another heap in their descriptors, at once; so nothing leads
//            to the old one afterwards and it can be used again. Who owns a page goes on owning it:
//            frees that run meanwhile notice nothing. A theap of the heap is marked, and its thread
//            moves its pages to its main theap at the next heartbeat, collection or exit. Nobody
//            waits for anybody.
//   destroy  No thread uses the heap or its blocks any more; but a thread that has a theap of it
//            may be ending, or collecting. So both are done under rix_heap_lock: either the theap
//            gave its pages up and they are found without owner, or it is marked and they are
//            taken.
//
//   walk     Pins the heap that it stands at, so that it can go on from there though that ends.
//
// Nothing here costs more when there are more heaps: a thread finds a theap, or that it has none,
// through its table, and settles those that ended through a list of them.
// CONCURRENCY: any thread; lock rix_heap_lock as heap.h says.
#include "heap/heap.h"

#include <errno.h>

#include "arena/meta.h"
#include "heap/theap.h"
#include "heap/tld.h"
#include "page/end.h"
#include "page/harden.h"

rix_heap_t rix_heap_default = {.xseq = {1}, .subproc = &rix_subproc_main};
rix_subproc_t rix_subproc_main = {.main = &rix_heap_default};

rix_lock_t rix_heap_lock = RIX_LOCK_OPEN(RIX_LEVEL_HEAP);

#define RIX_LIST heap_list  // of a sub-process
#define RIX_LIST_ITEM rix_heap_t
#define RIX_LIST_NEXT next
#define RIX_LIST_PREV prev
#define RIX_LIST_ENDS rix_heap_list_t
#include "base/list.h"

#define RIX_LIST heap_theap_list  // of a heap
#define RIX_LIST_ITEM rix_theap_t
#define RIX_LIST_NEXT heap_next
#define RIX_LIST_PREV heap_prev
#include "base/list.h"

static rix_meta_pool_t heap_pool = {sizeof(rix_heap_t), offsetof(rix_heap_t, next), NULL};

static struct {
  size_t seq;      // of the last heap made; lock rix_heap_lock
  uint32_t slots;  // given to heaps so far; lock rix_heap_lock
} heaps;

// ---- Theaps -------------------------------------------------------------------------------------

// With the lock held. The heap in whose list a theap is: its own, or, when that was deleted, the
// main heap of the sub-process, which has had its pages since then; they end with that one. NULL:
// none.
static rix_heap_t* heap_of_theap(const rix_theap_t* theap) {
  if (theap->state == RIX_THEAP_DESTROYED) return NULL;
  rix_heap_t* const heap = theap->state == RIX_THEAP_LIVE ? theap->heap : theap->tld->subproc->main;
  return heap->listed ? heap : NULL;  // the default heap never ends
}

// With the lock held, and the theap in no list.
static void heap_link_theap(rix_theap_t* theap) {
  rix_heap_t* const heap = heap_of_theap(theap);
  if (heap != NULL) heap_theap_list_push(&heap->theaps, theap);
}

// With the lock held.
static void heap_unlink_theap(rix_theap_t* theap) {
  rix_heap_t* const heap = heap_of_theap(theap);
  if (heap != NULL) heap_theap_list_remove(&heap->theaps, theap);
}

void rix_heap_link_theap(rix_heap_t* heap, rix_theap_t* theap) {
  if (!heap->listed) return;
  rix_lock(&rix_heap_lock);
  heap_link_theap(theap);
  rix_unlock(&rix_heap_lock);
}

// With the lock held: moves or forgets what the calling thread has of heaps that are gone.
static void heap_settle(rix_tld_t* tld) {
  ri_store_relaxed(&tld->xstale_theaps, 0);
  while (tld->ended != NULL) {
    rix_theap_t* const theap = tld->ended;
    tld->ended = theap->ended_next;
    if (theap->state == RIX_THEAP_DELETED) rix_theap_merge(theap, tld->main);
    heap_unlink_theap(theap);
    rix_tld_drop_theap(tld, theap);
  }
}

void rix_heap_settle(void) {
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  if (RIX_LIKELY(ri_load_relaxed(&tld->xstale_theaps) == 0)) return;
  rix_lock(&rix_heap_lock);
  heap_settle(tld);
  rix_unlock(&rix_heap_lock);
}

void rix_heap_abandon_theap(rix_theap_t* theap) {
  if (!theap->heap->listed) {
    rix_theap_abandon(theap);
    return;
  }
  rix_lock(&rix_heap_lock);
  heap_unlink_theap(theap);
  if (theap->state != RIX_THEAP_DESTROYED) rix_theap_abandon(theap);
  rix_unlock(&rix_heap_lock);
}

void rix_heap_collect_theap(rix_theap_t* theap) {
  if (!theap->heap->listed) {
    rix_theap_collect(theap);
    return;
  }
  rix_lock(&rix_heap_lock);
  if (theap->state != RIX_THEAP_DESTROYED) rix_theap_collect(theap);
  rix_unlock(&rix_heap_lock);
}

// ---- Heaps --------------------------------------------------------------------------------------

rix_heap_t* rix_heap_create(rix_subproc_t* subproc, rix_arena_t* only) {
  rix_heap_t* const heap = rix_meta_take(&heap_pool);
  if (heap == NULL) return NULL;
  rix_lock(&rix_heap_lock);
  if (heap->slot == 0) {  // 0 is the default heap's; a descriptor keeps its slot
    heap->slot = ++heaps.slots;
    heap->listed = true;
  }
  heap->space.subproc = subproc->id;
  heap->space.only = only;
  ri_store_relaxed(&heap->space.xnode, RIX_NODE_ANY);
  heap->subproc = subproc;
  heap->pages = NULL;
  heap->page_count = 0;
  heap->theaps = NULL;
  heap->maker = rix_tls.self;
  heap->pins = 0;
  ri_store_relaxed(&heap->xbytes, 0);
  ri_store_relaxed(&heap->xquota, 0);
  ri_store_relaxed(&heap->xsoft, 0);
  ri_store_relaxed(&heap->xtold, 0);
  ri_store_relaxed(&heap->xpressed, 0);
  ri_store_relaxed(&heap->xtag, 0);
  rix_harden_begin(&rix_heap_default);
  ri_store_relaxed(&heap->xhard, ri_load_relaxed(&rix_heap_default.xhard));
  ri_store_relaxed(&heap->xkeeps_blocks, 0);
  if (heaps.seq == 0) heaps.seq = ri_load_relaxed(&rix_heap_default.xseq);
  ri_store_relaxed(&heap->xseq, ++heaps.seq);
  heap_list_link_back(&subproc->heaps, heap);
  rix_unlock(&rix_heap_lock);
  rix_gauge_up(RIX_GAUGE_HEAPS, 1);
  return heap;
}

// With the lock held: removes it from its list, if its sub-process still has one; it can then be
// reused.
static void heap_give(rix_heap_t* heap) {
  if (heap->subproc != NULL) heap_list_unlink(&heap->subproc->heaps, heap);
  rix_meta_give(&heap_pool, heap);
}

// With the lock held: the heap of a theap has ended. It is settled by its thread, once.
static void heap_mark_ended(rix_theap_t* theap, bool destroy) {
  rix_tld_t* const tld = theap->tld;
  const bool known = theap->state != RIX_THEAP_LIVE || theap == tld->main;
  theap->state = destroy ? RIX_THEAP_DESTROYED : RIX_THEAP_DELETED;
  if (known) return;
  theap->ended_next = tld->ended;
  tld->ended = theap;
  ri_store_relaxed(&tld->xstale_theaps, 1);
}

// With the lock held.
static void heap_end(rix_heap_t* heap, bool destroy) {
  rix_gauge_down(RIX_GAUGE_HEAPS, 1);
  if (destroy) {
    rix_page_destroy_all(heap);
  } else {
    rix_heap_pages_move(heap, heap->subproc->main);
  }
  while (heap->theaps != NULL) {
    rix_theap_t* const theap = heap->theaps;
    heap_unlink_theap(theap);
    heap_mark_ended(theap, destroy);
    heap_link_theap(theap);
  }
  if (rix_tls.phase == RIX_THREAD_LIVE) heap_settle((rix_tld_t*)rix_tls.self);
  ri_store_relaxed(&heap->xseq, 0);  // no theap is found through it any more
  if (heap->pins == 0) heap_give(heap);
}

static bool heap_has_ended(const rix_heap_t* heap) { return ri_load_relaxed(&heap->xseq) == 0; }

void rix_heap_destroy_all(rix_subproc_t* subproc) {
  rix_heap_t* next;
  for (rix_heap_t* heap = subproc->heaps.first; heap != NULL; heap = next) {
    next = heap->next;
    if (!heap_has_ended(heap)) heap_end(heap, true);
  }
  // Walks stand at the rest. The sub-process may be another one by the time they go on.
  for (rix_heap_t* heap = subproc->heaps.first; heap != NULL; heap = next) {
    next = heap->next;
    heap->next = heap->prev = NULL;
    heap->subproc = NULL;
  }
  subproc->heaps = (rix_heap_list_t){NULL, NULL};
}

void rix_heap_end(rix_heap_t* heap, bool destroy) {
  rix_lock(&rix_heap_lock);
  heap_end(heap, destroy);
  rix_unlock(&rix_heap_lock);
}

// ---- Walks --------------------------------------------------------------------------------------

// A walk pins the heap that it stands at: when that ends it stays in its list, with the number 0,
// until the walk has gone on. A walk that never ends, because its visitor was left by a jump, keeps
// that one descriptor from being reused.

void rix_heap_walk_begin(rix_heap_walk_t* walk, rix_subproc_t* subproc) {
  rix_lock(&rix_heap_lock);
  *walk = (rix_heap_walk_t){subproc, NULL, heaps.seq};
  rix_unlock(&rix_heap_lock);
}

// With the lock held. The main sub-process's main heap is in no list, and the oldest.
static rix_heap_t* heap_walk_successor(const rix_heap_walk_t* walk) {
  rix_heap_t* const main = &rix_heap_default;
  if (walk->at == NULL && walk->subproc == main->subproc) return main;
  return walk->at == NULL || walk->at == main ? walk->subproc->heaps.first : walk->at->next;
}

// With the lock held.
static bool heap_walk_skips(const rix_heap_walk_t* walk, const rix_heap_t* heap) {
  const size_t seq = ri_load_relaxed(&heap->xseq);
  return seq == 0 || (seq > walk->youngest && heap->maker != rix_tls.self);
}

// With the lock held: stands at the heap, NULL: at none.
static void heap_walk_to(rix_heap_walk_t* walk, rix_heap_t* heap) {
  rix_heap_t* const before = walk->at;
  walk->at = heap;
  if (heap != NULL) heap->pins++;
  if (before != NULL && --before->pins == 0 && heap_has_ended(before)) heap_give(before);
}

rix_heap_t* rix_heap_walk_next(rix_heap_walk_t* walk) {
  rix_lock(&rix_heap_lock);
  rix_heap_t* heap = heap_walk_successor(walk);
  while (heap != NULL && heap_walk_skips(walk, heap))
    heap = heap->next;
  heap_walk_to(walk, heap);
  rix_unlock(&rix_heap_lock);
  return heap;
}

void rix_heap_walk_end(rix_heap_walk_t* walk) {
  rix_lock(&rix_heap_lock);
  heap_walk_to(walk, NULL);
  rix_unlock(&rix_heap_lock);
}
