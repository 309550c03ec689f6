// SPDX-License-Identifier: MIT
// holes.c: see holes.h.
//
// Which blocks are live is computed, as nothing keeps it: all below `capacity` but those in the
// free list and those that touch a hole. The list is made anew without what is about to go before
// it goes: so a refusal of the OS, after which the list is made once more, changes nothing.
//
// As time passes a page is punched when it is so sparse that holes are likely, and did not change
// since it was passed by before. One that was filled again is left alone for some passes; one that
// was punched until it changes, as far as its first free block and the number of live ones show it.
#include "page/holes.h"

#include "arena/limit.h"
#include "base/annotate.h"
#include "options/options.h"
#include "page/density.h"
#include "page/excess.h"
#include "page/live.h"
#include "page/remote.h"

enum {
  HOLES_BLOCKS_MAX = RIX_SLICE_SIZE / 8,
  HOLES_MAX = 128,        // OS pages of a page: the smallest have 4 KiB
  HOLES_REST = 8,         // passes
  HOLES_LOOK_STEPS = 8,   // what it costs to look at a page, in steps along a list,
  HOLES_CALL_STEPS = 100  // and to ask the OS
};

_Static_assert(RIX_MEDIUM_SLICES* RIX_SLICE_SIZE <= HOLES_MAX * 4096, "a bit for each OS page");

// ---- OS pages of a page -------------------------------------------------------------------------

typedef struct holes_set_s {
  uint64_t words[HOLES_MAX / RIX_WORD_BITS];
} holes_set_t;

static holes_set_t holes_get(const ri_page_t* page) {
  return (holes_set_t){{ri_load_relaxed(&page->xholes[0]), ri_load_relaxed(&page->xholes[1])}};
}

static unsigned holes_count(holes_set_t set) {
  return rix_popcount64(set.words[0]) + rix_popcount64(set.words[1]);
}

static bool holes_has(holes_set_t set, size_t k) {
  return (set.words[k / RIX_WORD_BITS] >> k % RIX_WORD_BITS & 1) != 0;
}

static void holes_add(holes_set_t* set, size_t k) {
  set->words[k / RIX_WORD_BITS] |= (uint64_t)1 << k % RIX_WORD_BITS;
}

static void holes_drop(holes_set_t* set, size_t from, size_t to) {
  for (size_t k = from; k < to; k++)
    set->words[k / RIX_WORD_BITS] &= ~((uint64_t)1 << k % RIX_WORD_BITS);
}

// The first one from `from` on that is in the set, or HOLES_MAX.
static size_t holes_next(holes_set_t set, size_t from) {
  for (size_t w = from / RIX_WORD_BITS; w < HOLES_MAX / RIX_WORD_BITS; w++) {
    uint64_t word = set.words[w];
    if (w == from / RIX_WORD_BITS) word &= UINT64_MAX << from % RIX_WORD_BITS;
    if (word != 0) return w * RIX_WORD_BITS + rix_ctz64(word);
  }
  return HOLES_MAX;
}

// Charges the OS pages of `holes` that are not in `left`; false: a limit refuses. Who fills holes
// does that first; what was punched is uncharged here.
static bool holes_charge(holes_set_t holes, holes_set_t left) {
  return rix_limit_charge((holes_count(holes) - holes_count(left)) * rix_os_page_size());
}

static void holes_store(ri_page_t* page, holes_set_t set) {
  ri_store_relaxed(&page->xholes[0], set.words[0]);
  ri_store_relaxed(&page->xholes[1], set.words[1]);
  page->punched = holes_count(set) > 0;
}

