// SPDX-License-Identifier: MIT
// pagemap.c: the window, its growth, and the placement of mappings inside it.
//
// Labels: P1 release of the number of entries publishes base and table; P2 acquire in a look-up of
// an address that may not be ours, so that nothing else orders it after the first mapping. P3
// release of the window's end publishes its base; P4 acquire where it is begun again. P5 release of
// the number of moves after one publishes the table; P6 acquire before entries are written. P7
// exchange of the last entry that is written, and of each entry that is moved: of two such, the
// later sees what came before the earlier (rix_pagemap_set). P8 release publishes the copy.
//
// THE TABLE GROWS in three ways. (1) At its end, to about twice its size: all of it can be written.
// (2) Far, because addresses near its start were taken by others: what lies between can only be
// read, so that the OS neither accounts for it nor locks it, and as much of the rest can be written
// as is needed: pieces. (3) The addresses after the table are taken: it moves to where all of it
// has room, with the same pieces. The old table stays as it is for threads that looked at its
// address before; it has all that such a thread may ask for. A thread that looks up a block by the
// inline code of fast.h, and got the block before the move, reads the new table's address and then
// the entry through it: no CPU swaps these.
#include "arena/pagemap.h"

#include "arena/arena.h"
#include "base/assert.h"
#include "options/options.h"

// Mappings are placed upwards from a random address, for 47 bits in [4 TiB, 20 TiB), far from what
// the OS and the loader use; on small address spaces the OS decides.
#define PAGEMAP_PLACE_MIN (pagemap_address_end() >> 5)
#define PAGEMAP_PLACE_RANGE (pagemap_address_end() >> 3)
#define PAGEMAP_STEP_MIN ((size_t)64 * 1024)  // bytes of table made usable at first
#define PAGEMAP_FAR_MIN ((size_t)1 << 20)     // bytes: smallest amount made usable at a time
#define PAGEMAP_TRIES 64                      // places tried before the OS chooses
#define PAGEMAP_TRIES_NEAR 16                 // of them, each directly after the last

ri_pagemap_t rix_pagemap;
ri_pagemap_t rix_fast_pagemap;  // the same, for programs
rix_lock_t rix_pagemap_lock = RIX_LOCK_OPEN(RIX_LEVEL_PAGEMAP);

enum { PAGEMAP_PIECES = 64 };
typedef struct pagemap_piece_s {
  size_t from, to;  // entries
} pagemap_piece_t;

static struct {
  size_t entries;   // entries for all of the window; lock rix_pagemap_lock
  size_t reserved;  // entries of address space reserved; lock rix_pagemap_lock
  size_t enabled;   // entries that could be written from the start; lock rix_pagemap_lock
  size_t writable;  // entries that may be written; lock rix_pagemap_lock
  pagemap_piece_t piece[PAGEMAP_PIECES];  // and those made so after them, the first `pieces`;
  size_t pieces;               // more than there is room for: not known; lock rix_pagemap_lock
  ri_atomic(uint32_t) xmoves;  // odd: the table is being moved; lock rix_pagemap_lock
  ri_atomic(uint64_t) xhint;   // next address to place a mapping at; 0 not chosen yet
  ri_atomic(uint64_t) xend;    // where to begin again from xbase; 0 window not chosen yet
  ri_atomic(bool) xos_places;  // the OS does not put mappings where it is asked to
  ri_atomic(bool) xshort;      // the window is small
} pagemap;

enum { PAGEMAP_BITS_MIN = 40 };

static bool pagemap_cover(const void* p, size_t size, bool placed);

// The end of the addresses that are used (option max_vabits).
static uint64_t pagemap_address_end(void) {
  const size_t wanted = rix_max((size_t)rix_option(ri_option_max_vabits), PAGEMAP_BITS_MIN);
  const bool fewer = rix_option(ri_option_max_vabits) != 0 && wanted < rix_os_address_bits();
  return (uint64_t)1 << (fewer ? wanted : rix_os_address_bits());
}

bool rix_pagemap_os_places(void) { return ri_load_relaxed(&pagemap.xos_places); }

bool rix_pagemap_is_short(void) { return ri_load_relaxed(&pagemap.xshort); }

