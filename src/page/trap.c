// SPDX-License-Identifier: MIT
// trap.c: see trap.h.
//
// The table is one mapping, of which only what is used is touched. It is made for the number of the
// first call and stays so.
#include "page/trap.h"

#include "arena/due.h"
#include "arena/touched.h"
#include "page/guard.h"
#include "page/heap_pages.h"

enum { TRAP_PATTERN = 0xCA };

rix_lock_t rix_trap_lock = RIX_LOCK_OPEN(RIX_LEVEL_TRAP);

static struct {
  rix_trap_t* table;
  size_t most;         // traps of the table; 0: there is no table yet
  size_t used;         // of those, were ever taken
  rix_trap_t* unused;  // by `next`
  rix_trap_t* oldest;  // freed ones, by `next`
  rix_trap_t* newest;
  size_t live, freed, freed_slices;
} traps;  // lock rix_trap_lock

size_t rix_trap_span(size_t size) {
  const size_t unit = rix_os_page_size();
  return rix_align_up(size, unit) + 2 * unit;
}

// ---- The table ----------------------------------------------------------------------------------

static size_t trap_table_bytes(size_t most) {
  return rix_align_up(most * sizeof(rix_trap_t), rix_os_page_size());
}

static bool trap_make_table(size_t most) {
  const size_t bytes = trap_table_bytes(most);
  traps.table = rix_os_map(NULL, bytes, RIX_OS_USABLE);
  if (traps.table == NULL) return false;
  traps.most = most;
  return true;
}

// Takes the oldest freed trap off its list.
static rix_trap_t* trap_oldest(void) {
  rix_trap_t* const trap = traps.oldest;
  if (trap == NULL) return NULL;
  traps.oldest = trap->next;
  if (traps.oldest == NULL) traps.newest = NULL;
  traps.freed--;
  traps.freed_slices -= trap->span / RIX_SLICE_SIZE;
  return trap;
}

static size_t trap_index(const rix_trap_t* trap) {
  return (size_t)(trap->start - rix_arena_address(trap->arena, 0)) / RIX_SLICE_SIZE;
}

// The OS does not make it accessible: the next thread that claims the slices has to.
static void trap_uncommit(const rix_trap_t* trap) {
  rix_bitmap_clear_run(&trap->arena->committed, trap_index(trap), trap->span / RIX_SLICE_SIZE);
}

// Returns the slices of a freed block. The trap is in no list.
static void trap_release(const rix_trap_t* trap) {
  rix_arena_t* const arena = trap->arena;
  const size_t index = trap_index(trap);
  const size_t slices = trap->span / RIX_SLICE_SIZE;
  if (!rix_os_unguard(trap->start, trap->span)) trap_uncommit(trap);
  rix_touched_clear(arena, index, slices);
  rix_arena_release(arena, index, slices);
}

static rix_trap_t* trap_take_unused(void) {
  rix_trap_t* const trap = traps.unused;
  if (trap != NULL) {
    traps.unused = trap->next;
    return trap;
  }
  return traps.used < traps.most ? &traps.table[traps.used++] : NULL;
}

rix_trap_t* rix_trap_take(size_t most) {
  rix_lock(&rix_trap_lock);
  rix_trap_t* trap = NULL;
  rix_trap_t* old = NULL;
  if (traps.most != 0 || trap_make_table(most)) {
    trap = trap_take_unused();
    if (trap == NULL) trap = old = trap_oldest();
    if (trap != NULL) {
      trap->state = RIX_TRAP_LIVE;  // and found by nobody, since it has no place
      traps.live++;
    }
  }
  const rix_trap_t copy = old != NULL ? *old : (rix_trap_t){0};
  if (trap != NULL) trap->span = 0;
  rix_unlock(&rix_trap_lock);
  if (old != NULL) {
    trap_release(&copy);
    rix_due_purge();
  }
  return trap;
}

static void trap_put_unused(rix_trap_t* trap) {
  trap->state = RIX_TRAP_UNUSED;
  trap->span = 0;
  trap->next = traps.unused;
  traps.unused = trap;
}

void rix_trap_return(rix_trap_t* trap) {
  rix_lock(&rix_trap_lock);
  traps.live--;
  trap_put_unused(trap);
  rix_unlock(&rix_trap_lock);
}

rix_trap_t* rix_trap_find(uintptr_t at) {
  for (size_t i = 0; i < traps.used; i++) {
    rix_trap_t* const trap = &traps.table[i];
    if (at - (uintptr_t)trap->start < trap->span) return trap;
  }
  return NULL;
}

rix_trap_counts_t rix_trap_counts(void) {
  rix_lock(&rix_trap_lock);
  const rix_trap_counts_t counts = {traps.live, traps.freed, traps.freed_slices,
                                    trap_table_bytes(traps.most)};
  rix_unlock(&rix_trap_lock);
  return counts;
}

// ---- Blocks -------------------------------------------------------------------------------------

// The room of a block: from the end of the first part without access to the start of the last.
static uint8_t* trap_room(const rix_trap_t* trap) { return trap->start + rix_os_page_size(); }

static size_t trap_room_size(const rix_trap_t* trap) {
  return rix_align_up(trap->size, rix_os_page_size());
}

