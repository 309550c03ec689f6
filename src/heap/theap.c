// SPDX-License-Identifier: MIT
// theap.c: what happens to the pages of a theap besides allocation. Owner only.
//
// A page whose last block is freed is kept when it is the only one of its queue, so that a program
// that allocates and frees one block again and again does not create a page each time; and else
// while what is kept is little beside the pages in use: a class that just had so many blocks soon
// has them again, and what another class gets meanwhile it touches at other places. It is pinned
// then, which is a bit in `used`: so later frees stay on the fast path. A heartbeat releases pinned
// pages that nobody used for a while.
//
// INVARIANTS, for a theap
//   pinned[c] == pages in queue[c] marked RIX_PAGE_KEPT, which are those with RI_PAGE_PINNED in
//   `used`; none in full[c] is
//   bytes == sum of rix_page_bytes over all pages of all lists; spare == over those marked so
#include <errno.h>

#include "arena/pagemap.h"
#include "base/events.h"
#include "heap/heap.h"
#include "options/options.h"
#include "options/report.h"
#include "page/remote.h"

enum { THEAP_PIN_BEATS = 2 };  // heartbeats that an empty pinned page survives

rix_heap_t rix_heap_default = {.xseq = {1}, .subproc = &rix_subproc_main};

ri_page_t rix_page_empty = {.xowner = {RIX_OWNER_NONE}};

#define THEAP_8(x) x, x, x, x, x, x, x, x
#define THEAP_64(x) \
  THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x)

rix_theap_t rix_theap_empty = {
    .fast = {{THEAP_64(&rix_page_empty), THEAP_64(&rix_page_empty), &rix_page_empty}}};

_Static_assert(RI_DIRECT_SLOTS == 129, "the list above has one entry for each slot");

void rix_theap_init(rix_theap_t* theap, rix_tld_t* tld, rix_heap_t* heap) {
  for (size_t w = 0; w < RI_DIRECT_SLOTS; w++)
    theap->fast.direct[w] = &rix_page_empty;
  theap->tld = tld;
  theap->heap = heap;
  theap->seq = ri_load_relaxed(&heap->xseq);
  theap->one_arena = heap->space.only != NULL;
  theap->next = theap->prev = theap->heap_next = theap->heap_prev = NULL;
  theap->state = RIX_THEAP_LIVE;
  theap->slow_calls = theap->may_adopt = 0;
  theap->busy = false;
  theap->damaged = 0;
  theap->bytes = theap->spare = 0;
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    theap->queue[c] = theap->full[c] = (rix_page_list_t){NULL, NULL};
    theap->pages[c] = theap->sweep[c] = 0;
    theap->pinned[c] = 0;
    ri_store_relaxed(&theap->xwoken[c], 0);
  }
  rix_sample_init(theap);
}

void rix_theap_adopt(rix_theap_t* theap, ri_page_t* page) {
  const uintptr_t flags = ri_load_relaxed(&page->xowner) & (RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED);
  ri_store_relaxed(&page->xtheap, theap);
  ri_store_relaxed(&page->xowner, theap->tld->id | flags);
  rix_queue_push_front(theap, page);
}

static void theap_release(rix_theap_t* theap, ri_page_t* page) {
  rix_queue_remove(theap, page);
  rix_page_release(page);
}

// Of the pinned pages of a class, those in use are unpinned; empty ones that nobody used for a
// while are released, with `spare` all spare ones.
static void theap_check_pinned(rix_theap_t* theap, unsigned c, bool spare) {
  ri_page_t* next;
  for (ri_page_t* page = theap->queue[c].first; page != NULL; page = next) {
    next = page->next;
    if ((page->flags & RIX_PAGE_KEPT) == 0) continue;
    const bool ends = spare ? (page->flags & RIX_PAGE_SPARE) != 0 : ++page->idle >= THEAP_PIN_BEATS;
    if (rix_page_live(page) > 0) {
      rix_queue_unpin(theap, page);
    } else if (ends) {
      theap_release(theap, page);
    }
  }
}

static void theap_release_spare(rix_theap_t* theap) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (theap->pinned[c] != 0) theap_check_pinned(theap, c, true);
  }
}

