// SPDX-License-Identifier: MIT
// remote.c: the packing of the remote word of a page (src/page/remote.h), for every word and every
// place of a block, one thread at a time.
// subject: rix_remote_push, rix_link_draw_key
#include "subject.h"

#include "symbolic.h"

static ri_page_t page;
static ri_block_t block, first;

// A page whose blocks reach from any start to `block`, with any remote word.
static uint64_t any_page(uint64_t* offset) {
  const uint64_t word = sym_u64("xremote");
  *offset = sym_u64("offset");
  sym_assume(*offset % 8 == 0 && *offset < (uint64_t)1 << 20);
  page.start = (uint8_t*)((uintptr_t)&block - *offset);
  page.reserved = sym_u16("reserved");
  sym_assume(page.reserved >= 1 && page.reserved <= 8192);
  sym_assume(rix_remote_count_of(word) <= page.reserved);
  ri_store_relaxed(&page.xremote, word);
  return word;
}

void prove_push(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  const uint64_t count = rix_remote_count_of(old);
  ri_block_t* const head = rix_remote_head_of(&page, old);
  const rix_remote_result_t result = rix_remote_push(&page, &block);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  if (result == RIX_REMOTE_REFUSED) {
    ASSERT(now == old && (head == &block || count >= page.reserved));
    return;
  }
  ASSERT(head != &block && count < page.reserved);
  ASSERT(rix_remote_count_of(now) == count + 1);
  ASSERT(rix_remote_head_of(&page, now) == &block && rix_link_get(&block) == head);
  ASSERT((now & RIX_REMOTE_STATE) == 0);
  ASSERT((now & RIX_REMOTE_GAPS) == (old & RIX_REMOTE_GAPS));
  ASSERT((result == RIX_REMOTE_CLAIMED) == ((old & RIX_REMOTE_ABANDONED) != 0));
  ASSERT(result != RIX_REMOTE_WAKE || (old & RIX_REMOTE_NOTIFY) != 0);
  ASSERT(result != RIX_REMOTE_PUSHED || (old & RIX_REMOTE_STATE) == 0);
}

// A free that leaves the page as it is, unless it was the last one.
void prove_leave(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  const uint64_t count = rix_remote_count_of(old);
  ri_block_t* const head = rix_remote_head_of(&page, old);
  const uint64_t live = sym_u16("live");
  ri_store_relaxed(&page.used, (uint32_t)live);
  const rix_remote_result_t result = rix_remote_push_abandoned(&page, &block);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  if (result == RIX_REMOTE_TAKEN) {
    ASSERT(now == old && (old & RIX_REMOTE_STATE) != RIX_REMOTE_ABANDONED);
    return;
  }
  ASSERT((old & RIX_REMOTE_STATE) == RIX_REMOTE_ABANDONED);
  if (result == RIX_REMOTE_REFUSED) {
    ASSERT(now == old && (head == &block || count >= page.reserved));
    return;
  }
  ASSERT(result == (count + 1 < live ? RIX_REMOTE_PUSHED : RIX_REMOTE_CLAIMED));
  ASSERT((now & RIX_REMOTE_STATE) == (count + 1 < live ? RIX_REMOTE_ABANDONED : 0));
  ASSERT(rix_remote_count_of(now) == count + 1);
  ASSERT(rix_remote_head_of(&page, now) == &block && rix_link_get(&block) == head);
}

void prove_collect(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  ri_block_t* head = &first;
  bool gaps;
  const size_t count = rix_remote_collect(&page, &head, &gaps);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  ASSERT(count == rix_remote_count_of(old));
  ASSERT(count == 0 ? head == &first && now == old : head == rix_remote_head_of(&page, old));
  ASSERT(gaps == (count > 0 && (old & RIX_REMOTE_GAPS) != 0));
  ASSERT(rix_remote_count(&page) == 0 && (count == 0 || (now & RIX_REMOTE_LIST_MASK) == 0));
  ASSERT(((now ^ old) & RIX_REMOTE_STATE) == 0);
}

// A thief takes all, or nothing.
void prove_steal(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  const bool gaps = sym_u16("gaps") == 1;
  uintptr_t word = 0;
  const bool stolen = rix_remote_steal(&page, gaps, &word);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  const bool same = ((old & RIX_REMOTE_GAPS) != 0) == gaps;
  ASSERT(stolen == (same && rix_remote_count_of(old) > 0));
  ASSERT(stolen ? word == old && (now & RIX_REMOTE_LIST_MASK) == 0 : now == old);
  ASSERT(((now ^ old) & RIX_REMOTE_STATE) == 0);
}

// He gives back a list of one block, or none, and gaps.
void prove_give_back(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  const uint64_t count = sym_u16("count");
  const bool list = sym_u16("list") == 1;
  const bool gaps = sym_u16("gaps") == 1;
  ri_block_t* const head = rix_remote_head_of(&page, old);
  sym_assume(rix_remote_count_of(old) + count <= page.reserved);
  sym_assume(!gaps || (old & RIX_REMOTE_GAPS) == 0);
  rix_remote_loot_t loot = {.count = count, .gaps = gaps};
  if (list) loot.first = loot.last = &block;
  const rix_remote_result_t result = rix_remote_give_back(&page, &loot);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  ASSERT(rix_remote_count_of(now) == rix_remote_count_of(old) + count);
  ASSERT(rix_remote_head_of(&page, now) == (list ? &block : head));
  ASSERT(!list || rix_link_get(&block) == head);
  ASSERT(((now & RIX_REMOTE_GAPS) != 0) == (gaps || (old & RIX_REMOTE_GAPS) != 0));
  ASSERT((now & RIX_REMOTE_STATE) == 0);
  ASSERT((result == RIX_REMOTE_CLAIMED) == ((old & RIX_REMOTE_ABANDONED) != 0));
}

void prove_request_wake(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  const bool asked = rix_remote_request_wake(&page);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  ASSERT(asked == (rix_remote_count_of(old) == 0));
  ASSERT(now == (asked ? old | RIX_REMOTE_NOTIFY : old));
}

void prove_claim(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  const bool claimed = rix_remote_claim(&page);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  ASSERT(claimed == ((old & RIX_REMOTE_ABANDONED) != 0));
  ASSERT(now == (claimed ? old & ~RIX_REMOTE_STATE : old));
}

void prove_abandon(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  sym_assume((old & RIX_REMOTE_ABANDONED) == 0);
  const bool listed = sym_u16("listed") == 1;
  const bool done = rix_remote_abandon(&page, listed);
  const uint64_t now = ri_load_relaxed(&page.xremote);
  ASSERT(done == (rix_remote_count_of(old) == 0));
  ASSERT(now == (!done ? old : listed ? RIX_REMOTE_ABANDONED : RIX_REMOTE_STATE));
}

void prove_take(void) {
  uint64_t offset;
  const uint64_t old = any_page(&offset);
  const bool taken = rix_remote_take(&page);
  ASSERT(taken == ((old & RIX_REMOTE_ABANDONED) != 0));
  ASSERT(ri_load_relaxed(&page.xremote) == (old & ~RIX_REMOTE_ABANDONED));
}
