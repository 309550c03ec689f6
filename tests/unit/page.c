// SPDX-License-Identifier: MIT
// page.c: the sequential side of pages and where they come from (page/page.c, page/create.c): for
// every class, a fresh page hands out every block once, none overlaps, the invariants hold at every
// step, and a released page leaves nothing behind. Pages of one block: sizes, alignment, resizing.
#include "page/create.h"
#include "page/page.h"

#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/thread.h"
#include "page/live.h"
#include "page/release.h"
#include "page/remote.h"
#include "page/single.h"
#include "../check.h"

enum { BLOCKS_MAX = 8192 };
static ri_block_t* blocks[BLOCKS_MAX];

static void every_block(unsigned c) {
  const size_t block = rix_class_block_size(c);
  ri_page_t* const page = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
  CHECK(page != NULL && rix_page_valid(page));
  CHECK(page->class_index == c && rix_page_block_size(page) == block && !rix_page_is_single(page));
  CHECK(page->reserved >= 8 && page->reserved <= BLOCKS_MAX);  // several times its block
  const bool zero = (page->flags & RIX_PAGE_ZERO) != 0;
  size_t count = 0;
  while (page->free != NULL || rix_page_can_extend(page)) {
    if (page->free == NULL) {
      rix_page_extend(page);
      CHECK(rix_page_valid(page));
    }
    ri_block_t* const b = rix_page_pop(page);
    CHECK(rix_pagemap_find(b) == page && rix_pagemap_find((uint8_t*)b + block - 1) == page);
    CHECK_MSG(check_aligned(b, block == 8 ? 8 : 16), "%p", (void*)b);
    if (zero) CHECK_ZERO(b, 0, block);
    check_fill(b, block, count);
    CHECK(rix_page_block_of(page, b) == b);
    CHECK(rix_page_block_of(page, (uint8_t*)b + block - 1) == b);
    blocks[count++] = b;
    CHECK(rix_page_live(page) == count);
  }
  CHECK(count == page->reserved);
  CHECK(rix_page_valid(page));
  CHECK(rix_page_block_of(page, (uint8_t*)blocks[count - 1] + block) == NULL ||
        (size_t)page->slice_count * RIX_SLICE_SIZE == count * block);
  for (size_t i = 0; i < count; i++) {
    CHECK_FILLED(blocks[i], block, i);
  }
  for (size_t i = 0; i < count; i++) {
    rix_page_push(page, blocks[(i * 7) % count]);
    if (count % 7 == 0 && i == 0) break;  // no permutation: one is enough
  }
  CHECK(rix_page_valid(page));
  ri_store_relaxed(&page->used, 0);
  const uint8_t* const start = page->start;
  rix_page_release(page);
  CHECK(rix_pagemap_find(start) == NULL);
}

// A block of the page; how many blocks an extension makes is a build knob.
static ri_block_t* take(ri_page_t* page) {
  if (page->free == NULL) rix_page_extend(page);
  return rix_page_pop(page);
}

static void collects(void) {
  ri_page_t* const page = rix_page_create(5, RIX_PAGE_MORE, &rix_heap_default);
  for (size_t i = 0; i < 10; i++)
    blocks[i] = take(page);
  for (size_t i = 0; i < 6; i++)
    CHECK(rix_remote_push(page, blocks[i]) == RIX_REMOTE_PUSHED);
  CHECK(rix_page_live(page) == 10 && rix_remote_count(page) == 6);
  CHECK(rix_page_valid(page));
  CHECK(rix_page_collect(page));
  CHECK(rix_page_live(page) == 4 && rix_remote_count(page) == 0 && rix_page_valid(page));
  CHECK(page->free == blocks[5]);
  for (size_t i = 6; i < 10; i++)
    rix_page_push(page, blocks[i]);
  CHECK(rix_page_live(page) == 0 && rix_page_valid(page));
  rix_page_release(page);
}