// Notes the holes of a page, and for statistics how many more they are, or fewer.
static void holes_put(ri_page_t* page, holes_set_t set) {
  const size_t unit = rix_os_page_size();
  const size_t before = holes_count(holes_get(page)) * unit, now = holes_count(set) * unit;
  holes_store(page, set);
  if (now > before) {
    rix_gauge_up(RIX_GAUGE_HOLES, now - before);
    rix_gauge_down(RIX_GAUGE_COMMITTED, now - before);
    rix_limit_uncharge(now - before);
  } else if (now < before) {
    rix_gauge_up(RIX_GAUGE_COMMITTED, before - now);
    rix_gauge_down(RIX_GAUGE_HOLES, before - now);
  }
}

// ---- Blocks -------------------------------------------------------------------------------------

// The OS pages that have bytes of blocks [index, index + n).
typedef struct holes_span_s {
  size_t from, to;
} holes_span_t;

static holes_span_t holes_span(const ri_page_t* page, size_t index, size_t n) {
  const size_t block_size = rix_page_block_size(page), unit = rix_os_page_size();
  const unsigned shift = rix_ctz64(unit);
  return (holes_span_t){index * block_size >> shift,
                        ((index + n) * block_size + unit - 1) >> shift};
}

// The blocks, if there are so many, that have bytes in an OS page.
static holes_span_t holes_blocks(const ri_page_t* page, size_t k) {
  const size_t unit = rix_os_page_size();
  return (holes_span_t){rix_class_index_of(k * unit, page->inverse),
                        rix_class_index_of(k * unit + unit - 1, page->inverse) + 1};
}

static bool holes_touch(const ri_page_t* page, holes_set_t set, size_t index) {
  const holes_span_t span = holes_span(page, index, 1);
  return holes_next(set, span.from) < span.to;
}

bool rix_holes_touch(const ri_page_t* page, size_t index) {
  return rix_holes_any(page) && holes_touch(page, holes_get(page), index);
}

static ri_block_t* holes_block(const ri_page_t* page, size_t index) {
  return (ri_block_t*)(void*)(page->start + index * rix_page_block_size(page));
}

// The live blocks of a page.
typedef struct holes_live_s {
  uint64_t bits[HOLES_BLOCKS_MAX / RIX_WORD_BITS];
  size_t end;  // all are below
} holes_live_t;

static bool holes_is_live(const holes_live_t* live, size_t i) {
  return (live->bits[i / RIX_WORD_BITS] >> i % RIX_WORD_BITS & 1) != 0;
}

static void holes_not_live(holes_live_t* live, size_t i) {
  live->bits[i / RIX_WORD_BITS] &= ~((uint64_t)1 << i % RIX_WORD_BITS);
}

static bool holes_any_live(const holes_live_t* live, size_t from, size_t to) {
  for (size_t w = from / RIX_WORD_BITS; w * RIX_WORD_BITS < to; w++) {
    uint64_t word = live->bits[w];
    if (w == from / RIX_WORD_BITS) word &= UINT64_MAX << from % RIX_WORD_BITS;
    if (w == to / RIX_WORD_BITS) word &= ~(UINT64_MAX << to % RIX_WORD_BITS);
    if (word != 0) return true;
  }
  return false;
}

// Strikes the blocks of the free list out. False when it is damaged.
static bool holes_strike_free(const ri_page_t* page, holes_live_t* live) {
  const size_t room = (size_t)page->capacity * rix_page_block_size(page);
  size_t left = rix_page_free_count(page);
  for (const ri_block_t* block = page->free; block != NULL; block = rix_link_get(block), left--) {
    const size_t offset = (size_t)((const uint8_t*)block - page->start);
    if (left == 0 || offset >= room) return false;
    const size_t i = rix_class_index_of(offset, page->inverse);
    if (holes_block(page, i) != block || !holes_is_live(live, i)) return false;
    holes_not_live(live, i);
  }
  return left == 0;
}

static void holes_strike_out(const ri_page_t* page, holes_live_t* live) {
  const holes_set_t holes = holes_get(page);
  for (size_t k = holes_next(holes, 0); k < HOLES_MAX; k = holes_next(holes, k + 1)) {
    const holes_span_t blocks = holes_blocks(page, k);
    for (size_t i = blocks.from; i < blocks.to && i < page->capacity; i++)
      holes_not_live(live, i);
  }
}

