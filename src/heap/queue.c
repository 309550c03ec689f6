// SPDX-License-Identifier: MIT
// queue.c: the queue and the full list of each size class, the loose pages of the full list, and
// the direct slots that follow the page to allocate from. Owner only.
#include "heap/queue.h"

#include "arena/pace.h"
#include "heap/heap.h"
#include "heap/sample.h"
#include "heap/theap.h"
#include "options/options.h"
#include "page/abandon.h"
#include "page/harden.h"
#include "page/release.h"
#include "page/remote.h"

#define RIX_LIST queue
#define RIX_LIST_ITEM ri_page_t
#define RIX_LIST_NEXT next
#define RIX_LIST_PREV prev
#define RIX_LIST_ENDS rix_page_list_t
#include "base/list.h"

#define RIX_LIST queue_side
#define RIX_LIST_ITEM ri_page_t
#define RIX_LIST_NEXT side_next
#define RIX_LIST_PREV side_prev
#include "base/list.h"

static void queue_show_all(rix_theap_t* theap, unsigned c, ri_page_t* direct) {
  const size_t first = c == 0 ? 0 : rix_class_block_size(c - 1) / 8 + 1;
  for (size_t w = first; w <= rix_class_block_size(c) / 8; w++)
    theap->fast.direct[w] = direct;
}

static void queue_show(rix_theap_t* theap, unsigned c, ri_page_t* page) {
  theap->shown[c] = page;
  if (c > rix_class_of(RI_DIRECT_MAX)) return;
  const bool fast = page != NULL && (page->flags & RIX_PAGE_SLOW) == 0;
  ri_page_t* const direct = fast ? page : &rix_page_empty;
  ri_page_t** const slots = theap->fast.direct;
  size_t w = (page != NULL ? rix_page_block_size(page) : rix_class_block_size(c)) / 8;
  ri_page_t* const old = slots[w];
  if (old == direct) return;
  if (old == &rix_page_empty) {
    queue_show_all(theap, c, direct);
    return;
  }
  // No other class's slots have the page, so there is no need to work out where its own begin.
  do {
    slots[w] = direct;
  } while (w-- > 0 && slots[w] == old);
}

// The queue has another first page, or the marks of pages have changed.
static void queue_follow(rix_theap_t* theap, unsigned c) {
  ri_page_t* const page = theap->shown[c];
  const bool loose = page != NULL && (page->flags & RIX_PAGE_LOOSE) != 0;
  queue_show(theap, c, loose ? page : theap->queue[c].first);
}

static void queue_set_full_flag(ri_page_t* page, bool full) {
  const uintptr_t owner = ri_load_relaxed(&page->xowner);
  ri_store_relaxed(&page->xowner, full ? owner | RIX_OWNER_FULL : owner & ~RIX_OWNER_FULL);
}

static void queue_mark_sampled(const rix_theap_t* theap, ri_page_t* page) {
  const int mark = rix_sample_covers(theap, page->class_index) ? RIX_PAGE_SAMPLED : 0;
  page->flags = (uint8_t)((page->flags & ~RIX_PAGE_SAMPLED) | mark);
}

void rix_queue_mark_sampled(rix_theap_t* theap, unsigned c) {
  for (ri_page_t* page = theap->queue[c].first; page != NULL; page = page->next)
    queue_mark_sampled(theap, page);
  for (ri_page_t* page = theap->loose[c]; page != NULL; page = page->side_next)
    queue_mark_sampled(theap, page);
  queue_follow(theap, c);
}

// A page leaves its place: a pass that is about to look at it goes on behind it.
static void queue_pass_by(rix_theap_t* theap, const ri_page_t* page) {
  if (theap->pass.page == page) theap->pass.page = page->next;
}

static void queue_move_to_back(rix_theap_t* theap, ri_page_t* page) {
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  if (queue->last == page) return;
  const bool was_first = queue->first == page;
  queue_pass_by(theap, page);
  queue_unlink(queue, page);
  queue_link_back(queue, page);
  if (was_first) queue_follow(theap, page->class_index);
}

void rix_queue_keep(rix_theap_t* theap, ri_page_t* page, bool spare) {
  RI_ASSERT(page->place == RIX_PLACE_QUEUE && ri_load_relaxed(&page->used) == 0);
  page->idle = 0;
  ri_store_relaxed(&page->used, RI_PAGE_USED_KEPT);
  page->flags |= RIX_PAGE_KEPT;
  queue_side_push(&theap->kept, page);
  if (!spare) {
    theap->lone += rix_page_bytes(page);
    return;
  }
  page->flags |= RIX_PAGE_SPARE;
  theap->spare += rix_page_bytes(page);
  queue_move_to_back(theap, page);
}

