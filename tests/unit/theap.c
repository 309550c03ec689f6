// SPDX-License-Identifier: MIT
// theap.c: what a theap keeps and releases (heap/theap.c, heap/alloc.c): one empty page of a class
// stays for a while, and others while they are few compared with those in use; the heartbeat
// releases them and collects what others freed; an allocation takes pages in the documented order.
#include "heap/heap.h"

#include "arena/pagemap.h"
#include "heap/heartbeat.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "page/abandon.h"
#include "page/create.h"
#include "page/remote.h"
#include "../check.h"

static size_t pages(void) { return check_summary().pages; }

static void one_page_is_kept(void) {
  rix_theap_t* const theap = rix_thread_theap();
  void* const p = ri_malloc(3000);
  ri_page_t* const page = rix_pagemap_find(p);
  ri_free(p);
  CHECK(pages() == 1 && rix_pagemap_find(p) == page && rix_page_live(page) == 0);
  const size_t calls = theap->slow_calls;
  for (int i = 0; i < 1000; i++)
    ri_free(ri_malloc(3000));  // and its use costs nothing
  CHECK_MSG(theap->slow_calls <= calls + 2 + 1000, "%u slow calls", theap->slow_calls);
  CHECK(rix_pagemap_find(p) == page);
  // Of several empty pages one stays.
  static void* blocks[200];
  for (size_t i = 0; i < 200; i++)
    blocks[i] = ri_malloc(3000);
  CHECK(pages() >= 9);
  for (size_t i = 0; i < 200; i++)
    ri_free(blocks[i]);
  CHECK_MSG(pages() <= 1, "%zu pages", pages());
  CHECK(rix_theap_valid(theap));
  for (int beat = 0; beat < 6; beat++)
    rix_theap_heartbeat(theap);
  CHECK_MSG(pages() == 0, "%zu pages after six heartbeats", pages());
  CHECK(rix_theap_valid(theap));
}

enum { SPARE_BLOCK = 8192, SPARE_PER_PAGE = 8, SPARE_PAGES = 600 };
static void* spare_blocks[SPARE_PAGES * SPARE_PER_PAGE];

// The blocks of `count` pages from `first` on are allocated or freed.
static void fill_pages(size_t first, size_t count) {
  for (size_t i = first * SPARE_PER_PAGE; i < (first + count) * SPARE_PER_PAGE; i++)
    spare_blocks[i] = ri_malloc(SPARE_BLOCK);
}
static void empty_pages(size_t first, size_t count) {
  for (size_t i = first * SPARE_PER_PAGE; i < (first + count) * SPARE_PER_PAGE; i++)
    ri_free(spare_blocks[i]);
  CHECK(rix_theap_valid(rix_thread_theap()));
}

