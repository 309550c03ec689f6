// SPDX-License-Identifier: MIT
// list.h: doubly linked lists, linked through fields of their items. A template: a file says what
// its list is one of, and includes this one, once for each kind of list. That makes the functions
// below, with the list's name in the place of `rix_list`:
//
//   #define RIX_LIST queue                 // queue_push, queue_remove, and so on
//   #define RIX_LIST_ITEM ri_page_t        // what is listed
//   #define RIX_LIST_NEXT next             // its fields for the links
//   #define RIX_LIST_PREV prev
//   #define RIX_LIST_ENDS rix_page_list_t  // if the list knows its last item too
//   #include "base/list.h"
//
// A list is a pointer to its first item; or, where items are also added at the end or taken from
// it, a structure of the user's with two pointers, `first` and `last`.
//
// INVARIANTS
//   first == NULL  <=>  last == NULL  <=>  the list is empty
//   first->prev == NULL, last->next == NULL; for all others next->prev and prev->next are the item
// CONCURRENCY: none: whoever calls owns the list and its items, or holds their lock.
// COST: a few instructions, however long the list is. Nothing is allocated, nothing is checked.
// PROOFS: verify/acsl, target `list`, of the lists of heap/queue.c.
#include "base/compiler.h"

#define RIX_LIST_JOIN_(list, name) list##_##name
#define RIX_LIST_JOIN(list, name) RIX_LIST_JOIN_(list, name)

#define rix_list_push RIX_LIST_JOIN(RIX_LIST, push)
#define rix_list_remove RIX_LIST_JOIN(RIX_LIST, remove)
#define rix_list_link_front RIX_LIST_JOIN(RIX_LIST, link_front)
#define rix_list_link_back RIX_LIST_JOIN(RIX_LIST, link_back)
#define rix_list_unlink RIX_LIST_JOIN(RIX_LIST, unlink)
#define rix_list_rotate_to RIX_LIST_JOIN(RIX_LIST, rotate_to)

// ---- Lists that begin at a pointer --------------------------------------------------------------

// The item, which is in no list by these links, becomes the first. Cannot fail.
/*@ requires \valid(first) && \valid(item) && \separated(first, item);
    requires *first != \null ==> \valid(*first) && \separated(*first, first, item);
    assigns *first, item->RIX_LIST_PREV, item->RIX_LIST_NEXT, (*first)->RIX_LIST_PREV;
    ensures begin: *first == item && item->RIX_LIST_PREV == \null;
    ensures next: item->RIX_LIST_NEXT == \old(*first);
    ensures back: \old(*first) != \null ==> \old(*first)->RIX_LIST_PREV == item; */
static inline void rix_list_push(RIX_LIST_ITEM** first, RIX_LIST_ITEM* item) {
  item->RIX_LIST_PREV = NULL;
  item->RIX_LIST_NEXT = *first;
  if (*first != NULL) (*first)->RIX_LIST_PREV = item;
  *first = item;
}

// The item, which is in the list, leaves it; its links are NULL then. Cannot fail.
/*@ requires \valid(first) && \valid(item) && \separated(first, item);
    requires item->RIX_LIST_PREV == \null ==> *first == item;
    requires item->RIX_LIST_PREV != \null ==> \valid(item->RIX_LIST_PREV) &&
      \separated(item->RIX_LIST_PREV, first, item);
    requires item->RIX_LIST_NEXT != \null ==> \valid(item->RIX_LIST_NEXT) &&
      \separated(item->RIX_LIST_NEXT, first, item);
    requires item->RIX_LIST_PREV != \null && item->RIX_LIST_NEXT != \null ==>
      \separated(item->RIX_LIST_PREV, item->RIX_LIST_NEXT);
    assigns *first, item->RIX_LIST_PREV, item->RIX_LIST_NEXT, item->RIX_LIST_PREV->RIX_LIST_NEXT,
      item->RIX_LIST_NEXT->RIX_LIST_PREV;
    ensures alone: item->RIX_LIST_PREV == \null && item->RIX_LIST_NEXT == \null;
    ensures begin: \old(item->RIX_LIST_PREV) == \null ==> *first == \old(item->RIX_LIST_NEXT);
    ensures kept: \old(item->RIX_LIST_PREV) != \null ==> *first == \old(*first);
    ensures forth: \old(item->RIX_LIST_PREV) != \null ==>
      \old(item->RIX_LIST_PREV)->RIX_LIST_NEXT == \old(item->RIX_LIST_NEXT);
    ensures back: \old(item->RIX_LIST_NEXT) != \null ==>
      \old(item->RIX_LIST_NEXT)->RIX_LIST_PREV == \old(item->RIX_LIST_PREV); */
