// SPDX-License-Identifier: MIT
// mapping.c: mappings in use are only counted; freed ones wait in a small table.
#include "arena/mapping.h"

#include "arena/arena.h"
#include "arena/due.h"
#include "arena/limit.h"
#include "arena/pagemap.h"
#include "arena/space.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

enum { MAPPING_CACHE_SLOTS = 16, MAPPING_HOLES = 32 };

// Above this size the OS should refuse what it cannot provide.
#define MAPPING_PROMISED_MIN ((size_t)1 << 30)

typedef struct mapping_cached_s {
  void* start;  // NULL: empty slot
  size_t size;
  size_t room;
  uint64_t due;
} mapping_cached_t;

// Address space that was unmapped: the next mapping goes there, so that the page map stays dense.
typedef struct mapping_hole_s {
  uint8_t* start;
  size_t size;  // 0: empty
} mapping_hole_t;

rix_lock_t rix_mapping_lock = RIX_LOCK_OPEN(RIX_LEVEL_MAPPING);

static struct {
  mapping_cached_t cache[MAPPING_CACHE_SLOTS];  // lock rix_mapping_lock
  mapping_hole_t holes[MAPPING_HOLES];          // lock rix_mapping_lock
  rix_counter_t xcached, xcount, xreserved;
} mapping;

size_t rix_mapping_count(void) { return rix_counter_get(&mapping.xcount); }
size_t rix_mapping_reserved(void) { return rix_counter_get(&mapping.xreserved); }
size_t rix_mapping_cached(void) { return rix_counter_get(&mapping.xcached); }

// The smallest cached mapping that fits and wastes at most a quarter; out of the table.
static bool mapping_from_cache(size_t size, size_t align, rix_mapping_t* out) {
  if (rix_counter_get(&mapping.xcached) == 0) return false;
  mapping_cached_t* best = NULL;
  rix_lock(&rix_mapping_lock);
  for (size_t i = 0; i < MAPPING_CACHE_SLOTS; i++) {
    mapping_cached_t* const c = &mapping.cache[i];
    const bool fits = c->start != NULL && c->size >= size && c->size - size <= size / 4 &&
                      rix_is_aligned(c->start, align);
    if (fits && (best == NULL || c->size < best->size)) best = c;
  }
  if (best != NULL) {
    *out = (rix_mapping_t){best->start, best->size, best->room, false};
    best->start = NULL;
    rix_counter_sub(&mapping.xcached, best->size);
  }
  rix_unlock(&rix_mapping_lock);
  return best != NULL;
}

// Both accounts: of addresses and of memory.
static bool mapping_charge(size_t size) {
  if (!rix_space_charge(size)) return false;
  if (rix_limit_charge(size)) return true;
  rix_space_uncharge(size);
  return false;
}

static void mapping_uncharge(size_t size) {
  rix_limit_uncharge(size);
  rix_space_uncharge(size);
}

// ---- Holes --------------------------------------------------------------------------------------

// Notes an unmapped range, merged with a neighbour; replaces the smallest hole when all entries are
// taken.
static void mapping_note_hole(void* start, size_t size) {
  rix_lock(&rix_mapping_lock);
  mapping_hole_t hole = {start, rix_align_up(size, RIX_SLICE_SIZE)};
  mapping_hole_t* place = &mapping.holes[0];
  for (size_t i = 0; i < MAPPING_HOLES; i++) {
    mapping_hole_t* const h = &mapping.holes[i];
    if (h->size > 0 && (h->start + h->size == hole.start || hole.start + hole.size == h->start)) {
      hole.start = h->start < hole.start ? h->start : hole.start;
      hole.size += h->size;
      h->size = 0;
    }
    if (h->size < place->size) place = h;
  }
  if (place->size < hole.size) *place = hole;
  rix_unlock(&rix_mapping_lock);
}

// The start of a hole of at least `size`; NULL when there is none. The hole is used up.
static void* mapping_take_hole(size_t size) {
  const size_t length = rix_align_up(size, RIX_SLICE_SIZE);
  void* found = NULL;
  rix_lock(&rix_mapping_lock);
  for (size_t i = 0; i < MAPPING_HOLES && found == NULL; i++) {
    mapping_hole_t* const h = &mapping.holes[i];
    if (h->size < length) continue;
    found = h->start;
    h->start += length;
    h->size -= length;
  }
  rix_unlock(&rix_mapping_lock);
  return found;
}

static void mapping_unmap(rix_mapping_t m) {
  rix_annotate_open(m.start, m.size);  // whoever gets the addresses next knows nothing of it
  rix_gauge_down(RIX_GAUGE_COMMITTED, m.size);
  rix_gauge_down(RIX_GAUGE_RESERVED, m.size);
  if (rix_os_unmap(m.start, m.size)) {
    mapping_note_hole(m.start, m.room);
  } else {
    // The OS counts mappings, and this would split one: the memory goes back, the addresses do not.
    (void)rix_os_purge(m.start, m.size);
  }
  mapping_uncharge(m.size);
}

// ---- Mappings -----------------------------------------------------------------------------------

static bool mapping_fresh(size_t size, size_t align, size_t room, rix_mapping_t* out) {
  if (size > PTRDIFF_MAX || align > PTRDIFF_MAX || !mapping_charge(size)) return false;
  room = rix_align_up(rix_pagemap_is_short() ? size : rix_max(size, room), RIX_SLICE_SIZE);
  void* const hole = align == RIX_SLICE_SIZE ? mapping_take_hole(room) : NULL;
  const rix_os_access_t access = size >= MAPPING_PROMISED_MIN ? RIX_OS_PROMISED : RIX_OS_USABLE;
  void* const p = rix_pagemap_map(hole, size, align, room, access);
  if (p == NULL) {
    if (hole != NULL) mapping_note_hole(hole, room);
    mapping_uncharge(size);
    return false;
  }
  *out = (rix_mapping_t){p, size, room, true};
  rix_gauge_up(RIX_GAUGE_RESERVED, size);
  rix_gauge_up(RIX_GAUGE_COMMITTED, size);
  return true;
}

