// SPDX-License-Identifier: MIT
// heaps.c: the life of heaps and of threads' theaps of them (heap/heap.c): descriptors and slots
// are reused, a theap is found by its heap's number and never by its place, tables grow, a heap
// that ends leaves each theap to its thread, which merges or forgets it, full pages included.
#include "../check.h"

#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "heap/tld.h"
#include "page/remote.h"

enum { MANY = 700 };

static rix_tld_t* my_tld(void) { return (rix_tld_t*)rix_tls.self; }

static size_t my_theaps(void) {
  size_t n = 0;
  for (const rix_theap_t* theap = my_tld()->theaps; theap != NULL; theap = theap->next)
    n++;
  return n;
}

static void descriptors_are_used_again(void) {
  rix_heap_t* const a = rix_heap_create(&rix_subproc_main, NULL);
  const size_t seq = ri_load_relaxed(&a->xseq);
  const uint32_t slot = a->slot;
  CHECK(seq > ri_load_relaxed(&rix_heap_default.xseq) && slot > 0);
  void* const p = ri_heap_malloc(a, 100);
  rix_theap_t* const theap = rix_thread_theap_of(a);
  CHECK(theap->seq == seq && rix_tld_find_theap(a) == theap && my_theaps() == 2);
  rix_heap_end(a, true);
  CHECK(ri_load_relaxed(&a->xseq) == 0 && rix_tld_find_theap(a) == NULL && my_theaps() == 1);
  CHECK(rix_pagemap_find(p) == NULL);
  rix_heap_t* const b = rix_heap_create(&rix_subproc_main, NULL);
  CHECK(b == a && b->slot == slot && ri_load_relaxed(&b->xseq) > seq);
  CHECK(rix_tld_find_theap(b) == NULL);  // not that of the one before
  rix_heap_end(b, false);
}

// More heaps than the first table has entries for, and all found at once again.
static void tables_grow(void) {
  static rix_heap_t* heaps[MANY];
  static rix_theap_t* theaps[MANY];
  for (size_t i = 0; i < MANY; i++) {
    heaps[i] = rix_heap_create(&rix_subproc_main, NULL);
    theaps[i] = rix_thread_theap_of(heaps[i]);
    CHECK(theaps[i] != NULL && theaps[i]->heap == heaps[i]);
  }
  CHECK(my_tld()->table_mask + 1 >= MANY && my_tld()->table != my_tld()->first_table);
  for (size_t i = 0; i < MANY; i++) {
    CHECK(my_tld()->table[heaps[i]->slot & my_tld()->table_mask] == theaps[i]);
    CHECK(rix_thread_theap_of(heaps[i]) == theaps[i] && rix_tld_find_theap(heaps[i]) == theaps[i]);
  }
  CHECK(rix_thread_theap_of(NULL) == my_tld()->main);
  for (size_t i = 0; i < MANY; i += 2)
    rix_heap_end(heaps[i], i % 4 == 0);
  for (size_t i = 1; i < MANY; i += 2) {
    CHECK(rix_thread_theap_of(heaps[i]) == theaps[i]);
    rix_heap_end(heaps[i], false);
  }
  CHECK(my_theaps() == 1 && ri_audit());
}

// Heaps that share an entry, because there is no memory for a larger table: each still has one
// theap.
static void tables_are_shared(void) {
  rix_heap_t* const near = rix_heap_create(&rix_subproc_main, NULL);
  rix_heap_t* const far = rix_heap_create(&rix_subproc_main, NULL);
  const uint32_t slot = far->slot;
  rix_theap_t* const near_theap = rix_thread_theap_of(near);
  CHECK(!my_tld()->table_shared && near->slot <= my_tld()->table_mask);
  far->slot = (((uint32_t)1 << 24) + near->slot);
  rix_theap_t* const far_theap = rix_thread_theap_of(far);
  CHECK(far_theap != NULL && far_theap != near_theap && my_tld()->table_shared);
  for (int i = 0; i < 2; i++) {
    CHECK(rix_tld_find_theap(near) == near_theap && rix_thread_theap_of(near) == near_theap);
    CHECK(rix_tld_find_theap(far) == far_theap && rix_thread_theap_of(far) == far_theap);
  }
  CHECK(my_theaps() == 3);
  rix_heap_end(far, true);
  far->slot = slot;
  CHECK(rix_thread_theap_of(near) == near_theap);
  rix_heap_end(near, true);
  CHECK(my_theaps() == 1);
}