// Takes `length` bytes of the address space above all mappings so far; at the end of the window
// starts over, where the OS refuses what is taken. 0: the OS should choose.
static uint64_t pagemap_take_place(uint64_t length, uint64_t align) {
  if (RIX_OS_ADDRESS_BITS <= 32 || ri_load_relaxed(&pagemap.xos_places)) return 0;
  uint64_t hint = ri_load_relaxed(&pagemap.xhint);
  if (hint == 0) {
    const uint64_t chosen =
        PAGEMAP_PLACE_MIN + rix_align_down((size_t)(rix_os_random() % PAGEMAP_PLACE_RANGE),
                                           (size_t)RIX_SLICE_SIZE * RIX_WORD_BITS);
    if (ri_cas_strong_relaxed(&pagemap.xhint, &hint, chosen)) hint = chosen;
  }
  uint64_t at;
  do {
    const uint64_t window_end = ri_load_acquire(&pagemap.xend);  // P4 pairs P3: xbase is there
    const uint64_t end = window_end != 0 ? window_end : pagemap_address_end() / 2;
    const uint64_t start = window_end != 0 ? ri_load_relaxed(&rix_pagemap.xbase) : 0;
    at = rix_align_up(rix_max((size_t)hint, (size_t)start), (size_t)align);
    if (at < hint || at >= end || length > end - at) {
      at = rix_align_up((size_t)start, (size_t)align);
      if (window_end == 0 || at >= end || length > end - at) return 0;
    }
  } while (!ri_cas_weak_relaxed(&pagemap.xhint, &hint, at + length));
  return at;
}

uintptr_t rix_pagemap_place_apart(size_t bytes) {
  if (RIX_OS_ADDRESS_BITS <= 32 || ri_load_relaxed(&pagemap.xos_places)) return 0;
  const uint64_t from = PAGEMAP_PLACE_MIN / 2, range = PAGEMAP_PLACE_MIN / 2;
  if (bytes >= range) return 0;
  return (uintptr_t)rix_align_down((size_t)(from + rix_os_random() % (range - bytes)),
                                   RIX_SLICE_SIZE);
}

// Place `i` was taken by somebody else, and terabytes after it may be taken too: the next place
// lies further on, and further each time.
static void pagemap_skip_place(uint64_t at, uint64_t length, unsigned i) {
  if (i < PAGEMAP_TRIES_NEAR) return;
  const unsigned shift = (i - PAGEMAP_TRIES_NEAR) % (RIX_OS_ADDRESS_BITS - RI_SLICE_SHIFT);
  const uint64_t far = rix_max((size_t)length, (size_t)RIX_SLICE_SIZE << shift);
  uint64_t expected = at + length;
  ri_cas_strong_relaxed(&pagemap.xhint, &expected, at + far);
}

// The place was not used: the next mapping will try it, unless another was placed since.
static void pagemap_return_place(uint64_t at, uint64_t length) {
  uint64_t expected = at + length;
  ri_cas_strong_relaxed(&pagemap.xhint, &expected, at);
}

// Whether a range that could not be covered lies in the window, which was there by then. Another
// thread may have chosen it around a mapping of its own meanwhile.
static bool pagemap_has(uint64_t at, size_t size) {
  const uint64_t window_end = ri_load_relaxed(&pagemap.xend);
  return window_end == 0 || (at >= ri_load_relaxed(&rix_pagemap.xbase) && at <= window_end - size);
}

// Whether a range lies in the window, or there is none yet: then only memory for the table can be
// lacking.
static bool pagemap_reaches(uint64_t at, size_t size) {
  rix_lock(&rix_pagemap_lock);
  const uint64_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const uint64_t end = base + ((uint64_t)pagemap.entries << RI_SLICE_SHIFT);
  const bool reaches = pagemap.reserved == 0 || (at >= base && at + size <= end);
  rix_unlock(&rix_pagemap_lock);
  return reaches;
}

