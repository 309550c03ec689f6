// SPDX-License-Identifier: MIT
// grow.c: an arena is mapped in parts. Its place is chosen for all of it, and its header describes
// all of it, but the slices after what is mapped belong to the OS: they are never free. Each part
// is as large as all before it, so that there are few. So a program that locks its memory
// (mlockall), or whose address space is limited after its start, has no more than twice what it
// uses; and to the OS an arena is still one mapping, since its parts are adjacent and of one kind.
//
// Addresses after an arena may be taken by others before it gets there. Then it stays as it is, and
// later arenas are mapped as a whole: whoever took these addresses will take more.
//
// CONCURRENCY: with rix_arena_lock held, except for rix_arena_grow. Slices of a new part are found
// in the `free` bitmap, like those that others release (B1, B2).
#include "arena/arena.h"
#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "arena/space.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

#define GROW_MIN ((size_t)1 << 20)
// A part this large is rare, and would be most of what has to be left to others: if the program has
// limited address space since its start, the first refusal could come too late.
#define GROW_ASKS ((size_t)4 << 20)

#define GROW_SPACE_KEPT ((size_t)16 << 20)

static ri_atomic(bool) grow_xblocked;  // others map where arenas would grow

size_t rix_arena_first_slices(size_t slices, size_t needed, bool dense) {
  const bool whole = RIX_OS_ADDRESS_BITS <= 32 || ri_load_relaxed(&grow_xblocked) ||
                     rix_pagemap_os_places() || rix_option(ri_option_arena_eager_commit) == 1 ||
                     rix_os_address_space_limit() != SIZE_MAX;
  if (whole) return slices;
  const size_t first = rix_max(rix_div_up(GROW_MIN, RIX_SLICE_SIZE), needed);
  return rix_min(rix_align_up(first, dense ? RIX_OS_HUGE_SIZE / RIX_SLICE_SIZE : 1), slices);
}

// Whether an arena of this many bytes may be reserved. Arenas are never returned, so where address
// space is limited they leave some for other uses: stacks of threads, files.
bool rix_arena_leaves_room(size_t bytes, bool asks) {
  const size_t limit = rix_os_address_space_limit();
  const size_t kept = limit != SIZE_MAX ? limit / 8 : rix_max(bytes, rix_arena_reserved());
  return rix_os_fits(bytes + rix_min(kept, GROW_SPACE_KEPT), asks);
}

// Maps `count` slices after the mapped ones; false when the OS refuses. *blocked: others are there.
static bool grow_by(rix_arena_t* a, size_t count, bool* blocked) {
  const size_t have = rix_arena_slices(a);
  const size_t size = count * RIX_SLICE_SIZE;
  uint8_t* const p = rix_arena_address(a, have);
  *blocked = false;
  if (!rix_arena_leaves_room(size, size >= GROW_ASKS)) return false;
  if (!rix_space_charge(size)) return false;
  const rix_os_access_t access = a->usable ? RIX_OS_USABLE : RIX_OS_RESERVED;
  if (!rix_pagemap_map_behind(p, size, access, blocked)) {
    rix_space_uncharge(size);
    return false;
  }
  if (a->node != RIX_NODE_ANY) rix_os_prefer_node(p, size, a->node - 1);
  if (a->dense) rix_os_advise_huge(p, size);
  if (a->usable) rix_bitmap_set_run(&a->committed, have, count);
  ri_store_relaxed(&a->xmapped, ri_load_relaxed(&a->xmapped) + size);
  rix_arena_counts(size);
  (void)rix_arena_free(a, have, count);
  return true;
}

// At least `needed` more slices, if the arena has that many.
static bool grow_arena(rix_arena_t* a, size_t needed) {
  const size_t have = rix_arena_slices(a);
  const size_t left = a->limit - have;
  if (left == 0) return false;
  const size_t unit = a->dense ? RIX_OS_HUGE_SIZE / RIX_SLICE_SIZE : 1;
  const size_t least = rix_min(rix_align_up(needed, unit), left);
  const size_t wanted = rix_max(have, rix_div_up(GROW_MIN, RIX_SLICE_SIZE));
  size_t count = rix_min(rix_align_up(rix_max(wanted, needed), unit), left);
  bool blocked;
  while (!grow_by(a, count, &blocked)) {
    if (blocked) {
      ri_store_relaxed(&grow_xblocked, true);
      a->limit = have;
      return false;
    }
    if (count == least) return false;
    count = rix_max(rix_align_up(count / 2, unit), least);
  }
  return true;
}

// The last mapped slice may belong to anybody when this begins.
bool rix_arena_grow(rix_arena_t* a, size_t end) {
  rix_lock(&rix_arena_lock);
  const size_t have = rix_arena_slices(a);
  const bool done = have >= end || (end <= a->limit && grow_arena(a, end - have));
  rix_unlock(&rix_arena_lock);
  return done;
}

bool rix_arena_grow_any(const rix_space_t* space, size_t needed, bool dense, int node) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xsubproc) != space->subproc || a->exclusive) continue;
    if (a->dense != dense || (node != RIX_NODE_ANY && a->node != node)) continue;
    if (grow_arena(a, needed)) return true;
  }
  return false;
}
