// SPDX-License-Identifier: MIT
// tld.c: the theaps of a thread and the table that finds them; the list of all threads, with the
// sums of what they counted.
#include "heap/tld.h"

#include "arena/meta.h"
#include "heap/theap.h"

static rix_meta_pool_t tld_theaps = {sizeof(rix_theap_t), offsetof(rix_theap_t, next), NULL};

#define RIX_LIST tld_list
#define RIX_LIST_ITEM rix_tld_t
#define RIX_LIST_NEXT next
#define RIX_LIST_PREV prev
#include "base/list.h"

#define RIX_LIST tld_theap_list  // of a thread
#define RIX_LIST_ITEM rix_theap_t
#define RIX_LIST_NEXT next
#define RIX_LIST_PREV prev
#include "base/list.h"

// ---- All threads --------------------------------------------------------------------------------

rix_lock_t rix_thread_lock = RIX_LOCK_OPEN(RIX_LEVEL_THREAD);

static struct {
  rix_tld_t* all;                     // lock rix_thread_lock
  uint64_t foreign[RIX_EVENT_COUNT];  // of exited threads of sub-processes: lock rix_thread_lock
  ri_atomic(bool) xforked;
} tlds;

bool rix_tld_is_alone(void) {
  return rix_gauge_now(RIX_GAUGE_THREADS) == 1 && !ri_load_relaxed(&tlds.xforked);
}

void rix_tld_note_fork(void) { ri_store_relaxed(&tlds.xforked, true); }

void rix_tld_events(uint64_t sum[RIX_EVENT_COUNT]) {
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    sum[i] = 0;
  rix_lock(&rix_thread_lock);  // a thread that ends meanwhile is counted once
  for (rix_tld_t* tld = tlds.all; tld != NULL; tld = tld->next)
    rix_events_sum(&tld->events, sum);
  rix_events_sum(&rix_events_shared, sum);
  rix_unlock(&rix_thread_lock);
}

void rix_tld_events_of(const rix_subproc_t* subproc, uint64_t sum[RIX_EVENT_COUNT]) {
  const bool main = subproc->id == 0;
  rix_lock(&rix_thread_lock);
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    sum[i] = main ? 0 - tlds.foreign[i] : subproc->events[i];
  // Modular: the shared ones have the foreign ones too.
  if (main) rix_events_sum(&rix_events_shared, sum);
  for (rix_tld_t* tld = tlds.all; tld != NULL; tld = tld->next) {
    if (tld->subproc == subproc) rix_events_sum(&tld->events, sum);
  }
  rix_unlock(&rix_thread_lock);
}

void rix_tld_link(rix_tld_t* tld) {
  rix_lock(&rix_thread_lock);
  tld_list_push(&tlds.all, tld);
  rix_events_begin(&tld->events);
  rix_unlock(&rix_thread_lock);
  rix_gauge_up(RIX_GAUGE_THREADS, 1);
}

// With the lock held: a thread of a sub-process ends.
static void tld_leave_events(rix_tld_t* tld) {
  if (tld->subproc->id == 0) return;
  rix_events_sum(&tld->events, tld->subproc->events);
  rix_events_sum(&tld->events, tlds.foreign);
}

void rix_tld_unlink(rix_tld_t* tld) {
  rix_lock(&rix_thread_lock);
  tld_list_remove(&tlds.all, tld);
  tld_leave_events(tld);
  rix_events_end(&tld->events);
  rix_unlock(&rix_thread_lock);
}

// ---- Theaps -------------------------------------------------------------------------------------

rix_theap_t* rix_tld_new_theap(rix_tld_t* tld, rix_heap_t* heap) {
  rix_theap_t* const theap = rix_meta_take(&tld_theaps);
  if (theap == NULL) return NULL;
  rix_theap_init(theap, tld, heap);
  tld_theap_list_push(&tld->theaps, theap);
  rix_gauge_up(RIX_GAUGE_THEAPS, 1);
  return theap;
}

void rix_tld_drop_theap(rix_tld_t* tld, rix_theap_t* theap) {
  tld_theap_list_remove(&tld->theaps, theap);
  rix_tld_table_remove(tld, theap);
  if (rix_tls.theap == &theap->fast) rix_tls.theap = &tld->main->fast;
  rix_meta_give(&tld_theaps, theap);
  rix_gauge_down(RIX_GAUGE_THEAPS, 1);
}

