// SPDX-License-Identifier: MIT
// arena.c: reserving arenas, claiming and releasing slices.
//
// Labels: N1 release publishes a new arena, N2 acquire of the number of arenas sees it; N3 release
// publishes what an arena that served another sub-process is now, N4 acquire of whom it serves. Who
// walks over the arenas looks at N4 before all but a header's atomic fields: an arena that serves
// nobody, or another sub-process that may just be ending, is none of its business.
#include "arena/arena.h"

#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

#define ARENA_SIZE_MIN ((size_t)1 << 20)
#define ARENA_SPACE_KEPT ((size_t)16 << 20)
#define ARENA_HUGE_MIN ((size_t)16 << 20)  // dense arenas from here on lie at huge-page boundaries
#define ARENA_SIZE_MAX ((size_t)1 << (RIX_OS_ADDRESS_BITS > 32 ? 34 : 28))

rix_lock_t rix_arena_lock = RIX_LOCK_OPEN(RIX_LEVEL_ARENA);

typedef ri_atomic(rix_arena_t*) arena_slot_t;

static struct {
  arena_slot_t xarenas[RIX_ARENAS_MAX];
  ri_atomic(size_t) xcount;
  rix_counter_t xreserved;
} arena;

size_t rix_arena_count(void) {
  return ri_load_acquire(&arena.xcount);  // N2: pairs with N1
}

rix_arena_t* rix_arena_at(size_t i) { return ri_load_relaxed(&arena.xarenas[i]); }

size_t rix_arena_reserved(void) { return rix_counter_get(&arena.xreserved); }

// ---- Reserving ----------------------------------------------------------------------------------

// With the lock held: a place in the table.
bool rix_arena_has_room(void) { return ri_load_relaxed(&arena.xcount) < RIX_ARENAS_MAX; }

void rix_arena_counts(size_t reserved) {
  rix_counter_add(&arena.xreserved, reserved);
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
  l.pages = rix_align_up(l.words + 5 * map_bytes, RI_CACHE_LINE);
  l.abandoned = l.pages + slice_count * sizeof(ri_page_t);
  l.live = rix_align_up(l.abandoned + RIX_CLASS_COUNT * map_bytes, rix_os_page_size());
  l.bytes = rix_align_up(l.live + slice_count * (RIX_SLICE_SIZE / 8 / 8), align);
  return l;
}

void rix_arena_init(rix_arena_t* a, void* start, size_t slice_count, rix_arena_layout_t l,
                    bool committed) {
  uint8_t* const p = start;
  rix_word_t* const words = (rix_word_t*)(p + l.words);
  const size_t n = rix_bitmap_words(slice_count);
  a->start = start;
  a->base = p + l.bytes;
  a->slice_count = slice_count;
  a->map_size = l.bytes + slice_count * RIX_SLICE_SIZE;
  a->pages = (ri_page_t*)(p + l.pages);
  a->free = (rix_bitmap_t){words, slice_count};
  a->committed = (rix_bitmap_t){words + n, slice_count};
  a->dirty = (rix_bitmap_t){words + 2 * n, slice_count};
  a->purge = (rix_bitmap_t){words + 3 * n, slice_count};
  a->aged = (rix_bitmap_t){words + 4 * n, slice_count};
  a->abandoned = (rix_word_t*)(p + l.abandoned);
  a->live = (rix_word_t*)(p + l.live);
  if (committed) rix_bitmap_set_run(&a->committed, 0, slice_count);
  rix_bitmap_set_run(&a->free, 0, slice_count);
}

void rix_arena_enter(rix_arena_t* a, uint32_t subproc) {
  const size_t i = ri_load_relaxed(&arena.xcount);
  ri_store_relaxed(&a->xsubproc, subproc);
  ri_store_relaxed(&arena.xarenas[i], a);
  ri_store_release(&arena.xcount, i + 1);  // N1: pairs with N2
  rix_arena_counts(a->map_size);
  rix_gauge_up(RIX_GAUGE_ARENAS, 1);
}