static void trap_note(rix_trap_stack_t* stack, uintptr_t frame) {
  stack->thread = rix_os_thread_name();
  stack->count = rix_os_stack(stack->frames, RIX_TRAP_FRAMES, frame, 0);
}

static void trap_fill(const rix_trap_t* trap) {
  uint8_t* const room = trap_room(trap);
  uint8_t* const end = trap->block + trap->size;
  __builtin_memset(room, TRAP_PATTERN, (size_t)(trap->block - room));
  __builtin_memset(end, TRAP_PATTERN, (size_t)(room + trap_room_size(trap) - end));
}

const uint8_t* rix_trap_damage(const rix_trap_t* trap) {
  const uint8_t* const end = trap->block + trap->size;
  const uint8_t* const room_end = trap_room(trap) + trap_room_size(trap);
  for (const uint8_t* p = end; p < room_end; p++) {
    if (*p != TRAP_PATTERN) return p;
  }
  for (const uint8_t* p = trap->block; p > trap_room(trap); p--) {
    if (p[-1] != TRAP_PATTERN) return p - 1;
  }
  return NULL;
}

// Without being asked the library makes no call that a filter may forbid (docs/lifecycle.md).
static bool trap_guard(const rix_trap_t* trap, uint8_t* p, size_t size) {
  return trap->asked ? rix_os_guard(p, size) : rix_os_guard_by_mark(p, size);
}

// Takes the access to both sides of the room away.
static bool trap_close_sides(const rix_trap_t* trap) {
  uint8_t* const room = trap_room(trap);
  uint8_t* const behind = room + trap_room_size(trap);
  const size_t rest = (size_t)(trap->start + trap->span - behind);
  if (!trap_guard(trap, trap->start, (size_t)(room - trap->start))) return false;
  if (trap_guard(trap, behind, rest)) return true;
  if (!rix_os_unguard(trap->start, (size_t)(room - trap->start))) trap_uncommit(trap);
  return false;
}

bool rix_trap_set(ri_page_t* page, rix_trap_t* trap, rix_trap_shape_t shape) {
  rix_trap_t made = {.start = page->start,
                     .span = (size_t)page->slice_count * RIX_SLICE_SIZE,
                     .size = shape.size,
                     .arena = page->arena,
                     .state = RIX_TRAP_LIVE,
                     .asked = shape.asked};
  RI_ASSERT(shape.align <= rix_os_page_size() && made.span >= rix_trap_span(shape.size));
  if (!rix_guard_is_possible(page)) return false;
  const size_t room = trap_room_size(&made);
  const size_t lead =
      shape.side == RIX_TRAP_AT_END ? rix_align_down(room - shape.size, shape.align) : 0;
  made.block = trap_room(&made) + lead;
  if (!trap_close_sides(&made)) return false;
  trap_fill(&made);
  trap_note(&made.made, shape.frame);
  page->flags |= RIX_PAGE_GUARDED | RIX_PAGE_TRAPPED;
  rix_page_set_lead(page, (size_t)(made.block - made.start));
  page->side_next = (ri_page_t*)(void*)trap;
  ri_store_relaxed(&page->xblock_size, shape.size);
  rix_lock(&rix_trap_lock);
  *trap = made;
  rix_unlock(&rix_trap_lock);
  rix_event(RIX_EVENT_GUARDED);
  return true;
}

bool rix_trap_keep(ri_page_t* page) {
  rix_trap_t* const trap = rix_trap_of(page);
  page->side_next = NULL;
  page->flags &= (uint8_t) ~(RIX_PAGE_GUARDED | RIX_PAGE_TRAPPED);
  rix_trap_stack_t freed;
  trap_note(&freed, 0);
  uint8_t* const room = trap_room(trap);
  const bool closed = !trap->open && trap_guard(trap, room, trap_room_size(trap));
  rix_lock(&rix_trap_lock);
  traps.live--;
  trap->freed = freed;
  if (closed) {
    trap->state = RIX_TRAP_FREED;
    trap->next = NULL;
    if (traps.newest != NULL) {
      traps.newest->next = trap;
    } else {
      traps.oldest = trap;
    }
    traps.newest = trap;
    traps.freed++;
    traps.freed_slices += trap->span / RIX_SLICE_SIZE;
  }
  const rix_trap_t copy = *trap;
  if (!closed) trap_put_unused(trap);
  rix_unlock(&rix_trap_lock);
  if (!closed && !rix_os_unguard(copy.start, copy.span)) trap_uncommit(&copy);
  return closed;
}

bool rix_trap_drain(void) {
  bool any = false;
  while (true) {
    rix_lock(&rix_trap_lock);
    rix_trap_t* const trap = trap_oldest();
    const rix_trap_t copy = trap != NULL ? *trap : (rix_trap_t){0};
    if (trap != NULL) trap_put_unused(trap);
    rix_unlock(&rix_trap_lock);
    if (trap == NULL) return any;
    trap_release(&copy);
    any = true;
  }
}

void rix_trap_open(rix_trap_t* trap) {
  trap->open = true;
  (void)rix_os_unguard(trap->start, trap->span);
}