static inline void rix_list_remove(RIX_LIST_ITEM** first, RIX_LIST_ITEM* item) {
  RIX_LIST_ITEM* const prev = item->RIX_LIST_PREV;
  RIX_LIST_ITEM* const next = item->RIX_LIST_NEXT;
  if (prev != NULL) {
    prev->RIX_LIST_NEXT = next;
  } else {
    *first = next;
  }
  if (next != NULL) next->RIX_LIST_PREV = prev;
  item->RIX_LIST_NEXT = NULL;
  item->RIX_LIST_PREV = NULL;
}

#ifdef RIX_LIST_ENDS

// ---- Lists with two ends ------------------------------------------------------------------------

// What the contracts say.
#define rix_list_at RIX_LIST_JOIN(RIX_LIST, at)
#define rix_list_len RIX_LIST_JOIN(RIX_LIST, len)
#define rix_list_pos RIX_LIST_JOIN(RIX_LIST, pos)
#define rix_list_apart RIX_LIST_JOIN(RIX_LIST, apart)
#define rix_list_first RIX_LIST_JOIN(RIX_LIST, first)
#define rix_list_last RIX_LIST_JOIN(RIX_LIST, last)
#define rix_list_nexts RIX_LIST_JOIN(RIX_LIST, nexts)
#define rix_list_prevs RIX_LIST_JOIN(RIX_LIST, prevs)
#define rix_list_none RIX_LIST_JOIN(RIX_LIST, none)

/*@ // For proofs: a list has the items rix_list_at(0) to rix_list_at(rix_list_len - 1), of which
    // nothing is assumed but that they are apart; -1 and rix_list_len stand for items in no list.
    axiomatic rix_list_len {
      logic RIX_LIST_ITEM* rix_list_at(integer i);
      logic integer rix_list_len;
      logic integer rix_list_pos;
    }
    predicate rix_list_apart{L}(RIX_LIST_ENDS* list) =
      0 <= rix_list_len && \valid(list) &&
      (\forall integer i; -1 <= i <= rix_list_len ==>
        \valid(rix_list_at(i)) && \separated(rix_list_at(i), list)) &&
      (\forall integer i, j; -1 <= i < j <= rix_list_len ==>
        \separated(rix_list_at(i), rix_list_at(j)));
    predicate rix_list_first{L}(RIX_LIST_ENDS* list, integer i) =
      list->first == rix_list_at(i) && rix_list_at(i)->RIX_LIST_PREV == \null;
    predicate rix_list_last{L}(RIX_LIST_ENDS* list, integer i) =
      list->last == rix_list_at(i) && rix_list_at(i)->RIX_LIST_NEXT == \null;
    predicate rix_list_nexts{L}(integer from, integer to) =
      \forall integer i; from <= i < to - 1 ==> rix_list_at(i)->RIX_LIST_NEXT == rix_list_at(i + 1);
    predicate rix_list_prevs{L}(integer from, integer to) =
      \forall integer i; from < i < to ==> rix_list_at(i)->RIX_LIST_PREV == rix_list_at(i - 1);
    predicate rix_list_none{L}(RIX_LIST_ENDS* list) =
      list->first == \null && list->last == \null;
*/