// Whether an arena is made usable as a whole when it is reserved.
static bool arena_commits_whole(void) {
  const long eager = rix_option(ri_option_arena_eager_commit);
  return eager == 1 || (eager == 2 && !rix_os_strict_commit());
}

// Maps and enters an arena of `slice_count` slices; false when the OS refuses.
static bool arena_reserve_exactly(const rix_space_t* space, size_t slice_count, size_t align,
                                  bool dense, int node) {
  const rix_arena_layout_t l = rix_arena_layout(slice_count, align);
  const size_t size = l.bytes + slice_count * RIX_SLICE_SIZE;
  const bool whole = arena_commits_whole();
  const rix_os_access_t access = whole ? RIX_OS_USABLE : RIX_OS_RESERVED;
  void* const p = rix_pagemap_map(NULL, size, align, size, access);
  if (p == NULL) return false;
  if (!whole && !rix_os_commit(p, l.bytes)) {
    rix_os_unmap(p, size);
    return false;
  }
  rix_arena_t* const a = p;
  a->node = node;
  if (node != RIX_NODE_ANY) rix_os_prefer_node(p, size, node - 1);
  rix_arena_init(a, p, slice_count, l, whole);
  a->dense = dense;
  if (dense) rix_os_advise_huge(a->base, slice_count * RIX_SLICE_SIZE);
  rix_arena_enter(a, space->subproc);
  return true;
}

// Lets an arena whose sub-process is gone serve another; false when there is none that fits.
static bool arena_reuse(const rix_space_t* space, size_t slice_count, bool dense, int node) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xsubproc) != RIX_SUBPROC_NONE || a->given) continue;
    if (a->dense != dense || a->slice_count < slice_count || a->exclusive) continue;
    if (node != RIX_NODE_ANY && a->node != node) continue;
    ri_store_release(&a->xsubproc, space->subproc);  // N3: pairs with N4
    return true;
  }
  return false;
}

// How many bytes the next arena should have: as much as all before, within bounds.
static size_t arena_next_size(const rix_space_t* space, size_t needed) {
  size_t size = rix_option_bytes(ri_option_arena_reserve, 10);
  const size_t limit = rix_os_address_space_limit();
  if (limit != SIZE_MAX) size = rix_min(size, limit / 16);
  if (space->subproc == 0) size = rix_max(size, rix_arena_reserved());
  size = rix_min(rix_max(size, ARENA_SIZE_MIN), ARENA_SIZE_MAX);
  return rix_max(size, needed);
}

// What arenas may still take. They are never given back, so where address space is limited they
// leave some for others: stacks of threads, files.
static size_t arena_address_space(void) {
  const size_t left = rix_os_address_space_left();
  if (left == SIZE_MAX) return left;
  const size_t kept = rix_min(rix_os_address_space_limit() / 8, ARENA_SPACE_KEPT);
  return left > kept ? left - kept : 0;
}

// With the lock held: reserves an arena that holds `count` slices at the alignment, smaller than
// wished when the OS refuses.
static bool arena_reserve(const rix_space_t* space, size_t count, size_t align, bool dense,
                          int node) {
  RI_ASSERT(space->only == NULL);
  const size_t needed = count * RIX_SLICE_SIZE + (align > RIX_SLICE_SIZE ? align : 0);
  if (arena_reuse(space, rix_div_up(needed, RIX_SLICE_SIZE), dense, node)) return true;
  if (!rix_arena_has_room()) return false;
  const size_t left = arena_address_space();
  for (size_t size = arena_next_size(space, needed);; size /= 2) {
    // Huge pages come only to whole ones: the slices of a dense arena begin and end at them.
    const size_t unit = dense && size >= ARENA_HUGE_MIN ? RIX_OS_HUGE_SIZE : RIX_SLICE_SIZE;
    const size_t slices = rix_align_up(rix_max(size, needed), unit) / RIX_SLICE_SIZE;
    const size_t bytes = slices * RIX_SLICE_SIZE + rix_arena_layout(slices, unit).bytes;
    const bool allowed = rix_mapping_within_limit(bytes) && bytes <= left;
    if (allowed && arena_reserve_exactly(space, slices, unit, dense, node)) return true;
    if (size <= needed || size <= ARENA_SIZE_MIN) return false;
  }
}

