// SPDX-License-Identifier: MIT
// heaps.c: first-class heaps: their life, and the theaps that threads have of them.
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
// CONCURRENCY: any thread; lock rix_heap_lock as heap.h says.
#include <errno.h>

#include "arena/meta.h"
#include "heap/heap.h"

rix_lock_t rix_heap_lock = RIX_LOCK_OPEN(RIX_LEVEL_HEAP);

static rix_meta_pool_t heaps_pool = {sizeof(rix_heap_t), offsetof(rix_heap_t, next), NULL};

static struct {
  size_t seq;      // of the last heap made; lock rix_heap_lock
  uint32_t slots;  // given to heaps so far; lock rix_heap_lock
} heaps;

// ---- Tables -------------------------------------------------------------------------------------

// A table has as many entries as there are slots, rounded up, so that heaps do not get into each
// other's way: each size from one pool. When there is no memory, heaps share entries: then a theap
// is found in the thread's list.
#define HEAPS_TABLE(entries) \
  { (entries) * sizeof(rix_theap_t*), 0, NULL }
static rix_meta_pool_t heaps_tables[] = {HEAPS_TABLE(64), HEAPS_TABLE(512), HEAPS_TABLE(4096),
                                         HEAPS_TABLE(32768), HEAPS_TABLE(262144)};

static rix_meta_pool_t* heaps_table_pool(size_t entries) {
  for (size_t i = 0; i < sizeof(heaps_tables) / sizeof(heaps_tables[0]); i++) {
    if (heaps_tables[i].size >= entries * sizeof(rix_theap_t*)) return &heaps_tables[i];
  }
  return NULL;
}

static void heaps_table_set(rix_tld_t* tld, rix_theap_t** table, size_t entries) {
  for (size_t i = 0; i < entries; i++)
    table[i] = &rix_theap_empty;
  tld->table = table;
  tld->table_mask = entries - 1;
}

void rix_heap_table_open(rix_tld_t* tld) {
  heaps_table_set(tld, tld->first_table, RIX_TLD_TABLE_MIN);
}

void rix_heap_table_close(rix_tld_t* tld) {
  if (tld->table == tld->first_table) return;
  rix_meta_give(heaps_table_pool(tld->table_mask + 1), tld->table);
  tld->table = tld->first_table;
}

static rix_theap_t** heaps_table_entry(rix_tld_t* tld, const rix_heap_t* heap) {
  return &tld->table[heap->slot & tld->table_mask];
}

static void heaps_table_grow(rix_tld_t* tld, size_t entries) {
  rix_meta_pool_t* const pool = heaps_table_pool(entries);
  rix_theap_t** const table = pool != NULL ? rix_meta_take(pool) : NULL;
  if (table == NULL) return;
  rix_heap_table_close(tld);
  heaps_table_set(tld, table, pool->size / sizeof(rix_theap_t*));
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = theap->next)
    *heaps_table_entry(tld, theap->heap) = theap;
}

void rix_heap_table_enter(rix_tld_t* tld, rix_theap_t* theap) {
  const size_t slot = theap->heap->slot;
  if (slot > tld->table_mask) heaps_table_grow(tld, slot + 1);
  *heaps_table_entry(tld, theap->heap) = theap;
}

void rix_heap_table_leave(rix_tld_t* tld, const rix_theap_t* theap) {
  rix_theap_t** const entry = heaps_table_entry(tld, theap->heap);
  if (*entry == theap) *entry = &rix_theap_empty;
}

// ---- Theaps -------------------------------------------------------------------------------------

// With the lock held. The heap whose theaps a theap is one of: its own, or when that was deleted
// the main heap of the sub-process, which has its pages since; they end with that one. NULL: none.
static rix_heap_t* heaps_of_theap(const rix_theap_t* theap) {
  if (theap->state == RIX_THEAP_DESTROYED) return NULL;
  rix_heap_t* const heap = theap->state == RIX_THEAP_LIVE ? theap->heap : theap->tld->subproc->main;
  return heap->listed ? heap : NULL;  // the default heap never ends
}

// With the lock held, and the theap in no list.
static void heaps_link_theap(rix_theap_t* theap) {
  rix_heap_t* const heap = heaps_of_theap(theap);
  if (heap == NULL) return;
  theap->heap_prev = NULL;
  theap->heap_next = heap->theaps;
  if (heap->theaps != NULL) heap->theaps->heap_prev = theap;
  heap->theaps = theap;
}