// The item, which is in no list by these links, becomes the first. Cannot fail.
/*@ requires rix_list_apart(list) && 0 < rix_list_len && item == rix_list_at(0);
    requires rix_list_len == 1 ==> rix_list_none(list);
    requires rix_list_len > 1 ==> rix_list_first(list, 1) && rix_list_last(list, rix_list_len - 1);
    requires rix_list_nexts(1, rix_list_len) && rix_list_prevs(1, rix_list_len);
    assigns *list, item->RIX_LIST_PREV, item->RIX_LIST_NEXT, rix_list_at(1)->RIX_LIST_PREV;
    ensures first: rix_list_first(list, 0);
    ensures last: rix_list_last(list, rix_list_len - 1);
    ensures nexts: rix_list_nexts(0, rix_list_len);
    ensures prevs: rix_list_prevs(0, rix_list_len); */
static inline void rix_list_link_front(RIX_LIST_ENDS* list, RIX_LIST_ITEM* item) {
  item->RIX_LIST_PREV = NULL;
  item->RIX_LIST_NEXT = list->first;
  /*@ assert old: list->first == \at(list->first, Pre) && list->last == \at(list->last, Pre); */
  /*@ assert nexts_of_old: rix_list_nexts(1, rix_list_len); */
  /*@ assert each_prev: \forall integer i; 1 < i < rix_list_len ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  /*@ assert prevs_of_old: rix_list_prevs(1, rix_list_len); */
  if (list->first != NULL) {
    /*@ assert more: list->first == rix_list_at(1) && rix_list_len > 1; */
    /*@ assert last_before: list->last == rix_list_at(rix_list_len - 1); */
    /*@ assert end_before: rix_list_at(rix_list_len - 1)->RIX_LIST_NEXT == \null; */
    list->first->RIX_LIST_PREV = item;
    /*@ assert last_after: list->last == rix_list_at(rix_list_len - 1); */
    /*@ assert end_after: rix_list_at(rix_list_len - 1)->RIX_LIST_NEXT == \null; */
    /*@ assert nexts_kept: rix_list_nexts(1, rix_list_len); */
    /*@ assert prevs_kept: rix_list_prevs(1, rix_list_len); */
    /*@ assert linked: rix_list_at(0)->RIX_LIST_NEXT == rix_list_at(1) &&
          rix_list_at(1)->RIX_LIST_PREV == rix_list_at(0); */
  } else {
    list->last = item;
  }
  /*@ assert nexts_now: rix_list_nexts(0, rix_list_len); */
  /*@ assert prevs_now: rix_list_prevs(0, rix_list_len); */
  /*@ assert last_now: rix_list_len > 1 ==> rix_list_last(list, rix_list_len - 1); */
  list->first = item;
}

// The item, which is in no list by these links, becomes the last. Cannot fail.
/*@ requires rix_list_apart(list) && 0 < rix_list_len && item == rix_list_at(rix_list_len - 1);
    requires rix_list_len == 1 ==> rix_list_none(list);
    requires rix_list_len > 1 ==> rix_list_first(list, 0) && rix_list_last(list, rix_list_len - 2);
    requires rix_list_nexts(0, rix_list_len - 1) && rix_list_prevs(0, rix_list_len - 1);
    assigns *list, item->RIX_LIST_PREV, item->RIX_LIST_NEXT,
      rix_list_at(rix_list_len - 2)->RIX_LIST_NEXT;
    ensures first: rix_list_first(list, 0);
    ensures last: rix_list_last(list, rix_list_len - 1);
    ensures nexts: rix_list_nexts(0, rix_list_len);
    ensures prevs: rix_list_prevs(0, rix_list_len); */
