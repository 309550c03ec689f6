// SPDX-License-Identifier: MIT
// steal.c: see steal.h.
//
// A walk along the stolen list marks its blocks. Parts of the page (bits of xgaps) of which all
// blocks are marked can go back. The list is made anew without the blocks that touch those, before
// they go; those that the OS keeps are linked again.
//
// xtried: how many blocks others had freed when a thief looked at the page last, and with
// STEAL_DONE that he took what there was.
#include "page/steal.h"

#include "arena/arena.h"
#include "arena/limit.h"
#include "base/annotate.h"
#include "page/abandon.h"
#include "page/end.h"
#include "page/remote.h"

enum {
  STEAL_BLOCKS_MAX = RIX_SLICE_SIZE / 8,
  STEAL_DONE = 0x8000,
  STEAL_LOOKS = 64,        // pages that a step looks at
  STEAL_LOOK_STEPS = 2,    // what that costs for each, in steps along a list,
  STEAL_CALL_STEPS = 100,  // and to ask the OS
};

typedef struct steal_set_s {
  uint64_t bits[STEAL_BLOCKS_MAX / RIX_WORD_BITS];
} steal_set_t;

static bool steal_has(const steal_set_t* set, size_t i) {
  return (set->bits[i / RIX_WORD_BITS] >> i % RIX_WORD_BITS & 1) != 0;
}

// The blocks that have bytes in a part of the page.
typedef struct steal_span_s {
  size_t from, to;
} steal_span_t;

static steal_span_t steal_blocks(const ri_page_t* page, size_t part) {
  const size_t size = rix_holes_gap_size(rix_page_bytes(page));
  const size_t to = rix_class_index_of(part * size + size - 1, page->inverse) + 1;
  return (steal_span_t){rix_class_index_of(part * size, page->inverse),
                        rix_min(to, page->reserved)};
}

// Marks the blocks of the list, and finds the last. False when the list is damaged.
static bool steal_mark(const ri_page_t* page, rix_remote_loot_t* loot, steal_set_t* set) {
  const size_t words = rix_div_up(page->reserved, RIX_WORD_BITS);
  __builtin_memset(set->bits, 0, words * sizeof(set->bits[0]));
  for (ri_block_t* block = loot->first; block != NULL; block = rix_link_get(block)) {
    if (!rix_page_has(page, block)) return false;
    const size_t i = rix_page_index_of(page, block);
    if (steal_has(set, i)) return false;
    set->bits[i / RIX_WORD_BITS] |= (uint64_t)1 << i % RIX_WORD_BITS;
    loot->last = block;
  }
  return true;
}

// The parts of which all blocks are marked.
static uint32_t steal_covered(const ri_page_t* page, const steal_set_t* set) {
  const size_t parts = rix_page_bytes(page) / rix_holes_gap_size(rix_page_bytes(page));
  uint32_t covered = 0;
  for (size_t part = 0; part < parts; part++) {
    const steal_span_t blocks = steal_blocks(page, part);
    size_t i = blocks.from;
    while (i < blocks.to && steal_has(set, i))
      i++;
    if (blocks.from < blocks.to && i == blocks.to) covered |= (uint32_t)1 << part;
  }
  return covered;
}

// Makes the list, in the order of addresses, of the blocks that touch no gap.
static void steal_relist(const ri_page_t* page, const steal_set_t* set, uint32_t gaps,
                         rix_remote_loot_t* loot) {
  loot->first = loot->last = NULL;
  for (size_t i = 0; i < page->reserved; i++) {
    if (!steal_has(set, i) || rix_holes_in_gaps(page, gaps, i)) continue;
    ri_block_t* const block = (ri_block_t*)(void*)(page->start + i * rix_page_block_size(page));
    if (loot->last != NULL) {
      rix_link_set(loot->last, block);
    } else {
      loot->first = block;
    }
    loot->last = block;
  }
}

// Gives parts of the page back, run by run. Returns those that went.
static uint32_t steal_discard(const ri_page_t* page, uint32_t gaps, rix_punch_t* punch) {
  const size_t size = rix_holes_gap_size(rix_page_bytes(page));
  size_t bytes = 0;
  for (unsigned part = 0, end; part < 32; part = end) {
    end = part + 1;
    if ((gaps >> part & 1) == 0) continue;
    while (end < 32 && (gaps >> end & 1) != 0)
      end++;
    punch->steps += STEAL_CALL_STEPS;
    if (rix_arena_discard(page->arena, page->start + part * size, (end - part) * size)) {
      bytes += (end - part) * size;
    } else {
      for (unsigned k = part; k < end; k++)
        gaps &= ~((uint32_t)1 << k);
    }
  }
  rix_gauge_up(RIX_GAUGE_HOLES, bytes);
  rix_gauge_down(RIX_GAUGE_COMMITTED, bytes);
  rix_limit_uncharge(bytes);
  punch->bytes += bytes;
  return gaps;
}

