// SPDX-License-Identifier: MIT
// queue.c: the queue and the full list of each size class, and the direct slots that follow the
// first page of a queue. Owner only.
#include "heap/heap.h"
#include "options/options.h"
#include "page/remote.h"

/*@ // For proofs: a list has the pages queue_page(0) to queue_page(queue_pages - 1), of which
    // nothing is assumed but that they are apart; -1 and queue_pages stand for pages in no list.
    axiomatic queue_pages {
      logic ri_page_t* queue_page(integer i);
      logic integer queue_pages;
      logic integer queue_at;
    }
    predicate queue_apart{L}(rix_page_list_t* list) =
      0 <= queue_pages && \valid(list) &&
      (\forall integer i; -1 <= i <= queue_pages ==>
        \valid(queue_page(i)) && \separated(queue_page(i), list)) &&
      (\forall integer i, j; -1 <= i < j <= queue_pages ==>
        \separated(queue_page(i), queue_page(j)));
    predicate queue_first{L}(rix_page_list_t* list, integer i) =
      list->first == queue_page(i) && queue_page(i)->prev == \null;
    predicate queue_last{L}(rix_page_list_t* list, integer i) =
      list->last == queue_page(i) && queue_page(i)->next == \null;
    predicate queue_nexts{L}(integer from, integer to) =
      \forall integer i; from <= i < to - 1 ==> queue_page(i)->next == queue_page(i + 1);
    predicate queue_prevs{L}(integer from, integer to) =
      \forall integer i; from < i < to ==> queue_page(i)->prev == queue_page(i - 1);
    predicate queue_none{L}(rix_page_list_t* list) =
      list->first == \null && list->last == \null;
*/

static void queue_update_direct(rix_theap_t* theap, unsigned c) {
  if (c > rix_class_of(RI_DIRECT_MAX)) return;
  const size_t first = c == 0 ? 0 : rix_class_block_size(c - 1) / 8 + 1;
  ri_page_t* const page = theap->queue[c].first;
  const bool fast = page != NULL && (page->flags & RIX_PAGE_SLOW) == 0;
  ri_page_t* const shown = fast ? page : &rix_page_empty;
  if (theap->fast.direct[first] == shown) return;
  for (size_t w = first; w <= rix_class_block_size(c) / 8; w++)
    theap->fast.direct[w] = shown;
}

/*@ requires queue_apart(list) && 0 < queue_pages && page == queue_page(0);
    requires queue_pages == 1 ==> queue_none(list);
    requires queue_pages > 1 ==> queue_first(list, 1) && queue_last(list, queue_pages - 1);
    requires queue_nexts(1, queue_pages) && queue_prevs(1, queue_pages);
    assigns *list, page->prev, page->next, queue_page(1)->prev;
    ensures first: queue_first(list, 0);
    ensures last: queue_last(list, queue_pages - 1);
    ensures nexts: queue_nexts(0, queue_pages);
    ensures prevs: queue_prevs(0, queue_pages); */
static void queue_link_front(rix_page_list_t* list, ri_page_t* page) {
  page->prev = NULL;
  page->next = list->first;
  /*@ assert old: list->first == \at(list->first, Pre) && list->last == \at(list->last, Pre); */
  /*@ assert nexts_of_old: queue_nexts(1, queue_pages); */
  /*@ assert each_prev: \forall integer i; 1 < i < queue_pages ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  /*@ assert prevs_of_old: queue_prevs(1, queue_pages); */
  if (list->first != NULL) {
    /*@ assert more: list->first == queue_page(1) && queue_pages > 1; */
    /*@ assert last_before: list->last == queue_page(queue_pages - 1); */
    /*@ assert end_before: queue_page(queue_pages - 1)->next == \null; */
    list->first->prev = page;
    /*@ assert last_after: list->last == queue_page(queue_pages - 1); */
    /*@ assert end_after: queue_page(queue_pages - 1)->next == \null; */
    /*@ assert nexts_kept: queue_nexts(1, queue_pages); */
    /*@ assert prevs_kept: queue_prevs(1, queue_pages); */
    /*@ assert linked: queue_page(0)->next == queue_page(1) &&
          queue_page(1)->prev == queue_page(0); */
  } else {
    list->last = page;
  }
  /*@ assert nexts_now: queue_nexts(0, queue_pages); */
  /*@ assert prevs_now: queue_prevs(0, queue_pages); */
  /*@ assert last_now: queue_pages > 1 ==> queue_last(list, queue_pages - 1); */
  list->first = page;
}

