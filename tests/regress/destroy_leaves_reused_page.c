// SPDX-License-Identifier: MIT
// destroy_leaves_reused_page.c: whoever destroys a heap takes it away from each page and then looks
// whether the page has an owner. In between, a thread that held the page by a hint out of date gave
// it back, and the page became another one, in use: it was destroyed with its live blocks. Whoever
// finds the heap taken away must wait until the other has looked. (Found by verify/model,
// destroy_return_reuse.)
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "page/end.h"
#include "page/remote.h"
#include "../check.h"

#include <sched.h>
#include <stdatomic.h>

static ri_heap_t* heap;
static void* block;
static ri_page_t* page;
static _Atomic(bool) claimed, returned;

static void* allocates(void* arg) {
  (void)arg;
  block = ri_heap_malloc(heap, 100);
  return NULL;
}

static void* returns(void* arg) {
  (void)arg;
  CHECK(rix_remote_claim(page));
  atomic_store_explicit(&claimed, true, memory_order_release);
  rix_page_abandon_again(page);
  atomic_store_explicit(&returned, true, memory_order_release);
  return NULL;
}

int main(void) {
  check_watchdog(20);
  heap = ri_heap_new();
  CHECK(heap != NULL);
  check_in_thread(allocates, NULL);
  page = rix_pagemap_find(block);
  // What rix_page_destroy_all does, up to its look at the page.
  rix_lock(&rix_heap_pages_lock);
  heap->pages = NULL;
  heap->page_count = 0;
  (void)ri_exchange_acquire(&page->xheap, NULL);
  const pthread_t thread = check_start(returns, NULL);
  while (!atomic_load_explicit(&claimed, memory_order_acquire))
    sched_yield();
  // It waits for the lock, and the page is what it was.
  while (ri_load_relaxed(&rix_heap_pages_lock.xstate) != 2) {
    CHECK(!atomic_load_explicit(&returned, memory_order_acquire));
    sched_yield();
  }
  CHECK(rix_pagemap_find(block) == page && ri_load_relaxed(&page->xtheap) == NULL);
  CHECK(!rix_remote_take(page));
  ri_store_relaxed(&heap->xbytes, 0);
  rix_unlock(&rix_heap_pages_lock);
  check_join(thread);
  CHECK(rix_pagemap_find(block) == NULL);
  ri_heap_destroy(heap);
  CHECK(ri_audit());
  return 0;
}
