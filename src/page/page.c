// SPDX-License-Identifier: MIT
// page.c: extending and collecting pages, and the checks of their invariants.
#include "page/page.h"

#include "arena/pagemap.h"
#include "base/annotate.h"
#include "base/events.h"
#include "page/harden.h"
#include "page/holes.h"
#include "page/live.h"
#include "page/remote.h"

ri_page_t rix_page_empty = {.xowner = {RIX_OWNER_NONE}};

static ri_block_t* page_block_at(const ri_page_t* page, size_t index) {
  return (ri_block_t*)(page->start + index * rix_page_block_size(page));
}

size_t rix_page_cut_count(const ri_page_t* page) {
  size_t n = rix_max((size_t)RIX_EXTEND_BYTES / rix_page_block_size(page), 1);
  if (RIX_UNLIKELY((page->flags & RIX_PAGE_CHECKED) != 0)) n = rix_harden_cut_count(page, n);
  const size_t left = (size_t)(page->reserved - page->capacity);
  return rix_min(RIX_TEST_EXTEND_ONE ? 1 : n, left);
}

void rix_page_cut(ri_page_t* page, bool untouched) {
  const size_t block_size = rix_page_block_size(page);
  const size_t n = rix_page_cut_count(page);
  if (RIX_UNLIKELY((page->flags & RIX_PAGE_CHECKED) != 0) && rix_harden_cut(page, n)) return;
  // In the order of addresses, so that a fresh page is used as an array would be.
  ri_block_t* block = page_block_at(page, page->capacity);
  ri_block_t* const first = block;
  for (size_t i = 1; i < n; i++) {
    ri_block_t* const next = (ri_block_t*)((uint8_t*)block + block_size);
    rix_link_set(block, next);
    block = next;
  }
  if (!untouched) rix_link_set(block, page->free);
  page->free = first;
  page->capacity = (uint16_t)(page->capacity + n);
}

static bool page_extend(ri_page_t* page, bool untouched) {
  RI_ASSERT(rix_page_can_extend(page) && (!untouched || page->free == NULL));
  rix_event(RIX_EVENT_EXTENDED);
  if (RIX_UNLIKELY(rix_holes_any(page))) return rix_holes_extend(page);
  rix_page_cut(page, untouched);
  return true;
}

bool rix_page_extend(ri_page_t* page) { return page_extend(page, false); }

bool rix_page_extend_untouched(ri_page_t* page) { return page_extend(page, true); }

/*@ requires page_apart(page) && page_list((ri_block_t*)page->free);
    requires page_counts(page, page_blocks) && page_low(page) == 0;
    requires 0 <= remote_blocks && 0 <= page_gaps;
    requires remote_blocks + page_gaps <= page_live(page);
    requires \forall integer i; 0 <= i < remote_blocks ==>
      \valid(remote_block(i)) && \separated(remote_block(i), page);
    requires \forall integer i, j; 0 <= i < remote_blocks && 0 <= j < remote_blocks && i != j ==>
      \separated(remote_block(i), remote_block(j));
    requires \forall integer i, j; 0 <= i < remote_blocks && 0 <= j < page_blocks ==>
      \separated(remote_block(i), page_block(j));
    requires \forall integer i; 0 <= i < remote_blocks - 1 ==>
      remote_block(i)->link == remote_block(i + 1) && remote_block(i + 1) != \null;
    requires remote_blocks > 0 ==>
      remote_block(0) != \null && remote_block(remote_blocks - 1)->link == \null;
    requires \forall integer i; 0 <= i < page_blocks ==>
      page_block(i) != \null && link_leads(page_block(i));
    requires \forall integer i; 0 <= i < remote_blocks ==> link_leads(remote_block(i));
    assigns page->free, page->used.v, page->xremote.v, remote_block(remote_blocks - 1)->link,
      page_block(page_blocks - 1)->link, page->out, page->flags, page->punched, page->xholes[0..1],
      page->xgaps, page->xtried;
    ensures some: \result <==> page_blocks + remote_blocks > 0;
    ensures top: 0 < remote_blocks && (page_blocks == 0 || remote_blocks <= page_blocks) ==>
      (ri_block_t*)page->free == remote_block(0);
    ensures same: remote_blocks == 0 || 0 < page_blocks < remote_blocks ==>
      page->free == \old(page->free);
    ensures before: 0 < remote_blocks <= page_blocks ==>
      remote_block(remote_blocks - 1)->link == page_block(0) &&
      page_block(page_blocks - 1)->link == \null;
    ensures behind: 0 < page_blocks < remote_blocks ==>
      page_block(page_blocks - 1)->link == remote_block(0) &&
      remote_block(remote_blocks - 1)->link == \null;
    ensures ends: remote_blocks > 0 && page_blocks == 0 ==>
      remote_block(remote_blocks - 1)->link == \null;
    ensures chain: \forall integer i; 0 <= i < remote_blocks - 1 ==>
      remote_block(i)->link == remote_block(i + 1);
    ensures chain_of_page: \forall integer i; 0 <= i < page_blocks - 1 ==>
      page_block(i)->link == page_block(i + 1);
    ensures counts: page_counts(page, page_blocks + remote_blocks); */