// Maps at an address or not at all. *refused: the OS has no memory for it, or none to enter it.
static void* pagemap_map_at(uint64_t at, size_t size, rix_os_access_t access, bool* refused) {
  void* const p = rix_os_map((void*)(uintptr_t)at, size, access);
  *refused = p == NULL;
  if (p == NULL) return NULL;
  const bool first = ri_load_relaxed(&pagemap.xend) == 0;
  if ((uintptr_t)p == at) {
    if (pagemap_cover(p, size, true)) return p;
    *refused = pagemap_has(at, size);  // the table could not grow
  } else if (first) {
    ri_store_relaxed(&pagemap.xos_places, true);
  }
  rix_os_unmap(p, size);
  return NULL;
}

static void* pagemap_map(void* at, size_t size, size_t align, size_t room, rix_os_access_t access) {
  bool refused = false;
  if (at != NULL && rix_is_aligned(at, align)) {
    void* const p = pagemap_map_at((uintptr_t)at, size, access, &refused);
    if (p != NULL || refused) return p;
  }
  const uint64_t length = rix_align_up(rix_max(size, room), RIX_SLICE_SIZE);
  for (unsigned i = 0; i < PAGEMAP_TRIES; i++) {
    const uint64_t place = pagemap_take_place(length, align);
    if (place == 0) break;
    void* const p = pagemap_map_at(place, size, access, &refused);
    if (p != NULL) return p;
    if (refused) {
      pagemap_return_place(place, length);
      if (i < PAGEMAP_TRIES_NEAR) return NULL;
      break;  // perhaps the table cannot reach that far
    }
    pagemap_skip_place(place, length, i);
  }
  void* const p = rix_os_map_aligned(NULL, size, align, access);
  if (p == NULL || rix_pagemap_cover(p, size)) return p;
  rix_os_unmap(p, size);
  // Where the OS puts it, it is out of reach: the next one is asked for in the window again.
  if (!pagemap_reaches((uintptr_t)p, size)) ri_store_relaxed(&pagemap.xos_places, false);
  return NULL;
}

// As the option os_tag says.
static void* pagemap_name(void* p, size_t size) {
  enum { TAG_NONE = 100 };  // mimalloc's default: no name then
  const long tag = rix_option(ri_option_os_tag);
  if (RIX_UNLIKELY(tag != TAG_NONE && p != NULL)) rix_os_name(p, size, (unsigned)tag);
  return p;
}

void* rix_pagemap_map(void* at, size_t size, size_t align, size_t room, rix_os_access_t access) {
  return pagemap_name(pagemap_map(at, size, align, room, access), size);
}

void rix_pagemap_unmap(void* p, size_t size, size_t room) {
  const size_t length = rix_align_up(rix_max(size, room), RIX_SLICE_SIZE);
  if (rix_os_unmap(p, size)) pagemap_return_place((uintptr_t)p, length);
}

bool rix_pagemap_map_behind(void* at, size_t size, rix_os_access_t access, bool* blocked) {
  bool refused = false;
  void* const p = pagemap_map_at((uintptr_t)at, size, access, &refused);
  *blocked = p == NULL && !refused;
  return pagemap_name(p, size) != NULL;
}

// Reserves a table for `entries`. At `at` (0: nowhere) there is room for more after it, so its
// beginning is enough, and usable at once: a later limit on address space, or locked memory, counts
// what is reserved.
// NULL: the OS refuses.
static ri_pagemap_entry_t* pagemap_reserve_table(uintptr_t at, size_t entries) {
  const size_t all = rix_align_up(entries * sizeof(ri_pagemap_entry_t), rix_os_page_size());
  if (at != 0 && all > PAGEMAP_STEP_MIN) {
    void* const p = rix_os_map((void*)at, PAGEMAP_STEP_MIN, RIX_OS_USABLE);
    pagemap.reserved = pagemap.enabled = PAGEMAP_STEP_MIN / sizeof(ri_pagemap_entry_t);
    if ((uintptr_t)p == at) return p;
    if (p != NULL) rix_os_unmap(p, PAGEMAP_STEP_MIN);
  }
  pagemap.reserved = all / sizeof(ri_pagemap_entry_t);
  pagemap.enabled = 0;
  return rix_os_map(NULL, all, RIX_OS_RESERVED);
}

static ri_pagemap_t* const pagemap_both[] = {&rix_pagemap, &rix_fast_pagemap};

