// SPDX-License-Identifier: MIT
// audit.c: the audit, on which the other tests rely, sees damage: each of several structures is
// damaged by hand, the audit must fail and report it, the damage is undone, the audit must hold.
#include "heap/heap.h"

#include "arena/pagemap.h"
#include "heap/queue.h"
#include "heap/thread.h"
#include "page/remote.h"
#include "../check.h"

static void must_fail(const char* what) {
  CHECK_MSG(!ri_audit(), "%s is not seen", what);
  CHECK_MSG(check_captured()->errors >= 1 && check_captured()->codes[0] == EFAULT, "%s: %zu errors",
            what, check_captured()->errors);
  check_capture_reset();
}

static void must_hold(const char* after) {
  CHECK_MSG(ri_audit(), "after %s", after);
  check_nothing_reported();
}

static void damage_counts(rix_theap_t* theap, ri_page_t* page) {
  const unsigned c = page->class_index;
  theap->pages[c]++;
  must_fail("a wrong number of pages");
  theap->pages[c]--;

  page->heap_next = page;
  rix_heap_t* const heap = theap->heap;
  heap->page_count++;
  must_fail("a heap that counts a page too many");
  heap->page_count--;
  page->heap_next = NULL;

  const uint32_t used = ri_load_relaxed(&page->used);
  ri_store_relaxed(&page->used, used ^ RI_PAGE_USED_KEPT);
  must_fail("a wrong number of kept pages");
  ri_store_relaxed(&page->used, used);

  page->flags ^= RIX_PAGE_SPARE;
  must_fail("a wrong number of bytes in spare pages");
  page->flags ^= RIX_PAGE_SPARE;
  theap->bytes += RIX_SLICE_SIZE;
  must_fail("a wrong number of bytes in pages");
  theap->bytes -= RIX_SLICE_SIZE;

  ri_fetch_add_relaxed(&page->arena->xabandoned[c], 1);
  must_fail("a wrong number of abandoned pages");
  ri_fetch_sub_relaxed(&page->arena->xabandoned[c], 1);
  ri_fetch_add_relaxed(&rix_heap_default.xabandoned[c], 1);
  must_fail("a heap that counts an abandoned page too many");
  ri_fetch_sub_relaxed(&rix_heap_default.xabandoned[c], 1);
}

static void damage_lists(rix_theap_t* theap, ri_page_t* page) {
  const unsigned c = page->class_index;
  CHECK(theap->queue[c].first == page && page->next == NULL);
  page->next = page;
  must_fail("a circle");
  page->next = NULL;

  theap->queue[c].last = NULL;
  must_fail("a list without end");
  theap->queue[c].last = page;

  page->prev = page;
  must_fail("a wrong link backwards");
  page->prev = NULL;

  ri_store_relaxed(&page->xtheap, NULL);
  must_fail("a page that nobody can be told of");
  ri_store_relaxed(&page->xtheap, theap);

  page->flags |= RIX_PAGE_LOOSE;
  must_fail("a loose page that is in the queue");
  page->flags &= (uint8_t)~RIX_PAGE_LOOSE;

  page->flags |= RIX_PAGE_KEPT;
  ri_store_relaxed(&page->used, ri_load_relaxed(&page->used) | RI_PAGE_USED_KEPT);
  must_fail("a kept page that the heartbeat does not find");
  page->flags &= (uint8_t)~RIX_PAGE_KEPT;
  ri_store_relaxed(&page->used, rix_page_live(page));

  theap->shown[c] = NULL;
  must_fail("a class that does not show its page");
  theap->shown[c] = page;

  // Out of the list by hand: the page is this thread's, but in none of its lists.
  rix_queue_remove(theap, page);
  must_fail("a lost page");
  rix_queue_push_front(theap, page);
}

