// SPDX-License-Identifier: MIT
// arena.c: reserving arenas, claiming and releasing slices.
//
// Labels: N3 release publishes what an arena that served another sub-process is now, N4 acquire of
// whom it serves. A walk over the arenas looks at N4 before anything but a header's atomic fields:
// it must leave alone an arena that serves nobody, or that serves another sub-process, which may be
// ending.
#include "arena/arena.h"

#include "arena/due.h"
#include "arena/huge.h"
#include "arena/limit.h"
#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "arena/space.h"
#include "arena/touched.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

#define ARENA_SIZE_MIN ((size_t)1 << 20)
#define ARENA_HUGE_MIN ((size_t)16 << 20)  // dense arenas from here on lie at huge-page boundaries
#define ARENA_NEAR ((size_t)4 * RIX_WORD_BITS)  // slices above the hint that are looked at
#define ARENA_SIZE_MAX ((size_t)1 << (RIX_OS_ADDRESS_BITS > 32 ? 34 : 28))

// ---- Reserving ----------------------------------------------------------------------------------

// Whether an arena is made usable as a whole when it is reserved.
static bool arena_commits_whole(void) {
  const long eager = rix_option(ri_option_arena_eager_commit);
  return eager == 1 || (eager == 2 && !rix_os_strict_commit());
}

// Memory for tables, apart from all else: at a random address, or where the OS chooses them,
// between two OS pages that nobody may access.
static bool arena_map_tables(size_t bytes, rix_arena_memory_t* out) {
  const uintptr_t place = rix_pagemap_place_apart(bytes);
  out->guard = 0;
  if (place != 0) {
    out->tables = rix_os_map((void*)place, bytes, RIX_OS_USABLE);
    if ((uintptr_t)out->tables == place) return true;
    if (out->tables != NULL) rix_os_unmap(out->tables, bytes);
  }
  out->guard = rix_os_page_size();
  uint8_t* const p = rix_os_map(NULL, bytes + 2 * out->guard, RIX_OS_RESERVED);
  if (p == NULL) return false;
  out->tables = p + out->guard;
  if (rix_os_enable(out->tables, bytes)) return true;
  rix_os_unmap(p, bytes + 2 * out->guard);
  return false;
}

// Without what only checked pages need.
static size_t arena_table_bytes(size_t slices) {
  return rix_arena_layout(slices, rix_os_page_size()).tracks;
}

bool rix_arena_make_tracks(rix_arena_t* a) {
  const rix_arena_layout_t l = rix_arena_layout(a->slice_count, rix_os_page_size());
  const size_t bytes = l.bytes - l.tracks;
  rix_arena_memory_t memory;
  if (!rix_space_charge(bytes)) return false;
  if (!arena_map_tables(bytes, &memory)) {
    rix_space_uncharge(bytes);
    return false;
  }
  ri_store_relaxed(&a->xlive, (rix_live_t*)(void*)(memory.tables + (l.live - l.tracks)));
  return true;
}

// Who sees the tables without the lock reads through their address, from memory that was zero.
bool rix_arena_track(rix_arena_t* a) {
  if (RIX_LIKELY(ri_load_relaxed(&a->xlive) != NULL)) return true;
  if (rix_option_os_forbidden()) return false;
  rix_lock(&rix_arena_lock);
  const bool done = ri_load_relaxed(&a->xlive) != NULL || rix_arena_make_tracks(a);
  rix_unlock(&rix_arena_lock);
  return done;
}

void rix_arena_track_all(void) {
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++)
    (void)rix_arena_track(rix_arena_at(i));
}

bool rix_arena_map(size_t slices, size_t mapped, size_t align, rix_os_access_t access,
                   rix_arena_memory_t* out) {
  const size_t room = slices * RIX_SLICE_SIZE;
  const size_t tables = arena_table_bytes(slices), size = mapped * RIX_SLICE_SIZE;
  if (!rix_space_charge(tables + size)) return false;
  *out = (rix_arena_memory_t){NULL, NULL, 0, slices, mapped, false};
  out->base = rix_pagemap_map(NULL, size, align, room, access);
  if (out->base != NULL && arena_map_tables(tables, out)) return true;
  if (out->base != NULL) rix_pagemap_unmap(out->base, size, room);
  rix_space_uncharge(tables + size);
  return false;
}