void rix_queue_unkeep(rix_theap_t* theap, ri_page_t* page) {
  if ((page->flags & RIX_PAGE_KEPT) == 0) return;
  size_t* const bytes = (page->flags & RIX_PAGE_SPARE) != 0 ? &theap->spare : &theap->lone;
  *bytes -= rix_page_bytes(page);
  page->flags &= (uint8_t) ~(RIX_PAGE_KEPT | RIX_PAGE_SPARE);
  ri_store_relaxed(&page->used, rix_page_live_plain(page));
  queue_side_remove(&theap->kept, page);
}

// A page comes into a list of the theap.
static void queue_enter(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_NONE);
  queue_mark_sampled(theap, page);
  page->place = RIX_PLACE_QUEUE;
  theap->pages[page->class_index]++;
  theap->bytes += rix_page_bytes(page);
  theap->roomy += rix_page_bytes(page);
}

void rix_queue_push_front(rix_theap_t* theap, ri_page_t* page) {
  queue_enter(theap, page);
  queue_link_front(&theap->queue[page->class_index], page);
  queue_follow(theap, page->class_index);
}

void rix_queue_push_back(rix_theap_t* theap, ri_page_t* page) {
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  queue_enter(theap, page);
  queue_link_back(queue, page);
  if (queue->first == page) queue_follow(theap, page->class_index);
}

void rix_queue_move_to_front(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_QUEUE);
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  if (queue->first == page) return;
  queue_pass_by(theap, page);
  queue_unlink(queue, page);
  queue_link_front(queue, page);
  queue_follow(theap, page->class_index);
}

static void queue_leave_queue(rix_theap_t* theap, ri_page_t* page) {
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  const bool was_first = queue->first == page;
  queue_pass_by(theap, page);
  queue_unlink(queue, page);
  theap->roomy -= rix_page_bytes(page);
  if (was_first) queue_follow(theap, page->class_index);
}

// A loose page is an ordinary full one again, or leaves the full list.
static void queue_tighten(rix_theap_t* theap, ri_page_t* page) {
  page->flags &= (uint8_t)~RIX_PAGE_LOOSE;
  queue_side_remove(&theap->loose[page->class_index], page);
}

ri_page_t* rix_queue_show_loose(rix_theap_t* theap, unsigned c) {
  ri_page_t* page;
  size_t left = RIX_LOOSE_LOOK;
  while ((page = theap->loose[c]) != NULL && page->free == NULL && left-- > 0)
    queue_tighten(theap, page);
  if (page != NULL && page->free == NULL) page = NULL;
  queue_show(theap, c, page != NULL ? page : theap->queue[c].first);
  return page;
}

static void queue_leave_full(rix_theap_t* theap, ri_page_t* page) {
  const unsigned c = page->class_index;
  queue_unlink(&theap->full[c], page);
  queue_set_full_flag(page, false);
  if ((page->flags & RIX_PAGE_LOOSE) == 0) return;
  queue_tighten(theap, page);
  if (theap->shown[c] == page) queue_show(theap, c, theap->queue[c].first);
}

void rix_queue_remove(rix_theap_t* theap, ri_page_t* page) {
  if (page->place == RIX_PLACE_NONE) return;
  rix_queue_unkeep(theap, page);
  if (page->place == RIX_PLACE_FULL) {
    queue_leave_full(theap, page);
  } else {
    queue_leave_queue(theap, page);
  }
  theap->pages[page->class_index]--;
  theap->bytes -= rix_page_bytes(page);
  page->place = RIX_PLACE_NONE;
}

// Whether the theap has as many full pages of the class as it should keep.
static bool queue_keeps_no_more(const rix_theap_t* theap, unsigned c) {
  long left = rix_option(ri_option_page_full_retain);
  if (RIX_LIKELY(left < 0)) return false;
  for (const ri_page_t* page = theap->full[c].first; page != NULL && left > 0; page = page->next)
    left--;
  return left == 0;
}