static inline void rix_list_link_back(RIX_LIST_ENDS* list, RIX_LIST_ITEM* item) {
  item->RIX_LIST_NEXT = NULL;
  item->RIX_LIST_PREV = list->last;
  /*@ assert old: list->first == \at(list->first, Pre) && list->last == \at(list->last, Pre); */
  /*@ assert each_next: \forall integer i; 0 <= i < rix_list_len - 2 ==>
        rix_list_at(i)->RIX_LIST_NEXT == \at(rix_list_at(i)->RIX_LIST_NEXT, Pre); */
  /*@ assert nexts_of_old: rix_list_nexts(0, rix_list_len - 1); */
  /*@ assert each_prev: \forall integer i; 0 <= i < rix_list_len - 1 ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  /*@ assert prevs_of_old: rix_list_prevs(0, rix_list_len - 1); */
  if (list->last != NULL) {
    /*@ assert more: list->last == rix_list_at(rix_list_len - 2) && rix_list_len > 1; */
    /*@ assert first_before: list->first == rix_list_at(0); */
    /*@ assert end_before: rix_list_at(0)->RIX_LIST_PREV == \null; */
    list->last->RIX_LIST_NEXT = item;
    /*@ assert first_after: list->first == rix_list_at(0); */
    /*@ assert end_after: rix_list_at(0)->RIX_LIST_PREV == \null; */
    /*@ assert nexts_kept: rix_list_nexts(0, rix_list_len - 1); */
    /*@ assert prevs_kept: rix_list_prevs(0, rix_list_len - 1); */
    /*@ assert linked: rix_list_at(rix_list_len - 2)->RIX_LIST_NEXT == item &&
          item->RIX_LIST_PREV == rix_list_at(rix_list_len - 2); */
  } else {
    list->first = item;
  }
  /*@ assert nexts_now: rix_list_nexts(0, rix_list_len); */
  /*@ assert prevs_now: rix_list_prevs(0, rix_list_len); */
  /*@ assert first_now: rix_list_len > 1 ==> rix_list_first(list, 0); */
  list->last = item;
}

// The item, which is in the list, leaves it; its links are NULL then. Cannot fail.
/*@ requires rix_list_apart(list) && 0 <= rix_list_pos < rix_list_len &&
      item == rix_list_at(rix_list_pos);
    requires rix_list_first(list, 0) && rix_list_last(list, rix_list_len - 1);
    requires rix_list_nexts(0, rix_list_len) && rix_list_prevs(0, rix_list_len);
    assigns *list, item->RIX_LIST_PREV, item->RIX_LIST_NEXT,
      rix_list_at(rix_list_pos - 1)->RIX_LIST_NEXT, rix_list_at(rix_list_pos + 1)->RIX_LIST_PREV;
    ensures alone: item->RIX_LIST_NEXT == \null && item->RIX_LIST_PREV == \null;
    ensures none: rix_list_len == 1 ==> rix_list_none(list);
    ensures first: rix_list_pos > 0 ==> rix_list_first(list, 0);
    ensures second: rix_list_pos == 0 < rix_list_len - 1 ==> rix_list_first(list, 1);
    ensures last: rix_list_pos < rix_list_len - 1 ==> rix_list_last(list, rix_list_len - 1);
    ensures but_last: 0 < rix_list_pos == rix_list_len - 1 ==>
      rix_list_last(list, rix_list_len - 2);
    ensures joined: 0 < rix_list_pos < rix_list_len - 1 ==>
      rix_list_at(rix_list_pos - 1)->RIX_LIST_NEXT == rix_list_at(rix_list_pos + 1) &&
      rix_list_at(rix_list_pos + 1)->RIX_LIST_PREV == rix_list_at(rix_list_pos - 1);
    ensures nexts: rix_list_nexts(0, rix_list_pos) &&
      rix_list_nexts(rix_list_pos + 1, rix_list_len);
    ensures prevs: rix_list_prevs(0, rix_list_pos) &&
      rix_list_prevs(rix_list_pos + 1, rix_list_len); */
