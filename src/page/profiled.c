// SPDX-License-Identifier: MIT
// profiled.c: see profiled.h. How many records a page has is counted in a table by its descriptor's
// address, since the descriptor has no room for it. Pages that share an entry keep the flag as long
// as one of them has a record: that costs time, and nothing else.
#include "page/profiled.h"

enum { PROFILED_ENTRIES = 4096 };

typedef ri_atomic(uint32_t) profiled_count_t;
static profiled_count_t profiled_counts[PROFILED_ENTRIES];

static profiled_count_t* profiled_count(const ri_page_t* page) {
  const uint32_t n = (uint32_t)((uintptr_t)page / sizeof(*page));
  return &profiled_counts[(n * 0x9E3779B1u >> 16) % PROFILED_ENTRIES];
}

// Not below zero, should the records be forgotten in the same moment.
static void profiled_count_down(const ri_page_t* page) {
  profiled_count_t* const count = profiled_count(page);
  uint32_t old = ri_load_relaxed(count);
  while (old > 0 && !ri_cas_weak_relaxed(count, &old, old - 1)) {}
}

void rix_page_forget_sampled(void) {
  for (size_t i = 0; i < PROFILED_ENTRIES; i++)
    ri_store_relaxed(&profiled_counts[i], 0);
}

void rix_page_add_sampled(ri_page_t* page, const rix_trace_t* trace, const rix_sampled_t* sampled) {
  if (!rix_profile_add(trace, sampled)) return;
  ri_fetch_add_relaxed(profiled_count(page), 1);
  ri_store_relaxed(&page->xowner, ri_load_relaxed(&page->xowner) | RIX_OWNER_PROFILED);
}

void rix_page_free_sampled(ri_page_t* page, const void* block, bool own, uint64_t mark) {
  const profiled_count_t* const count = profiled_count(page);
  if (rix_profile_remove((uintptr_t)block, mark)) profiled_count_down(page);
  if (!own || ri_load_relaxed(count) != 0) return;
  ri_store_relaxed(&page->xowner, ri_load_relaxed(&page->xowner) & ~RIX_OWNER_PROFILED);
}

void rix_page_end_sampled(ri_page_t* page) {
  const size_t size = rix_page_block_size(page);
  const bool single = rix_page_is_single(page);
  const size_t blocks = single ? 1 : page->capacity;
  for (size_t i = 0; i < blocks; i++) {
    const uint8_t* const block = single ? (uint8_t*)rix_page_first(page) : page->start + i * size;
    if (rix_profile_remove((uintptr_t)block, UINT64_MAX)) profiled_count_down(page);
  }
}
