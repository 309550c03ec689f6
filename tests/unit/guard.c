// SPDX-License-Identifier: MIT
// guard.c: pages whose one block ends at a guard page (page/guard.c): where the block lies, which
// pointers belong to it, what happens when somebody else holds the page at the moment of the free.
#include "heap/heap.h"

#include "arena/pagemap.h"
#include "heap/thread.h"
#include "page/end.h"
#include "page/release.h"
#include "page/remote.h"
#include "page/single.h"
#include "../check.h"

static ri_page_t* guarded(size_t size, size_t align, bool precise) {
  ri_option_set(ri_option_guarded_precise, precise);
  bool zero = false;
  ri_page_t* const page = rix_page_create_guarded(size, align, &rix_heap_default, zero, &zero);
  CHECK(page != NULL && (page->flags & RIX_PAGE_GUARDED) != 0);
  return page;
}

static void placed(size_t size, bool precise) {
  const size_t unit = rix_os_page_size();
  ri_page_t* const page = guarded(size, 1, precise);
  uint8_t* const block = (uint8_t*)rix_page_first(page);
  const size_t usable = rix_page_block_size(page);
  CHECK(usable == (precise ? size : rix_align_up(size, 16)));
  CHECK(rix_is_aligned(block + usable, unit) &&
        (size_t)(block - page->start) == rix_page_lead(page));
  CHECK(rix_page_lead(page) < unit && rix_is_aligned(page->start, RIX_SLICE_SIZE));
  CHECK(rix_page_valid(page) && page->reserved == 1 && rix_page_live(page) == 1);
  CHECK(ri_load_relaxed(&page->xspan) >= rix_page_lead(page) + usable + unit);
  // All of its memory leads to the page; only the block's to the block.
  CHECK(rix_pagemap_find(page->start) == page && rix_pagemap_find(block + usable) == page);
  CHECK((uint8_t*)rix_page_block_of(page, block) == block);
  CHECK((uint8_t*)rix_page_block_of(page, block + usable - 1) == block);
  CHECK(rix_page_block_of(page, block + usable) == NULL);
  if (rix_page_lead(page) > 0) CHECK(rix_page_block_of(page, block - 1) == NULL);
  memset(block, 1, usable);
  uint8_t* const start = page->start;
  CHECK(rix_page_free_single(page));
  CHECK(rix_pagemap_find(start) == NULL && (page->flags & RIX_PAGE_GUARDED) == 0);
}

// Somebody who looked for an abandoned page has claimed this one by an old hint and gives it back:
// the free in between leaves the page to them. The block may have no room for a link.
static void freed_while_claimed(size_t size, bool visitor_first) {
  ri_page_t* const page = guarded(size, 1, true);
  void* const block = rix_page_first(page);
  uint8_t* const start = page->start;
  CHECK(rix_remote_claim(page));
  if (visitor_first) {
    rix_page_abandon_again(page);
    CHECK(rix_pagemap_find(start) == page);
    ri_free(block);
  } else {
    ri_free(block);
    CHECK(rix_pagemap_find(start) == page && rix_remote_count(page) == 1);
    rix_page_abandon_again(page);
  }
  CHECK(rix_pagemap_find(start) == NULL);
  CHECK(check_summary().blocks == 0);
  ri_free(memset(ri_malloc(65000), 1, 65000));  // the same memory again
}

static void aligned_at_an_offset(void) {
  ri_theap_guarded_set_sample_rate(NULL, 1, 0);
  ri_option_set(ri_option_guarded_precise, 1);
  uint8_t* const p = ri_malloc_aligned_at(100, 64, 8);
  ri_theap_guarded_set_sample_rate(NULL, 0, 0);
  const ri_page_t* const page = rix_pagemap_find(p);
  CHECK((page->flags & RIX_PAGE_GUARDED) != 0 && check_aligned(p + 8, 64));
  const size_t usable = ri_usable_size(p);
  CHECK(usable >= 100 && usable < 100 + 64);
  CHECK(p + usable == (uint8_t*)rix_page_first(page) + rix_page_block_size(page));
  memset(p, 2, usable);
  ri_free(p);
  CHECK(check_summary().blocks == 0);
}

// Large blocks have guard pages in a mapping of their own.
static void mapped(void) {
  ri_option_set(ri_option_arena_max_object_size, 512);
  ri_page_t* const page = guarded(3000001, 1, true);
  CHECK(page->kind == RIX_PAGE_MAPPED && page->arena == NULL && rix_page_valid(page));
  uint8_t* const block = (uint8_t*)rix_page_first(page);
  memset(block, 1, 3000001);
  CHECK(ri_expand(block, 4000000) == NULL);
  uint8_t* const moved = ri_realloc(block, 5000000);
  CHECK(moved != NULL && moved[3000000] == 1);
  ri_free(moved);
  CHECK(check_summary().blocks == 0);
}

int main(void) {
  check_watchdog(30);
  CHECK(rix_thread_theap() != NULL);
  static const size_t sizes[] = {1,    7,     16,    100,   4000,  4096,
                                 5000, 61440, 61441, 65536, 70000, 500000};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    placed(sizes[i], false);
    placed(sizes[i], true);
  }
  for (int first = 0; first < 2; first++) {
    freed_while_claimed(3, first != 0);
    freed_while_claimed(13, first != 0);
    freed_while_claimed(4096, first != 0);
  }
  aligned_at_an_offset();
  mapped();
  CHECK(ri_audit());
  return 0;
}