/*@ requires queue_apart(list) && 0 < queue_pages && page == queue_page(queue_pages - 1);
    requires queue_pages == 1 ==> queue_none(list);
    requires queue_pages > 1 ==> queue_first(list, 0) && queue_last(list, queue_pages - 2);
    requires queue_nexts(0, queue_pages - 1) && queue_prevs(0, queue_pages - 1);
    assigns *list, page->prev, page->next, queue_page(queue_pages - 2)->next;
    ensures first: queue_first(list, 0);
    ensures last: queue_last(list, queue_pages - 1);
    ensures nexts: queue_nexts(0, queue_pages);
    ensures prevs: queue_prevs(0, queue_pages); */
static void queue_link_back(rix_page_list_t* list, ri_page_t* page) {
  page->next = NULL;
  page->prev = list->last;
  /*@ assert old: list->first == \at(list->first, Pre) && list->last == \at(list->last, Pre); */
  /*@ assert each_next: \forall integer i; 0 <= i < queue_pages - 2 ==>
        queue_page(i)->next == \at(queue_page(i)->next, Pre); */
  /*@ assert nexts_of_old: queue_nexts(0, queue_pages - 1); */
  /*@ assert each_prev: \forall integer i; 0 <= i < queue_pages - 1 ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  /*@ assert prevs_of_old: queue_prevs(0, queue_pages - 1); */
  if (list->last != NULL) {
    /*@ assert more: list->last == queue_page(queue_pages - 2) && queue_pages > 1; */
    /*@ assert first_before: list->first == queue_page(0); */
    /*@ assert end_before: queue_page(0)->prev == \null; */
    list->last->next = page;
    /*@ assert first_after: list->first == queue_page(0); */
    /*@ assert end_after: queue_page(0)->prev == \null; */
    /*@ assert nexts_kept: queue_nexts(0, queue_pages - 1); */
    /*@ assert prevs_kept: queue_prevs(0, queue_pages - 1); */
    /*@ assert linked: queue_page(queue_pages - 2)->next == page &&
          page->prev == queue_page(queue_pages - 2); */
  } else {
    list->first = page;
  }
  /*@ assert nexts_now: queue_nexts(0, queue_pages); */
  /*@ assert prevs_now: queue_prevs(0, queue_pages); */
  /*@ assert first_now: queue_pages > 1 ==> queue_first(list, 0); */
  list->last = page;
}

/*@ requires queue_apart(list) && 0 <= queue_at < queue_pages && page == queue_page(queue_at);
    requires queue_first(list, 0) && queue_last(list, queue_pages - 1);
    requires queue_nexts(0, queue_pages) && queue_prevs(0, queue_pages);
    assigns *list, page->prev, page->next, queue_page(queue_at - 1)->next,
      queue_page(queue_at + 1)->prev;
    ensures alone: page->next == \null && page->prev == \null;
    ensures none: queue_pages == 1 ==> queue_none(list);
    ensures first: queue_at > 0 ==> queue_first(list, 0);
    ensures second: queue_at == 0 < queue_pages - 1 ==> queue_first(list, 1);
    ensures last: queue_at < queue_pages - 1 ==> queue_last(list, queue_pages - 1);
    ensures but_last: 0 < queue_at == queue_pages - 1 ==> queue_last(list, queue_pages - 2);
    ensures joined: 0 < queue_at < queue_pages - 1 ==>
      queue_page(queue_at - 1)->next == queue_page(queue_at + 1) &&
      queue_page(queue_at + 1)->prev == queue_page(queue_at - 1);
    ensures nexts: queue_nexts(0, queue_at) && queue_nexts(queue_at + 1, queue_pages);
    ensures prevs: queue_prevs(0, queue_at) && queue_prevs(queue_at + 1, queue_pages); */
