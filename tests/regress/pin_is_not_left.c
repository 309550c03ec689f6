// SPDX-License-Identifier: MIT
// pin_is_not_left.c: the last page of a class is kept while it is empty, by a bit beside its
// count of live blocks. The bit stayed when the page was collected, while the note that there is a
// kept page was dropped: the count never became 0 again, and the page was never given back. The
// bit must go wherever a page leaves the care of the heartbeat: collect, full list, thread exit.
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "../check.h"

enum { SIZE = 3000, MANY = 200 };

static uint32_t used(const ri_page_t* page) { return ri_load_relaxed(&page->used); }

// A kept page with one live block, which the caller frees.
static ri_page_t* kept(void** block) {
  ri_free(ri_malloc(SIZE));
  *block = ri_malloc(SIZE);
  ri_page_t* const page = rix_pagemap_find(*block);
  CHECK_MSG(used(page) == (RI_PAGE_USED_KEPT | 1), "used %x", used(page));
  return page;
}

static void collected(void) {
  void* block;
  const ri_page_t* const page = kept(&block);
  ri_collect(false);
  CHECK_MSG(used(page) == 1, "used %x", used(page));
  void* many[MANY];
  for (size_t i = 0; i < MANY; i++)
    many[i] = ri_malloc(SIZE);
  ri_free(block);
  for (size_t i = 0; i < MANY; i++)
    ri_free(many[i]);
  CHECK_MSG(check_summary().pages <= 1, "%zu pages", check_summary().pages);
  // Collecting gives the last one back too, with its bit.
  ri_collect(false);
  CHECK_MSG(check_summary().pages == 0, "%zu pages", check_summary().pages);
}

static void full(void) {
  void* block;
  const ri_page_t* const page = kept(&block);
  void* many[MANY];
  size_t n = 0;
  while (page->place != RIX_PLACE_FULL) {
    CHECK(n < MANY);
    many[n++] = ri_malloc(SIZE);
  }
  CHECK_MSG(used(page) == page->capacity, "used %x of %u", used(page), (unsigned)page->capacity);
  for (size_t i = 0; i < n; i++)
    ri_free(many[i]);
  ri_free(block);
  CHECK_MSG(check_summary().pages <= 1, "%zu pages", check_summary().pages);
  ri_collect(false);
}

static void* leaves_block(void* arg) {
  (void)kept((void**)arg);
  return NULL;
}

static void abandoned(void) {
  void* block;
  check_in_thread(leaves_block, &block);
  const ri_page_t* const page = rix_pagemap_find(block);
  CHECK_MSG(used(page) == 1, "used %x", used(page));
  ri_free(block);
  CHECK_MSG(check_summary().pages == 0, "%zu pages", check_summary().pages);
}

int main(void) {
  collected();
  full();
  abandoned();
  CHECK(ri_audit());
  return 0;
}