static void pagemap_set_window(uintptr_t base, ri_pagemap_entry_t* table) {
  for (size_t i = 0; i < 2; i++) {
    ri_store_relaxed(&pagemap_both[i]->xbase, base);
    ri_store_relaxed(&pagemap_both[i]->xtable, table);
  }
}

// The table has this many usable entries.
static void pagemap_publish(size_t count) {
  for (size_t i = 0; i < 2; i++)
    ri_store_release(&pagemap_both[i]->xcount, count);  // P1 pairs P2
}

// Reserves more of the table, up to `needed` entries or twice as much; false when it cannot.
static bool pagemap_extend(size_t needed) {
  const ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  const uintptr_t end = (uintptr_t)(table + pagemap.reserved);
  for (size_t wanted = rix_max(needed, 2 * pagemap.reserved);; wanted = needed) {
    wanted = rix_min(wanted, pagemap.entries);
    const size_t size =
        rix_align_up((wanted - pagemap.reserved) * sizeof(ri_pagemap_entry_t), rix_os_page_size());
    void* const p = rix_os_map((void*)end, size, RIX_OS_RESERVED);
    if ((uintptr_t)p == end) {
      pagemap.reserved += size / sizeof(ri_pagemap_entry_t);
      return true;
    }
    if (p != NULL) rix_os_unmap(p, size);
    if (wanted == needed) return false;
  }
}

// Makes the beginning of a new table what the table is: usable, where that can be written.
static bool pagemap_enable_like(ri_pagemap_entry_t* table, size_t usable) {
  const size_t writable = pagemap.writable;
  if (!rix_os_enable(table, writable * sizeof(ri_pagemap_entry_t))) return false;
  if (usable == writable) return true;
  if (!rix_os_readable(&table[writable], (usable - writable) * sizeof(ri_pagemap_entry_t)))
    return false;
  for (size_t i = 0; i < pagemap.pieces; i++) {
    const pagemap_piece_t piece = pagemap.piece[i];
    if (!rix_os_enable(&table[piece.from], (piece.to - piece.from) * sizeof(ri_pagemap_entry_t)))
      return false;
  }
  return true;
}

// A new table like this one, with as many entries as the OS has address space for.
static ri_pagemap_entry_t* pagemap_new_table(size_t needed, size_t usable) {
  const size_t unit = rix_os_page_size() / sizeof(ri_pagemap_entry_t);
  for (size_t wanted = pagemap.entries;; wanted = rix_min(needed, pagemap.entries)) {
    wanted = rix_align_up(wanted, unit);
    const size_t size = wanted * sizeof(ri_pagemap_entry_t);
    ri_pagemap_entry_t* const table = rix_os_map(NULL, size, RIX_OS_RESERVED);
    if (table != NULL && pagemap_enable_like(table, usable)) {
      pagemap.reserved = wanted;
      pagemap.enabled = 0;
      return table;
    }
    if (table != NULL) rix_os_unmap(table, size);
    if (wanted <= needed + unit) return NULL;
  }
}

// Entries are copied from the last one on, while others write: see rix_pagemap_set.
static void pagemap_copy(ri_pagemap_entry_t* table, size_t from, size_t to) {
  ri_pagemap_entry_t* const old = ri_load_relaxed(&rix_pagemap.xtable);
  for (size_t i = to; i-- > from;) {
    ri_page_t* page = ri_load_relaxed(&old[i]);
    while (!ri_cas_weak_acq_rel(&old[i], &page, page)) {}  // P7
    if (page != NULL) ri_store_relaxed(&table[i], page);
  }
}

// Moves the table to where it has room for `needed` entries or more; false when it cannot.
static bool pagemap_move(size_t needed) {
  const size_t usable = ri_load_relaxed(&rix_pagemap.xcount);
  if (pagemap.pieces > PAGEMAP_PIECES || rix_option(ri_option_pagemap_commit) != 0) return false;
  ri_pagemap_entry_t* const table = pagemap_new_table(needed, usable);
  if (table == NULL) return false;
  const uint32_t moves = ri_load_relaxed(&pagemap.xmoves);
  ri_store_relaxed(&pagemap.xmoves, moves + 1);
  for (size_t i = pagemap.pieces; i-- > 0;)
    pagemap_copy(table, pagemap.piece[i].from, pagemap.piece[i].to);
  pagemap_copy(table, 0, pagemap.writable);
  for (size_t i = 0; i < 2; i++)
    ri_store_release(&pagemap_both[i]->xtable, table);  // P8
  ri_store_release(&pagemap.xmoves, moves + 2);         // P5 pairs P6
  return true;
}