// As if all were live and the page put away, without asking to be told about frees.
static void damage_full_list(rix_theap_t* theap, ri_page_t* page) {
  const unsigned c = page->class_index;
  ri_block_t* const blocks = page->free;
  const uint32_t used = ri_load_relaxed(&page->used);
  rix_queue_remove(theap, page);
  page->free = NULL;
  ri_store_relaxed(&page->used, page->capacity);
  page->place = RIX_PLACE_FULL;
  ri_store_relaxed(&page->xowner, ri_load_relaxed(&page->xowner) | RIX_OWNER_FULL);
  theap->full[c] = (rix_page_list_t){page, page};
  theap->pages[c]++;
  theap->bytes += rix_page_bytes(page);
  must_fail("a full page whose frees would tell nobody");
  CHECK(rix_remote_request_wake(page));
  must_hold("asking to be told");
  ri_block_t* const one = blocks;
  ri_block_t* const others = rix_link_get(one);
  rix_page_push(page, one);
  must_fail("free blocks of a full page that no allocation finds");
  (void)rix_page_pop(page);
  rix_link_set(one, others);
  rix_remote_cancel_wake(page);
  rix_queue_remove(theap, page);
  page->free = blocks;
  ri_store_relaxed(&page->used, used);
  rix_queue_push_front(theap, page);
}

static void damage_arena(ri_page_t* page) {
  rix_arena_t* const a = page->arena;
  const size_t index = (size_t)(page - a->pages);
  rix_slices_t got;
  CHECK(rix_arena_claim(&rix_heap_default.space, 1, RIX_SLICE_SIZE, false, &got));
  must_fail("a slice that is claimed by nobody");
  rix_arena_release(got.arena, got.index, 1);

  rix_bitmap_clear_run(&a->dirty, index, 1);
  must_fail("a used slice that counts as zero");
  rix_bitmap_set_run(&a->dirty, index, 1);

  size_t free_slice = 0;
  CHECK(rix_bitmap_next_set(&a->free, 0, &free_slice));
  rix_pagemap_set(rix_arena_address(a, free_slice), 1, page);
  must_fail("two descriptors' slices under one page");
  rix_pagemap_set(rix_arena_address(a, free_slice), 1, NULL);

  const rix_bitmap_t map = rix_arena_abandoned(a, page->class_index);
  rix_bitmap_set_run(&map, index, 1);
  must_fail("a page listed as abandoned that is not");
  rix_bitmap_clear_run(&map, index, 1);

  void* const large = ri_malloc(100000);
  ri_page_t* const single = rix_pagemap_find(large);
  CHECK(single != NULL);
  const uintptr_t remote = ri_load_relaxed(&single->xremote);
  ri_store_relaxed(&single->xremote, 0);
  must_fail("a page that nobody owns and nobody can claim");
  ri_store_relaxed(&single->xremote, remote);
  single->slice_count++;
  must_fail("a page over a slice that is not its own");
  single->slice_count--;
  ri_free(large);
}

// Changes a field for the time of an audit, which must fail.
#define DAMAGE(field, value, what)           \
  do {                                       \
    const __typeof__(field) before_ = field; \
    field = (value);                         \
    must_fail(what);                         \
    field = before_;                         \
  } while (0)
#define DAMAGE_ATOMIC(field, value, what)                                      \
  do {                                                                         \
    const __typeof__(ri_load_relaxed(field)) before_ = ri_load_relaxed(field); \
    ri_store_relaxed(field, value);                                            \
    must_fail(what);                                                           \
    ri_store_relaxed(field, before_);                                          \
  } while (0)

