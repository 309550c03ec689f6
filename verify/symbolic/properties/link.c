// SPDX-License-Identifier: MIT
// link.c: links of free blocks (include/rimalloc/layout.h, src/page/link.h), for every word that may
// stand in one, every key and every block.
// subject: rix_link_draw_key
#include "subject.h"

#include "symbolic.h"

static ri_page_t page;
static ri_block_t block;

static uintptr_t any_key(void) {
  const uintptr_t key = sym_u64("key") | RI_LINK_KEY_BIT;
  rix_link_xkey.v = key;
  return key;
}

static const void* any_address(const char* name) {
  const uint64_t address = sym_u64(name);
  sym_assume(address >= RI_LINK_REACH && address < (uint64_t)1 << RIX_OS_ADDRESS_BITS);
  return (const void*)address;
}

// What was made leads to where it should.
void prove_round(void) {
  const uintptr_t key = any_key();
  ri_block_t* const next = (ri_block_t*)sym_u64("next");
  rix_link_set(&block, next);
  ASSERT(rix_link_get(&block) == next && ri_link_next(&block, key) == next);
  ASSERT(ri_link_make(&block, next, key) == block.link);
}

// The inline path of malloc follows what leads to the slice of the block, and ends.
void prove_near(void) {
  const uint64_t b = (uint64_t)any_address("block"), n = sym_u64("next");
  const bool same = b >> RI_SLICE_SHIFT == n >> RI_SLICE_SHIFT;
  const bool end = !ri_block_is_some((const ri_block_t*)n);
  ASSERT((ri_link_is_near((const ri_block_t*)b, (const ri_block_t*)n) != 0) == (same || end));
  ASSERT(end == (n < RI_LINK_REACH));
}

// Zero, addresses and text are no links, whatever the key.
void prove_no_link(void) {
  const uintptr_t key = any_key();
  const ri_block_t* const b = any_address("block");
  const uint64_t word = sym_u64("word");
  sym_assume((word & RI_LINK_KEY_BIT) == 0);
  const ri_block_t* const next = ri_link_make(b, (const ri_block_t*)word, key);
  ASSERT(!ri_link_is_near(b, next) && (uint64_t)next >= (uint64_t)1 << RIX_OS_ADDRESS_BITS);
}

// The others follow what leads to the page, and the end; the block lies in it.
void prove_leads(void) {
  (void)any_key();
  const uint64_t slices = sym_u32("slices");
  const uint64_t offset = sym_u64("offset");
  sym_assume(slices >= 1 && slices <= 8 && offset < slices << RI_SLICE_SHIFT);
  page.start = (uint8_t*)((uintptr_t)&block - offset);
  page.slice_count = (uint32_t)slices;
  block.link = (ri_block_t*)sym_u64("link");
  ri_block_t* next;
  const bool leads = rix_link_leads(&page, &block, &next);
  const uint64_t at = (uint64_t)rix_link_get(&block) - (uint64_t)page.start;
  ASSERT(leads == (rix_link_get(&block) == NULL || at < slices << RI_SLICE_SHIFT));
  ASSERT(!leads || next == rix_link_get(&block));
}