// With the lock held.
static void heaps_unlink_theap(rix_theap_t* theap) {
  rix_heap_t* const heap = heaps_of_theap(theap);
  if (heap == NULL) return;
  if (theap->heap_prev != NULL) {
    theap->heap_prev->heap_next = theap->heap_next;
  } else {
    heap->theaps = theap->heap_next;
  }
  if (theap->heap_next != NULL) theap->heap_next->heap_prev = theap->heap_prev;
  theap->heap_next = theap->heap_prev = NULL;
}

void rix_heap_link_theap(rix_heap_t* heap, rix_theap_t* theap) {
  if (!heap->listed) return;
  rix_lock(&rix_heap_lock);
  heaps_link_theap(theap);
  rix_unlock(&rix_heap_lock);
}

rix_theap_t* rix_heap_theap_slow(rix_heap_t* heap) {
  if (rix_tls.phase != RIX_THREAD_LIVE && rix_thread_theap() == NULL) return NULL;
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  if (heap == NULL) return tld->main;
  if (ri_load_relaxed(&tld->xsettle) != 0) rix_heap_settle();
  if (heap->subproc != tld->subproc) return NULL;  // its pages must not become this one's
  rix_theap_t* theap = rix_thread_find_theap(heap);
  if (theap == NULL) {
    theap = rix_thread_new_theap(tld, heap);
    if (theap == NULL) return NULL;
    rix_heap_link_theap(heap, theap);
  }
  rix_heap_table_enter(tld, theap);
  return theap;
}

// With the lock held: moves or forgets what the calling thread has of heaps that are gone.
static void heaps_settle(rix_tld_t* tld) {
  ri_store_relaxed(&tld->xsettle, 0);
  rix_theap_t* next;
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = next) {
    next = theap->next;
    if (theap->state == RIX_THEAP_LIVE || theap == tld->main) continue;
    if (theap->state == RIX_THEAP_DELETED) rix_theap_merge(theap, tld->main);
    heaps_unlink_theap(theap);
    rix_thread_drop_theap(tld, theap);
  }
}

void rix_heap_settle(void) {
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  if (RIX_LIKELY(ri_load_relaxed(&tld->xsettle) == 0)) return;
  rix_lock(&rix_heap_lock);
  heaps_settle(tld);
  rix_unlock(&rix_heap_lock);
}

void rix_heap_abandon_theap(rix_theap_t* theap) {
  if (!theap->heap->listed) {
    rix_theap_abandon(theap);
    return;
  }
  rix_lock(&rix_heap_lock);
  heaps_unlink_theap(theap);
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
  rix_process_init();
  rix_heap_t* const heap = rix_meta_take(&heaps_pool);
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
  ri_store_relaxed(&heap->xbytes, 0);
  ri_store_relaxed(&heap->xquota, 0);
  if (heaps.seq == 0) heaps.seq = ri_load_relaxed(&rix_heap_default.xseq);
  ri_store_relaxed(&heap->xseq, ++heaps.seq);
  heap->next = NULL;
  heap->prev = subproc->last;
  if (subproc->last != NULL) {
    subproc->last->next = heap;
  } else {
    subproc->first = heap;
  }
  subproc->last = heap;
  rix_unlock(&rix_heap_lock);
  rix_gauge_up(RIX_GAUGE_HEAPS, 1);
  return heap;
}

static void heaps_unlink(rix_heap_t* heap) {
  if (heap->prev != NULL) {
    heap->prev->next = heap->next;
  } else {
    heap->subproc->first = heap->next;
  }
  if (heap->next != NULL) {
    heap->next->prev = heap->prev;
  } else {
    heap->subproc->last = heap->prev;
  }
}

// With the lock held.
static void heaps_end(rix_heap_t* heap, bool destroy) {
  rix_gauge_down(RIX_GAUGE_HEAPS, 1);
  heaps_unlink(heap);
  if (destroy) {
    rix_roster_destroy(heap);
  } else {
    rix_roster_move(heap, heap->subproc->main);
  }
  while (heap->theaps != NULL) {
    rix_theap_t* const theap = heap->theaps;
    heaps_unlink_theap(theap);
    theap->state = destroy ? RIX_THEAP_DESTROYED : RIX_THEAP_DELETED;
    heaps_link_theap(theap);
    ri_store_relaxed(&theap->tld->xsettle, 1);
  }
  if (rix_tls.phase == RIX_THREAD_LIVE) heaps_settle((rix_tld_t*)rix_tls.self);
  ri_store_relaxed(&heap->xseq, 0);  // nobody's theap is found by it any more
  rix_meta_give(&heaps_pool, heap);
}

void rix_heap_destroy_locked(rix_heap_t* heap) { heaps_end(heap, true); }

void rix_heap_end(rix_heap_t* heap, bool destroy) {
  rix_lock(&rix_heap_lock);
  heaps_end(heap, destroy);
  rix_unlock(&rix_heap_lock);
}