// Reserves a table for `entries`; false when the OS refuses. `placed`: the window begins where this
// file chose, so that what is below it is free.
static bool pagemap_reserve(uint64_t base, uint64_t entries, bool placed) {
  const uint64_t room = entries * sizeof(ri_pagemap_entry_t) + RIX_OS_HUGE_SIZE;
  const bool below = placed && room < base && rix_option(ri_option_pagemap_commit) == 0;
  const uintptr_t at = below ? rix_align_down((size_t)(base - room), RIX_SLICE_SIZE) : 0;
  ri_pagemap_entry_t* const table = pagemap_reserve_table(at, (size_t)entries);
  if (table == NULL) {
    pagemap.reserved = 0;
    return false;
  }
  pagemap.entries = (size_t)entries;
  const uint64_t end = base + (entries << RI_SLICE_SHIFT);
  const uint64_t place_end = pagemap_address_end() / 2;
  pagemap_set_window((uintptr_t)base, table);
  ri_store_release(&pagemap.xend, end < place_end ? end : place_end);  // P3 pairs P4
  return true;
}

// Chooses the window around the first mapping [start, end). Where that is placed upwards, the table
// grows as it is needed; otherwise all of it is reserved.
static bool pagemap_choose(uint64_t start, uint64_t end, bool placed) {
  uint64_t all = pagemap_address_end();
  if (end > all) all = (uint64_t)1 << RIX_OS_ADDRESS_BITS;  // the OS decides otherwise
  const size_t limit = rix_os_address_space_limit();
  if (limit == SIZE_MAX) {
    const uint64_t base = placed ? start : RIX_SLICE_SIZE;  // not 0: NULL must lie outside
    if (pagemap_reserve(base, (all - base) >> RI_SLICE_SHIFT, placed)) return true;
  }
  ri_store_relaxed(&pagemap.xshort, true);
  // Address space is short: a window of twice what may be mapped, upwards when mappings go where
  // they are asked to, downwards otherwise.
  uint64_t window = (uint64_t)64 << 30;
  while (window / 4 >= limit && window > ((uint64_t)1 << 28))
    window /= 2;
  for (; window >= rix_max((size_t)(end - start), (size_t)1 << 24); window /= 4) {
    uint64_t base = placed ? start : (end > window ? end - window : 0);
    base = rix_align_down((size_t)base, RIX_SLICE_SIZE);
    const uint64_t room = all - base < window ? all - base : window;
    if (pagemap_reserve(base, room >> RI_SLICE_SHIFT, placed)) return true;
  }
  return false;
}

static bool pagemap_commit(size_t from, size_t to) {
  if (to <= pagemap.enabled) return true;
  ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  void* const start = &table[from];
  const size_t size = (to - from) * sizeof(ri_pagemap_entry_t);
  // Mapped anew where nothing was entered yet, which needs no permission to change access.
  return pagemap.pieces == 0 ? rix_os_enable(start, size) : rix_os_commit(start, size);
}

// Makes entries up to `to` writable and usable; false when the OS refuses.
static bool pagemap_grow_to(size_t to) {
  if (!pagemap_commit(pagemap.writable, to)) return false;
  pagemap.writable = to;
  pagemap_publish(to);
  return true;
}

// Pieces are in the order of addresses, and no two of them meet.
static bool pagemap_has_piece(size_t from, size_t to) {
  if (pagemap.pieces > PAGEMAP_PIECES) return false;
  for (size_t i = 0; i < pagemap.pieces; i++)
    if (from >= pagemap.piece[i].from && to <= pagemap.piece[i].to) return true;
  return false;
}

