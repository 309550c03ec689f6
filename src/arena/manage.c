// SPDX-License-Identifier: MIT
// manage.c: arenas that a program asks for, memory that it gives, and the end of a sub-process's
// arenas.
//
// Descriptors lie at the start of an arena's memory. The header of an arena that the program gave
// lies elsewhere: threads that look for an arena may still read it when the program has its memory
// back. An arena is never taken out of the table; when its sub-process ends it serves nobody, and
// an arena of the OS waits for the next sub-process that reserves one.
#include "arena/arena.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "base/events.h"
#include "options/options.h"

static rix_meta_pool_t manage_headers = {sizeof(rix_arena_t), offsetof(rix_arena_t, pages), NULL};

bool rix_arena_os_forbidden(void) { return rix_option(ri_option_disallow_os_alloc) != 0; }

// ---- Reserving ----------------------------------------------------------------------------------

// Maps a new arena; NULL: no memory.
static rix_arena_t* manage_map(size_t slices, rix_arena_layout_t l, size_t align,
                               rix_arena_wish_t wish) {
  const size_t bytes = l.bytes + slices * RIX_SLICE_SIZE;
  const rix_os_access_t access = wish.commit ? RIX_OS_PROMISED : RIX_OS_RESERVED;
  uint8_t* const p =
      rix_arena_has_room() ? rix_pagemap_map(NULL, bytes, align, bytes, access) : NULL;
  const bool huge =
      p != NULL && wish.large && rix_os_map_huge(p + l.bytes, bytes - l.bytes, 21, wish.node - 1);
  const size_t first = wish.commit && wish.large && !huge ? bytes : l.bytes;
  if (p == NULL || !rix_os_commit(p, first)) {
    if (p != NULL) rix_os_unmap(p, bytes);
    return NULL;
  }
  rix_arena_t* const a = (rix_arena_t*)(void*)p;
  rix_arena_init(a, p, slices, l, wish.commit || huge);
  a->pinned = huge;
  if (wish.large && !huge) rix_os_advise_huge(a->base, slices * RIX_SLICE_SIZE);
  a->exclusive = wish.exclusive;
  rix_arena_enter(a, wish.subproc);
  return a;
}

// An arena of this shape whose sub-process is gone; NULL: there is none.
static rix_arena_t* manage_retired(size_t slices, rix_arena_layout_t l) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xsubproc) != RIX_SUBPROC_NONE || a->given || a->dense) continue;
    if (a->slice_count == slices && a->map_size == l.bytes + slices * RIX_SLICE_SIZE) return a;
  }
  return NULL;
}

// Lets a retired arena serve again; NULL: no memory, and it stays retired.
static rix_arena_t* manage_again(rix_arena_t* a, rix_arena_wish_t wish) {
  const size_t size = a->slice_count * RIX_SLICE_SIZE;
  if (wish.commit && rix_bitmap_count_run(&a->committed, 0, a->slice_count) < a->slice_count) {
    if (!rix_os_commit(a->base, size)) return NULL;
    rix_bitmap_set_run(&a->committed, 0, a->slice_count);
  }
  a->exclusive = wish.exclusive;
  ri_store_release(&a->xsubproc, wish.subproc);  // N3: pairs with N4
  return a;
}

rix_arena_t* rix_arena_reserve(size_t size, rix_arena_wish_t wish) {
  if (size == 0 || size > PTRDIFF_MAX / 2) return NULL;
  const size_t align = wish.large ? RIX_OS_HUGE_SIZE : RIX_SLICE_SIZE;
  const size_t slices = rix_align_up(size, align) / RIX_SLICE_SIZE;
  const rix_arena_layout_t l = rix_arena_layout(slices, align);
  rix_lock(&rix_arena_lock);
  rix_arena_t* const retired = manage_retired(slices, l);
  rix_arena_t* const a =
      retired != NULL ? manage_again(retired, wish) : manage_map(slices, l, align, wish);
  rix_unlock(&rix_arena_lock);
  return a;
}

#define MANAGE_GIB ((size_t)1 << 30)

// Maps up to `pages` huge pages from `p` on; returns how many.
static size_t manage_map_huge(uint8_t* p, size_t pages, size_t timeout, int node) {
  const uint64_t start = rix_os_clock_ms();
  size_t got = 0;
  while (got < pages && (timeout == 0 || rix_os_clock_ms() - start <= timeout)) {
    if (!rix_os_map_huge(p + got * MANAGE_GIB, MANAGE_GIB, 30, node - 1)) break;
    got++;
  }
  return got;
}

rix_arena_t* rix_arena_reserve_huge(size_t pages, size_t timeout, rix_arena_wish_t wish,
                                    size_t* got) {
  *got = 0;
  if (pages == 0 || pages > PTRDIFF_MAX / MANAGE_GIB / 4) return NULL;
  const size_t room = pages * MANAGE_GIB;
  rix_lock(&rix_arena_lock);
  uint8_t* const p =
      rix_arena_has_room() ? rix_pagemap_map(NULL, room, MANAGE_GIB, room, RIX_OS_RESERVED) : NULL;
  const size_t n = p != NULL ? manage_map_huge(p, pages, timeout, wish.node) : 0;
  if (p != NULL && n < pages) rix_os_unmap(p + n * MANAGE_GIB, room - n * MANAGE_GIB);
  if (n == 0) {
    rix_unlock(&rix_arena_lock);
    return NULL;
  }
  rix_arena_t* const a = (rix_arena_t*)(void*)p;
  size_t slices = n * MANAGE_GIB / RIX_SLICE_SIZE;
  slices -= rix_arena_layout(slices, RIX_SLICE_SIZE).bytes / RIX_SLICE_SIZE;
  rix_arena_init(a, p, slices, rix_arena_layout(slices, RIX_SLICE_SIZE), true);
  a->pinned = true;
  a->node = wish.node;
  a->exclusive = wish.exclusive;
  rix_arena_enter(a, wish.subproc);
  rix_unlock(&rix_arena_lock);
  *got = n;
  return a;
}