bool rix_queue_to_full(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_QUEUE && page->free == NULL && !rix_page_can_extend(page));
  rix_page_clear_low(page);
  rix_page_note_live(page);
  const unsigned c = page->class_index;
  if (queue_keeps_no_more(theap, c)) {
    rix_queue_remove(theap, page);
    rix_page_abandon(page);
    return true;
  }
  if (!rix_remote_request_wake(page)) return false;
  queue_leave_queue(theap, page);
  rix_queue_unkeep(theap, page);
  queue_set_full_flag(page, true);
  page->place = RIX_PLACE_FULL;
  queue_link_back(&theap->full[c], page);
  return true;
}

// ---- Pages given up -----------------------------------------------------------------------------

// How many bytes in pages with room a theap keeps while others might use them.
static size_t queue_roomy_most(const rix_theap_t* theap, size_t threads) {
  const size_t own = rix_min(theap->bytes / RIX_SPARSE_OWN, (size_t)RIX_SPARSE_ALL);
  return rix_max(RIX_SPARSE_ALL / threads, own);
}

// A quarter is free, or an eighth when no more than `low` are live, so that the owner has freed
// about what he took; while there is one thread, which alone could use that, three quarters of a
// page of small blocks: larger ones come and go by the page.
static bool queue_is_sparse(const ri_page_t* page, uint32_t low, size_t threads) {
  if ((page->flags & RIX_PAGE_KEPT) != 0) return false;
  const uint32_t live = rix_page_live(page), free = page->reserved - live;
  if (threads > 1) {
    return free * (live <= low ? RIX_SPARSE_DONE : RIX_SPARSE_PART) >= page->reserved;
  }
  if (page->kind != RIX_PAGE_SMALL) return false;
  return free * RIX_SPARSE_PART >= (RIX_SPARSE_PART - 1) * (uint32_t)page->reserved;
}

// A page comes back. Whether the thread frees and does not allocate: since a slow allocation
// several did. One that does both uses the room itself, soon. Where there is no other thread,
// nobody else can.
static bool queue_only_frees(rix_theap_t* theap, size_t threads) {
  if (theap->freeing.calls != theap->slow_calls) {
    theap->freeing = (rix_freeing_t){.calls = theap->slow_calls};
  }
  if (theap->freeing.pages++ < (threads > 1 ? RIX_SPARSE_RUN : RIX_SPARSE_RUN_ALONE)) return false;
  theap->freeing.only = true;
  return true;
}

// Whether others can make more use of a page than this thread, which only frees.
static bool queue_may_give(const rix_theap_t* theap, const ri_page_t* page, uint32_t low,
                           size_t threads) {
  return queue_is_sparse(page, low, threads) && theap->roomy > queue_roomy_most(theap, threads);
}

static void queue_give(rix_theap_t* theap, ri_page_t* page) {
  const size_t free = (size_t)(page->reserved - rix_page_live(page)) * rix_page_block_size(page);
  rix_queue_remove(theap, page);
  rix_page_abandon(page);
  rix_pace_hint(free);
}

// A page came back behind `page`. Gives that up, and the one before it: two leave for each that
// comes, until there are few enough. What comes back now, and the first page, are looked at when
// little is left in them.
static void queue_look_sparse(rix_theap_t* theap, ri_page_t* page) {
  const size_t threads = rix_gauge_now(RIX_GAUGE_THREADS);
  if (!queue_only_frees(theap, threads)) return;
  if (threads > 1) {
    rix_page_set_low(page->next);
    rix_page_set_low(theap->queue[page->class_index].first);
  }
  for (int left = 2; left > 0 && page->prev != NULL; left--) {
    if (!queue_may_give(theap, page, rix_page_low_level(page), threads)) return;
    ri_page_t* const prev = page->prev;
    queue_give(theap, page);
    page = prev;
  }
}

void rix_queue_reached_low(rix_theap_t* theap, ri_page_t* page) {
  const uint32_t low = rix_page_low(page);
  const size_t threads = rix_gauge_now(RIX_GAUGE_THREADS);
  rix_page_clear_low(page);
  if (rix_theap_only_frees(theap) && queue_may_give(theap, page, low, threads)) {
    queue_give(theap, page);
  }
}

// ---- Full pages ---------------------------------------------------------------------------------

void rix_queue_from_full(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_FULL);
  rix_page_note_live(page);
  queue_leave_full(theap, page);
  queue_mark_sampled(theap, page);
  page->place = RIX_PLACE_QUEUE;
  theap->roomy += rix_page_bytes(page);
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  ri_page_t* const last = queue->last;
  queue_link_back(queue, page);
  if (queue->first == page) queue_follow(theap, page->class_index);
  if (last == NULL || (last == queue->first && !rix_theap_only_frees(theap))) return;
  queue_look_sparse(theap, last);
}