static void pagemap_note_piece(size_t from, size_t to) {
  if (pagemap.pieces > PAGEMAP_PIECES) return;
  size_t first = 0;
  while (first < pagemap.pieces && pagemap.piece[first].to < from)
    first++;
  size_t end = first;
  for (; end < pagemap.pieces && pagemap.piece[end].from <= to; end++) {
    from = rix_min(from, pagemap.piece[end].from);
    to = rix_max(to, pagemap.piece[end].to);
  }
  const size_t after = pagemap.pieces - end;
  pagemap.pieces = first + 1 + after;
  if (pagemap.pieces > PAGEMAP_PIECES) return;
  __builtin_memmove(&pagemap.piece[first + 1], &pagemap.piece[end],
                    after * sizeof(pagemap_piece_t));
  pagemap.piece[first] = (pagemap_piece_t){from, to};
}

// Makes the entries [from, to) usable, those before it as far as they are not yet for reading only.
static bool pagemap_grow_far(size_t from, size_t to) {
  if (pagemap_has_piece(from, to)) return true;
  const size_t unit = PAGEMAP_STEP_MIN / sizeof(ri_pagemap_entry_t);
  const size_t usable = ri_load_relaxed(&rix_pagemap.xcount);
  ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  from = rix_max(rix_align_down(from, unit), pagemap.writable);
  to = rix_min(rix_align_up(to, unit), pagemap.reserved);
  if (to > usable) {
    const size_t size = (to - usable) * sizeof(ri_pagemap_entry_t);
    if (!rix_os_readable(&table[usable], size)) return false;
  }
  if (!pagemap_commit(from, to)) return false;
  pagemap_note_piece(from, to);
  if (to > usable) pagemap_publish(to);
  return true;
}

// Makes the entries [from, needed) usable, of which the last one is not.
static bool pagemap_grow(size_t from, size_t needed) {
  if (needed <= pagemap.writable) return true;
  if (rix_option(ri_option_pagemap_commit) != 0 && pagemap_grow_to(pagemap.reserved)) return true;
  const size_t usable = ri_load_relaxed(&rix_pagemap.xcount);
  const size_t step = PAGEMAP_STEP_MIN / sizeof(ri_pagemap_entry_t);
  const size_t wanted = rix_max(needed, rix_max(step, usable * 2));
  const size_t page = rix_os_page_size() / sizeof(ri_pagemap_entry_t);
  const size_t near = usable + rix_max(usable, PAGEMAP_FAR_MIN / sizeof(ri_pagemap_entry_t));
  if (pagemap.writable < usable || needed > near) return pagemap_grow_far(from, needed);
  return pagemap_grow_to(rix_min(rix_align_up(wanted, page), pagemap.reserved));
}

// ---- A table in given memory --------------------------------------------------------------------

// The window is a multiple of the region, which lies in the middle of it, so that the next region
// has a chance to be covered too.
enum { PAGEMAP_GIVEN_TIMES = 16 };

size_t rix_pagemap_table_needed(size_t size) {
  if (!rix_option_os_forbidden() || pagemap.reserved != 0) return 0;
  const size_t entries = size / RIX_SLICE_SIZE * PAGEMAP_GIVEN_TIMES;
  return rix_align_up(entries * sizeof(ri_pagemap_entry_t), RIX_SLICE_SIZE);
}

bool rix_pagemap_use_table(void* table, size_t bytes, const void* region, size_t size) {
  const uint64_t room = bytes / sizeof(ri_pagemap_entry_t) * (uint64_t)RIX_SLICE_SIZE;
  const uint64_t before = rix_align_down((size_t)((room - size) / 2), RIX_SLICE_SIZE);
  const uint64_t start = (uintptr_t)region;
  const uint64_t base = start > before + RIX_SLICE_SIZE ? start - before : RIX_SLICE_SIZE;
  rix_lock(&rix_pagemap_lock);
  const bool first = pagemap.reserved == 0;
  if (first) {
    pagemap.entries = pagemap.reserved = bytes / sizeof(ri_pagemap_entry_t);
    ri_store_relaxed(&pagemap.xend, base + room);
    pagemap.writable = pagemap.reserved;
    pagemap_set_window((uintptr_t)base, table);
    pagemap_publish(pagemap.reserved);
  }
  rix_unlock(&rix_pagemap_lock);
  return first;
}