// Finds out which blocks are live. False when the free list is damaged.
static bool holes_find_live(const ri_page_t* page, holes_live_t* live) {
  const size_t capacity = page->capacity;
  if (rix_page_live(page) + page->out > capacity) return false;
  const size_t words = rix_div_up(capacity, RIX_WORD_BITS);
  __builtin_memset(live->bits, 0xFF, words * sizeof(uint64_t));
  if (capacity % RIX_WORD_BITS != 0) {
    live->bits[words - 1] = ~(UINT64_MAX << capacity % RIX_WORD_BITS);
  }
  if (!holes_strike_free(page, live)) return false;
  if (page->out > 0) holes_strike_out(page, live);
  size_t w = words;
  while (w > 0 && live->bits[w - 1] == 0)
    w--;
  live->end = w > 0 ? (w - 1) * RIX_WORD_BITS + rix_bsr64(live->bits[w - 1]) + 1 : 0;
  return true;
}

// The OS pages without live blocks.
static holes_set_t holes_find(const ri_page_t* page, const holes_live_t* live) {
  const size_t end = rix_page_bytes(page) / rix_os_page_size();
  holes_set_t set = {{0}};
  for (size_t k = 0; k < end; k++) {
    const holes_span_t blocks = holes_blocks(page, k);
    const size_t to = rix_min(blocks.to, live->end);
    if (blocks.from >= to || !holes_any_live(live, blocks.from, to)) holes_add(&set, k);
  }
  return set;
}

// Makes the free list, in the order of addresses, of the blocks that touch no hole. Those behind
// the last live one are not cut yet.
static void holes_relist(ri_page_t* page, const holes_live_t* live, holes_set_t holes) {
  size_t out = 0;
  ri_block_t* first = NULL;
  ri_block_t* last = NULL;
  for (size_t i = 0; i < live->end; i++) {
    if (holes_is_live(live, i)) continue;
    if (holes_touch(page, holes, i)) {
      out++;
      continue;
    }
    ri_block_t* const block = holes_block(page, i);
    if (last != NULL) {
      rix_link_set(last, block);
    } else {
      first = block;
    }
    last = block;
  }
  if (last != NULL) rix_link_set(last, NULL);
  page->free = first;
  page->out = (uint16_t)out;
  page->capacity = (uint16_t)live->end;
  page->flags &= (uint8_t)~RIX_PAGE_ZERO;
}

// ---- Punching -----------------------------------------------------------------------------------

// Gives the OS pages of `more` back, run by run. What the OS keeps is struck out of `holes`.
static size_t holes_discard(const ri_page_t* page, holes_set_t more, holes_set_t* holes,
                            rix_punch_t* punch) {
  const size_t unit = rix_os_page_size();
  size_t bytes = 0;
  for (size_t k = holes_next(more, 0), end; k < HOLES_MAX; k = holes_next(more, end)) {
    end = k + 1;
    while (end < HOLES_MAX && holes_has(more, end))
      end++;
    punch->steps += HOLES_CALL_STEPS;
    if (rix_arena_discard(page->arena, page->start + k * unit, (end - k) * unit)) {
      bytes += (end - k) * unit;
    } else {
      holes_drop(holes, k, end);
    }
  }
  return bytes;
}

// By what it is seen whether a page changed: the place of its first free block.
static uint16_t holes_first_free(const ri_page_t* page) {
  if (page->free == NULL) return UINT16_MAX;
  return (uint16_t)((size_t)((const uint8_t*)page->free - page->start) / 8);
}

// Notes how a page is left.
static void holes_note(ri_page_t* page, uint16_t done) {
  page->passed = (uint16_t)(rix_page_live(page) | done);
  page->passed_free = holes_first_free(page);
}