// ---- Claiming -----------------------------------------------------------------------------------

bool rix_arena_mark_dirty(rix_arena_t* a, size_t index, size_t count) {
  const size_t dirty = rix_bitmap_count_run(&a->dirty, index, count);
  if (dirty == count) return false;
  rix_bitmap_set_run(&a->dirty, index, count);
  rix_gauge_up(RIX_GAUGE_COMMITTED, (count - dirty) * RIX_SLICE_SIZE);
  return dirty == 0;
}

static bool arena_commit(rix_arena_t* a, size_t index, size_t count) {
  void* const p = rix_arena_address(a, index);
  const size_t size = count * RIX_SLICE_SIZE;
  if (a->commit == NULL) return rix_os_commit(p, size);
  bool zero = false;
  rix_annotate_open(p, size);  // the program's function may write there
  if (!a->commit(true, p, size, &zero, a->commit_arg)) return false;
  if (!zero) rix_arena_mark_dirty(a, index, count);
  return true;
}

// Makes claimed slices usable; on failure they are free again.
static bool arena_prepare(rix_arena_t* a, size_t index, size_t count, bool* zero) {
  rix_bitmap_clear_run(&a->purge, index, count);
  rix_bitmap_clear_run(&a->aged, index, count);
  if (rix_bitmap_count_run(&a->committed, index, count) < count) {
    if (!arena_commit(a, index, count)) {
      rix_bitmap_set_run(&a->free, index, count);
      rix_event(RIX_EVENT_ROLLBACK);
      return false;
    }
    rix_bitmap_set_run(&a->committed, index, count);
  }
  *zero = rix_arena_mark_dirty(a, index, count);
  return true;
}

// Claims a run of slices in [from, to).
static bool arena_claim_from(rix_arena_t* a, size_t from, size_t to, size_t count, size_t align,
                             size_t* index) {
  const size_t align_slices = align / RIX_SLICE_SIZE;
  size_t phase = 0;
  if (align_slices > 1) {
    const size_t first = (uintptr_t)a->base / RIX_SLICE_SIZE;
    phase = (0 - first) & (align_slices - 1);
  }
  const rix_bitmap_t part = {a->free.words, to};
  while (rix_bitmap_find_run(&part, from, count, align_slices, phase, &from)) {
    if (rix_bitmap_claim_run(&a->free, from, count)) {
      *index = from;
      return true;
    }
    // Another thread was faster: look again from the same place.
  }
  return false;
}

// *refused is set when there was a run, and the OS did not make it usable.
static bool arena_claim_in(rix_arena_t* a, size_t count, size_t align, rix_slices_t* out,
                           bool* refused) {
  const size_t hint = ri_load_relaxed(&a->xhint);
  const size_t all = a->slice_count;
  size_t index;
  if (!arena_claim_from(a, hint, all, count, align, &index)) {
    // What begins below the hint.
    const size_t end = hint + rix_min(count - 1, all - hint);
    if (hint == 0 || !arena_claim_from(a, 0, end, count, align, &index)) return false;
  } else if (count == 1 && index > hint) {
    size_t expected = hint;  // a release of a lower slice in between keeps its lower hint
    (void)ri_cas_weak_relaxed(&a->xhint, &expected, index);
  }
  bool zero;
  if (!arena_prepare(a, index, count, &zero)) {
    if (a->commit == NULL) *refused = true;
    return false;
  }
  *out = (rix_slices_t){a, index, zero};
  return true;
}

// Claims a run in the first arena that has one and serves the space: of the dense or of the other
// ones, or of memory that the program gave, on the node if that is not RIX_NODE_ANY.
static bool arena_claim_any(const rix_space_t* space, size_t count, size_t align, bool dense,
                            int node, rix_slices_t* out, bool* refused) {
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_acquire(&a->xsubproc) != space->subproc) continue;  // N4: pairs with N3
    if (a->exclusive || (a->dense != dense && !a->given)) continue;
    if (node != RIX_NODE_ANY && a->node != node) continue;
    if (arena_claim_in(a, count, align, out, refused)) return true;
  }
  return false;
}