bool rix_page_collect(ri_page_t* page) {
  ri_block_t* head = NULL;
  bool gaps;
  size_t count = rix_remote_collect(page, &head, &gaps);
  if (RIX_UNLIKELY(gaps)) count -= rix_holes_take_gaps(page);
  if (count == 0) return page->free != NULL;
  RI_ASSERT(head != NULL && count <= rix_page_live_plain(page));
  rix_annotate_enter();
  rix_live_collected(page, head, count);
  if (page->free != NULL) {
    // The shorter list is walked to its end: its blocks may not be in the cache. No further than
    // its count: a block that was freed twice makes it a circle. What lies behind a damaged link is
    // lost: the list is shorter than `used` says then, and that is reported when it is used up.
    const size_t own = rix_page_free_count(page);
    const bool behind = own < count;
    ri_block_t* const first = behind ? page->free : head;
    ri_block_t* const second = behind ? head : page->free;
    ri_block_t* tail = first;
    ri_block_t* next = NULL;
    /*@ ghost size_t at = 0; */
    /*@ loop invariant behind ==> 0 <= at < page_blocks && tail == page_block(at);
        loop invariant !behind ==> 0 <= at < remote_blocks && tail == remote_block(at);
        loop invariant left + at == (behind ? page_blocks : remote_blocks);
        loop assigns tail, next, at, left;
        loop variant left; */
    for (size_t left = behind ? own : count;
         left > 1 && rix_link_leads(page, tail, &next) && next != NULL; left--) {
      tail = next;
      /*@ ghost at++; */
    }
    /*@ assert last: behind ? tail == page_block(page_blocks - 1) :
          tail == remote_block(remote_blocks - 1); */
    rix_link_set(tail, second);
    head = first;
  }
  rix_annotate_leave();
  page->free = head;
  rix_page_add_used(page, (uint32_t) - (int32_t)count);
  /*@ assert less: page_live(page) == \at(page_live(page), Pre) - remote_blocks - page_gaps; */
  return true;
}

void rix_page_set_low(ri_page_t* page) {
  const uint32_t low = rix_page_low_level(page);
  if ((page->flags & RIX_PAGE_KEPT) != 0 || rix_page_low(page) != 0) return;
  if (low == 0 || rix_page_live_plain(page) <= low) return;
  rix_page_add_used(page, 0 - low);
  ri_store_relaxed(&page->xseen, ri_load_relaxed(&page->xseen) - low);
  ri_store_relaxed(&page->xlow, low | RI_PAGE_LOW_SET);
}

bool rix_page_look(ri_page_t* page) {
  if (rix_remote_count(page) == 0) return page->free != NULL;
  const bool counted = !rix_page_is_single(page);
  rix_page_clear_low(page);
  if (counted) rix_page_note_live(page);
  const bool has_free = rix_page_collect(page);
  if (counted) rix_page_note_live(page);
  return has_free;
}

void rix_page_mark_interior(ri_page_t* page, const void* p) {
  ri_store_relaxed(&page->xowner, ri_load_relaxed(&page->xowner) | RIX_OWNER_INTERIOR);
  rix_pagemap_set(p, 1, page);
  if (rix_page_is_single(page)) page->inverse = (uintptr_t)p - (uintptr_t)page->start;
  if ((page->flags & RIX_PAGE_CHECKED) != 0) {
    (void)rix_live_take_back(rix_live_bit(page, rix_page_block_of(page, p)));
    (void)rix_live_hand_out(rix_live_bit(page, p));
  }
}

// Whether a list has exactly `count` blocks, each at a block boundary below `capacity`, none
// of which touches a hole.
static bool page_list_valid(const ri_page_t* page, const ri_block_t* list, size_t count) {
  for (; list != NULL; list = rix_link_get(list), count--) {
    if (count == 0) return false;
    const size_t offset = (size_t)((const uint8_t*)list - page->start);
    if (offset >= (size_t)page->capacity * rix_page_block_size(page)) return false;
    if (rix_page_block_of(page, list) != list) return false;
    if (rix_holes_touch(page, rix_class_index_of(offset, page->inverse))) return false;
  }
  return count == 0;
}

bool rix_page_valid(const ri_page_t* page) {
  const size_t block_size = rix_page_block_size(page);
  const size_t live = rix_page_live(page);
  if (page->reserved == 0 || page->capacity > page->reserved || live > page->capacity) return false;
  if (rix_remote_count(page) > live) return false;
  const uint32_t low = rix_page_low(page);
  if (low > 0 && (page->place != RIX_PLACE_QUEUE || live == low)) return false;
  if (low > 0 && (page->flags & RIX_PAGE_KEPT) != 0) return false;
  if (rix_page_is_single(page)) {
    const size_t behind = (page->flags & RIX_PAGE_GUARDED) != 0 ? rix_os_page_size() : 0;
    return ri_load_relaxed(&page->xspan) >= rix_page_lead(page) + block_size + behind;
  }
  if (block_size != rix_class_block_size(page->class_index)) return false;
  if (page->reserved * block_size > (size_t)page->slice_count * RIX_SLICE_SIZE) return false;
  if (!rix_holes_valid(page)) return false;
  rix_annotate_enter();
  const bool valid = page_list_valid(page, page->free, page->capacity - live - page->out);
  rix_annotate_leave();
  return valid;
}