static void spare_pages_are_kept(void) {
  rix_theap_t* const theap = rix_thread_theap();
  CHECK(pages() == 0 && theap->bytes == 0);
  fill_pages(0, 40);
  CHECK(pages() == 40 && theap->bytes == 40 * RIX_SLICE_SIZE && theap->spare == 0);
  // A quarter of what there is, behind all that have blocks.
  empty_pages(5, 8);
  CHECK_MSG(pages() == 40 && theap->spare == 8 * RIX_SLICE_SIZE, "%zu pages", pages());
  const ri_page_t* page = theap->queue[rix_class_of(SPARE_BLOCK)].last;
  for (size_t i = 0; i < 8; i++, page = page->prev)
    CHECK((page->flags & RIX_PAGE_SPARE) != 0 && rix_page_live(page) == 0);
  // They are used before new ones are made, and are spare no more.
  fill_pages(5, 8);
  CHECK(pages() == 40 && theap->spare == 0 && rix_theap_valid(theap));
  ri_option_set(ri_option_page_max_candidates, 4);  // by the other search too
  empty_pages(5, 8);
  fill_pages(5, 8);
  CHECK(pages() == 40 && theap->spare == 0 && rix_theap_valid(theap));
  ri_option_set(ri_option_page_max_candidates, 1);
  // One that is first in the queue goes behind those in use.
  ri_page_t* const in_use = rix_pagemap_find(spare_blocks[30 * SPARE_PER_PAGE]);
  for (size_t i = 0; i < 2; i++)
    ri_free(spare_blocks[20 * SPARE_PER_PAGE + i]);
  for (size_t i = 0; i < 2; i++)
    ri_free(spare_blocks[30 * SPARE_PER_PAGE + i]);
  for (size_t i = 2; i < SPARE_PER_PAGE; i++)
    ri_free(spare_blocks[20 * SPARE_PER_PAGE + i]);
  CHECK(theap->spare == RIX_SLICE_SIZE && theap->queue[in_use->class_index].last->prev == in_use);
  for (size_t i = 0; i < 2; i++) {
    spare_blocks[30 * SPARE_PER_PAGE + i] = ri_malloc(SPARE_BLOCK);
    CHECK(rix_pagemap_find(spare_blocks[30 * SPARE_PER_PAGE + i]) == in_use);
  }
  fill_pages(20, 1);
  // With fewer pages fewer are kept: never more than in use.
  for (size_t i = 0; i < 39; i++) {
    empty_pages(i, 1);
    const size_t empty = pages() - (39 - i);  // one of them may be alone in the queue
    CHECK_MSG(empty - theap->spare / RIX_SLICE_SIZE <= 1, "%zu: %zu empty pages", i, empty);
    CHECK_MSG(theap->spare <= theap->bytes / 2, "%zu", i);
    if (i == 9) CHECK(pages() == 40);
  }
  empty_pages(39, 1);
  CHECK_MSG(pages() <= 1 && theap->spare == 0, "%zu pages", pages());
  rix_theap_collect(theap);
  CHECK(pages() == 0 && theap->bytes == 0);
}

static void spare_pages_are_released(void) {
  rix_theap_t* const theap = rix_thread_theap();
  fill_pages(0, 40);
  empty_pages(0, 6);
  CHECK(theap->spare == 6 * RIX_SLICE_SIZE);
  rix_theap_heartbeat(theap);
  CHECK(theap->spare == 6 * RIX_SLICE_SIZE && pages() == 40);
  rix_theap_heartbeat(theap);
  CHECK_MSG(theap->spare == 0 && pages() == 34, "%zu pages after two heartbeats", pages());
  empty_pages(6, 3);
  CHECK(theap->spare == 3 * RIX_SLICE_SIZE);
  rix_theap_collect(theap);
  CHECK(theap->spare == 0 && pages() == 31);
  empty_pages(9, 31);
  // Never more than RIX_KEEP_MAX.
  const size_t most = RIX_KEEP_MAX / RIX_SLICE_SIZE;
  CHECK(SPARE_PAGES / RIX_KEEP_PART > most);
  fill_pages(0, SPARE_PAGES);
  empty_pages(0, most + 10);
  CHECK_MSG(theap->spare == RIX_KEEP_MAX && pages() == SPARE_PAGES - 10, "%zu pages", pages());
  empty_pages(most + 10, SPARE_PAGES - most - 10);
  CHECK_MSG(pages() <= 1 && theap->spare == 0, "%zu pages", pages());
  rix_theap_collect(theap);
  CHECK(pages() == 0 && theap->bytes == 0);
}

// Where others may need the memory no spare page is kept.
static size_t pages_after_frees(ri_heap_t* heap) {
  void* blocks[64];
  for (size_t i = 0; i < 64; i++)
    CHECK((blocks[i] = ri_heap_malloc(heap, SPARE_BLOCK)) != NULL);
  for (size_t i = 0; i < 16; i++)
    ri_free(blocks[i]);
  const size_t left = pages();
  ri_heap_destroy(heap);
  CHECK(pages() == 0);
  return left;
}

