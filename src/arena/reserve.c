// SPDX-License-Identifier: MIT
// reserve.c: arenas that a program asks for, memory that it gives, and the end of a sub-process's
// arenas.
//
// The tables of an arena of huge pages, or of the program's memory, lie at its start. The header of
// an arena that the program provided lies elsewhere: threads that look for an arena may still read
// it when the program has its memory back. An arena is never taken out of the table; when its
// sub-process ends it serves nobody, and an arena from the OS waits for the next sub-process that
// reserves one.
#include "arena/arena.h"
#include "arena/limit.h"
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "arena/space.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

static rix_meta_pool_t reserve_headers = {sizeof(rix_arena_t), offsetof(rix_arena_t, pages), NULL};

// ---- Reserving ----------------------------------------------------------------------------------

// Maps a new arena; NULL: no memory.
static rix_arena_t* reserve_map(size_t slices, size_t align, rix_arena_request_t request) {
  const size_t size = slices * RIX_SLICE_SIZE;
  const rix_os_access_t access = request.commit ? RIX_OS_PROMISED : RIX_OS_RESERVED;
  rix_arena_memory_t memory;
  if (!rix_arena_has_room()) return NULL;
  if (!rix_arena_map(slices, slices, align, access, &memory)) return NULL;
  const bool huge = request.large && rix_os_map_huge(memory.base, size, 21, request.node - 1);
  // Where there are no huge pages, what was mapped is only reserved.
  if (request.commit && request.large && !huge && !rix_os_commit(memory.base, size)) {
    rix_arena_unmap(&memory);
    return NULL;
  }
  rix_arena_t* const a = (rix_arena_t*)(void*)memory.tables;
  rix_arena_init(a, &memory, request.commit || huge);
  a->pinned = huge;
  if (request.large && !huge) rix_os_advise_huge(a->base, size);
  a->exclusive = request.exclusive;
  // Whoever reserves memory may let no more come from the OS, and make a hardened heap.
  (void)rix_arena_make_tracks(a);
  rix_arena_enter(a, request.subproc);
  return a;
}

// With the lock held: whether the arena serves nobody, since its sub-process has ended.
static bool reserve_is_retired(const rix_arena_t* a) {
  return ri_load_relaxed(&a->xsubproc) == RIX_SUBPROC_NONE;
}

// An arena of this shape whose sub-process is gone; NULL: there is none.
static rix_arena_t* reserve_retired(size_t slices, size_t align) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (!reserve_is_retired(a) || a->external || a->dense) continue;
    if (((uintptr_t)a->base & (align - 1)) != 0) continue;
    if (a->slice_count == slices && ri_load_relaxed(&a->xmapped) == a->map_size) return a;
  }
  return NULL;
}

// Lets a retired arena serve again; NULL: no memory, and it stays retired.
static rix_arena_t* reserve_again(rix_arena_t* a, rix_arena_request_t request) {
  const size_t size = a->slice_count * RIX_SLICE_SIZE;
  if (request.commit && rix_bitmap_count_run(&a->committed, 0, a->slice_count) < a->slice_count) {
    if (!rix_os_commit(a->base, size)) return NULL;
    rix_bitmap_set_run(&a->committed, 0, a->slice_count);
  }
  a->exclusive = request.exclusive;
  ri_store_release(&a->xsubproc, request.subproc);  // N3: pairs with N4
  return a;
}

rix_arena_t* rix_arena_reserve(size_t size, rix_arena_request_t request) {
  if (size == 0 || size > PTRDIFF_MAX / 2) return NULL;
  const size_t align = request.large ? RIX_OS_HUGE_SIZE : RIX_SLICE_SIZE;
  const size_t slices = rix_align_up(size, align) / RIX_SLICE_SIZE;
  rix_lock(&rix_arena_lock);
  rix_arena_t* const retired = reserve_retired(slices, align);
  rix_arena_t* const a =
      retired != NULL ? reserve_again(retired, request) : reserve_map(slices, align, request);
  rix_unlock(&rix_arena_lock);
  return a;
}