// The window lies around [start, end): makes its entries usable.
static bool pagemap_cover_in_window(uint64_t start, uint64_t end) {
  const uint64_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const uint64_t needed = ((end - 1 - base) >> RI_SLICE_SHIFT) + 1;
  if (start < base || needed > pagemap.entries) return false;
  if (needed > pagemap.reserved && !pagemap_extend((size_t)needed) &&
      !pagemap_move((size_t)needed)) {
    // Another mapping follows the table, and there is no room for a larger table: places start over
    // in the part that it covers.
    const uint64_t window_end = base + ((uint64_t)pagemap.reserved << RI_SLICE_SHIFT);
    if (start < ri_load_relaxed(&pagemap.xend)) {
      ri_store_release(&pagemap.xend, window_end);  // P3 pairs P4
    }
    return false;
  }
  return pagemap_grow((size_t)((start - base) >> RI_SLICE_SHIFT), (size_t)needed);
}

// `placed`: it lies where this file chose.
static bool pagemap_cover(const void* p, size_t size, bool placed) {
  const uint64_t start = (uintptr_t)p, end = start + size;
  if (end < start) return false;  // it would wrap around
  rix_lock(&rix_pagemap_lock);
  const bool covered = (pagemap.reserved != 0 || pagemap_choose(start, end, placed)) &&
                       pagemap_cover_in_window(start, end);
  rix_unlock(&rix_pagemap_lock);
  return covered;
}

bool rix_pagemap_cover(const void* p, size_t size) { return pagemap_cover(p, size, false); }

static void pagemap_enter(const void* p, size_t size, ri_page_t* page) {
  const uintptr_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const size_t first = ((uintptr_t)p - base) >> RI_SLICE_SHIFT;
  const size_t last = ((uintptr_t)p + size - 1 - base) >> RI_SLICE_SHIFT;
  RI_ASSERT(last < ri_load_relaxed(&rix_pagemap.xcount));
  ri_pagemap_entry_t* const table = ri_load_acquire(&rix_pagemap.xtable);  // P8
  for (size_t i = first; i < last; i++)
    ri_store_relaxed(&table[i], page);
  ri_exchange_acq_rel(&table[last], page);  // P7
}

// A move of the table exchanges every entry for itself, from the last one down. Either it finds the
// last entry that is written here, and then those before it; or this exchange comes after its own,
// and then the move is seen: it is waited for, and all is written again.
void rix_pagemap_set(const void* p, size_t size, ri_page_t* page) {
  const uint32_t moves = ri_load_acquire(&pagemap.xmoves);  // P6 pairs P5
  pagemap_enter(p, size, page);
  if (RIX_LIKELY(moves % 2 == 0 && ri_load_relaxed(&pagemap.xmoves) == moves)) return;
  rix_lock(&rix_pagemap_lock);
  pagemap_enter(p, size, page);
  rix_unlock(&rix_pagemap_lock);
}

bool rix_pagemap_is_used(const void* p, size_t size) {
  rix_lock(&rix_pagemap_lock);  // the table grows in place
  const ri_pagemap_entry_t* const table = ri_load_relaxed(&rix_pagemap.xtable);
  const size_t bytes = pagemap.reserved * sizeof(ri_pagemap_entry_t);
  const uintptr_t base = ri_load_relaxed(&rix_pagemap.xbase);
  const size_t count = ri_load_relaxed(&rix_pagemap.xcount);
  bool used = rix_ranges_meet(p, size, table, bytes);
  // Looks only at what has entries: at none for a terabyte that is still empty.
  const uintptr_t start = rix_max((uintptr_t)p, base);
  const size_t left = (uintptr_t)p + size - rix_min(start, (uintptr_t)p + size);
  const size_t first = (start - base) >> RI_SLICE_SHIFT;
  const size_t end = first < count ? first + rix_min(left >> RI_SLICE_SHIFT, count - first) : first;
  for (size_t i = first; i < end && !used; i++)
    used = ri_load_relaxed(&table[i]) != NULL;
  rix_unlock(&rix_pagemap_lock);
  return used;
}

size_t rix_pagemap_reserved(void) {
  return ri_load_relaxed(&rix_pagemap.xcount) * sizeof(ri_pagemap_entry_t);
}