// Of theaps that are to be settled only those of heaps that ended are looked at, whoever ended them
// and in whichever order.
static void* ends_some(void* arg) {
  rix_heap_t** const heaps = arg;
  for (size_t i = 0; i < 9; i += 2)
    rix_heap_end(heaps[i], i % 4 == 0);
  return NULL;
}

static void settles_what_ended(void) {
  rix_heap_t* heaps[9];
  void* blocks[9];
  for (size_t i = 0; i < 9; i++) {
    heaps[i] = rix_heap_create(&rix_subproc_main, NULL);
    blocks[i] = ri_heap_malloc(heaps[i], 100);
  }
  check_in_thread(ends_some, heaps);
  CHECK(ri_load_relaxed(&my_tld()->xstale_theaps) == 1 && my_theaps() == 10);
  size_t ended = 0;
  for (const rix_theap_t* theap = my_tld()->ended; theap != NULL; theap = theap->ended_next)
    ended += theap->state != RIX_THEAP_LIVE;
  CHECK(ended == 5);
  rix_heap_end(heaps[1], false);
  CHECK(my_tld()->ended == NULL && my_theaps() == 4 && ri_audit());
  for (size_t i = 3; i < 9; i += 2)
    rix_heap_end(heaps[i], false);
  CHECK(my_theaps() == 1);
  for (size_t i = 0; i < 9; i++) {
    if (i % 4 != 0) ri_free(blocks[i]);
  }
  CHECK(check_summary().blocks == 0);
}

// ---- A heap that another thread ends ------------------------------------------------------------

enum { FULL = 3, BLOCKS = 64 * FULL + 5 };  // blocks of 1 KiB: full pages, and one that is not

typedef struct worker_s {
  pthread_barrier_t at;
  ri_heap_t* heap;
  void* blocks[BLOCKS];
  bool destroy;
  size_t emptied;  // pages that the other thread emptied
} worker_t;

static void* works(void* arg) {
  worker_t* const w = arg;
  for (size_t i = 0; i < BLOCKS; i++) {
    w->blocks[i] = ri_heap_malloc(w->heap, 1024);
    check_fill(w->blocks[i], 1024, i);
  }
  const rix_theap_t* const theap = rix_thread_theap_of(w->heap);
  const unsigned c = rix_class_of(1024);
  CHECK(theap->full[c].first != NULL && theap->pages[c] >= FULL);
  const size_t pages = theap->pages[c];
  pthread_barrier_wait(&w->at);  // the other thread ends the heap
  pthread_barrier_wait(&w->at);
  CHECK(ri_load_relaxed(&my_tld()->xstale_theaps) == 1 && my_theaps() == 2);
  rix_heap_settle();
  CHECK(ri_load_relaxed(&my_tld()->xstale_theaps) == 0 && my_theaps() == 1);
  const rix_theap_t* const main = my_tld()->main;
  CHECK(main->pages[c] == (w->destroy ? 0 : pages - w->emptied) && rix_theap_valid(main));
  if (w->destroy) return NULL;
  for (size_t i = 0; i < BLOCKS; i++) {
    if (w->blocks[i] == NULL) continue;
    CHECK(ri_load_relaxed(&rix_pagemap_find(w->blocks[i])->xtheap) == main);
    CHECK(ri_heap_of(w->blocks[i]) == ri_heap_main());
  }
  pthread_barrier_wait(&w->at);  // the other thread frees every second block
  pthread_barrier_wait(&w->at);
  // Frees into full pages wake the theap that has them now.
  void* const p = ri_malloc(1024);
  CHECK(rix_theap_valid(main) && main->pages[c] <= pages + 1);
  ri_free(p);
  for (size_t i = 1; i < BLOCKS; i += 2) {
    if (w->blocks[i] != NULL) CHECK_FILLED(w->blocks[i], 1024, i);
    ri_free(w->blocks[i]);
  }
  return NULL;
}

