// SPDX-License-Identifier: MIT
// huge.c: see huge.h.
#include "arena/huge.h"

#include "base/assert.h"
#include "options/options.h"

static struct {
  rix_counter_t xplain;  // units that do not ask
} huge_units;

size_t rix_huge_words(size_t slice_count) {
  return rix_bitmap_words(slice_count / RIX_UNIT_SLICES + 2);
}

// Slices [from, to) of the unit that slice `index` lies in; the first unit may begin before slice
// 0, and the last one end after the arena.
typedef struct huge_unit_s {
  size_t number, from, to;
} huge_unit_t;

static huge_unit_t huge_unit(const rix_arena_t* a, size_t index) {
  const size_t before = (uintptr_t)a->base / RIX_SLICE_SIZE % RIX_UNIT_SLICES;
  const size_t number = (before + index) / RIX_UNIT_SLICES;
  const size_t from = number * RIX_UNIT_SLICES;
  const size_t to = from + RIX_UNIT_SLICES - before;
  return (huge_unit_t){number, from > before ? from - before : 0, rix_min(to, rix_arena_slices(a))};
}

static void* huge_address(const rix_arena_t* a, huge_unit_t unit) {
  return rix_arena_address(a, unit.from);
}

static size_t huge_size(huge_unit_t unit) { return (unit.to - unit.from) * RIX_SLICE_SIZE; }

// To be called before a part of the unit that begins at `from` is returned.
static void huge_set_plain(rix_arena_t* a, huge_unit_t unit, void* from) {
  if (rix_bitmap_count_run(&a->plain, unit.number, 1) == 1) return;
  if (rix_counter_get(&huge_units.xplain) >= RIX_PLAIN_MAX) return;
  if (!rix_bitmap_set_run(&a->plain, unit.number, 1)) return;
  rix_counter_add(&huge_units.xplain, 1);
  rix_os_split_huge(from);
  rix_os_advise_plain(huge_address(a, unit), huge_size(unit));
}

static void huge_clear_plain(rix_arena_t* a, huge_unit_t unit) {
  if (rix_bitmap_clear_run(&a->plain, unit.number, 1) == 0) return;
  rix_counter_sub(&huge_units.xplain, 1);
  rix_os_advise_huge(huge_address(a, unit), huge_size(unit));
}

void rix_huge_before_purge(rix_arena_t* a, size_t index, size_t count) {
  const size_t end = index + count;
  const huge_unit_t first = huge_unit(a, index), last = huge_unit(a, end - 1);
  if (first.from < index || first.to > end) huge_set_plain(a, first, rix_arena_address(a, index));
  if (last.number != first.number && last.to > end) huge_set_plain(a, last, huge_address(a, last));
}

void rix_huge_before_discard(rix_arena_t* a, void* p, size_t size) {
  const size_t from = (size_t)((uint8_t*)p - a->base);
  const huge_unit_t first = huge_unit(a, from / RIX_SLICE_SIZE);
  const huge_unit_t last = huge_unit(a, (from + size - 1) / RIX_SLICE_SIZE);
  huge_set_plain(a, first, p);
  if (last.number != first.number) huge_set_plain(a, last, huge_address(a, last));
}

void rix_huge_after_purge(rix_arena_t* a, size_t index, size_t count) {
  for (size_t at = index; at < index + count;) {
    const huge_unit_t unit = huge_unit(a, at);
    if (unit.from >= index && unit.to <= index + count) huge_clear_plain(a, unit);
    at = unit.to;
  }
}

// Whether a page that lies in the unit, or may reach into it, has given OS pages back
// (page/holes.h).
static bool huge_has_holes(const rix_arena_t* a, huge_unit_t unit) {
  const size_t reach = rix_min(RIX_MEDIUM_SLICES - 1, unit.from);
  for (size_t i = unit.from - reach; i < unit.to; i++) {
    const ri_page_t* const page = &a->pages[i];
    if ((ri_load_relaxed(&page->xholes[0]) | ri_load_relaxed(&page->xholes[1])) != 0) return true;
  }
  return false;
}

void rix_huge_claimed(rix_arena_t* a, size_t index, size_t count) {
  if (rix_counter_get(&huge_units.xplain) == 0 || rix_option_os_forbidden()) return;
  for (size_t at = index; at < index + count;) {
    const huge_unit_t unit = huge_unit(a, at);
    if (rix_bitmap_count_run(&a->plain, unit.number, 1) == 1 &&
        rix_bitmap_count_run(&a->free, unit.from, unit.to - unit.from) == 0 &&
        !huge_has_holes(a, unit)) {
      huge_clear_plain(a, unit);
    }
    at = unit.to;
  }
}