void rix_arena_unmap(const rix_arena_memory_t* m) {
  const size_t tables = arena_table_bytes(m->slices), size = m->mapped * RIX_SLICE_SIZE;
  rix_pagemap_unmap(m->base, size, m->slices * RIX_SLICE_SIZE);
  rix_os_unmap(m->tables - m->guard, tables + 2 * m->guard);
  rix_space_uncharge(tables + size);
}

// Maps and enters an arena of `slice_count` slices, of which `needed` will be used now; false when
// the OS refuses.
static bool arena_reserve_exactly(const rix_space_t* space, size_t slice_count, size_t needed,
                                  size_t align, bool dense, int node) {
  const size_t first = rix_arena_first_slices(slice_count, needed, dense);
  const bool whole = arena_commits_whole();
  const rix_os_access_t access = whole ? RIX_OS_USABLE : RIX_OS_RESERVED;
  rix_arena_memory_t memory;
  if (!rix_arena_map(slice_count, first, align, access, &memory)) return false;
  if (first < slice_count && rix_pagemap_os_places()) {
    // Where the OS chooses, each mapping lies directly below the last: there is no room to grow
    // into.
    rix_arena_unmap(&memory);
    if (!rix_arena_map(slice_count, slice_count, align, access, &memory)) return false;
  }
  rix_arena_t* const a = (rix_arena_t*)(void*)memory.tables;
  const size_t size = memory.mapped * RIX_SLICE_SIZE;
  a->node = node;
  if (node != RIX_NODE_ANY) rix_os_prefer_node(memory.base, size, node - 1);
  rix_arena_init(a, &memory, whole);
  a->dense = dense;
  if (dense) rix_os_advise_huge(a->base, size);
  // Now, while the program lets the OS be asked. If it refuses, the first page will ask again.
  const bool hardens = ri_load_relaxed(&rix_sealed.hardens) != 0;
  if (hardens || rix_option(ri_option_check) > 0) (void)rix_arena_make_tracks(a);
  rix_arena_enter(a, space->subproc);
  return true;
}

// Lets an arena whose sub-process is gone serve another; false when there is none that fits.
static bool arena_reuse(const rix_space_t* space, size_t slice_count, bool dense, int node) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xsubproc) != RIX_SUBPROC_NONE || a->external) continue;
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

// Bytes in which `count` slices find a place at the alignment.
static size_t arena_needed(size_t count, size_t align) {
  return count * RIX_SLICE_SIZE + (align > RIX_SLICE_SIZE ? align : 0);
}

// With the lock held: reserves an arena that holds `count` slices at the alignment, smaller than
// wanted when the OS refuses.
static bool arena_reserve(const rix_space_t* space, size_t count, size_t align, bool dense,
                          int node) {
  RI_ASSERT(space->only == NULL);
  const size_t needed = arena_needed(count, align);
  if (rix_arena_grow_any(space, rix_div_up(needed, RIX_SLICE_SIZE), dense, node)) return true;
  if (arena_reuse(space, rix_div_up(needed, RIX_SLICE_SIZE), dense, node)) return true;
  if (!rix_arena_has_room()) return false;
  for (size_t size = arena_next_size(space, needed);; size /= 2) {
    // Huge pages come only to whole ones: the slices of a dense arena begin and end at them.
    const size_t unit = dense && size >= ARENA_HUGE_MIN ? RIX_OS_HUGE_SIZE : RIX_SLICE_SIZE;
    const size_t slices = rix_align_up(rix_max(size, needed), unit) / RIX_SLICE_SIZE;
    const size_t bytes = slices * RIX_SLICE_SIZE + arena_table_bytes(slices);
    const size_t least = rix_div_up(needed, RIX_SLICE_SIZE);
    const bool fits = rix_arena_leaves_room(bytes, false);
    if (fits && arena_reserve_exactly(space, slices, least, unit, dense, node)) return true;
    if (size <= needed || size <= ARENA_SIZE_MIN) return false;
  }
}