static inline void rix_list_unlink(RIX_LIST_ENDS* list, RIX_LIST_ITEM* item) {
  RIX_LIST_ITEM* const prev = item->RIX_LIST_PREV;
  RIX_LIST_ITEM* const next = item->RIX_LIST_NEXT;
  /*@ assert prev: rix_list_pos > 0 ? prev == rix_list_at(rix_list_pos - 1) : prev == \null; */
  /*@ assert next: rix_list_pos < rix_list_len - 1 ? next == rix_list_at(rix_list_pos + 1) :
        next == \null; */
  item->RIX_LIST_NEXT = NULL;
  item->RIX_LIST_PREV = NULL;
  /*@ assert nexts_1: \forall integer i; 0 <= i < rix_list_len && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_NEXT == \at(rix_list_at(i)->RIX_LIST_NEXT, Pre); */
  /*@ assert prevs_1: \forall integer i; 0 <= i < rix_list_len && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  /*@ assert list_1: list->first == rix_list_at(0) &&
        list->last == rix_list_at(rix_list_len - 1); */
  if (prev != NULL) {
    prev->RIX_LIST_NEXT = next;
    /*@ assert prevs_after: \forall integer i; 0 <= i < rix_list_len && i != rix_list_pos ==>
          rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  } else {
    list->first = next;
    /*@ assert prevs_first: \forall integer i; 0 <= i < rix_list_len && i != rix_list_pos ==>
          rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  }
  /*@ assert next_2: rix_list_pos > 0 ==> rix_list_at(rix_list_pos - 1)->RIX_LIST_NEXT == next; */
  /*@ assert nexts_2: \forall integer i;
        0 <= i < rix_list_len && i != rix_list_pos - 1 && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_NEXT == \at(rix_list_at(i)->RIX_LIST_NEXT, Pre); */
  /*@ assert prevs_2: \forall integer i; 0 <= i < rix_list_len && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  /*@ assert list_2: list->first == (rix_list_pos > 0 ? rix_list_at(0) : next) &&
        list->last == rix_list_at(rix_list_len - 1); */
  if (next != NULL) {
    next->RIX_LIST_PREV = prev;
  } else {
    list->last = prev;
  }
  /*@ assert next_3: rix_list_pos > 0 ==> rix_list_at(rix_list_pos - 1)->RIX_LIST_NEXT == next; */
  /*@ assert prev_3: rix_list_pos < rix_list_len - 1 ==>
        rix_list_at(rix_list_pos + 1)->RIX_LIST_PREV == prev; */
  /*@ assert alone_3: item->RIX_LIST_NEXT == \null && item->RIX_LIST_PREV == \null; */
  /*@ assert nexts_3: \forall integer i;
        0 <= i < rix_list_len && i != rix_list_pos - 1 && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_NEXT == \at(rix_list_at(i)->RIX_LIST_NEXT, Pre); */
  /*@ assert prevs_3: \forall integer i;
        0 <= i < rix_list_len && i != rix_list_pos + 1 && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  /*@ assert list_3: list->first == (rix_list_pos > 0 ? rix_list_at(0) : next) &&
        list->last == (rix_list_pos < rix_list_len - 1 ? rix_list_at(rix_list_len - 1) : prev); */
}

// The item, which is in the list, becomes the first; those before it follow the last. Cannot fail.
/*@ requires rix_list_apart(list) && 0 <= rix_list_pos < rix_list_len &&
      item == rix_list_at(rix_list_pos);
    requires rix_list_first(list, 0) && rix_list_last(list, rix_list_len - 1);
    requires rix_list_nexts(0, rix_list_len) && rix_list_prevs(0, rix_list_len);
    assigns *list, item->RIX_LIST_PREV, rix_list_at(0)->RIX_LIST_PREV,
      rix_list_at(rix_list_pos - 1)->RIX_LIST_NEXT, rix_list_at(rix_list_len - 1)->RIX_LIST_NEXT;
    ensures first: rix_list_first(list, rix_list_pos);
    ensures last: rix_list_last(list, rix_list_pos > 0 ? rix_list_pos - 1 : rix_list_len - 1);
    ensures joined: rix_list_pos > 0 ==>
      rix_list_at(rix_list_len - 1)->RIX_LIST_NEXT == rix_list_at(0) &&
      rix_list_at(0)->RIX_LIST_PREV == rix_list_at(rix_list_len - 1);
    ensures nexts: rix_list_nexts(0, rix_list_pos) && rix_list_nexts(rix_list_pos, rix_list_len);
    ensures prevs: rix_list_prevs(0, rix_list_pos) && rix_list_prevs(rix_list_pos, rix_list_len); */
static inline void rix_list_rotate_to(RIX_LIST_ENDS* list, RIX_LIST_ITEM* item) {
  RIX_LIST_ITEM* const first = list->first;
  RIX_LIST_ITEM* const last = list->last;
  RIX_LIST_ITEM* const before = item->RIX_LIST_PREV;
  if (item == first) return;
  /*@ assert later: rix_list_pos > 0 && before == rix_list_at(rix_list_pos - 1); */
  last->RIX_LIST_NEXT = first;
  first->RIX_LIST_PREV = last;
  /*@ assert joined_1: rix_list_at(rix_list_len - 1)->RIX_LIST_NEXT == rix_list_at(0) &&
        rix_list_at(0)->RIX_LIST_PREV == rix_list_at(rix_list_len - 1); */
  /*@ assert nexts_1: \forall integer i; 0 <= i < rix_list_len - 1 ==>
        rix_list_at(i)->RIX_LIST_NEXT == \at(rix_list_at(i)->RIX_LIST_NEXT, Pre); */
  /*@ assert prevs_1: \forall integer i; 0 < i < rix_list_len ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  before->RIX_LIST_NEXT = NULL;
  /*@ assert prevs_of_all: \forall integer i; 0 < i < rix_list_len ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  item->RIX_LIST_PREV = NULL;
  /*@ assert ends_2: rix_list_at(rix_list_pos - 1)->RIX_LIST_NEXT == \null &&
        rix_list_at(rix_list_pos)->RIX_LIST_PREV == \null; */
  /*@ assert joined_2: rix_list_at(rix_list_len - 1)->RIX_LIST_NEXT == rix_list_at(0) &&
        rix_list_at(0)->RIX_LIST_PREV == rix_list_at(rix_list_len - 1); */
  /*@ assert nexts_2: \forall integer i; 0 <= i < rix_list_len - 1 && i != rix_list_pos - 1 ==>
        rix_list_at(i)->RIX_LIST_NEXT == \at(rix_list_at(i)->RIX_LIST_NEXT, Pre); */
  /*@ assert prevs_2: \forall integer i; 0 < i < rix_list_len && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
  list->first = item;
  list->last = before;
  /*@ assert ends_3: rix_list_at(rix_list_pos - 1)->RIX_LIST_NEXT == \null &&
        rix_list_at(rix_list_pos)->RIX_LIST_PREV == \null; */
  /*@ assert joined_3: rix_list_at(rix_list_len - 1)->RIX_LIST_NEXT == rix_list_at(0) &&
        rix_list_at(0)->RIX_LIST_PREV == rix_list_at(rix_list_len - 1); */
  /*@ assert nexts_3: \forall integer i; 0 <= i < rix_list_len - 1 && i != rix_list_pos - 1 ==>
        rix_list_at(i)->RIX_LIST_NEXT == \at(rix_list_at(i)->RIX_LIST_NEXT, Pre); */
  /*@ assert prevs_3: \forall integer i; 0 < i < rix_list_len && i != rix_list_pos ==>
        rix_list_at(i)->RIX_LIST_PREV == \at(rix_list_at(i)->RIX_LIST_PREV, Pre); */
}

#undef RIX_LIST_ENDS
#endif

#undef RIX_LIST
#undef RIX_LIST_ITEM
#undef RIX_LIST_NEXT
#undef RIX_LIST_PREV
