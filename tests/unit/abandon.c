// SPDX-License-Identifier: MIT
// abandon.c: pages lose and find owners: listed exactly when they are usable, found by class and
// heap, claimed once, released when empty, and stale bits do no harm. Then threads claim, use,
// abandon and free into the same few pages at once: never two owners, no block lost.
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "page/abandon.h"
#include "page/claim.h"
#include "page/create.h"
#include "page/end.h"
#include "page/page.h"
#include "page/remote.h"
#include "../check.h"

#include <stdatomic.h>

static rix_heap_t other_heap = {.xseq = {7}};

// A block of the page; how many blocks an extension makes is a build knob.
static ri_block_t* take(ri_page_t* page) {
  if (page->free == NULL) rix_page_extend(page);
  return rix_page_pop(page);
}

static void single_thread(void) {
  const unsigned c = 9;
  CHECK(rix_page_abandoned_count() == 0);
  CHECK(rix_page_claim_abandoned(c, &rix_heap_default) == NULL);
  ri_page_t* const page = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
  ri_block_t* const a = take(page);
  ri_block_t* const b = take(page);
  rix_page_abandon(page);
  CHECK(rix_page_abandoned_count() == 1);
  CHECK(rix_page_claim_abandoned(c + 1, &rix_heap_default) == NULL);
  CHECK(rix_page_claim_abandoned(c, &other_heap) == NULL);
  CHECK(rix_page_abandoned_count() == 1);
  CHECK(rix_page_claim_abandoned(c, &rix_heap_default) == page);
  CHECK(rix_page_abandoned_count() == 0);
  CHECK(rix_page_claim_abandoned(c, &rix_heap_default) == NULL);
  CHECK(rix_page_valid(page));
  // A free into the abandoned page makes the freeing thread its owner.
  rix_page_abandon(page);
  CHECK(rix_remote_push(page, a) == RIX_REMOTE_CLAIMED);
  CHECK(rix_page_claim_abandoned(c, &rix_heap_default) == NULL);  // the bit is stale: no harm
  rix_page_after_claim(page);
  CHECK(rix_page_abandoned_count() == 0 && rix_page_live(page) == 1 && rix_page_valid(page));
  rix_page_abandon(page);
  CHECK(rix_remote_push(page, b) == RIX_REMOTE_CLAIMED);
  rix_page_after_claim(page);
  CHECK(rix_page_live(page) == 0);
  rix_page_abandon(page);  // releases it
  CHECK(rix_page_abandoned_count() == 0);
  CHECK(check_summary().pages == 0);
}

// Frees that leave the block in the page: only the last one claims it.
static void left_alone(void) {
  const unsigned c = 40;
  ri_page_t* const page = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
  ri_block_t* blocks[4];
  for (size_t i = 0; i < 4; i++)
    blocks[i] = take(page);
  CHECK(rix_remote_push_abandoned(page, blocks[0]) == RIX_REMOTE_TAKEN);  // it has an owner
  rix_page_abandon(page);
  CHECK(rix_remote_push_abandoned(page, blocks[0]) == RIX_REMOTE_PUSHED);
  CHECK(rix_remote_push_abandoned(page, blocks[0]) == RIX_REMOTE_REFUSED);  // twice
  CHECK(rix_remote_push_abandoned(page, blocks[1]) == RIX_REMOTE_PUSHED);
  CHECK(rix_page_abandoned_count() == 1 && rix_remote_count(page) == 2);
  CHECK(rix_page_claim_abandoned(c, &rix_heap_default) == page);
  CHECK(rix_page_valid(page) && rix_page_live(page) == 2 && rix_remote_count(page) == 0);
  rix_page_abandon(page);
  CHECK(rix_remote_push_abandoned(page, blocks[2]) == RIX_REMOTE_PUSHED);
  CHECK(rix_remote_push_abandoned(page, blocks[3]) == RIX_REMOTE_CLAIMED);
  rix_page_after_claim(page);
  rix_page_abandon_again(page);  // releases it
  CHECK(rix_page_abandoned_count() == 0 && check_summary().pages == 0);
}