// ---- Claiming -----------------------------------------------------------------------------------

static bool arena_commit(rix_arena_t* a, size_t index, size_t count) {
  void* const p = rix_arena_address(a, index);
  const size_t size = count * RIX_SLICE_SIZE;
  if (a->commit == 0) return rix_os_commit(p, size);
  bool zero = false;
  rix_annotate_open(p, size);  // the program's function may write there
  if (!rix_arena_commit_fun(a)(true, p, size, &zero, a->commit_arg)) return false;
  if (!zero) rix_arena_mark_dirty(a, index, count);
  return true;
}

// Makes claimed slices usable; on failure they are free again. *dirty: those that may be resident.
static bool arena_prepare(rix_arena_t* a, size_t index, size_t count, size_t* dirty) {
  const size_t clean = count - rix_bitmap_count_run(&a->dirty, index, count);
  if (!rix_limit_charge(clean * RIX_SLICE_SIZE)) {
    (void)rix_arena_free(a, index, count);  // those that are due stay so
    return false;
  }
  rix_bitmap_clear_run(&a->purge, index, count);
  rix_bitmap_clear_run(&a->aged, index, count);
  if (rix_bitmap_count_run(&a->committed, index, count) < count) {
    if (!arena_commit(a, index, count)) {
      rix_limit_uncharge(clean * RIX_SLICE_SIZE);
      (void)rix_arena_free(a, index, count);
      rix_event(RIX_EVENT_ROLLBACK);
      return false;
    }
    rix_bitmap_set_run(&a->committed, index, count);
  }
  *dirty = rix_arena_mark_dirty(a, index, count);
  if (a->dense) rix_huge_claimed(a, index, count);
  return true;
}

// What is claimed, and where.
typedef struct arena_want_s {
  size_t count, align;  // slices, bytes
  bool dense;
  bool thorough;  // look at all slices, instead of where runs seem to be
  int node;       // NUMA node + 1, or RIX_NODE_ANY
  size_t units;   // that will be used, from the first on (touched.h); 0: not known
} arena_want_t;

// The index modulo `slices` that slices aligned to that many have.
static size_t arena_phase(const rix_arena_t* a, size_t slices) {
  return (0 - (uintptr_t)a->base / RIX_SLICE_SIZE) & (slices - 1);
}

// Claims a run of slices in [from, to).
static bool arena_claim_from(rix_arena_t* a, size_t from, size_t to, arena_want_t want,
                             size_t* index) {
  const size_t align = want.align / RIX_SLICE_SIZE;
  const size_t phase = arena_phase(a, align);
  const rix_bitmap_t part = {a->free.words, to};
  while (rix_bitmap_find_run(&part, from, want.count, align, phase, &from)) {
    if (rix_bitmap_claim_run(&a->free, from, want.count)) {
      *index = from;
      return true;
    }
    // Another thread was faster: look again from the same place.
  }
  return false;
}

// Claims one of the known runs.
static bool arena_claim_known(rix_arena_t* a, arena_want_t want, size_t* index) {
  const size_t align = want.align / RIX_SLICE_SIZE;
  const size_t phase = arena_phase(a, align);
  while (rix_runs_find(&a->runs, &a->free, want.count, align, phase, index)) {
    if (rix_bitmap_claim_run(&a->free, *index, want.count)) return true;
  }
  return false;
}

// The hint was `from` when a claim began, and nothing below `to` is free.
static void arena_raise_hint(rix_arena_t* a, size_t from, size_t to) {
  size_t expected = from;  // a release of a lower slice in between keeps its lower hint
  if (to > from) (void)ri_cas_weak_relaxed(&a->xhint, &expected, to);
}

// Claims one of the first runs that are free, of which about as much is resident as will be used.
static bool arena_claim_fit(rix_arena_t* a, size_t hint, arena_want_t want, size_t* index) {
  RI_ASSERT(want.align == RIX_SLICE_SIZE);
  size_t first;
  if (!rix_touched_choose(a, hint, want.count, want.units, &first, index)) return false;
  if (!rix_bitmap_claim_run(&a->free, *index, want.count)) return false;
  if (want.count == 1) arena_raise_hint(a, hint, first);
  return true;
}

