// SPDX-License-Identifier: MIT
// unowned.c: parts of pages without owner go back to the OS (page/holes.h). Each page is claimed
// for that, as a free does, and abandoned again.
#include "page/unowned.h"

#include "arena/arena.h"
#include "arena/limit.h"
#include "page/abandon.h"
#include "page/end.h"
#include "page/remote.h"

// Where the next part begins: lock rix_purge_lock.
typedef struct unowned_place_s {
  size_t arena, index;
  unsigned class_index;
} unowned_place_t;

static struct {
  unowned_place_t at;
  ri_atomic(uint64_t) xdue;  // time in ms
} unowned;

// Claims a page that a bitmap told of, as a free might, and gives it up again; it stays listed
// meanwhile. It may have become another.
static void unowned_punch(ri_page_t* page, unsigned class_index, rix_punch_t* punch) {
  if (!rix_remote_claim(page)) return;
  if (!rix_page_is_single(page) && page->class_index == class_index) {
    rix_page_look(page);
    rix_page_punch(page, punch);
  }
  rix_page_abandon_again(page);
}

// With the lock held: no arena goes back to the program. Looks at the next listed page, and moves
// on. False: there is none.
static bool unowned_step(unowned_place_t* at, rix_punch_t* punch) {
  for (; at->arena < rix_arena_count(); *at = (unowned_place_t){at->arena + 1, 0, 0}) {
    rix_arena_t* const a = rix_arena_at(at->arena);
    if (ri_load_acquire(&a->xsubproc) == RIX_SUBPROC_NONE) continue;  // N4: pairs with N3
    if (!rix_arena_lets_discard(a)) continue;
    for (; at->class_index < RIX_CLASS_COUNT; at->class_index++, at->index = 0) {
      if (ri_load_relaxed(&a->xabandoned[at->class_index]) == 0) continue;
      const rix_bitmap_t map = rix_arena_abandoned(a, at->class_index);
      size_t found;
      if (at->index >= a->slice_count || !rix_bitmap_next_set(&map, at->index, &found)) continue;
      at->index = found + 1;
      unowned_punch(&a->pages[found], at->class_index, punch);
      return true;
    }
  }
  return false;
}

void rix_unowned_punch(rix_punch_t* punch) {
  unowned_place_t at = {0, 0, 0};
  bool more = true;
  while (more) {
    rix_lock(&rix_purge_lock);
    more = unowned_step(&at, punch);
    rix_unlock(&rix_purge_lock);
  }
}

bool rix_unowned_relieve(rix_punch_t* punch, size_t steps, size_t goal) {
  if (!rix_lock_try(&rix_purge_lock)) return true;
  bool more = true;
  while (more && punch->steps < steps && rix_limit_used() > goal)
    more = unowned_step(&unowned.at, punch);
  if (!more) unowned.at = (unowned_place_t){0, 0, 0};
  rix_unlock(&rix_purge_lock);
  return !more;
}

bool rix_unowned_pass(rix_punch_t* punch, size_t steps, uint64_t now, uint64_t delay) {
  if (now < ri_load_relaxed(&unowned.xdue)) return true;
  if (!rix_lock_try(&rix_purge_lock)) return false;
  bool more = true;
  while (more && punch->steps < steps)
    more = unowned_step(&unowned.at, punch);
  if (!more) {
    unowned.at = (unowned_place_t){0, 0, 0};
    ri_store_relaxed(&unowned.xdue, now + delay);
  }
  rix_unlock(&rix_purge_lock);
  return !more;
}