static void full_page(void) {
  const unsigned c = RIX_CLASS_COUNT - 1;
  ri_page_t* const page = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
  ri_block_t* blocks[64];
  size_t count = 0;
  while (page->free != NULL || rix_page_can_extend(page)) {
    if (page->free == NULL) rix_page_extend(page);
    blocks[count++] = rix_page_pop(page);
  }
  CHECK(count > 1 && count <= 64);
  rix_page_abandon(page);
  CHECK(rix_page_abandoned_count() == 0);  // nothing to take: it waits for a free
  CHECK(rix_page_claim_abandoned(c, &rix_heap_default) == NULL);
  CHECK(rix_remote_push_abandoned(page, blocks[0]) == RIX_REMOTE_TAKEN);
  CHECK(rix_remote_push(page, blocks[0]) == RIX_REMOTE_CLAIMED);
  rix_page_after_claim(page);
  rix_page_abandon(page);
  CHECK(rix_page_abandoned_count() == 1);
  CHECK(rix_page_claim_abandoned(c, &rix_heap_default) == page);
  for (size_t i = 1; i < count; i++)
    rix_page_push(page, blocks[i]);
  rix_page_abandon(page);
  CHECK(rix_page_abandoned_count() == 0 && check_summary().pages == 0);
}

// ---- Several threads ----------------------------------------------------------------------------

enum { THREADS = 4, SLOTS = 256, CLASS = 20 };
static _Atomic(ri_block_t*) slots[SLOTS];
static size_t rounds;

static ri_page_t* page_of(ri_block_t* block) { return rix_pagemap_find(block); }

static void free_block(ri_block_t* block, bool leaves) {
  ri_page_t* const page = page_of(block);
  CHECK(page != NULL && page->class_index == CLASS);
  CHECK_FILLED((uint8_t*)block + 8, 40, (uintptr_t)block);
  rix_remote_result_t result = leaves ? rix_remote_push_abandoned(page, block) : RIX_REMOTE_TAKEN;
  if (result == RIX_REMOTE_TAKEN) result = rix_remote_push(page, block);
  CHECK(result != RIX_REMOTE_REFUSED);
  if (result != RIX_REMOTE_CLAIMED) return;
  rix_page_after_claim(page);
  rix_page_abandon_again(page);
}

static void* works(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  for (size_t i = 0; i < rounds; i++) {
    ri_page_t* page = rix_page_claim_abandoned(CLASS, &rix_heap_default);
    if (page == NULL) page = rix_page_create(CLASS, RIX_PAGE_MORE, &rix_heap_default);
    CHECK(page != NULL && rix_page_valid(page));
    for (size_t n = check_below(&rng, 20); n > 0; n--) {
      if (page->free == NULL && rix_page_can_extend(page)) rix_page_extend(page);
      if (page->free == NULL) break;
      ri_block_t* block = rix_page_pop(page);
      check_fill((uint8_t*)block + 8, 40, (uintptr_t)block);
      block =
          atomic_exchange_explicit(&slots[check_below(&rng, SLOTS)], block, memory_order_acq_rel);
      if (block != NULL) free_block(block, n % 2 == 0);
    }
    rix_page_abandon(page);
    ri_block_t* const block =
        atomic_exchange_explicit(&slots[check_below(&rng, SLOTS)], NULL, memory_order_acq_rel);
    if (block != NULL) free_block(block, i % 2 == 0);
  }
  return NULL;
}

static void threads(void) {
  rounds = check_scaled(20000);
  pthread_t all[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    all[t] = check_start(works, (void*)(t + 1));
  for (size_t t = 0; t < THREADS; t++)
    check_join(all[t]);
  for (size_t i = 0; i < SLOTS; i++) {
    ri_block_t* const block = atomic_load_explicit(&slots[i], memory_order_acquire);
    if (block != NULL) free_block(block, i % 2 == 0);
  }
  CHECK(rix_page_abandoned_count() == 0);
  CHECK_MSG(check_summary().pages == 0, "%zu pages are left", check_summary().pages);
}

int main(void) {
  check_watchdog(60);
  single_thread();
  left_alone();
  full_page();
  threads();
  return 0;
}