static void ended_by_another(bool destroy, bool free_before) {
  static worker_t w;
  pthread_barrier_init(&w.at, NULL, 2);
  w.heap = ri_heap_new();
  w.destroy = destroy;
  const pthread_t thread = check_start(works, &w);
  pthread_barrier_wait(&w.at);
  // Frees in full pages that their owner has not noticed: one page is empty, one has some.
  w.emptied = free_before ? 1 : 0;
  for (size_t i = 0; free_before && i < 70; i++) {
    ri_free(w.blocks[i]);
    w.blocks[i] = NULL;
  }
  if (destroy) {
    ri_heap_destroy(w.heap);
  } else {
    ri_heap_delete(w.heap);
  }
  pthread_barrier_wait(&w.at);
  if (!destroy) {
    pthread_barrier_wait(&w.at);
    for (size_t i = 0; i < BLOCKS; i += 2)
      ri_free(w.blocks[i]);
    pthread_barrier_wait(&w.at);
  }
  check_join(thread);
  pthread_barrier_destroy(&w.at);
  ri_collect(true);
  CHECK_MSG(check_summary().blocks == 0, "%zu blocks", check_summary().blocks);
  CHECK(ri_audit());
}

// A thread that ends before it has settled.
static void* ends_unsettled(void* arg) {
  worker_t* const w = arg;
  for (size_t i = 0; i < BLOCKS; i++)
    w->blocks[i] = ri_heap_malloc(w->heap, 1024);
  pthread_barrier_wait(&w->at);
  pthread_barrier_wait(&w->at);
  return NULL;
}

static void ended_before_the_thread(bool destroy) {
  static worker_t w;
  pthread_barrier_init(&w.at, NULL, 2);
  w.heap = ri_heap_new();
  const pthread_t thread = check_start(ends_unsettled, &w);
  pthread_barrier_wait(&w.at);
  if (destroy) {
    ri_heap_destroy(w.heap);
  } else {
    ri_heap_delete(w.heap);
  }
  pthread_barrier_wait(&w.at);
  check_join(thread);
  pthread_barrier_destroy(&w.at);
  if (!destroy) {
    for (size_t i = 0; i < BLOCKS; i++)
      ri_free(w.blocks[i]);
  }
  ri_collect(true);
  CHECK(check_summary().blocks == 0 && check_summary().pages == 0 && ri_audit());
}

// ---- Threads that have exited -------------------------------------------------------------------

static pthread_key_t late_key;
static ri_heap_t* late_heap;
static void* late_blocks[3];

// Runs after the allocator's own exit hook, in a later round of destructors.
static void late(void* round) {
  if ((uintptr_t)round < 3) {
    pthread_setspecific(late_key, (void*)((uintptr_t)round + 1));
    return;
  }
  CHECK(rix_tls.phase == RIX_THREAD_DEAD && ri_heap_theap(late_heap) == NULL);
  late_blocks[0] = ri_heap_malloc(late_heap, 100);
  late_blocks[1] = ri_heap_malloc_aligned(late_heap, 100, 4096);
  late_blocks[2] = ri_heap_zalloc_aligned_at(late_heap, 100, 64, 8);
}

static void* ends_late(void* arg) {
  ri_free(ri_malloc(10));
  pthread_setspecific(late_key, (void*)1);
  return arg;
}

static void after_the_end(void) {
  CHECK(pthread_key_create(&late_key, late) == 0);
  late_heap = ri_heap_new();
  check_in_thread(ends_late, NULL);
  if (check_sanitized() && late_blocks[0] == NULL) return;  // its thread ends in another order
  for (size_t i = 0; i < 3; i++) {
    CHECK(late_blocks[i] != NULL && ri_heap_of(late_blocks[i]) == late_heap);
    CHECK(rix_page_is_single(rix_pagemap_find(late_blocks[i])));
  }
  CHECK(check_aligned(late_blocks[1], 4096) && check_aligned((uint8_t*)late_blocks[2] + 8, 64));
  CHECK_ZERO(late_blocks[2], 0, 100);
  ri_heap_destroy(late_heap);
  CHECK(check_summary().blocks == 0 && ri_audit());
}

int main(void) {
  check_watchdog(60);
  CHECK(rix_thread_theap() != NULL);
  descriptors_are_used_again();
  tables_grow();
  tables_are_shared();
  settles_what_ended();
  for (int i = 0; i < 4; i++)
    ended_by_another(i % 2 != 0, i >= 2 && i % 2 == 0);
  ended_before_the_thread(false);
  ended_before_the_thread(true);
  after_the_end();
  check_heap_intact();
  return 0;
}