static size_t holes_punch(ri_page_t* page, rix_punch_t* punch) {
  holes_live_t live;
  if (!holes_find_live(page, &live)) return 0;
  holes_note(page, RIX_HOLES_DONE);
  const holes_set_t before = holes_get(page);
  holes_set_t holes = holes_find(page, &live);
  holes_set_t more = {{holes.words[0] & ~before.words[0], holes.words[1] & ~before.words[1]}};
  if ((page->flags & RIX_PAGE_ZERO) != 0) {  // what was never touched is no less than a hole
    holes_drop(&more, holes_span(page, 0, page->capacity).to, HOLES_MAX);
  }
  const size_t wanted = holes_count(more) * rix_os_page_size();
  if (wanted == 0) return 0;
  const size_t block_size = rix_page_block_size(page);
  if (page->kind != RIX_PAGE_SMALL) {  // before what shows how it was used is gone
    rix_density_note_freed(block_size, page->start, page->capacity * block_size);
  }
  holes_relist(page, &live, holes);
  const size_t bytes = holes_discard(page, more, &holes, punch);
  holes_put(page, holes);
  if (bytes == wanted) rix_excess_returned(page);
  if (bytes < wanted) {  // perhaps not the next time
    holes_relist(page, &live, holes);
    page->rest = HOLES_REST;
  }
  holes_note(page, bytes < wanted ? 0 : RIX_HOLES_DONE);
  return bytes;
}

// Whether there can be holes; `likely`: and a random page with so many live blocks has some. Of an
// OS page with x blocks 1 - (1/4)^(1/x) may be live for one of four to have none; this is close.
static bool holes_possible(const ri_page_t* page, bool likely) {
  const size_t block_size = rix_page_block_size(page), unit = rix_os_page_size();
  const size_t live = rix_page_live(page);
  const size_t free = (page->reserved - live) * block_size;
  if (!likely) return free >= unit;
  return free >= 2 * unit && live * 2 * (unit + block_size) <= 3 * block_size * page->reserved;
}

// Whether a page is as it was left.
static bool holes_same(const ri_page_t* page) {
  return (page->passed & ~RIX_HOLES_DONE) == rix_page_live(page) &&
         page->passed_free == holes_first_free(page);
}

// Whether a page is sparse and stays so.
static bool holes_passes(ri_page_t* page) {
  const bool same = holes_same(page);
  if (same && (page->passed & RIX_HOLES_DONE) != 0) return false;
  holes_note(page, 0);
  if (page->rest > 0) {
    page->rest--;
    return false;
  }
  return same && holes_possible(page, true);
}

void rix_page_punch(ri_page_t* page, rix_punch_t* punch) {
  punch->steps += HOLES_LOOK_STEPS;
  if (rix_page_is_single(page) || rix_page_live(page) == 0) return;
  if (punch->all ? !holes_possible(page, false) : !holes_passes(page)) return;
  if (!rix_arena_lets_discard(page->arena)) return;
  punch->steps += rix_page_free_count(page);
  rix_annotate_enter();
  punch->bytes += holes_punch(page, punch);
  rix_annotate_leave();
}

// ---- Gaps ---------------------------------------------------------------------------------------

