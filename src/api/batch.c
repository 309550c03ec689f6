// SPDX-License-Identifier: MIT
// batch.c: many blocks of one size at once. Runs of a page's free list are taken, and runs of
// neighbours put back, without looking the page up for each block; everything else goes the
// ordinary way, block by block.
#include "api/api.h"

// Takes up to `count` blocks off the free list of the page in a direct slot.
static size_t batch_take(ri_page_t* page, size_t count, void** out) {
  ri_block_t* block = page->free;
  ri_block_t* next;
  size_t n = 0;
  for (; n < count && block != NULL && rix_link_leads(page, block, &next); n++) {
    rix_link_clear(block);
    out[n] = block;
    block = next;
  }
  if (n == 0) return 0;  // it may be the empty page, which all threads share
  page->free = block;
  rix_page_add_used(page, (uint32_t)n);
  return n;
}

size_t ri_malloc_batch(size_t size, size_t count, void** out) {
  size_t n = 0;
  while (n < count) {
    if (size <= RI_DIRECT_MAX) {
      n += batch_take(rix_tls.theap->direct[(size + 7) / 8], count - n, out + n);
      if (n == count) break;
    }
    out[n] = ri_malloc(size);  // finds the next page
    if (out[n] == NULL) break;
    n++;
  }
  return n;
}

// Frees blocks[*at ..] as long as the next one lies in the same page, which is this thread's own
// and ordinary, and stays in use: so the last of a run goes the ordinary way, as does the one that
// reaches the low mark.
static void batch_give(ri_page_t* page, void* const* blocks, size_t count, size_t* at) {
  size_t i = *at;
  ri_block_t* head = page->free;
  const size_t used = ri_load_relaxed(&page->used) & RI_PAGE_USED_MASK;
  while (i + 1 < count && i - *at + 1 < used && blocks[i] != (void*)head &&
         ri_page_is_block(page, blocks[i]) && rix_fast_page_of(blocks[i + 1]) == page) {
    ri_block_t* const block = blocks[i++];
    rix_link_set(block, head);
    head = block;
  }
  page->free = head;
  rix_page_add_used(page, (uint32_t)(*at - i));
  *at = i;
}

void ri_free_batch(void* const* blocks, size_t count) {
  for (size_t i = 0; i < count; i++) {
    ri_page_t* const page = rix_fast_page_of(blocks[i]);
    if (page != NULL && ri_load_relaxed(&page->xowner) == rix_tls.self) {
      batch_give(page, blocks, count, &i);
    }
    rix_fast_free(blocks[i]);
  }
}