static bool arena_claim_or_reserve(const rix_space_t* space, size_t count, size_t align, bool dense,
                                   int node, rix_slices_t* out) {
  bool refused = false;
  if (arena_claim_any(space, count, align, dense, node, out, &refused)) return true;
  if (rix_arena_os_forbidden()) return false;
  rix_lock(&rix_arena_lock);
  // Another thread may have reserved an arena while this one waited. Where the OS refuses to make
  // a part of one usable, another would only take addresses, and memory for its metadata.
  refused = false;
  bool done = arena_claim_any(space, count, align, dense, node, out, &refused);
  while (!done && !refused && arena_reserve(space, count, align, dense, node))
    done = arena_claim_any(space, count, align, dense, node, out, &refused);
  rix_unlock(&rix_arena_lock);
  return done;
}

size_t rix_arena_in_use(void) {
  const size_t claimed = rix_gauge_now(RIX_GAUGE_CLAIMED);
  return claimed - rix_min(rix_mapping_reserved(), claimed);
}

// The NUMA node that memory for the space should lie on: the heap's, or that of the thread.
static int arena_node_of(const rix_space_t* space) {
  const int node = ri_load_relaxed(&space->xnode);
  const bool local = node == RIX_NODE_ANY && rix_option(ri_option_arena_is_numa_local) != 0;
  return RIX_UNLIKELY(local && !rix_arena_os_forbidden()) ? rix_os_node() + 1 : node;
}

static bool arena_claim(const rix_space_t* space, size_t count, size_t align, bool dense,
                        rix_slices_t* out) {
  bool refused;  // another arena may have some that need not be made usable first
  if (RIX_UNLIKELY(space->only != NULL))
    return arena_claim_in(space->only, count, align, out, &refused);
  const int node = arena_node_of(space);
  return arena_claim_or_reserve(space, count, align, dense, node, out) ||
         arena_claim_any(space, count, align, !dense, RIX_NODE_ANY, out, &refused) ||
         (node != RIX_NODE_ANY &&
          arena_claim_any(space, count, align, dense, RIX_NODE_ANY, out, &refused));
}

bool rix_arena_claim(const rix_space_t* space, size_t count, size_t align, bool dense,
                     rix_slices_t* out) {
  RI_ASSERT(count > 0 && rix_is_pow2(align) && align >= RIX_SLICE_SIZE);
  long thp = rix_option(ri_option_allow_large_os_pages) != 0 ? 2 : rix_option(ri_option_thp);
  if (rix_option(ri_option_allow_thp) == 0) thp = 0;
  // Where address space is short, all arenas are of one kind: two would each keep some unused.
  dense = thp == 2 || (thp == 1 && dense && !rix_pagemap_is_short());
  const bool done = arena_claim(space, count, align, dense, out);
  if (done) rix_gauge_up(RIX_GAUGE_CLAIMED, count * RIX_SLICE_SIZE);
  return done;
}

bool rix_arena_extend(rix_arena_t* a, size_t index, size_t count, size_t extra, bool* zero) {
  const size_t next = index + count;
  if (extra > a->slice_count - next) return false;
  if (rix_bitmap_count_run(&a->free, next, extra) < extra) return false;
  if (!rix_bitmap_claim_run(&a->free, next, extra)) return false;
  if (!arena_prepare(a, next, extra, zero)) return false;
  rix_gauge_up(RIX_GAUGE_CLAIMED, extra * RIX_SLICE_SIZE);
  return true;
}

void rix_arena_release(rix_arena_t* a, size_t index, size_t count) {
  const bool was_claimed = rix_bitmap_set_run(&a->free, index, count);
  RI_ASSERT(was_claimed);
  RIX_UNUSED(was_claimed);
  rix_gauge_down(RIX_GAUGE_CLAIMED, count * RIX_SLICE_SIZE);
  rix_purge_schedule(a, index, count);
  size_t hint = ri_load_relaxed(&a->xhint);
  while (index < hint && !ri_cas_weak_relaxed(&a->xhint, &hint, index)) {}
  if (rix_purge_is_due()) rix_arena_purge(false);
}