static bool arena_claim_somewhere(rix_arena_t* a, arena_want_t want, size_t* index) {
  const size_t hint = ri_load_relaxed(&a->xhint);
  if (want.units > 0 && !a->dense && arena_claim_fit(a, hint, want, index)) return true;
  const size_t all = a->slice_count;
  const bool one = want.count == 1 && want.align == RIX_SLICE_SIZE;
  const bool known = a->runs.lanes != NULL && !want.thorough;
  bool raises = one;
  if (known && !one) return arena_claim_known(a, want, index);
  const size_t near = known ? rix_min(all, hint + ARENA_NEAR) : all;
  if (!arena_claim_from(a, hint, near, want, index)) {
    if (known) {
      if (!arena_claim_known(a, want, index)) return false;
    } else {
      // What begins below the hint.
      const size_t end = hint + rix_min(want.count - 1, all - hint);
      raises = false;
      if (hint == 0 || !arena_claim_from(a, 0, end, want, index)) return false;
    }
  }
  if (raises) arena_raise_hint(a, hint, *index);
  return true;
}

// *refused is set when there was a run, and the OS did not make it usable.
static bool arena_claim_in(rix_arena_t* a, arena_want_t want, rix_slices_t* out, bool* refused) {
  const size_t count = want.count;
  size_t index;
  if (!arena_claim_somewhere(a, want, &index)) return false;
  // The rest of the run begins in another word: it was known by the word before.
  if (count > 1 || want.align > RIX_SLICE_SIZE || (index + 1) % RIX_WORD_BITS == 0) {
    rix_runs_claimed(&a->runs, &a->free, index, count);
  }
  size_t dirty;
  if (!arena_prepare(a, index, count, &dirty)) {
    if (a->commit == 0 || rix_limit_refuses(count * RIX_SLICE_SIZE)) *refused = true;
    return false;
  }
  *out = (rix_slices_t){a, index, dirty == 0, dirty == count};
  return true;
}

// Claims a run in the first arena that has one and serves the space: of the dense or of the other
// ones, or of memory that the program gave, on the node if that is not RIX_NODE_ANY.
static bool arena_claim_any(const rix_space_t* space, arena_want_t want, rix_slices_t* out,
                            bool* refused) {
  const size_t n = rix_arena_count();
  for (size_t i = 0; i < n; i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_acquire(&a->xsubproc) != space->subproc) continue;  // N4: pairs with N3
    if (a->exclusive || (a->dense != want.dense && !a->external)) continue;
    if (want.node != RIX_NODE_ANY && a->node != want.node) continue;
    if (arena_claim_in(a, want, out, refused)) return true;
  }
  return false;
}

static bool arena_claim_or_reserve(const rix_space_t* space, arena_want_t want, rix_slices_t* out) {
  bool refused = false;
  if (arena_claim_any(space, want, out, &refused)) return true;
  want.thorough = true;
  if (rix_option_os_forbidden()) return arena_claim_any(space, want, out, &refused);
  rix_lock(&rix_arena_lock);
  // Another thread may have reserved an arena while this one waited. Where the OS refuses to make
  // a part of one usable, another would only take addresses, and memory for its metadata.
  refused = false;
  bool done = arena_claim_any(space, want, out, &refused);
  while (!done && !refused && arena_reserve(space, want.count, want.align, want.dense, want.node))
    done = arena_claim_any(space, want, out, &refused);
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
  return RIX_UNLIKELY(local && !rix_option_os_forbidden()) ? rix_os_node() + 1 : node;
}

// The same with memory that exists, or that arenas of the kind can grow by: none is reserved.
static bool arena_claim_or_grow(const rix_space_t* space, arena_want_t want, rix_slices_t* out) {
  bool refused = false;
  if (arena_claim_any(space, want, out, &refused)) return true;
  if (rix_option_os_forbidden()) return false;
  const size_t needed = arena_needed(want.count, want.align) / RIX_SLICE_SIZE;
  rix_lock(&rix_arena_lock);
  refused = false;
  bool done = arena_claim_any(space, want, out, &refused);
  while (!done && !refused && rix_arena_grow_any(space, needed, want.dense, want.node))
    done = arena_claim_any(space, want, out, &refused);
  rix_unlock(&rix_arena_lock);
  return done;
}