// Where memory is short, others need it: they cannot get at a thread's spare pages. (The heap may
// be another by now, whose quota this is: that only counts for a moment.)
static size_t theap_spare_most(const rix_theap_t* theap) {
  const bool bounded = theap->one_arena || ri_load_relaxed(&theap->heap->xquota) != 0;
  if (bounded || rix_pagemap_is_short() || rix_arena_os_forbidden()) return 0;
  return rix_min(theap->bytes / RIX_KEEP_PART, RIX_KEEP_MAX);
}

void rix_theap_page_emptied(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(rix_page_live(page) == 0);
  const size_t spare = theap->spare + rix_page_bytes(page);
  const rix_page_list_t* const queue = &theap->queue[page->class_index];
  const bool alone = queue->first == queue->last;
  if (alone || spare <= theap_spare_most(theap)) {
    rix_queue_pin(theap, page, !alone);
    rix_event(RIX_EVENT_RETIRED);
    return;
  }
  theap_release(theap, page);
  // What was little is much now: the program gives up more than it will soon need again.
  if (theap->spare > 2 * theap_spare_most(theap)) theap_release_spare(theap);
}

// Collects the pages of one list and releases those without live blocks.
static void theap_collect_list(rix_theap_t* theap, ri_page_t* page) {
  ri_page_t* next;
  for (; page != NULL; page = next) {
    next = page->next;
    const bool has_free = rix_page_collect(page);
    rix_queue_unpin(theap, page);
    if (rix_page_live(page) == 0) {
      theap_release(theap, page);
    } else if (has_free && page->place == RIX_PLACE_FULL) {
      rix_queue_from_full(theap, page);
    }
  }
}

void rix_theap_collect(rix_theap_t* theap) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    theap_collect_list(theap, theap->full[c].first);
    theap_collect_list(theap, theap->queue[c].first);
  }
  rix_sample_refresh(theap);
}

// ---- Damage -------------------------------------------------------------------------------------

void rix_theap_drop_list(rix_theap_t* theap, ri_page_t* page) {
  theap->damaged = rix_page_block_size(page);
  page->free = NULL;
  rix_queue_unpin(theap, page);
  ri_store_relaxed(&page->used, page->capacity);  // what is not known to be free is live
}

// Outside of rix_theap_enter and rix_theap_leave and, with the orphan theap, not at all, because it
// is locked: the program may have set a function for this.
void rix_theap_report_damage(rix_theap_t* theap) {
  if (theap->tld->id != rix_tls.self) return;
  const size_t size = theap->damaged;
  theap->damaged = 0;
  rix_error(EFAULT, "free list damaged, blocks of %zu bytes: freed twice, or written to when free",
            size);
}

// More live blocks than the page has: its free list is a circle.
static void theap_check_count(rix_theap_t* theap, unsigned c) {
  ri_page_t* const page = theap->queue[c].first;
  if (page != NULL && rix_page_live(page) > page->capacity) rix_theap_drop_list(theap, page);
}

// Whether it is time to look at all pages.
static bool theap_collects(const rix_theap_t* theap) {
  const uint32_t calls = (uint32_t)rix_option(ri_option_generic_collect);
  if (calls == 0) return false;
  return theap->slow_calls / RIX_HEARTBEAT % (calls / RIX_HEARTBEAT + (calls < RIX_HEARTBEAT)) == 0;
}

void rix_theap_heartbeat(rix_theap_t* theap) {
  const bool collects = theap_collects(theap);
  rix_theap_enter(theap);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (theap->pinned[c] != 0) theap_check_pinned(theap, c, false);
    theap_check_count(theap, c);
    rix_queue_sweep_full(theap, c);
    if (collects) theap_collect_list(theap, theap->queue[c].first);
  }
  rix_sample_refresh(theap);
  rix_theap_leave(theap);
  if (RIX_UNLIKELY(theap->damaged != 0)) rix_theap_report_damage(theap);
  if (theap == theap->tld->main) rix_heap_settle();
  if (!theap->tld->exit_known) rix_thread_register_exit(theap->tld);
  if (rix_purge_is_due()) rix_arena_purge(false);
  RI_AUDIT(rix_theap_valid(theap));
  if (rix_option(ri_option_check) >= 2 && !rix_theap_valid(theap)) {
    rix_error(EFAULT, "the heap of this thread is corrupted");
  }
}