// ---- Memory of the program ----------------------------------------------------------------------

// The most slices that fit with their descriptors into `room` bytes.
static size_t manage_fit(size_t room) {
  size_t slices = room / RIX_SLICE_SIZE;
  while (slices > 0) {
    const size_t needed = rix_arena_layout(slices, RIX_SLICE_SIZE).bytes + slices * RIX_SLICE_SIZE;
    if (needed <= room) return slices;
    slices -= rix_min(slices, rix_div_up(needed - room, RIX_SLICE_SIZE));
  }
  return 0;
}

// Makes the start of the memory accessible and zero.
static bool manage_prepare(const rix_given_t* given, uint8_t* start, size_t size) {
  bool zero = given->zero;
  if (!given->committed) {
    if (given->commit == NULL) {
      if (!rix_os_commit(start, size)) return false;
    } else if (!given->commit(true, start, size, &zero, given->commit_arg)) {
      return false;
    }
  }
  if (!zero) __builtin_memset(start, 0, size);
  return true;
}

// The header of an arena whose sub-process gave its memory back, or a fresh one.
static rix_arena_t* manage_header(bool* fresh) {
  *fresh = false;
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (a->given && ri_load_relaxed(&a->xsubproc) == RIX_SUBPROC_NONE) return a;
  }
  *fresh = true;
  return rix_arena_has_room() ? rix_meta_take(&manage_headers) : NULL;
}

// With the lock held; the memory is prepared.
static rix_arena_t* manage_enter(const rix_given_t* given, uint8_t* start, size_t slices,
                                 rix_arena_layout_t layout, uint32_t subproc) {
  bool fresh;
  rix_arena_t* const a = manage_header(&fresh);
  if (a == NULL) return NULL;
  rix_arena_init(a, start, slices, layout, given->committed);
  const bool told_later = !given->committed && given->commit != NULL;
  if (!given->zero && !told_later) rix_arena_mark_dirty(a, 0, slices);
  a->given = true;
  a->dense = false;
  a->pinned = given->pinned;
  a->exclusive = given->exclusive;
  a->node = given->node;
  a->commit = given->commit;
  a->commit_arg = given->commit_arg;
  ri_store_relaxed(&a->xhint, 0);
  ri_store_relaxed(&a->xpurge_due, 0);
  if (fresh) {
    rix_arena_enter(a, subproc);
  } else {
    rix_arena_counts(a->map_size);
    ri_store_release(&a->xsubproc, subproc);  // N3: pairs with N4
  }
  return a;
}

rix_arena_t* rix_arena_manage(rix_given_t given, uint32_t subproc) {
  uint8_t* start = (uint8_t*)rix_align_up((uintptr_t)given.start, RIX_SLICE_SIZE);
  const size_t lost = (size_t)(start - (uint8_t*)given.start);
  size_t size = lost < given.size ? rix_align_down(given.size - lost, RIX_SLICE_SIZE) : 0;
  const size_t table = rix_pagemap_table_needed(size);
  if (table >= size || manage_fit(size - table) == 0) return NULL;
  if (table > 0) {  // without the OS the page map has to lie here too
    if (!manage_prepare(&given, start, table)) return NULL;
    rix_pagemap_use_table(start, table, start, size);
    start += table;
    size -= table;
  }
  if (!rix_pagemap_cover(start, size)) return NULL;
  const size_t slices = manage_fit(size);
  const rix_arena_layout_t l = rix_arena_layout(slices, RIX_SLICE_SIZE);
  if (!manage_prepare(&given, start, l.bytes)) return NULL;
  rix_lock(&rix_arena_lock);
  rix_arena_t* const a = manage_enter(&given, start, slices, l, subproc);
  rix_unlock(&rix_arena_lock);
  return a;
}

// ---- The end ------------------------------------------------------------------------------------

void rix_arena_retire(uint32_t subproc) {
  rix_lock(&rix_purge_lock);  // nobody gives memory of these arenas back meanwhile
  rix_lock(&rix_arena_lock);
  for (size_t i = 0; i < rix_arena_count(); i++) {
    rix_arena_t* const a = rix_arena_at(i);
    if (ri_load_relaxed(&a->xsubproc) != subproc) continue;
    if (a->given) {
      rix_arena_counts((size_t)0 - a->map_size);
      const size_t dirty = rix_bitmap_count_run(&a->dirty, 0, a->slice_count);
      rix_gauge_down(RIX_GAUGE_COMMITTED, dirty * RIX_SLICE_SIZE);
      a->slice_count = 0;  // the bitmaps are the program's memory again
      rix_annotate_open(a->start, a->map_size);
    } else {
      rix_purge_arena_all(a);
      a->exclusive = false;
    }
    // Of an arena that serves nobody only who holds the arena lock looks at anything else.
    ri_store_relaxed(&a->xsubproc, RIX_SUBPROC_NONE);
  }
  rix_unlock(&rix_arena_lock);
  rix_unlock(&rix_purge_lock);
}