// One field after the other of a page's descriptor.
static void damage_descriptor(ri_page_t* page) {
  DAMAGE(page->reserved, 0, "a page without blocks");
  DAMAGE(page->capacity, (uint16_t)(page->reserved + 1), "blocks behind the end of a page");
  DAMAGE_ATOMIC(&page->used, page->capacity + 1u, "more live blocks than there are");
  DAMAGE_ATOMIC(&page->xlow, RI_PAGE_LOW_SET + 1, "a low mark, and more live blocks");
  DAMAGE(page->class_index, (uint8_t)(page->class_index + 1), "a page of another class");
  DAMAGE_ATOMIC(&page->xblock_size, rix_page_block_size(page) + 8, "a size of no class");
  DAMAGE(page->slice_count, 0u, "a page of no slices");
  DAMAGE(page->start, page->start + RIX_SLICE_SIZE, "a page that begins elsewhere");
  const uintptr_t remote = ri_load_relaxed(&page->xremote);
  DAMAGE_ATOMIC(&page->xremote, remote | RIX_REMOTE_ABANDONED, "a page of a thread that is free");
  DAMAGE_ATOMIC(&page->xremote, remote + 1000 * RIX_REMOTE_COUNT_ONE, "more freed than live");
  DAMAGE(page->free->link,
         ri_link_make(page->free, (ri_block_t*)(void*)(page->start + (page->capacity + 1u) * 112),
                      ri_load_fixed(&rix_link_xkey)),
         "a link behind the blocks");
  DAMAGE(page->free->link, NULL, "no link");
}

// A page that a thread left: nobody's list has it, so only the walk over the arenas does.
static void* leaves_a_page(void* arg) {
  (void)arg;
  void* const p = ri_malloc(40000);
  return ri_malloc(40000) != NULL ? p : NULL;
}

static void damage_left_page(void) {
  void* const p = check_in_thread(leaves_a_page, NULL);
  ri_page_t* const page = rix_pagemap_find(p);
  rix_arena_t* const a = page->arena;
  const size_t index = (size_t)(page - a->pages);
  must_hold("a thread's end");
  const size_t n = page->slice_count;
  CHECK(n > 1);
  DAMAGE(page->slice_count, 0u, "a left page of no slices");
  DAMAGE(page->slice_count, (uint32_t)a->slice_count, "a left page beyond the arena");
  DAMAGE(page->arena, NULL, "a left page of no arena");
  DAMAGE(page->reserved, 0, "a left page without blocks");
  DAMAGE(page->place, RIX_PLACE_QUEUE, "a left page in a queue");
  DAMAGE(page->class_index, 0, "a left page listed in another class");
  DAMAGE(page->flags, 0, "a left page that does not know that it is listed");
  DAMAGE_ATOMIC(&page->xowner, rix_tls.self, "a left page that is ours");
  const uintptr_t remote = ri_load_relaxed(&page->xremote);
  CHECK(rix_page_live(page) == 2);
  DAMAGE_ATOMIC(&page->xremote, remote + 2 * RIX_REMOTE_COUNT_ONE, "an empty page that is left");
  DAMAGE_ATOMIC(&page->xremote, remote | RIX_REMOTE_NOTIFY, "a listed page that waits for a free");
  rix_pagemap_set(page->start + RIX_SLICE_SIZE, 1, NULL);
  must_fail("a slice of a left page that leads nowhere");
  rix_pagemap_set(page->start + RIX_SLICE_SIZE, 1, page + 1);
  must_fail("a slice of a left page that leads elsewhere");
  rix_pagemap_set(page->start + RIX_SLICE_SIZE, 1, page);
  rix_pagemap_set(page->start, 1, page + 1);
  must_fail("a left page that another claims");
  rix_pagemap_set(page->start, 1, page);
  rix_bitmap_clear_run(&a->committed, index, n);
  must_fail("a left page that may not be accessed");
  rix_bitmap_set_run(&a->committed, index, n);
  rix_bitmap_set_run(&a->free, index, 1);
  must_fail("a left page that is free");
  rix_bitmap_clear_run(&a->free, index, 1);
  must_hold("the damage of a left page");
  ri_free(p);
}

