// SPDX-License-Identifier: MIT
// live.c: see live.h.
#include "page/live.h"

static void live_clear_bits(rix_live_bit_t b) {
  ri_store_relaxed(&b.words->xhanded, ri_load_relaxed(&b.words->xhanded) & ~b.mask);
  if ((ri_load_relaxed(&b.words->xfreed) & b.mask) != 0) {
    ri_fetch_and_relaxed(&b.words->xfreed, ~b.mask);
  }
}

void rix_live_clear(const ri_page_t* page, const ri_block_t* block) {
  size_t bytes = 8;
  if (RIX_UNLIKELY((ri_load_relaxed(&page->xowner) & RIX_OWNER_INTERIOR) != 0)) {
    bytes = rix_page_block_size(page);
  }
  for (size_t at = 0; at < bytes; at += 8)
    live_clear_bits(rix_live_bit(page, (const uint8_t*)block + at));
}

void rix_live_collected_any(const ri_page_t* page, ri_block_t* list, size_t count) {
  for (; count > 0 && list != NULL; count--) {
    rix_live_clear(page, list);
    ri_block_t* next = rix_link_get(list);
    if (RIX_UNLIKELY(next != NULL && !rix_page_has_cut(page, next))) {
      rix_link_set(list, NULL);
      next = NULL;
    }
    list = next;
  }
}

void rix_live_clear_all(const ri_page_t* page) {
  const size_t words = RIX_SLICE_SIZE / 8 / RIX_WORD_BITS;
  rix_live_t* const first = rix_live_bit(page, page->start).words;
  for (size_t i = 0; i < page->slice_count * words; i++) {
    ri_store_relaxed(&first[i].xhanded, 0);
    ri_store_relaxed(&first[i].xfreed, 0);
  }
}