void rix_tld_forget_theap(rix_theap_t* theap) {
  rix_meta_give(&tld_theaps, theap);
  rix_gauge_down(RIX_GAUGE_THEAPS, 1);
}

rix_theap_t* rix_tld_find_theap(const rix_heap_t* heap) {
  if (rix_tls.phase != RIX_THREAD_LIVE || heap == NULL) return NULL;
  const rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  const size_t seq = ri_load_relaxed(&heap->xseq);
  if (seq == 0) return NULL;  // it was ended a moment ago
  rix_theap_t* theap = tld->table[heap->slot & tld->table_mask];
  if (theap->seq == seq) return theap;
  // If the heap has an entry of its own, its theap is there or does not exist: otherwise a thread
  // with many heaps would walk over all of them for the first block of each.
  if (heap->slot <= tld->table_mask && !tld->table_shared) return NULL;
  theap = tld->theaps;
  while (theap != NULL && theap->seq != seq)
    theap = theap->next;
  return theap;
}

// ---- Tables -------------------------------------------------------------------------------------

// A table has as many entries as there are slots, rounded up, so that heaps do not collide; each
// size has a pool of its own. When there is no memory, heaps share entries: then a theap is found
// in the thread's list.
#define TLD_TABLE(entries) \
  { (entries) * sizeof(rix_theap_t*), 0, NULL }
static rix_meta_pool_t tld_tables[] = {TLD_TABLE(64), TLD_TABLE(512), TLD_TABLE(4096),
                                       TLD_TABLE(32768), TLD_TABLE(262144)};

static rix_meta_pool_t* tld_table_pool(size_t entries) {
  for (size_t i = 0; i < sizeof(tld_tables) / sizeof(tld_tables[0]); i++) {
    if (tld_tables[i].size >= entries * sizeof(rix_theap_t*)) return &tld_tables[i];
  }
  return NULL;
}

static void tld_table_set(rix_tld_t* tld, rix_theap_t** table, size_t entries) {
  for (size_t i = 0; i < entries; i++)
    table[i] = &rix_theap_empty;
  tld->table = table;
  tld->table_mask = entries - 1;
  tld->table_shared = false;
}

void rix_tld_table_open(rix_tld_t* tld) { tld_table_set(tld, tld->first_table, RIX_TLD_TABLE_MIN); }

void rix_tld_table_close(rix_tld_t* tld) {
  if (tld->table == tld->first_table) return;
  rix_meta_give(tld_table_pool(tld->table_mask + 1), tld->table);
  tld->table = tld->first_table;
}

static rix_theap_t** tld_table_entry(rix_tld_t* tld, const rix_heap_t* heap) {
  return &tld->table[heap->slot & tld->table_mask];
}

static void tld_table_put(rix_tld_t* tld, rix_theap_t* theap) {
  if (theap->heap->slot > tld->table_mask) tld->table_shared = true;
  *tld_table_entry(tld, theap->heap) = theap;
}

static void tld_table_grow(rix_tld_t* tld, size_t entries) {
  rix_meta_pool_t* const pool = tld_table_pool(entries);
  rix_theap_t** const table = pool != NULL ? rix_meta_take(pool) : NULL;
  if (table == NULL) return;
  rix_tld_table_close(tld);
  tld_table_set(tld, table, pool->size / sizeof(rix_theap_t*));
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = theap->next) {
    // Not one that is still to be settled: the entry is that of the heap's successor by now.
    if (theap->seq == ri_load_relaxed(&theap->heap->xseq)) tld_table_put(tld, theap);
  }
}

void rix_tld_table_enter(rix_tld_t* tld, rix_theap_t* theap) {
  const size_t slot = theap->heap->slot;
  if (slot > tld->table_mask) tld_table_grow(tld, slot + 1);
  tld_table_put(tld, theap);
}

void rix_tld_table_remove(rix_tld_t* tld, const rix_theap_t* theap) {
  rix_theap_t** const entry = tld_table_entry(tld, theap->heap);
  if (*entry == theap) *entry = &rix_theap_empty;
}