bool rix_mapping_claim(size_t size, size_t align, size_t room, bool shared, rix_mapping_t* out) {
  RI_ASSERT(rix_is_pow2(align) && align >= RIX_SLICE_SIZE);
  const size_t max = room > 0 ? RIX_MAPPINGS_MAX / 4 : RIX_MAPPINGS_MAX;
  if (rix_counter_get(&mapping.xcount) >= max) return false;
  if (rix_option_os_forbidden()) return false;
  if (room > 0 || !shared || !mapping_from_cache(size, align, out)) {
    if (!mapping_fresh(size, align, room, out)) return false;
  }
  rix_counter_add(&mapping.xcount, 1);
  rix_counter_add(&mapping.xreserved, out->size);
  rix_gauge_up(RIX_GAUGE_CLAIMED, out->size);
  return true;
}

// Puts a mapping into the table if there is room; false: the caller unmaps.
static bool mapping_to_cache(rix_mapping_t m, uint64_t due) {
  const size_t max = rix_option_bytes(ri_option_mapping_cache, 20);
  bool kept = false;
  rix_lock(&rix_mapping_lock);
  if (m.size <= max && rix_counter_get(&mapping.xcached) <= max - m.size) {
    for (size_t i = 0; i < MAPPING_CACHE_SLOTS && !kept; i++) {
      if (mapping.cache[i].start != NULL) continue;
      mapping.cache[i] = (mapping_cached_t){m.start, m.size, m.room, due};
      rix_counter_add(&mapping.xcached, m.size);
      kept = true;
    }
  }
  rix_unlock(&rix_mapping_lock);
  return kept;
}

void rix_mapping_release(void* start, size_t size, size_t room, bool shared) {
  const rix_mapping_t m = {start, size, rix_max(room, rix_align_up(size, RIX_SLICE_SIZE)), false};
  rix_counter_sub(&mapping.xcount, 1);
  rix_gauge_down(RIX_GAUGE_CLAIMED, size);
  rix_counter_sub(&mapping.xreserved, size);
  const int64_t delay = rix_limit_delay(rix_option(ri_option_purge_delay));
  const uint64_t due = delay < 0 ? UINT64_MAX : rix_os_clock_ms() + (uint64_t)delay;
  if (delay != 0 && shared && mapping_to_cache(m, due)) {
    if (delay > 0) rix_due_at(due);
    if (delay > 0) rix_due_watch(due - (uint64_t)delay);
  } else {
    mapping_unmap(m);
  }
}

static void mapping_resized(rix_gauge_t gauge, size_t old_size, size_t new_size) {
  if (new_size > old_size) {
    rix_gauge_up(gauge, new_size - old_size);
  } else {
    rix_gauge_down(gauge, old_size - new_size);
  }
}

bool rix_mapping_resize(void* start, size_t old_size, size_t new_size) {
  const size_t more = new_size > old_size ? new_size - old_size : 0;
  if (more > 0 && !mapping_charge(more)) return false;
  const bool covered = more == 0 || rix_pagemap_cover(start, new_size);
  if (!covered || !rix_os_resize(start, old_size, new_size)) {
    mapping_uncharge(more);
    return false;
  }
  if (new_size < old_size) mapping_uncharge(old_size - new_size);
  rix_counter_add(&mapping.xreserved, new_size - old_size);  // modular: may shrink
  mapping_resized(RIX_GAUGE_RESERVED, old_size, new_size);
  mapping_resized(RIX_GAUGE_COMMITTED, old_size, new_size);
  mapping_resized(RIX_GAUGE_CLAIMED, old_size, new_size);
  return true;
}

// Takes one mapping that is due out of the table; false when there is none.
static bool mapping_take_due(uint64_t now, bool force, rix_mapping_t* out) {
  bool found = false;
  rix_lock(&rix_mapping_lock);
  for (size_t i = 0; i < MAPPING_CACHE_SLOTS && !found; i++) {
    mapping_cached_t* const c = &mapping.cache[i];
    if (c->start == NULL) continue;
    if (!force && now < c->due) {
      if (c->due != UINT64_MAX) rix_due_at(c->due);
      continue;
    }
    *out = (rix_mapping_t){c->start, c->size, c->room, false};
    c->start = NULL;
    rix_counter_sub(&mapping.xcached, c->size);
    found = true;
  }
  rix_unlock(&rix_mapping_lock);
  return found;
}

bool rix_mapping_is_cached(const void* p, size_t size) {
  bool found = false;
  rix_lock(&rix_mapping_lock);
  for (size_t i = 0; i < MAPPING_CACHE_SLOTS && !found; i++) {
    const mapping_cached_t* const c = &mapping.cache[i];
    found = c->start != NULL && rix_ranges_meet(p, size, c->start, c->size);
  }
  rix_unlock(&rix_mapping_lock);
  return found;
}

void rix_mapping_purge(bool force) {
  if (rix_counter_get(&mapping.xcached) == 0) return;
  const uint64_t now = rix_os_clock_ms();
  rix_mapping_t m;
  while (mapping_take_due(now, force, &m))
    mapping_unmap(m);
}