static void queue_unlink(rix_page_list_t* list, ri_page_t* page) {
  ri_page_t* const prev = page->prev;
  ri_page_t* const next = page->next;
  /*@ assert prev: queue_at > 0 ? prev == queue_page(queue_at - 1) : prev == \null; */
  /*@ assert next: queue_at < queue_pages - 1 ? next == queue_page(queue_at + 1) :
        next == \null; */
  page->next = NULL;
  page->prev = NULL;
  /*@ assert nexts_1: \forall integer i; 0 <= i < queue_pages && i != queue_at ==>
        queue_page(i)->next == \at(queue_page(i)->next, Pre); */
  /*@ assert prevs_1: \forall integer i; 0 <= i < queue_pages && i != queue_at ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  /*@ assert list_1: list->first == queue_page(0) && list->last == queue_page(queue_pages - 1); */
  if (prev != NULL) {
    prev->next = next;
  } else {
    list->first = next;
  }
  /*@ assert next_2: queue_at > 0 ==> queue_page(queue_at - 1)->next == next; */
  /*@ assert nexts_2: \forall integer i;
        0 <= i < queue_pages && i != queue_at - 1 && i != queue_at ==>
        queue_page(i)->next == \at(queue_page(i)->next, Pre); */
  /*@ assert prevs_2: \forall integer i; 0 <= i < queue_pages && i != queue_at ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  /*@ assert list_2: list->first == (queue_at > 0 ? queue_page(0) : next) &&
        list->last == queue_page(queue_pages - 1); */
  if (next != NULL) {
    next->prev = prev;
  } else {
    list->last = prev;
  }
  /*@ assert next_3: queue_at > 0 ==> queue_page(queue_at - 1)->next == next; */
  /*@ assert prev_3: queue_at < queue_pages - 1 ==> queue_page(queue_at + 1)->prev == prev; */
  /*@ assert alone_3: page->next == \null && page->prev == \null; */
  /*@ assert nexts_3: \forall integer i;
        0 <= i < queue_pages && i != queue_at - 1 && i != queue_at ==>
        queue_page(i)->next == \at(queue_page(i)->next, Pre); */
  /*@ assert prevs_3: \forall integer i;
        0 <= i < queue_pages && i != queue_at + 1 && i != queue_at ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  /*@ assert list_3: list->first == (queue_at > 0 ? queue_page(0) : next) &&
        list->last == (queue_at < queue_pages - 1 ? queue_page(queue_pages - 1) : prev); */
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
  queue_update_direct(theap, c);
}

static void queue_move_to_back(rix_theap_t* theap, ri_page_t* page) {
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  if (queue->last == page) return;
  const bool was_first = queue->first == page;
  queue_unlink(queue, page);
  queue_link_back(queue, page);
  if (was_first) queue_update_direct(theap, page->class_index);
}

void rix_queue_pin(rix_theap_t* theap, ri_page_t* page, bool spare) {
  RI_ASSERT(page->place == RIX_PLACE_QUEUE && ri_load_relaxed(&page->used) == 0);
  page->idle = 0;
  ri_store_relaxed(&page->used, RI_PAGE_PINNED);
  page->flags |= RIX_PAGE_KEPT;
  theap->pinned[page->class_index]++;
  if (!spare) return;
  page->flags |= RIX_PAGE_SPARE;
  theap->spare += rix_page_bytes(page);
  queue_move_to_back(theap, page);
}

void rix_queue_unpin(rix_theap_t* theap, ri_page_t* page) {
  if ((page->flags & RIX_PAGE_KEPT) == 0) return;
  if ((page->flags & RIX_PAGE_SPARE) != 0) theap->spare -= rix_page_bytes(page);
  page->flags &= (uint8_t) ~(RIX_PAGE_KEPT | RIX_PAGE_SPARE);
  ri_store_relaxed(&page->used, rix_page_live(page));
  theap->pinned[page->class_index]--;
}

