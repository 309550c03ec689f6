// SPDX-License-Identifier: MIT
// theap.c: what happens to the pages of a theap besides allocation. Owner only.
//
// A page whose last block is freed is kept when it is the only one of its queue, so that a program
// that allocates and frees one block again and again does not create a page each time; and
// otherwise as long as what is kept is little compared with the pages in use: a class that just had
// that many blocks will soon have them again, and another class that got the memory meanwhile would
// touch other parts of it. The page is then marked by a bit in `used`, so that later frees stay on
// the fast path. A heartbeat releases kept pages that nobody used for a while.
//
// INVARIANTS, for a theap
//   the pages in `kept` are those in the queues marked RIX_PAGE_KEPT, which are those with
//   RI_PAGE_USED_KEPT in `used`; none in full[c] is
//   bytes == sum of rix_page_bytes over all pages of all lists; roomy == over those in queues;
//   spare == over those marked so; lone == over the other kept ones
#include "heap/theap.h"

#include <errno.h>

#include "arena/limit.h"
#include "arena/pagemap.h"
#include "base/events.h"
#include "heap/queue.h"
#include "heap/profile.h"
#include "heap/sample.h"
#include "options/options.h"
#include "options/report.h"
#include "page/abandon.h"
#include "page/harden.h"
#include "page/release.h"
#include "page/remote.h"

enum { THEAP_KEEP_BEATS = 2 };  // heartbeats that an empty kept page survives

#define THEAP_8(x) x, x, x, x, x, x, x, x
#define THEAP_64(x) \
  THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x), THEAP_8(x)

rix_theap_t rix_theap_empty = {
    .fast = {{THEAP_64(&rix_page_empty), THEAP_64(&rix_page_empty), &rix_page_empty}}};

_Static_assert(RI_DIRECT_SLOTS == 129, "the list above has one entry for each slot");

__thread ri_tls_t rix_tls = RIX_TLS_OF_NOBODY(RIX_THREAD_NEW);

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
  if (!heap->listed) rix_harden_begin(heap);
  theap->hard = ri_load_relaxed(&heap->xhard);
  theap->random = 0;
  theap->bytes = theap->spare = theap->lone = theap->roomy = 0;
  theap->kept = theap->freed = NULL;
  __builtin_memset(theap->queue, 0, sizeof(theap->queue));
  __builtin_memset(theap->full, 0, sizeof(theap->full));
  __builtin_memset(theap->shown, 0, sizeof(theap->shown));
  __builtin_memset(theap->loose, 0, sizeof(theap->loose));
  __builtin_memset(theap->pages, 0, sizeof(theap->pages));
  __builtin_memset(theap->sweep, 0, sizeof(theap->sweep));
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    ri_store_relaxed(&theap->xwoken[c], 0);
  theap->pass = (rix_pass_t){.class_index = RIX_CLASS_COUNT, .calls = RIX_LOOK_CALLS};
  theap->freeing = (rix_freeing_t){0};
  rix_sample_init(theap);
  rix_profile_theap_init(theap);
}

void rix_theap_adopt(rix_theap_t* theap, ri_page_t* page) {
  const uintptr_t flags = ri_load_relaxed(&page->xowner) & RIX_OWNER_LASTING;
  ri_store_relaxed(&page->xtheap, theap);
  ri_store_relaxed(&page->xowner, theap->tld->id | flags);
  rix_queue_push_front(theap, page);
}

static void theap_release(rix_theap_t* theap, ri_page_t* page) {
  rix_queue_remove(theap, page);
  rix_page_release(page);
}

// Kept pages that are in use are no longer kept; empty ones that nobody used for a while are
// released, with `spare` all spare ones.
static void theap_check_kept(rix_theap_t* theap, bool spare) {
  ri_page_t* next;
  for (ri_page_t* page = theap->kept; page != NULL; page = next) {
    next = page->side_next;
    rix_event(RIX_EVENT_SEARCHED);
    const bool ends =
        spare ? (page->flags & RIX_PAGE_SPARE) != 0 : ++page->idle >= THEAP_KEEP_BEATS;
    if (rix_page_live_plain(page) > 0) {
      rix_queue_unkeep(theap, page);
    } else if (ends) {
      theap_release(theap, page);
    }
  }
}

void rix_theap_check_kept(rix_theap_t* theap) { theap_check_kept(theap, false); }

