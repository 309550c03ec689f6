// SPDX-License-Identifier: MIT
// table.c: all arenas, and what one consists of.
//
// Labels: N1 release publishes a new arena, N2 acquire of the number of arenas sees it. (N3, N4:
// see arena.c.)
//
// CONCURRENCY: any thread; lock rix_arena_lock for entering arenas.
#include "arena/arena.h"
#include "arena/huge.h"
#include "base/events.h"

rix_lock_t rix_arena_lock = RIX_LOCK_OPEN(RIX_LEVEL_ARENA);
rix_lock_t rix_purge_lock = RIX_LOCK_OPEN(RIX_LEVEL_PURGE);

typedef ri_atomic(rix_arena_t*) table_slot_t;

static struct {
  table_slot_t xarenas[RIX_ARENAS_MAX];
  ri_atomic(size_t) xcount;
  rix_counter_t xreserved;
} arena_table;

const void* const rix_arena_slots = arena_table.xarenas;

size_t rix_arena_count(void) {
  return ri_load_acquire(&arena_table.xcount);  // N2: pairs with N1
}

rix_arena_t* rix_arena_at(size_t i) { return ri_load_relaxed(&arena_table.xarenas[i]); }

uint32_t rix_arena_serves(const void* p) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    // A thread that has the id got it from the maker of the arena, so it sees nothing older.
    if (a == p) return ri_load_relaxed(&a->xsubproc);
  }
  return RIX_SUBPROC_NONE;
}

size_t rix_arena_reserved(void) { return rix_counter_get(&arena_table.xreserved); }

// With the lock held: a place in the table.
bool rix_arena_has_room(void) { return ri_load_relaxed(&arena_table.xcount) < RIX_ARENAS_MAX; }

void rix_arena_counts(size_t reserved) {
  rix_counter_add(&arena_table.xreserved, reserved);
  if (reserved <= PTRDIFF_MAX) {
    rix_gauge_up(RIX_GAUGE_RESERVED, reserved);
  } else {
    rix_gauge_down(RIX_GAUGE_RESERVED, (size_t)0 - reserved);
  }
}

rix_arena_layout_t rix_arena_layout(size_t slice_count, size_t align) {
  rix_arena_layout_t l;
  const size_t map_bytes = rix_bitmap_words(slice_count) * sizeof(rix_word_t);
  l.words = rix_align_up(sizeof(rix_arena_t), RI_CACHE_LINE);
  const size_t more = rix_runs_words(slice_count) + rix_huge_words(slice_count);
  l.touched = l.words + 5 * map_bytes + more * sizeof(rix_word_t);
  l.pages = rix_align_up(l.touched + slice_count * sizeof(rix_touched_t), RI_CACHE_LINE);
  l.abandoned = l.pages + slice_count * sizeof(ri_page_t);
  l.tracks = rix_align_up(l.abandoned + RIX_CLASS_COUNT * map_bytes, rix_os_page_size());
  l.live = rix_align_up(l.tracks + slice_count * sizeof(rix_hard_t), RI_CACHE_LINE);
  const size_t words = RIX_SLICE_SIZE / 8 / RIX_WORD_BITS;
  l.bytes = rix_align_up(l.live + slice_count * words * sizeof(rix_live_t), align);
  return l;
}

void rix_arena_init(rix_arena_t* a, const rix_arena_memory_t* memory, bool committed) {
  uint8_t* const p = memory->tables;
  const size_t slice_count = memory->slices, mapped = memory->mapped;
  const rix_arena_layout_t l = rix_arena_layout(slice_count, rix_os_page_size());
  rix_word_t* const words = (rix_word_t*)(p + l.words);
  const size_t n = rix_bitmap_words(slice_count);
  const bool joined = memory->joined;
  a->base = memory->base;
  a->start = joined ? p : a->base;
  a->apart = joined ? 0 : l.tracks;
  a->slice_count = slice_count;
  a->map_size = (size_t)(a->base - (uint8_t*)a->start) + slice_count * RIX_SLICE_SIZE;
  a->limit = slice_count;
  a->usable = committed;
  ri_store_relaxed(&a->xmapped, a->map_size - (slice_count - mapped) * RIX_SLICE_SIZE);
  a->pages = (ri_page_t*)(p + l.pages);
  a->free = (rix_bitmap_t){words, slice_count};
  a->committed = (rix_bitmap_t){words + n, slice_count};
  a->dirty = (rix_bitmap_t){words + 2 * n, slice_count};
  a->purge = (rix_bitmap_t){words + 3 * n, slice_count};
  a->aged = (rix_bitmap_t){words + 4 * n, slice_count};
  a->plain = (rix_bitmap_t){words + 5 * n, rix_huge_words(slice_count) * RIX_WORD_BITS};
  rix_word_t* const lanes = a->plain.words + rix_huge_words(slice_count);
  a->runs = (rix_runs_t){rix_runs_words(slice_count) > 0 ? lanes : NULL, n};
  a->touched = (rix_touched_t*)(p + l.touched);
  a->abandoned = (rix_word_t*)(p + l.abandoned);
  ri_store_relaxed(&a->xlive, joined ? (rix_live_t*)(p + l.live) : NULL);
  if (committed) rix_bitmap_set_run(&a->committed, 0, mapped);
  (void)rix_arena_free(a, 0, mapped);
}

void rix_arena_enter(rix_arena_t* a, uint32_t subproc) {
  const size_t i = ri_load_relaxed(&arena_table.xcount);
  ri_store_relaxed(&a->xsubproc, subproc);
  ri_store_relaxed(&arena_table.xarenas[i], a);
  ri_store_release(&arena_table.xcount, i + 1);  // N1: pairs with N2
  rix_arena_counts(ri_load_relaxed(&a->xmapped) + a->apart);
  rix_gauge_up(RIX_GAUGE_ARENAS, 1);
}

bool rix_arena_free(rix_arena_t* a, size_t index, size_t count) {
  const bool was_claimed = rix_bitmap_set_run(&a->free, index, count);
  rix_runs_freed(&a->runs, &a->free, index, count);
  return was_claimed;
}

size_t rix_arena_mark_dirty(rix_arena_t* a, size_t index, size_t count) {
  const size_t dirty = rix_bitmap_count_run(&a->dirty, index, count);
  if (dirty == count) return dirty;
  rix_bitmap_set_run(&a->dirty, index, count);
  rix_gauge_up(RIX_GAUGE_COMMITTED, (count - dirty) * RIX_SLICE_SIZE);
  return dirty;
}
