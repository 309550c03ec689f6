// SPDX-License-Identifier: MIT
// excess.c: see excess.h.
#include "page/excess.h"

#include "arena/due.h"
#include "options/options.h"
#include "page/density.h"

enum {
  EXCESS_PARTS = 4,      // expectations are kept in quarters of a unit:
  EXCESS_LESS = 4,       // so much lower with each page that does not go so far, else one higher
  EXCESS_MIN = 4 << 20,  // bytes of excess that any process may have,
  EXCESS_PART = 128      // and of what pages hold, one in N
};

_Static_assert(RIX_MEDIUM_SLICES* RIX_TOUCHED_SLICE <= UINT8_MAX, "excess of a page");

typedef ri_atomic(uint16_t) excess_word_t;

static struct {
  excess_word_t xexpected[RIX_CLASS_COUNT][2];  // of others, of first pages; 0: nothing is known
} excess;

// ---- What is expected ---------------------------------------------------------------------------

static size_t excess_units_of(const ri_page_t* page) {
  return rix_touched_units(page->capacity * rix_page_block_size(page));
}

// Unless it was learned, a thread's first page of a class is used for little, and others as a
// whole. Large blocks of which programs use a part: one block, and of that the beginning.
size_t rix_excess_expected(unsigned c, bool first, size_t slices) {
  const size_t block_size = rix_class_block_size(c);
  if (block_size > RIX_SMALL_BLOCK_MAX && rix_density_is_refuted(block_size))
    return rix_touched_units(1);
  const size_t least = rix_touched_units(rix_max((size_t)RIX_EXTEND_BYTES, block_size));
  const size_t parts = ri_load_relaxed(&excess.xexpected[c][first]);
  if (parts == 0) return first ? least : slices * RIX_TOUCHED_SLICE;
  return rix_max(least, (parts + EXCESS_PARTS / 2) / EXCESS_PARTS);
}

static void excess_learn(excess_word_t* word, size_t units) {
  const size_t before = ri_load_relaxed(word), now = units * EXCESS_PARTS;
  size_t next = before;
  if (before == 0) {
    next = now;
  } else if (now > before) {
    next++;
  } else if (now < before) {
    next -= rix_min((size_t)EXCESS_LESS, before - 1);
  }
  if (next != before) ri_store_relaxed(word, (uint16_t)next);
}

// ---- What there is ------------------------------------------------------------------------------

static size_t excess_max(void) {
  return EXCESS_MIN + rix_gauge_now(RIX_GAUGE_CLAIMED) / EXCESS_PART;
}

bool rix_excess_is_scarce(void) { return rix_gauge_now(RIX_GAUGE_EXCESS) > excess_max() / 2; }

static bool excess_is_allowed(size_t bytes) {
  return rix_gauge_now(RIX_GAUGE_EXCESS) + bytes <= excess_max();
}

// Whether options let parts of slices go back.
static bool excess_may_go(const rix_arena_t* a) {
  if (!rix_arena_lets_discard(a) || rix_due_delay() < 0) return false;
  if (rix_option(ri_option_purge_holes) == 0) return false;
  // The program wants larger pieces to go back.
  if (rix_option(ri_option_minimal_purge_size) > 0) return false;
  return rix_option(ri_option_thp) != RIX_THP_WHOLE;
}

void rix_excess_adapt(ri_page_t* page, size_t units) {
  rix_arena_t* const a = page->arena;
  if (a->dense) return;
  const size_t index = (size_t)(page - a->pages);
  size_t end = 0;
  const size_t behind = rix_touched_behind(a, index, page->slice_count, units, &end);
  if (behind == 0) return;
  const size_t bytes = behind * RIX_TOUCHED_UNIT;
  if (!excess_is_allowed(bytes) && excess_may_go(a)) {
    uint8_t* const from = page->start + units * RIX_TOUCHED_UNIT;
    if (rix_arena_discard(a, from, (end - units) * RIX_TOUCHED_UNIT)) {
      rix_touched_lower(a, index, page->slice_count, units);
      return;
    }
  }
  ri_store_relaxed(&page->xexcess, (uint8_t)behind);
  rix_gauge_up(RIX_GAUGE_EXCESS, bytes);
}

static void excess_forget(ri_page_t* page) {
  const size_t bytes = rix_excess_bytes(page);
  if (bytes == 0) return;
  ri_store_relaxed(&page->xexcess, 0);
  rix_gauge_down(RIX_GAUGE_EXCESS, bytes);
}

void rix_excess_returned(ri_page_t* page) {
  excess_forget(page);
  rix_arena_t* const a = page->arena;
  rix_touched_lower(a, (size_t)(page - a->pages), page->slice_count, excess_units_of(page));
}

void rix_excess_learn(ri_page_t* page) {
  excess_forget(page);
  rix_arena_t* const a = page->arena;
  const size_t units = excess_units_of(page);
  rix_touched_raise(a, (size_t)(page - a->pages), page->slice_count, units);
  const bool first = (page->flags & RIX_PAGE_BEGINS) != 0;
  if (units > 0) excess_learn(&excess.xexpected[page->class_index][first], units);
}