#define RESERVE_GIB ((size_t)1 << 30)

// Maps up to `pages` huge pages from `p` on; returns how many.
static size_t reserve_map_huge(uint8_t* p, size_t pages, size_t timeout, int node) {
  const uint64_t start = rix_os_clock_ms();
  size_t got = 0;
  while (got < pages && (timeout == 0 || rix_os_clock_ms() - start <= timeout)) {
    if (!rix_os_map_huge(p + got * RESERVE_GIB, RESERVE_GIB, 30, node - 1)) break;
    got++;
  }
  return got;
}

static bool reserve_fits(size_t slices, size_t room) {
  return rix_arena_layout(slices, RIX_SLICE_SIZE).bytes + slices * RIX_SLICE_SIZE <= room;
}

// The most slices that fit with their descriptors into `room` bytes.
static size_t reserve_fit(size_t room) {
  size_t slices = room / RIX_SLICE_SIZE;
  const size_t tables = rix_arena_layout(slices, RIX_SLICE_SIZE).bytes / RIX_SLICE_SIZE;
  slices -= rix_min(slices, tables);  // at most so many too few: those that remain need less
  while (slices > 0 && !reserve_fits(slices, room))
    slices--;
  while (slices > 0 && reserve_fits(slices + 1, room))
    slices++;
  return slices;
}

rix_arena_t* rix_arena_reserve_huge(size_t pages, size_t timeout, rix_arena_request_t request,
                                    size_t* got) {
  *got = 0;
  if (pages == 0 || pages > PTRDIFF_MAX / RESERVE_GIB / 4) return NULL;
  const size_t room = pages * RESERVE_GIB;
  rix_lock(&rix_arena_lock);
  const bool may = rix_arena_has_room() && rix_space_charge(room);
  uint8_t* const p = may ? rix_pagemap_map(NULL, room, RESERVE_GIB, room, RIX_OS_RESERVED) : NULL;
  const size_t n = p != NULL ? reserve_map_huge(p, pages, timeout, request.node) : 0;
  if (p != NULL && n < pages) rix_os_unmap(p + n * RESERVE_GIB, room - n * RESERVE_GIB);
  if (may) rix_space_uncharge(room - n * RESERVE_GIB);
  if (n == 0) {
    rix_unlock(&rix_arena_lock);
    return NULL;
  }
  rix_arena_t* const a = (rix_arena_t*)(void*)p;
  const size_t slices = reserve_fit(n * RESERVE_GIB);
  const size_t before = rix_arena_layout(slices, RIX_SLICE_SIZE).bytes;
  const rix_arena_memory_t memory = {p, p + before, 0, slices, slices, true};
  rix_arena_init(a, &memory, true);
  a->pinned = true;
  a->node = request.node;
  a->exclusive = request.exclusive;
  rix_arena_enter(a, request.subproc);
  rix_unlock(&rix_arena_lock);
  *got = n;
  return a;
}

// ---- Memory of the program ----------------------------------------------------------------------
//
// Memory of the program may be of any kind: shared, from a file, in the data section. It is written
// to, which is what it is for. Unused parts of it are returned only where the OS says that they are
// private and anonymous: otherwise others would notice, or it would not be zero afterwards; so all
// else counts as pinned. And since the program may get it back, with the properties that it asked
// the OS for (a node, whether a forked child has it), none of its pages are moved elsewhere, mapped
// anew or protected (rix_arena_can_change, purge.c).

enum { MANAGE_AT_ONCE = 16 };

// Memory that is becoming an arena. Lock rix_arena_lock.
static struct {
  const void* start;
  size_t size;          // 0: none
  rix_arena_t* header;  // reserved for this one
} reserve_begun[MANAGE_AT_ONCE];

// With the lock held: whether some of the range already belongs to the allocator.
static bool reserve_is_taken(const void* start, size_t size) {
  for (size_t i = 0; i < MANAGE_AT_ONCE; i++) {
    if (rix_ranges_meet(start, size, reserve_begun[i].start, reserve_begun[i].size)) return true;
  }
  for (size_t i = 0; i < rix_arena_count(); i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    const bool back = a->external && reserve_is_retired(a);
    if (!back && rix_ranges_meet(start, size, a->start, ri_load_relaxed(&a->xmapped))) return true;
  }
  return rix_pagemap_is_used(start, size) || rix_mapping_is_cached(start, size);
}