// Returns to the OS what the stolen blocks cover. `before`: the gaps that the page has.
static void steal_return(ri_page_t* page, uint32_t before, rix_remote_loot_t* loot,
                         rix_punch_t* punch) {
  // A free that found the single block's page claimed pushes, and takes it a moment later.
  if (rix_page_is_single(page)) return;
  steal_set_t set;
  if (!steal_mark(page, loot, &set)) return;
  punch->steps += loot->count;
  const uint32_t covered = steal_covered(page, &set);
  if (covered == 0) return;
  steal_relist(page, &set, before | covered, loot);
  const uint32_t gone = steal_discard(page, covered, punch);
  if (gone != covered) steal_relist(page, &set, before | gone, loot);
  ri_store_relaxed(&page->xgaps, before | gone);  // before R3
  loot->gaps = (before | gone) != 0;
}

// The page had an owner a moment ago. False: there was nothing to steal.
static bool steal_from(rix_steal_t* steal, ri_page_t* page) {
  const uint32_t before = ri_load_relaxed(&page->xgaps);
  uintptr_t word;
  if (!rix_remote_steal(page, before != 0, &word)) return false;
  ri_block_t* const first = rix_remote_head_of(page, word);
  rix_remote_loot_t loot = {
      .first = first, .last = first, .count = rix_remote_count_of(word), .gaps = before != 0};
  rix_annotate_enter();
  steal_return(page, before, &loot, &steal->punch);
  ri_store_relaxed(&page->xtried, (uint16_t)(loot.count | STEAL_DONE));
  const unsigned c = page->class_index;  // it stays what it is until its blocks are given back
  const rix_remote_result_t result = rix_remote_give_back(page, &loot);
  rix_annotate_leave();
  if (result == RIX_REMOTE_CLAIMED) {
    rix_page_after_claim(page);
    rix_page_abandon_again(page);
  } else {
    steal->wake = ri_load_relaxed(&page->xtheap);  // F2, in give_back
    steal->class_index = c;
  }
  return true;
}

// Whether to steal from a page, which may turn into another at any time.
static bool steal_wants(rix_steal_what_t what, ri_page_t* page) {
  const uintptr_t word = ri_load_relaxed(&page->xremote);
  const size_t count = rix_remote_count_of(word);
  if (count == 0 || (word & RIX_REMOTE_ABANDONED) != 0) return false;
  if (count * rix_page_block_size(page) < rix_os_page_size()) return false;
  const unsigned tried = ri_load_relaxed(&page->xtried);
  if (tried == (count | STEAL_DONE)) return false;
  if (what == RIX_STEAL_WHOLE) return count >= rix_page_live(page);
  if (what == RIX_STEAL_ALL || tried == count) return true;
  ri_store_relaxed(&page->xtried, (uint16_t)count);
  return false;
}

// The next slice that was ever used, of an arena that serves somebody; moves on. NULL: none.
static ri_page_t* steal_next(rix_steal_t* steal) {
  for (; steal->arena < rix_arena_count(); steal->arena++, steal->index = 0) {
    rix_arena_t* const a = rix_arena_at(steal->arena);
    if (ri_load_acquire(&a->xsubproc) == RIX_SUBPROC_NONE) continue;  // N4: pairs with N3
    if (!rix_arena_lets_discard(a)) continue;
    size_t found;
    if (steal->index >= a->slice_count) continue;
    if (!rix_bitmap_next_set(&a->dirty, steal->index, &found)) continue;
    steal->index = found + 1;
    return &a->pages[found];
  }
  return NULL;
}

bool rix_steal_step(rix_steal_t* steal) {
  steal->wake = NULL;
  if (!RIX_REMOTE_STEALS) return false;
  for (int looks = 0; looks < STEAL_LOOKS; looks++) {
    ri_page_t* const page = steal_next(steal);
    if (page == NULL) return false;
    steal->punch.steps += STEAL_LOOK_STEPS;
    if (steal_wants(steal->what, page) && steal_from(steal, page)) break;
  }
  return true;
}