static void short_of_memory(void) {
  const size_t all = 64 / SPARE_PER_PAGE;
  CHECK(pages_after_frees(ri_heap_new()) == all);
  ri_heap_t* const bounded = ri_heap_new();
  CHECK(ri_heap_set_quota(bounded, (size_t)1 << 30));
  CHECK(pages_after_frees(bounded) <= all - 1);  // one may be alone in the queue
  ri_arena_id_t arena;
  CHECK(ri_reserve_os_memory_ex((size_t)32 << 20, true, false, true, &arena) == 0);
  CHECK(pages_after_frees(ri_heap_new_in_arena(arena)) <= all - 1);
  ri_option_set(ri_option_disallow_os_alloc, 1);
  CHECK(pages_after_frees(ri_heap_new()) <= all - 1);
  ri_option_set(ri_option_disallow_os_alloc, 0);
}

static void* frees(void* arg) {
  void** const blocks = arg;
  for (size_t i = 0; i < 300; i++)
    ri_free(blocks[i]);
  return NULL;
}

static void others_free(void) {
  rix_theap_t* const theap = rix_thread_theap();
  static void* blocks[300];
  for (size_t i = 0; i < 300; i++)
    blocks[i] = ri_malloc(3000);
  const size_t before = pages();
  CHECK(before >= 14);
  check_in_thread(frees, blocks);
  CHECK(check_summary().blocks == 0);
  // Allocation uses these pages before it makes new ones.
  for (size_t i = 0; i < 300; i++)
    blocks[i] = ri_malloc(3000);
  CHECK_MSG(pages() <= before + 1, "%zu pages, before %zu", pages(), before);
  check_in_thread(frees, blocks);
  rix_theap_collect(theap);
  CHECK_MSG(pages() == 0, "%zu pages", pages());
  CHECK(rix_theap_valid(theap));
}

// Extending comes before claiming or creating; claiming before creating.
static void in_order(void) {
  rix_theap_t* const theap = rix_thread_theap();
  const unsigned c = rix_class_of(3000);
  ri_page_t* const abandoned = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
  rix_page_extend(abandoned);
  ri_block_t* const live = rix_page_pop(abandoned);
  rix_page_abandon(abandoned);
  void* const p = ri_malloc(3000);
  CHECK(rix_pagemap_find(p) == abandoned);
  CHECK(theap->queue[c].first == abandoned && rix_theap_valid(theap));
  void* blocks[30];
  const size_t count = abandoned->reserved - 2u;
  CHECK(count <= 30);
  for (size_t i = 0; i < count; i++) {
    blocks[i] = ri_malloc(3000);
    CHECK(rix_pagemap_find(blocks[i]) == abandoned);
  }
  void* const q = ri_malloc(3000);
  CHECK(rix_pagemap_find(q) != abandoned && pages() == 2);
  ri_free(q);
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  ri_free(p);
  ri_free(live);
  rix_theap_collect(theap);
  CHECK(pages() == 0 && rix_theap_valid(theap));
}

// With the option check=2 a heartbeat looks at the whole theap.
static void damage_is_reported(void) {
  if (RIX_DEBUG >= 2) return;  // an audit build stops at once
  rix_theap_t* const theap = rix_thread_theap();
  void* const p = ri_malloc(3000);
  ri_option_set(ri_option_check, 2);
  check_capture_start();
  rix_theap_heartbeat(theap);
  check_nothing_reported();
  theap->pages[rix_class_of(3000)]++;
  rix_theap_heartbeat(theap);
  check_reported(EFAULT, "corrupted", NULL);
  theap->pages[rix_class_of(3000)]--;
  check_capture_stop();
  ri_option_set(ri_option_check, 0);
  ri_free(p);
  rix_theap_collect(theap);
}

int main(void) {
  check_watchdog(30);
  CHECK(rix_thread_theap() != NULL && pages() == 0);
  one_page_is_kept();
  spare_pages_are_kept();
  spare_pages_are_released();
  short_of_memory();
  others_free();
  in_order();
  damage_is_reported();
  return 0;
}