size_t rix_holes_take_gaps(ri_page_t* page) {
  const uint32_t gaps = ri_load_relaxed(&page->xgaps);
  const size_t n = rix_holes_gap_size(rix_page_bytes(page)) / rix_os_page_size();
  const holes_set_t before = holes_get(page);
  holes_set_t set = before;
  size_t twice = 0;  // behind the last block: a hole before the gap came, and counted as both
  for (size_t k = 0; k < HOLES_MAX && k / n < 32; k++) {
    if ((gaps >> k / n & 1) == 0) continue;
    twice += holes_has(before, k);
    holes_add(&set, k);
  }
  rix_gauge_down(RIX_GAUGE_HOLES, twice * rix_os_page_size());
  rix_gauge_up(RIX_GAUGE_COMMITTED, twice * rix_os_page_size());
  if (twice > 0) rix_limit_charge_anyway(twice * rix_os_page_size());
  size_t out = 0;
  for (size_t i = 0; i < page->capacity; i++) {
    if (!holes_touch(page, set, i) || holes_touch(page, before, i)) continue;
    out++;
    if (RIX_UNLIKELY((page->flags & RIX_PAGE_CHECKED) != 0)) {
      rix_live_clear(page, holes_block(page, i));
    }
  }
  holes_store(page, set);
  page->flags &= (uint8_t)~RIX_PAGE_ZERO;
  page->out = (uint16_t)(page->out + out);
  rix_page_add_used(page, (uint32_t) - (int32_t)out);
  ri_store_relaxed(&page->xtried, 0);
  ri_store_relaxed(&page->xgaps, 0);  // from here on a thief may write it
  return out;
}

// ---- Filling ------------------------------------------------------------------------------------

static bool holes_fill(ri_page_t* page) {
  const holes_set_t before = holes_get(page);
  const size_t first = holes_blocks(page, holes_next(before, 0)).from;
  // The OS pages of the first block: as much as a step of a fresh page (RIX_EXTEND_BYTES), or a
  // block.
  const holes_span_t span = holes_span(page, first, 1);
  holes_set_t after = before;
  holes_drop(&after, span.from, span.to);
  if (!holes_charge(before, after)) return false;
  ri_block_t* const old = page->free;
  ri_block_t* filled = NULL;
  const size_t last = rix_min(holes_blocks(page, span.to - 1).to, page->capacity);
  for (size_t i = first; i < last; i++) {
    if (!holes_touch(page, before, i) || holes_touch(page, after, i)) continue;
    if (filled != NULL) {
      rix_link_set(filled, holes_block(page, i));
    } else {
      page->free = holes_block(page, i);
    }
    filled = holes_block(page, i);
    page->out--;
  }
  if (filled != NULL) rix_link_set(filled, old);
  holes_put(page, after);
  return true;
}

static bool holes_cut(ri_page_t* page) {
  const holes_span_t span = holes_span(page, page->capacity, rix_page_cut_count(page));
  const holes_set_t before = holes_get(page);
  holes_set_t after = before;
  holes_drop(&after, span.from, span.to);
  if (!holes_charge(before, after)) return false;
  rix_page_cut(page, false);
  holes_put(page, after);
  return true;
}

bool rix_holes_extend(ri_page_t* page) {
  if (!(page->out > 0 ? holes_fill(page) : holes_cut(page))) return false;
  page->passed = 0;
  page->rest = HOLES_REST;
  return true;
}

void rix_holes_forget(ri_page_t* page) {
  rix_limit_charge_anyway(rix_holes_bytes(page, rix_page_bytes(page)));
  holes_put(page, (holes_set_t){{0}});
  page->out = 0;
}

// ---- Invariants ---------------------------------------------------------------------------------

bool rix_holes_valid(const ri_page_t* page) {
  const holes_set_t set = holes_get(page);
  if (rix_holes_any(page) != (holes_count(set) > 0)) return false;
  if (!rix_holes_any(page)) return page->out == 0;
  if ((page->flags & RIX_PAGE_ZERO) != 0) return false;
  size_t out = 0;
  for (size_t k = holes_next(set, 0); k < HOLES_MAX; k = holes_next(set, k + 1)) {
    if ((k + 1) * rix_os_page_size() > rix_page_bytes(page)) return false;
    const holes_span_t blocks = holes_blocks(page, k);
    const size_t to = rix_min(blocks.to, page->reserved);
    if (blocks.from < page->capacity && to > page->capacity) return false;
  }
  for (size_t i = 0; i < page->capacity; i++)
    out += holes_touch(page, set, i);
  return out == page->out && rix_page_live(page) + out <= page->capacity;
}