static bool reserve_is_begun(const rix_arena_t* header) {
  for (size_t i = 0; i < MANAGE_AT_ONCE; i++) {
    if (reserve_begun[i].size > 0 && reserve_begun[i].header == header) return true;
  }
  return false;
}

// The header of an arena whose sub-process returned its memory, or a fresh one; NULL: none.
static rix_arena_t* reserve_header(bool* fresh) {
  *fresh = false;
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (a->external && reserve_is_retired(a) && !reserve_is_begun(a)) return a;
  }
  *fresh = true;
  return rix_arena_has_room() ? rix_meta_take(&reserve_headers) : NULL;
}

// Notes the range and a header for it; NULL: there is none, or the range is *taken.
static rix_arena_t* reserve_begin(const void* start, size_t size, bool* fresh, bool* taken) {
  rix_arena_t* header = NULL;
  rix_lock(&rix_arena_lock);
  *taken = reserve_is_taken(start, size);
  size_t i = 0;
  while (i < MANAGE_AT_ONCE && reserve_begun[i].size > 0)
    i++;
  if (!*taken && i < MANAGE_AT_ONCE) header = reserve_header(fresh);
  if (header != NULL) {
    reserve_begun[i].start = start;
    reserve_begun[i].size = size;
    reserve_begun[i].header = header;
  }
  rix_unlock(&rix_arena_lock);
  return header;
}

// With the lock held.
static void reserve_is_over(const rix_arena_t* header) {
  for (size_t i = 0; i < MANAGE_AT_ONCE; i++) {
    if (reserve_begun[i].header == header) reserve_begun[i].size = 0;
  }
}

// What other threads of the parent had begun is dropped. The locks are held.
void rix_arena_reserve_after_fork(void) {
  for (size_t i = 0; i < MANAGE_AT_ONCE; i++)
    reserve_begun[i].size = 0;
}

// Makes the start of the memory accessible and zero.
static bool reserve_prepare(const rix_external_memory_t* memory, uint8_t* start, size_t size) {
  bool zero = memory->zero;
  if (!memory->committed) {
    if (memory->commit == NULL) {
      if (!rix_os_commit(start, size)) return false;
    } else if (!memory->commit(true, start, size, &zero, memory->commit_arg)) {
      return false;
    }
  }
  if (!zero) __builtin_memset(start, 0, size);
  return true;
}

// Whether parts may be returned while they are not used.
static bool reserve_is_pinned(const rix_external_memory_t* memory, uint8_t* start, size_t size) {
  if (memory->pinned || memory->commit != NULL) return memory->pinned;
  return rix_option_os_forbidden() || !rix_os_is_private(start, size);
}

// What is used of the memory.
typedef struct reserve_room_s {
  uint8_t* start;
  size_t size;
  size_t table;   // bytes before the arena, for the page map
  size_t slices;  // of the arena
  rix_arena_layout_t layout;
} reserve_room_t;

// False: too little.
static bool reserve_measure(const rix_external_memory_t* memory, reserve_room_t* room) {
  uint8_t* const first = memory->start;
  room->start = (uint8_t*)rix_align_up((uintptr_t)first, RIX_SLICE_SIZE);
  const size_t lost = (size_t)(room->start - first);
  room->size = lost < memory->size ? rix_align_down(memory->size - lost, RIX_SLICE_SIZE) : 0;
  room->table = rix_pagemap_table_needed(room->size);  // without the OS it has to lie here too
  if (room->table >= room->size) return false;
  room->slices = reserve_fit(room->size - room->table);
  room->layout = rix_arena_layout(room->slices, RIX_SLICE_SIZE);
  return room->slices > 0;
}