// A page comes into a list of the theap.
static void queue_enter(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_NONE);
  queue_mark_sampled(theap, page);
  page->place = RIX_PLACE_QUEUE;
  theap->pages[page->class_index]++;
  theap->bytes += rix_page_bytes(page);
}

void rix_queue_push_front(rix_theap_t* theap, ri_page_t* page) {
  queue_enter(theap, page);
  queue_link_front(&theap->queue[page->class_index], page);
  queue_update_direct(theap, page->class_index);
}

void rix_queue_push_back(rix_theap_t* theap, ri_page_t* page) {
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  queue_enter(theap, page);
  queue_link_back(queue, page);
  if (queue->first == page) queue_update_direct(theap, page->class_index);
}

void rix_queue_move_to_front(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_QUEUE);
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  if (queue->first == page) return;
  queue_unlink(queue, page);
  queue_link_front(queue, page);
  queue_update_direct(theap, page->class_index);
}

static void queue_leave_queue(rix_theap_t* theap, ri_page_t* page) {
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  const bool was_first = queue->first == page;
  queue_unlink(queue, page);
  if (was_first) queue_update_direct(theap, page->class_index);
}

static void queue_leave_full(rix_theap_t* theap, ri_page_t* page) {
  queue_unlink(&theap->full[page->class_index], page);
  queue_set_full_flag(page, false);
}

void rix_queue_remove(rix_theap_t* theap, ri_page_t* page) {
  if (page->place == RIX_PLACE_NONE) return;
  rix_queue_unpin(theap, page);
  if (page->place == RIX_PLACE_FULL) {
    queue_leave_full(theap, page);
  } else {
    queue_leave_queue(theap, page);
  }
  theap->pages[page->class_index]--;
  theap->bytes -= rix_page_bytes(page);
  page->place = RIX_PLACE_NONE;
}

// Whether the theap has as many full pages of the class as it shall keep.
static bool queue_keeps_no_more(const rix_theap_t* theap, unsigned c) {
  long left = rix_option(ri_option_page_full_retain);
  if (RIX_LIKELY(left < 0)) return false;
  for (const ri_page_t* page = theap->full[c].first; page != NULL && left > 0; page = page->next)
    left--;
  return left == 0;
}

bool rix_queue_to_full(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_QUEUE && page->free == NULL && !rix_page_can_extend(page));
  const unsigned c = page->class_index;
  if (queue_keeps_no_more(theap, c)) {
    rix_queue_remove(theap, page);
    rix_page_abandon(page);
    return true;
  }
  if (!rix_remote_request_wake(page)) return false;
  queue_leave_queue(theap, page);
  rix_queue_unpin(theap, page);
  queue_set_full_flag(page, true);
  page->place = RIX_PLACE_FULL;
  queue_link_back(&theap->full[c], page);
  return true;
}

void rix_queue_from_full(rix_theap_t* theap, ri_page_t* page) {
  RI_ASSERT(page->place == RIX_PLACE_FULL);
  queue_leave_full(theap, page);
  queue_mark_sampled(theap, page);
  page->place = RIX_PLACE_QUEUE;
  rix_page_list_t* const queue = &theap->queue[page->class_index];
  queue_link_back(queue, page);
  if (queue->first == page) queue_update_direct(theap, page->class_index);
}

// Makes `page` the first of the list; those before it follow the last.
/*@ requires queue_apart(list) && 0 <= queue_at < queue_pages && page == queue_page(queue_at);
    requires queue_first(list, 0) && queue_last(list, queue_pages - 1);
    requires queue_nexts(0, queue_pages) && queue_prevs(0, queue_pages);
    assigns *list, page->prev, queue_page(0)->prev, queue_page(queue_at - 1)->next,
      queue_page(queue_pages - 1)->next;
    ensures first: queue_first(list, queue_at);
    ensures last: queue_last(list, queue_at > 0 ? queue_at - 1 : queue_pages - 1);
    ensures joined: queue_at > 0 ==> queue_page(queue_pages - 1)->next == queue_page(0) &&
      queue_page(0)->prev == queue_page(queue_pages - 1);
    ensures nexts: queue_nexts(0, queue_at) && queue_nexts(queue_at, queue_pages);
    ensures prevs: queue_prevs(0, queue_at) && queue_prevs(queue_at, queue_pages); */