// The list of pages that a heap has.
static void damage_heap_pages(void) {
  ri_heap_t* const heap = ri_heap_new();
  void* const p = ri_heap_malloc(heap, 100);
  void* const q = ri_heap_malloc(heap, 100000);
  ri_page_t* const first = heap->pages;
  must_hold("a heap's pages");
  DAMAGE(first->heap_prev, first, "a heap's list with a wrong link backwards");
  DAMAGE(heap->pages, first->heap_next, "a heap without its first page");
  DAMAGE(first->heap_next, NULL, "a heap without its last page");
  DAMAGE(heap->page_count, 1u, "a heap that counts a page too few");
  DAMAGE_ATOMIC(&first->xheap, &rix_heap_default, "a page of another heap");
  DAMAGE_ATOMIC(&heap->xbytes, RIX_SLICE_SIZE, "a heap that holds less than its pages");
  must_hold("the damage of a heap's list");
  ri_free(p);
  ri_free(q);
  ri_heap_destroy(heap);
}

static void damage_sums(void) {
  rix_slices_t got;
  CHECK(rix_arena_claim(&rix_heap_default.space, 1, RIX_SLICE_SIZE, false, &got));
  rix_bitmap_set_run(&got.arena->free, got.index, 1);
  must_fail("slices that count as used and are free");
  rix_bitmap_clear_run(&got.arena->free, got.index, 1);
  rix_arena_release(got.arena, got.index, 1);
  must_hold("a wrong sum");
}

static void damage_page(ri_page_t* page, uint8_t* block) {
  ri_block_t* const free_list = page->free;
  page->free = rix_link_get(free_list);
  must_fail("a lost block");
  page->free = free_list;
  must_hold("a lost block");

  ri_block_t* const next = rix_link_get(free_list);
  rix_link_set(free_list, (ri_block_t*)(void*)(block + 8));
  must_fail("a link into a block");
  rix_link_set(free_list, next);

  rix_page_add_used(page, 1);
  must_fail("a wrong count");
  rix_page_add_used(page, (uint32_t)-1);

  page->place = RIX_PLACE_FULL;
  must_fail("a page in a wrong place");
  page->place = RIX_PLACE_QUEUE;
}

static void damage_links(rix_theap_t* theap, ri_page_t* page) {
  ri_page_t* const direct = theap->fast.direct[14];
  theap->fast.direct[14] = &rix_page_empty;
  must_fail("a wrong direct slot");
  theap->fast.direct[14] = direct;

  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  ri_store_relaxed(&page->xowner, owner + RIX_OWNER_FLAGS + 1);
  must_fail("a wrong owner");
  ri_store_relaxed(&page->xowner, owner);

  rix_pagemap_set(page->start, RIX_SLICE_SIZE, NULL);
  must_fail("a hole in the page map");
  rix_pagemap_set(page->start, RIX_SLICE_SIZE, page);

  const size_t index = (size_t)(page - page->arena->pages);
  rix_bitmap_set_run(&page->arena->free, index, 1);
  must_fail("a slice that is used and free");
  rix_bitmap_clear_run(&page->arena->free, index, 1);
}

int main(void) {
  check_capture_start();
  ri_option_set(ri_option_max_errors, 1000);
  void* blocks[50];
  for (size_t i = 0; i < 50; i++)
    blocks[i] = ri_malloc(100);
  for (size_t i = 0; i < 50; i += 3)
    ri_free(blocks[i]);
  must_hold("nothing");
  ri_page_t* const page = rix_pagemap_find(blocks[1]);
  rix_theap_t* const theap = rix_thread_theap();
  damage_page(page, blocks[1]);
  damage_links(theap, page);
  damage_counts(theap, page);
  damage_lists(theap, page);
  damage_full_list(theap, page);
  damage_arena(page);
  damage_descriptor(page);
  damage_left_page();
  damage_heap_pages();
  damage_sums();
  must_hold("all");
  for (size_t i = 0; i < 50; i++) {
    if (i % 3 != 0) ri_free(blocks[i]);
  }
  must_hold("freeing");
  return 0;
}
