// SPDX-License-Identifier: MIT
// merge.c: the full pages of a heap that is deleted, when its thread moves them to its main theap
// (heap/queue.c): those that are still full, those with blocks that others freed, those of which
// others freed all. Catches: a page that is lost, or whose frees nobody is told of afterwards.
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/queue.h"
#include "page/remote.h"
#include "../check.h"

enum { SIZE = 8000, PAGES = 3, BLOCKS_MAX = 16 };
static void* blocks[PAGES][BLOCKS_MAX];
static ri_page_t* pages[PAGES];
static size_t count;  // blocks of a page

static void fill(ri_heap_t* heap) {
  for (size_t i = 0; i < PAGES; i++) {
    size_t n = 0;
    do {
      CHECK(n < BLOCKS_MAX);
      blocks[i][n] = ri_heap_malloc(heap, SIZE);
      pages[i] = rix_pagemap_find(blocks[i][n++]);
    } while (pages[i]->free != NULL || rix_page_can_extend(pages[i]));
    CHECK(i == 0 || n == count);
    count = n;
  }
  CHECK(ri_heap_malloc(heap, SIZE) != NULL);  // now all of them are in the full list
  for (size_t i = 0; i < PAGES; i++)
    CHECK(pages[i]->place == RIX_PLACE_FULL);
}

static void* frees_one(void* block) {
  ri_free(block);
  return NULL;
}
static void* frees_all_of_last(void* arg) {
  (void)arg;
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[2][i]);
  return NULL;
}

int main(void) {
  check_watchdog(20);
  ri_heap_t* const heap = ri_heap_new();
  fill(heap);
  rix_theap_t* const before = ri_load_relaxed(&pages[0]->xtheap);
  check_in_thread(frees_one, blocks[1][0]);
  check_in_thread(frees_all_of_last, NULL);
  ri_heap_delete(heap);  // by the thread of the theap: the pages move at once
  rix_theap_t* const after = ri_load_relaxed(&pages[0]->xtheap);
  CHECK(after != before && after == ((rix_tld_t*)rix_tls.self)->main);
  CHECK(pages[0]->place == RIX_PLACE_FULL && pages[1]->place == RIX_PLACE_QUEUE);
  CHECK(ri_load_relaxed(&pages[1]->xtheap) == after && pages[1]->free == blocks[1][0]);
  CHECK(rix_pagemap_find(blocks[2][0]) == NULL);
  CHECK(ri_audit());
  // Who frees into the page that is still full tells its new theap.
  check_in_thread(frees_one, blocks[0][0]);
  CHECK(ri_load_relaxed(&after->xwoken[pages[0]->class_index]) != 0);
  CHECK(rix_queue_sweep_full(after, pages[0]->class_index));
  CHECK(pages[0]->place == RIX_PLACE_QUEUE && ri_audit());
  return 0;
}