static void queue_rotate_to(rix_page_list_t* list, ri_page_t* page) {
  ri_page_t* const first = list->first;
  ri_page_t* const last = list->last;
  ri_page_t* const before = page->prev;
  if (page == first) return;
  /*@ assert later: queue_at > 0 && before == queue_page(queue_at - 1); */
  last->next = first;
  first->prev = last;
  /*@ assert joined_1: queue_page(queue_pages - 1)->next == queue_page(0) &&
        queue_page(0)->prev == queue_page(queue_pages - 1); */
  /*@ assert nexts_1: \forall integer i; 0 <= i < queue_pages - 1 ==>
        queue_page(i)->next == \at(queue_page(i)->next, Pre); */
  /*@ assert prevs_1: \forall integer i; 0 < i < queue_pages ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  before->next = NULL;
  /*@ assert prevs_of_all: \forall integer i; 0 < i < queue_pages ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  page->prev = NULL;
  /*@ assert ends_2: queue_page(queue_at - 1)->next == \null &&
        queue_page(queue_at)->prev == \null; */
  /*@ assert joined_2: queue_page(queue_pages - 1)->next == queue_page(0) &&
        queue_page(0)->prev == queue_page(queue_pages - 1); */
  /*@ assert nexts_2: \forall integer i; 0 <= i < queue_pages - 1 && i != queue_at - 1 ==>
        queue_page(i)->next == \at(queue_page(i)->next, Pre); */
  /*@ assert prevs_2: \forall integer i; 0 < i < queue_pages && i != queue_at ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
  list->first = page;
  list->last = before;
  /*@ assert ends_3: queue_page(queue_at - 1)->next == \null &&
        queue_page(queue_at)->prev == \null; */
  /*@ assert joined_3: queue_page(queue_pages - 1)->next == queue_page(0) &&
        queue_page(0)->prev == queue_page(queue_pages - 1); */
  /*@ assert nexts_3: \forall integer i; 0 <= i < queue_pages - 1 && i != queue_at - 1 ==>
        queue_page(i)->next == \at(queue_page(i)->next, Pre); */
  /*@ assert prevs_3: \forall integer i; 0 < i < queue_pages && i != queue_at ==>
        queue_page(i)->prev == \at(queue_page(i)->prev, Pre); */
}

// Takes what others freed in a full page; true when the page is in the queue now.
static bool queue_revive(rix_theap_t* theap, ri_page_t* page) {
  if (rix_remote_count(page) == 0) return false;
  rix_page_collect(page);
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
    if (rix_page_live(page) == 0) {  // it was kept, and is not any more
      rix_page_release(page);
      continue;
    }
    ri_store_relaxed(&page->xtheap, into);
    rix_queue_push_back(into, page);
  }
  while ((page = from->full[c].first) != NULL) {
    rix_queue_remove(from, page);
    ri_store_relaxed(&page->xtheap, into);
    // Who was asked to wake `from` pushed before this, and its block is collected; who pushes
    // after it wakes nobody, until rix_queue_to_full asks again and publishes `into`.
    rix_remote_cancel_wake(page);
    const bool has_free = rix_page_collect(page);
    if (rix_page_live(page) == 0) {
      rix_page_release(page);
      continue;
    }
    rix_queue_push_back(into, page);
    if (!has_free && !rix_page_can_extend(page)) rix_queue_to_full(into, page);
  }
}

bool rix_queue_sweep_full(rix_theap_t* theap, unsigned c) {
  // W2 acquire, pairs with W1 (api/free.c): the frees that set the flag are in the remote words.
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