// Where memory is short, others need it: they cannot get at a thread's spare pages. (The heap may
// be another by now, so that this is the other's quota; that matters only for a moment.)
static size_t theap_spare_most(const rix_theap_t* theap) {
  const bool bounded = theap->one_arena || ri_load_relaxed(&theap->heap->xquota) != 0;
  if (bounded || rix_pagemap_is_short() || rix_option_os_forbidden()) return 0;
  if (rix_limit_level() != 0) return 0;
  return rix_min(theap->bytes / RIX_KEEP_PART, RIX_KEEP_MAX);
}

// The only pages of their classes that are kept are many: the ones that were used last stay, half
// as many as may. So each walk is paid for by the pages that were kept since the last one.
static RIX_SLOW void theap_check_lone(rix_theap_t* theap) {
  const size_t threads = rix_max(rix_gauge_now(RIX_GAUGE_THREADS), 1);
  const size_t most = rix_max(RIX_KEEP_MAX / threads, RIX_KEEP_LONE);
  if (theap->lone <= most) return;
  size_t bytes = 0;
  ri_page_t* next;
  for (ri_page_t* page = theap->kept; page != NULL; page = next) {
    next = page->side_next;
    if ((page->flags & RIX_PAGE_SPARE) != 0) continue;
    if (rix_page_live_plain(page) > 0) {
      rix_queue_unkeep(theap, page);
    } else if ((bytes += rix_page_bytes(page)) > most / 2) {
      theap_release(theap, page);
    }
  }
}

// What was little is much now: the program frees more than it will soon need again.
static void theap_check_spare(rix_theap_t* theap) {
  if (theap->spare > 2 * theap_spare_most(theap)) theap_check_kept(theap, true);
}

void rix_theap_page_emptied(rix_theap_t* theap, ri_page_t* page) {
  if (rix_page_low(page) != 0) {
    rix_queue_reached_low(theap, page);
    theap_check_spare(theap);
    return;
  }
  RI_ASSERT(rix_page_live(page) == 0);
  rix_page_note_live(page);
  const size_t spare = theap->spare + rix_page_bytes(page);
  const rix_page_list_t* const queue = &theap->queue[page->class_index];
  const bool alone = queue->first == queue->last;
  if (alone || spare <= theap_spare_most(theap)) {
    rix_queue_keep(theap, page, !alone);
    rix_event(RIX_EVENT_KEPT);
    if (theap->lone > RIX_KEEP_LONE) theap_check_lone(theap);
    return;
  }
  theap_release(theap, page);
  theap_check_spare(theap);
}

// Collects the pages of one list and releases those without live blocks.
static void theap_collect_list(rix_theap_t* theap, ri_page_t* page) {
  ri_page_t* next;
  for (; page != NULL; page = next) {
    next = page->next;
    const bool has_free = rix_page_look(page);
    rix_queue_unkeep(theap, page);
    if (rix_page_live(page) == 0) {
      theap_release(theap, page);
    } else if (page->place == RIX_PLACE_FULL && (has_free || rix_page_can_extend(page))) {
      rix_queue_from_full(theap, page);
    }
  }
}

void rix_theap_collect_queue(rix_theap_t* theap, unsigned c) {
  theap_collect_list(theap, theap->queue[c].first);
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
  rix_queue_unkeep(theap, page);
  ri_store_relaxed(&page->xlow, 0);
  // What is not known to be free counts as live.
  ri_store_relaxed(&page->used, (uint32_t)page->capacity - page->out);
}

void rix_theap_damage_error(size_t damage, const void* written) {
  if (damage == RIX_THEAP_CORRUPTED) {
    rix_error(EFAULT, "the heap of this thread is corrupted");
  } else if (damage == RIX_THEAP_WRITTEN) {
    rix_error(EFAULT, "write after free: the block at %p was written to while it was free",
              written);
  } else {
    rix_error(EFAULT,
              "free list damaged, blocks of %zu bytes: freed twice, or written to when free",
              damage);
  }
}

// Outside rix_theap_enter and rix_theap_leave: the program may have set a function for this. With
// the orphan theap, which is locked, later (rix_orphan_malloc).
void rix_theap_report_damage(rix_theap_t* theap) {
  if (theap->tld->id != rix_tls.self) return;
  const size_t damage = theap->damaged;
  theap->damaged = 0;
  rix_theap_damage_error(damage, theap->written);
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
                                size_t max) {
  while (have > max && list->last != NULL) {
    ri_page_t* const page = list->last;
    have -= rix_page_bytes(page);
    rix_queue_remove(theap, page);
    rix_page_abandon(page);
  }
  return have;
}

