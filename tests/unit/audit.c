// SPDX-License-Identifier: MIT
// audit.c: the audit, on which the other tests rely, sees damage: each of several structures is
// damaged by hand, the audit must fail and report it, the damage is undone, the audit must hold.
#include "heap/heap.h"

#include "arena/pagemap.h"
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

  ri_block_t* const free_list = page->free;
  page->free = free_list->next;
  must_fail("a lost block");
  page->free = free_list;
  must_hold("a lost block");

  ri_block_t* const next = free_list->next;
  free_list->next = (ri_block_t*)(void*)((uint8_t*)blocks[1] + 8);
  must_fail("a link into a block");
  free_list->next = next;

  rix_page_add_used(page, 1);
  must_fail("a wrong count");
  rix_page_add_used(page, (uint32_t)-1);

  page->place = RIX_PLACE_FULL;
  must_fail("a page in a wrong place");
  page->place = RIX_PLACE_QUEUE;

  ri_page_t* const direct = theap->fast.direct[14];
  theap->fast.direct[14] = &rix_page_empty;
  must_fail("a wrong direct slot");
  theap->fast.direct[14] = direct;

  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  ri_store_relaxed(&page->xowner, owner + 8);
  must_fail("a wrong owner");
  ri_store_relaxed(&page->xowner, owner);

  rix_pagemap_set(page->start, RIX_SLICE_SIZE, NULL);
  must_fail("a hole in the page map");
  rix_pagemap_set(page->start, RIX_SLICE_SIZE, page);

  const size_t index = (size_t)(page - page->arena->pages);
  rix_bitmap_set_run(&page->arena->free, index, 1);
  must_fail("a slice that is used and free");
  rix_bitmap_clear_run(&page->arena->free, index, 1);

  must_hold("all");
  for (size_t i = 0; i < 50; i++) {
    if (i % 3 != 0) ri_free(blocks[i]);
  }
  must_hold("freeing");
  return 0;
}