// Pages made under the option `check` know which blocks are live, each by itself.
static void marks_live_blocks(void) {
  ri_option_set(ri_option_check, 1);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c += 7) {
    ri_page_t* const page = rix_page_create(c, RIX_PAGE_MORE, &rix_heap_default);
    CHECK((page->flags & RIX_PAGE_CHECKED) != 0);
    CHECK((ri_load_relaxed(&page->xowner) & RIX_OWNER_CHECKED) != 0);
    for (size_t i = 0; i < page->reserved; i++) {
      blocks[i] = (ri_block_t*)(void*)(page->start + i * rix_page_block_size(page));
      CHECK(!rix_live_take_back(rix_live_bit(page, blocks[i])));
      CHECK(!rix_live_free_remote(rix_live_bit(page, blocks[i])));
      CHECK(rix_live_hand_out(rix_live_bit(page, blocks[i])));
      CHECK(!rix_live_hand_out(rix_live_bit(page, blocks[i])));
    }
    for (size_t i = 0; i < page->reserved; i++) {
      const rix_live_bit_t bit = rix_live_bit(page, blocks[i]);
      const bool remote = i % 2 != 0;
      CHECK(rix_live_is_set(bit));
      CHECK(remote ? rix_live_free_remote(bit) : rix_live_take_back(bit));
      CHECK(!rix_live_is_set(bit) && rix_live_is_clear(bit) == !remote);
      CHECK(!rix_live_free_remote(bit) && !rix_live_take_back(bit));
      CHECK(rix_live_hand_out(bit) == !remote);
      rix_live_clear(page, blocks[i]);
      CHECK(rix_live_is_clear(bit));
    }
    rix_page_release(page);
  }
  ri_option_set(ri_option_check, 0);
}

// The checks see damage: each invariant, broken by hand, is reported.
static void damage(void) {
  ri_page_t* const page = rix_page_create(3, RIX_PAGE_MORE, &rix_heap_default);
  for (int i = 0; i < 4; i++)
    rix_page_extend(page);  // at least four blocks, whatever one extension makes
  ri_block_t* const a = rix_page_pop(page);
  CHECK(rix_page_valid(page));
  rix_page_add_used(page, 1);
  CHECK(!rix_page_valid(page));
  rix_page_add_used(page, (uint32_t)-1);
  ri_block_t* const next = rix_link_get(page->free);
  rix_link_set(page->free, (ri_block_t*)(void*)((uint8_t*)page->free + 8));  // inside of a block
  CHECK(!rix_page_valid(page));
  rix_link_set(page->free, page->free);  // a circle
  CHECK(!rix_page_valid(page));
  rix_link_set(page->free, NULL);  // blocks are missing
  CHECK(!rix_page_valid(page));
  rix_link_set(page->free,
               (ri_block_t*)(void*)(page->start + (size_t)page->capacity * 48));  // beyond
  CHECK(!rix_page_valid(page));
  rix_link_set(page->free, next);
  CHECK(rix_page_valid(page));
  rix_page_push(page, a);
  rix_page_release(page);
}

static void no_link(ri_page_t* page, uintptr_t word) {
  ri_block_t* const first = page->free;
  ri_block_t* const link = first->link;
  first->link = (ri_block_t*)word;
  CHECK_MSG(rix_page_pop(page) == NULL && page->free == first, "%zx", (size_t)word);
  CHECK(first->link == (ri_block_t*)word);
  if (page->slice_count == 1) {
    CHECK(!ri_link_is_near(first, ri_link_next(first, ri_load_relaxed(&rix_link_xkey))));
  }
  first->link = link;
}

static void no_link_to(ri_page_t* page, const void* place) {
  const uintptr_t key = ri_load_relaxed(&rix_link_xkey);
  no_link(page, (uintptr_t)ri_link_make(page->free, place, key));
}