// Makes the memory ready to become an arena; false: it cannot be one. *pinned: no part of it may be
// returned.
static bool reserve_ready(const rix_external_memory_t* memory, const reserve_room_t* room,
                          bool* pinned) {
  uint8_t* const start = room->start + room->table;
  const size_t size = room->size - room->table;
  if (room->table == 0 && !rix_pagemap_cover(start, size)) return false;
  *pinned = reserve_is_pinned(memory, room->start, room->size);
  if (!reserve_prepare(memory, room->start, room->table + room->layout.bytes)) return false;
  // Another thread may have provided a table first.
  return room->table == 0 || rix_pagemap_use_table(room->start, room->table, start, size) ||
         rix_pagemap_cover(start, size);
}

// With the lock held; the memory is ready. False: there are too many arenas.
static bool reserve_enter(rix_arena_t* a, bool fresh, const rix_external_memory_t* memory,
                          const reserve_room_t* room, bool pinned, uint32_t subproc) {
  if (fresh && !rix_arena_has_room()) return false;
  uint8_t* const tables = room->start + room->table;
  const rix_arena_memory_t parts = {
      tables, tables + room->layout.bytes, 0, room->slices, room->slices, true};
  rix_arena_init(a, &parts, memory->committed);
  const bool reported_later = !memory->committed && memory->commit != NULL;
  if (!memory->zero && !reported_later) {
    rix_limit_charge_anyway(room->slices * RIX_SLICE_SIZE);
    rix_arena_mark_dirty(a, 0, room->slices);
  }
  a->external = true;
  a->dense = false;
  a->pinned = pinned;
  a->exclusive = memory->exclusive;
  a->node = memory->node;
  a->commit = rix_arena_hide(memory->commit);
  a->commit_arg = memory->commit_arg;
  ri_store_relaxed(&a->xhint, 0);
  ri_store_relaxed(&a->xpurge_due, 0);
  if (fresh) {
    rix_arena_enter(a, subproc);
  } else {
    rix_arena_counts(a->map_size);
    ri_store_release(&a->xsubproc, subproc);  // N3: pairs with N4
  }
  return true;
}

rix_arena_t* rix_arena_manage(rix_external_memory_t memory, uint32_t subproc, bool* taken) {
  reserve_room_t room;
  bool fresh = false, pinned = false;
  *taken = false;
  if (!reserve_measure(&memory, &room)) return NULL;
  rix_arena_t* const a = reserve_begin(room.start, room.size, &fresh, taken);
  if (a == NULL) return NULL;
  const bool ready = reserve_ready(&memory, &room, &pinned);
  rix_lock(&rix_arena_lock);
  const bool done = ready && reserve_enter(a, fresh, &memory, &room, pinned, subproc);
  reserve_is_over(a);
  rix_unlock(&rix_arena_lock);
  if (!done && fresh) rix_meta_give(&reserve_headers, a);
  return done ? a : NULL;
}

// ---- The end ------------------------------------------------------------------------------------

void rix_arena_retire(uint32_t subproc) {
  rix_lock(&rix_purge_lock);  // nobody returns memory of these arenas meanwhile
  rix_lock(&rix_arena_lock);
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xsubproc) != subproc) continue;
    if (a->external) {
      rix_arena_counts((size_t)0 - a->map_size);
      const size_t dirty = rix_bitmap_count_run(&a->dirty, 0, a->slice_count);
      rix_gauge_down(RIX_GAUGE_COMMITTED, dirty * RIX_SLICE_SIZE);
      rix_limit_uncharge(dirty * RIX_SLICE_SIZE);
      a->slice_count = 0;  // the bitmaps are the program's memory again
      ri_store_relaxed(&a->xmapped, 0);
      rix_annotate_open(a->start, a->map_size);
    } else {
      rix_purge_arena_all(a);
      a->exclusive = false;
    }
    // Anything else of an arena that serves nobody is looked at under the arena lock only.
    ri_store_relaxed(&a->xsubproc, RIX_SUBPROC_NONE);
  }
  rix_unlock(&rix_arena_lock);
  rix_unlock(&rix_purge_lock);
}