// Free blocks with which a full page goes back to the queue.
static size_t queue_loose_max(const ri_page_t* page) {
  return rix_min(page->reserved / RIX_LOOSE_PART + 1u, RIX_LOOSE_MAX);
}

void rix_queue_freed(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_FULL && page->free != NULL);
  const unsigned c = page->class_index;
  const uint32_t live = rix_page_live_plain(page);
  const size_t count = page->capacity - live;
  const bool only = rix_link_get(page->free) == NULL;
  if (RIX_UNLIKELY(only != (count == 1))) {
    rix_theap_drop_list(theap, page);
    return;
  }
  // Two blocks freed in a row are likely to be followed by others of the page.
  const bool more = !only && (page == theap->freed || count >= queue_loose_max(page));
  if (more || RIX_UNLIKELY(live == 0)) {
    rix_queue_from_full(theap, page);
    if (live == 0) rix_theap_page_emptied(theap, page);
    return;
  }
  theap->freed = page;
  if ((page->flags & RIX_PAGE_LOOSE) == 0) {
    queue_mark_sampled(theap, page);
    page->flags |= RIX_PAGE_LOOSE;
    queue_side_push(&theap->loose[c], page);
  }
  // Allocations that find a block stay on the fast path, and the slots are written only when they
  // run dry.
  const ri_page_t* const shown = theap->shown[c];
  if (shown == NULL || shown->free == NULL) queue_show(theap, c, page);
}

// Collects what others freed in a full page; true when the page is in the queue afterwards.
static bool queue_revive(rix_theap_t* theap, ri_page_t* page) {
  if (rix_remote_count(page) == 0) return false;
  rix_page_look(page);
  rix_queue_remove(theap, page);
  if (rix_page_live(page) == 0) {
    rix_page_release(page);
    return false;
  }
  rix_queue_push_front(theap, page);
  return true;
}

void rix_queue_merge(rix_theap_t* from, rix_theap_t* into, unsigned c) {
  ri_page_t* page;
  while ((page = from->queue[c].first) != NULL) {
    rix_queue_remove(from, page);
    if (rix_page_live(page) == 0) {  // it was kept, and no longer is
      rix_page_release(page);
      continue;
    }
    if (!rix_harden_fits(page, into->heap)) {
      rix_page_abandon(page);
      continue;
    }
    ri_store_relaxed(&page->xtheap, into);
    rix_queue_push_back(into, page);
  }
  while ((page = from->full[c].first) != NULL) {
    rix_queue_remove(from, page);
    if (!rix_harden_fits(page, into->heap)) {
      rix_page_abandon(page);
      continue;
    }
    ri_store_relaxed(&page->xtheap, into);
    // A free that was asked to wake `from` pushed before this, and its block is collected; a later
    // one wakes nobody, until rix_queue_to_full asks again and publishes `into`.
    rix_remote_cancel_wake(page);
    const bool has_free = rix_page_look(page);
    if (rix_page_live(page) == 0) {
      rix_page_release(page);
      continue;
    }
    rix_queue_push_back(into, page);
    if (!has_free && !rix_page_can_extend(page)) rix_queue_to_full(into, page);
  }
}

bool rix_queue_sweep_full(rix_theap_t* theap, unsigned c) {
  // W2 acquire, pairs with W1 (heap/free.c): the frees that set the flag are in the remote words.
  const bool woken =
      ri_load_relaxed(&theap->xwoken[c]) != 0 && ri_exchange_acquire(&theap->xwoken[c], 0) != 0;
  if (woken) theap->sweep[c] = theap->pages[c];  // no fewer than there are full ones
  if (theap->sweep[c] == 0) return false;
  rix_page_list_t* const full = &theap->full[c];
  ri_page_t* const end = full->last;
  ri_page_t* page = full->first;
  bool found = false;
  uint32_t left = page != NULL ? theap->sweep[c] : 0;
  for (size_t looked = 0; left > 0 && looked < (found ? RIX_SWEEP_MAX : 8 * RIX_SWEEP_MAX);
       looked++) {
    ri_page_t* const next = page->next;
    left = page == end ? 0 : left - 1;
    found = queue_revive(theap, page) || found;
    page = next;
  }
  if (left > 0) queue_rotate_to(full, page);  // the next sweep goes on here
  theap->sweep[c] = left;
  return found;
}