// What is no link to a place of the page is not followed: the block is not handed out.
static void links_of(size_t size) {
  ri_page_t* const page = rix_page_create(rix_class_of(size), RIX_PAGE_MORE, &rix_heap_default);
  for (int i = 0; i < 3; i++)
    rix_page_extend(page);
  const uintptr_t words[] = {0,
                             1,
                             65536,
                             (uintptr_t)page,
                             (uintptr_t)page->free,
                             (uintptr_t)page->free + size,
                             UINTPTR_MAX / 255 * 0x41,
                             UINTPTR_MAX};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    no_link(page, words[i]);
  for (unsigned bit = rix_bsr64(rix_page_bytes(page)); bit < 8 * sizeof(uintptr_t); bit++)
    no_link(page, (uintptr_t)page->free->link ^ (uintptr_t)1 << bit);
  no_link_to(page, page->start - 8);
  no_link_to(page, page->start + rix_page_bytes(page));
  no_link_to(page, page);
  // What it leads to within the page is found by the next step.
  ri_block_t* const first = page->free;
  ri_block_t* const second = rix_link_get(first);
  rix_link_set(first, first);
  CHECK(rix_page_pop(page) == first && page->free == first && rix_page_pop(page) == NULL);
  page->free = second;
  rix_link_set(second, (ri_block_t*)(void*)(page->start + rix_page_bytes(page) - 8));
  CHECK(rix_page_pop(page) == second && rix_page_pop(page) == NULL);
  page->free = (ri_block_t*)(uintptr_t)0xFFF8;
  CHECK(rix_page_pop(page) == NULL && !ri_block_is_some(page->free));
  page->free = NULL;
  ri_store_relaxed(&page->used, 0);
  rix_page_release(page);
}

static void links(void) {
  if (!RI_LINKS_KEYED) return;
  ri_free(ri_malloc(1));
  CHECK((ri_load_relaxed(&rix_link_xkey) & RI_LINK_KEY_BIT) != 0);
  CHECK(rix_tls.key == ri_load_relaxed(&rix_link_xkey));
  links_of(64);
  links_of(20000);
}

static void singles(void) {
  static const size_t sizes[] = {65537, 70000, 131072, 1000000, 5 << 20, 255 << 20, 257 << 20};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    for (size_t align = 1; align <= (size_t)1 << 24; align *= 64) {
      bool zero = false;
      ri_page_t* page = rix_page_create_single(sizes[i], align, &rix_heap_default, zero, &zero);
      CHECK(page != NULL && rix_page_is_single(page) && rix_page_valid(page));
      CHECK(check_aligned(page->start, align) && rix_page_live(page) == 1);
      CHECK(rix_page_block_size(page) >= sizes[i]);
      uint8_t* const p = page->start;
      CHECK(p != NULL);
      CHECK(rix_pagemap_find(p) == page && rix_pagemap_find(p + sizes[i] - 1) == page);
      CHECK(rix_page_block_of(page, p + sizes[i] - 1) == (ri_block_t*)(void*)p);
      if (zero) CHECK(p[0] == 0 && p[sizes[i] - 1] == 0);
      check_fill_sparse(p, sizes[i], i);
      // Shrinking takes the end out of the map; growing again may work and keeps what was kept.
      const size_t half = sizes[i] / 2;
      bool grown_zero;
      if (rix_page_resize_single(page, half, &grown_zero)) {
        CHECK(rix_page_block_size(page) >= half && rix_page_valid(page));
        CHECK_MSG(check_differs(p, 0, 64, i) == SIZE_MAX, "size %zu", sizes[i]);
        if (rix_page_resize_single(page, sizes[i], &grown_zero)) {
          CHECK(rix_pagemap_find(p + sizes[i] - 1) == page && rix_page_valid(page));
          p[sizes[i] - 1] = 1;
        }
      }
      CHECK(rix_remote_claim(page));
      ri_store_relaxed(&page->used, 0);
      rix_page_release(page);
      CHECK(rix_pagemap_find(p) == NULL);
    }
  }
}

int main(void) {
  check_watchdog(60);
  rix_process_init();
  for (int round = 0; round < 2; round++) {
    for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
      every_block(c);
  }
  collects();
  marks_live_blocks();
  damage();
  links();
  singles();
  return 0;
}