static bool arena_claim(const rix_space_t* space, arena_want_t want, rix_slices_t* out) {
  bool refused;  // another arena may have memory that need not be made usable first
  if (RIX_UNLIKELY(space->only != NULL)) {
    if (arena_claim_in(space->only, want, out, &refused)) return true;
    want.thorough = true;
    return arena_claim_in(space->only, want, out, &refused);
  }
  want.node = arena_node_of(space);
  if (arena_claim_or_reserve(space, want, out)) return true;
  const int node = want.node;
  want.thorough = true;
  want.node = RIX_NODE_ANY;
  want.dense = !want.dense;
  if (arena_claim_or_grow(space, want, out)) return true;
  want.dense = !want.dense;
  return node != RIX_NODE_ANY && arena_claim_or_grow(space, want, out);
}

static bool arena_claim_counted(const rix_space_t* space, arena_want_t want, rix_slices_t* out) {
  RI_ASSERT(want.count > 0 && rix_is_pow2(want.align) && want.align >= RIX_SLICE_SIZE);
  const long thp = rix_option(ri_option_thp);
  // Where address space is short, all arenas are of one kind: with two kinds, each would keep some
  // unused. And near a limit a huge page could be more than what is left.
  const bool may = !rix_pagemap_is_short() && rix_limit_level() == 0;
  want.dense = thp >= RIX_THP_ALL || (thp == RIX_THP_DENSE && want.dense && may);
  const bool done = arena_claim(space, want, out);
  if (done) rix_gauge_up(RIX_GAUGE_CLAIMED, want.count * RIX_SLICE_SIZE);
  return done;
}

bool rix_arena_claim(const rix_space_t* space, size_t count, size_t align, bool dense,
                     rix_slices_t* out) {
  const arena_want_t want = {count, align, dense, false, RIX_NODE_ANY, 0};
  return arena_claim_counted(space, want, out);
}

bool rix_arena_claim_fitting(const rix_space_t* space, size_t count, size_t units, bool dense,
                             rix_slices_t* out) {
  const arena_want_t want = {count, RIX_SLICE_SIZE, dense, false, RIX_NODE_ANY, units};
  return arena_claim_counted(space, want, out);
}

bool rix_arena_extend(rix_arena_t* a, size_t index, size_t count, size_t extra, bool* zero) {
  const size_t next = index + count;
  if (extra > a->slice_count - next) return false;
  // Nothing after what is in use is mapped in vain.
  const size_t have = rix_arena_slices(a);
  const size_t here = have > next ? rix_min(extra, have - next) : 0;
  if (rix_bitmap_count_run(&a->free, next, here) < here) return false;
  if (here < extra && (rix_option_os_forbidden() || !rix_arena_grow(a, next + extra))) return false;
  if (rix_bitmap_count_run(&a->free, next, extra) < extra) return false;
  if (!rix_bitmap_claim_run(&a->free, next, extra)) return false;
  rix_runs_claimed(&a->runs, &a->free, next, extra);
  size_t dirty;
  if (!arena_prepare(a, next, extra, &dirty)) return false;
  *zero = dirty == 0;
  rix_gauge_up(RIX_GAUGE_CLAIMED, extra * RIX_SLICE_SIZE);
  return true;
}

void rix_arena_release(rix_arena_t* a, size_t index, size_t count) {
  const bool was_claimed = rix_arena_free(a, index, count);
  RI_ASSERT(was_claimed);
  RIX_UNUSED(was_claimed);
  rix_gauge_down(RIX_GAUGE_CLAIMED, count * RIX_SLICE_SIZE);
  ri_store_relaxed(&a->xfreed, 1);
  rix_due_mark(a, index, count);
  ri_lower_relaxed(&a->xhint, index);
}