static void theap_abandon_list(rix_theap_t* theap, rix_page_list_t* list) {
  while (list->first != NULL) {
    ri_page_t* const page = list->first;
    rix_queue_remove(theap, page);
    rix_page_abandon(page);
  }
}

void rix_theap_abandon(rix_theap_t* theap) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    theap_abandon_list(theap, &theap->queue[c]);
    theap_abandon_list(theap, &theap->full[c]);
  }
}

static size_t theap_reduce_list(rix_theap_t* theap, rix_page_list_t* list, size_t have,
                                size_t most) {
  while (have > most && list->last != NULL) {
    ri_page_t* const page = list->last;
    have -= rix_page_bytes(page);
    rix_queue_remove(theap, page);
    rix_page_abandon(page);
  }
  return have;
}

size_t rix_theap_reduce(rix_theap_t* theap, size_t most) {
  size_t have = theap->bytes;
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    have = theap_reduce_list(theap, &theap->full[c], have, most);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    have = theap_reduce_list(theap, &theap->queue[c], have, most);
  return have;
}

void rix_theap_merge(rix_theap_t* from, rix_theap_t* into) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (from->pages[c] == 0) continue;
    rix_queue_merge(from, into, c);
  }
}

// ---- Invariants ---------------------------------------------------------------------------------

// Nobody walks the full pages: a free must tell of itself, or have happened already.
static bool theap_full_valid(const ri_page_t* page) {
  const bool told = (ri_load_relaxed(&page->xremote) & RIX_REMOTE_NOTIFY) != 0;
  return page->free == NULL && (told || rix_remote_count(page) > 0);
}

typedef struct theap_sum_s {
  size_t pages, pinned;  // of a class
  size_t bytes, spare;   // of all
} theap_sum_t;

static bool theap_list_valid(const rix_theap_t* theap, unsigned c, const rix_page_list_t* list,
                             rix_page_place_t place, theap_sum_t* sum) {
  const ri_page_t* prev = NULL;
  for (const ri_page_t* page = list->first; page != NULL; prev = page, page = page->next) {
    if (++sum->pages > theap->pages[c]) return false;  // more than counted, or a circle
    sum->bytes += rix_page_bytes(page);
    const uintptr_t owner = ri_load_relaxed(&page->xowner);
    const bool full = (owner & RIX_OWNER_FULL) != 0;
    if (page->prev != prev || page->class_index != c || page->place != place) return false;
    if ((owner & ~RIX_OWNER_FLAGS) != theap->tld->id || full != (place == RIX_PLACE_FULL)) {
      return false;
    }
    if (ri_load_relaxed(&page->xtheap) != theap) return false;
    if (place == RIX_PLACE_FULL && !theap_full_valid(page)) return false;
    const bool sampled = (page->flags & RIX_PAGE_SAMPLED) != 0;
    if (place == RIX_PLACE_QUEUE && sampled != rix_sample_covers(theap, c)) return false;
    const bool pinned = (page->flags & RIX_PAGE_KEPT) != 0;
    if (pinned != ((ri_load_relaxed(&page->used) & RI_PAGE_PINNED) != 0)) return false;
    if (pinned && place == RIX_PLACE_FULL) return false;
    sum->pinned += pinned;
    if ((page->flags & RIX_PAGE_SPARE) != 0) sum->spare += rix_page_bytes(page);
    if (!rix_page_valid(page)) return false;
  }
  return list->last == prev;
}

bool rix_theap_valid(const rix_theap_t* theap) {
  theap_sum_t sum = {0, 0, 0, 0};
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    sum.pages = sum.pinned = 0;
    if (!theap_list_valid(theap, c, &theap->queue[c], RIX_PLACE_QUEUE, &sum)) return false;
    if (!theap_list_valid(theap, c, &theap->full[c], RIX_PLACE_FULL, &sum)) return false;
    if (sum.pages != theap->pages[c] || sum.pinned != theap->pinned[c]) return false;
  }
  if (sum.bytes != theap->bytes || sum.spare != theap->spare) return false;
  for (size_t w = 0; w < RI_DIRECT_SLOTS; w++) {
    const ri_page_t* const first = theap->queue[rix_class_of(w * 8)].first;
    const bool shown = first != NULL && (first->flags & RIX_PAGE_SLOW) == 0;
    if (theap->fast.direct[w] != (shown ? first : &rix_page_empty)) return false;
  }
  return true;
}