size_t rix_theap_reduce(rix_theap_t* theap, size_t max) {
  size_t have = theap->bytes;
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    have = theap_reduce_list(theap, &theap->full[c], have, max);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    have = theap_reduce_list(theap, &theap->queue[c], have, max);
  return have;
}

void rix_theap_merge(rix_theap_t* from, rix_theap_t* into) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (from->pages[c] == 0) continue;
    rix_queue_merge(from, into, c);
  }
}

void rix_theap_wake(rix_theap_t* theap) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (theap->full[c].first != NULL) ri_store_relaxed(&theap->xwoken[c], 1);
  }
}

// ---- Invariants ---------------------------------------------------------------------------------

static bool theap_told(const ri_page_t* page) {
  const uintptr_t word = ri_load_relaxed(&page->xremote);
  return (word & RIX_REMOTE_NOTIFY) != 0 || rix_remote_count_of(word) > 0;
}

// Nobody walks the full pages: a free must report itself, or have happened already; or a thief has
// what was freed, and will report that. Nor would anybody fill a hole in one.
static bool theap_full_valid(const ri_page_t* page) {
  const bool loose = (page->flags & RIX_PAGE_LOOSE) != 0;
  if (page->out > 0 || (page->free != NULL && !loose)) return false;
  if (theap_told(page)) return true;
  rix_lock(&rix_purge_lock);  // there is no thief now
  const bool told = theap_told(page);
  rix_unlock(&rix_purge_lock);
  return told;
}

typedef struct theap_sum_s {
  size_t pages, loose;                     // of a class
  bool shown;                              // the page that the class shows is a loose one
  size_t bytes, roomy, spare, lone, kept;  // of all
} theap_sum_t;

// The list of loose pages, or of kept ones: `mark` is their flag, `count` those in other lists.
static bool theap_side_valid(const ri_page_t* first, uint8_t mark, size_t count) {
  const ri_page_t* prev = NULL;
  for (const ri_page_t* page = first; page != NULL; prev = page, page = page->side_next) {
    if (count-- == 0 || page->side_prev != prev || (page->flags & mark) == 0) return false;
  }
  return count == 0;
}

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
    const bool loose = (page->flags & RIX_PAGE_LOOSE) != 0;
    if (loose && place != RIX_PLACE_FULL) return false;
    if ((loose || place == RIX_PLACE_QUEUE) && sampled != rix_sample_covers(theap, c)) return false;
    sum->loose += loose;
    sum->shown |= loose && page == theap->shown[c];
    const bool kept = (page->flags & RIX_PAGE_KEPT) != 0;
    if (kept != ((ri_load_relaxed(&page->used) & RI_PAGE_USED_KEPT) != 0)) return false;
    if (kept && place == RIX_PLACE_FULL) return false;
    sum->kept += kept;
    if (place == RIX_PLACE_QUEUE) sum->roomy += rix_page_bytes(page);
    if ((page->flags & RIX_PAGE_SPARE) != 0) {
      sum->spare += rix_page_bytes(page);
    } else if (kept) {
      sum->lone += rix_page_bytes(page);
    }
    if (!rix_page_valid(page)) return false;
  }
  return list->last == prev;
}

bool rix_theap_valid(const rix_theap_t* theap) {
  theap_sum_t sum = {0, 0, false, 0, 0, 0, 0, 0};
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    sum.pages = sum.loose = 0;
    sum.shown = false;
    if (!theap_list_valid(theap, c, &theap->queue[c], RIX_PLACE_QUEUE, &sum)) return false;
    if (!theap_list_valid(theap, c, &theap->full[c], RIX_PLACE_FULL, &sum)) return false;
    if (sum.pages != theap->pages[c]) return false;
    const ri_page_t* const page = theap->shown[c];
    sum.shown |= page == theap->queue[c].first;
    if (!sum.shown) return false;
    if (!theap_side_valid(theap->loose[c], RIX_PAGE_LOOSE, sum.loose)) return false;
  }
  if (sum.bytes != theap->bytes || sum.spare != theap->spare) return false;
  if (sum.roomy != theap->roomy || sum.lone != theap->lone) return false;
  if (!theap_side_valid(theap->kept, RIX_PAGE_KEPT, sum.kept)) return false;
  for (size_t w = 0; w < RI_DIRECT_SLOTS; w++) {
    const ri_page_t* const first = theap->shown[rix_class_of(w * 8)];
    const bool shown = first != NULL && (first->flags & RIX_PAGE_SLOW) == 0;
    if (theap->fast.direct[w] != (shown ? first : &rix_page_empty)) return false;
  }
  return true;
}
