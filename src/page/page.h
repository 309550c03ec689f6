// SPDX-License-Identifier: MIT
// page.h: a page is a run of slices cut into blocks of one size. This file is its sequential side:
// everything here is called by the owner of the page alone. What other threads do to a page is in
// remote.h; how a page loses and finds an owner in abandon.c.
//
//   block 0 .. capacity-1    live, in a list, or out of all of them: they touch a hole (holes.h)
//   capacity .. reserved-1   no blocks yet, cut a step at a time (rix_page_extend)
//
// LOW MARK. The fast path of free asks one question: is `used` zero? So that it also tells when
// only few blocks are left, `used` can hold fewer than are live: `low` fewer, while the mark is
// set. Then it is zero when `low` are live; rix_page_emptied takes the mark away, and looks whether
// the page is of more use to others (heap/queue.c). `low` is the number of blocks that were live
// when the owner got the page, and an eighth of the others: about what is left when he has freed
// what he took. While the mark is not set, xlow is that first number.
//
// INVARIANTS, for the owner, with live = (used & RI_PAGE_USED_MASK) + low, if the mark is set
//   live + |free| + out == capacity <= reserved          (blocks freed by others count as live
//                                                         until the owner collects them)
//   remote count <= live
//   every link of `free` points to a block boundary below `capacity`, without repetition
//   the mark is set  =>  in a queue, not kept, low < live (and so `used` is not zero)
//   capacity blocks fit into the page: start + reserved * block_size <= end of the slices
//   a page of one block (SINGLETON, MAPPED): reserved == 1, no free list,
//                                            xspan >= lead + block_size
// CONCURRENCY: owner only, except for the functions marked "any thread".
#ifndef RIX_PAGE_PAGE_H
#define RIX_PAGE_PAGE_H

#include "arena/arena.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/events.h"
#include "base/sizeclass.h"
#include "page/link.h"

typedef enum rix_page_kind_e {
  RIX_PAGE_SMALL,      // 1 slice, blocks to 8 KiB
  RIX_PAGE_MEDIUM,     // 8 slices, a thread's first one 1 or 2; blocks to 64 KiB
  RIX_PAGE_SINGLETON,  // as many slices as its one block needs
  RIX_PAGE_MAPPED,     // one block in a mapping of its own
} rix_page_kind_t;

typedef enum rix_page_place_e {
  RIX_PLACE_NONE,   // in no list of a heap
  RIX_PLACE_QUEUE,  // in the queue of its class: it has free blocks, or may soon have some
  RIX_PLACE_FULL,   // in the full list of its class: all blocks were live, and few are free now
} rix_page_place_t;

enum {                  // page->flags
  RIX_PAGE_ZERO = 1,    // memory from `capacity` on reads as zero
  RIX_PAGE_LISTED = 2,  // its bit in the arena's abandoned bitmap is set
  RIX_PAGE_CHECKED =
      4,  // live blocks are marked in the arena's live bitmap; RIX_OWNER_CHECKED is set
  RIX_PAGE_SAMPLED = 8,   // in the queue of a theap that samples this class (heap/sample.c)
  RIX_PAGE_GUARDED = 16,  // its one block ends at a guard page (guard.c)
  RIX_PAGE_BEGINS = 16,   // of a class, of which its thread had no page when it was made
  RIX_PAGE_TRAPPED = 32,  // of one block, which is watched, between guards (trap.h)
  RIX_PAGE_SPARE = 32,    // empty when last looked at, and kept beside others of its class
  RIX_PAGE_KEPT = 64,    // it was empty and has RI_PAGE_USED_KEPT in `used`, unless that is damaged
  RIX_PAGE_LOOSE = 128,  // in the full list, and its owner has freed blocks of it
  RIX_PAGE_WATCHED = 64,  // of one block, which was requested zeroed: its use is looked at
  RIX_PAGE_GROWN = 128,   // of one block, which realloc has moved or copied
  RIX_PAGE_SLOW = RIX_PAGE_CHECKED | RIX_PAGE_SAMPLED,  // no fast path takes a block of it
};

// page->xowner == id of the owner | flags. Any flag makes the fast path of free fail.
#define RIX_OWNER_FULL ((uintptr_t)1)      // in the full list: a local free makes it loose
#define RIX_OWNER_INTERIOR ((uintptr_t)2)  // pointers into blocks were handed out (aligned_at)
#define RIX_OWNER_CHECKED ((uintptr_t)4)   // option `check`: every free is validated
#define RIX_OWNER_PROFILED ((uintptr_t)8)  // the profiler has a record of a block (profiled.h)
#define RIX_OWNER_FLAGS ((uintptr_t)15)
// Those that a page keeps when it changes its owner.
#define RIX_OWNER_LASTING (RIX_OWNER_INTERIOR | RIX_OWNER_CHECKED | RIX_OWNER_PROFILED)
#define RIX_OWNER_NONE (~RIX_OWNER_FLAGS)  // nobody's id

/*@ // For proofs: the blocks of the free list are page_block(0), page_block(1), and so on.
    axiomatic page_masks {
      axiom page_used_mask: \forall integer x; 0 <= x ==> (x & 0xFFFF) == x % 0x10000;
      axiom page_uint32_over: \forall integer x; 0x100000000 <= x <= 0x1FFFFFFFF ==>
        (uint32_t)x == x - 0x100000000;
      axiom page_uint32_under: \forall integer x; -0x100000000 <= x < 0 ==>
        (uint32_t)x == x + 0x100000000;
    }
    lemma page_used_part: \forall integer x, n; 0 <= n <= x % 0x10000 && 0 <= x ==>
      (x - n) % 0x10000 == x % 0x10000 - n;
    axiomatic page_blocks {
      logic ri_block_t* page_block(integer i);
      logic integer page_blocks;
      logic integer page_gaps;  // blocks that touch one (remote.h)
    }
    predicate page_list{L}(ri_block_t* head) =
      0 <= page_blocks && (page_blocks == 0 ==> head == \null) &&
      (page_blocks > 0 ==> head == page_block(0) && page_block(page_blocks - 1)->link == \null) &&
      (\forall integer i; 0 <= i < page_blocks - 1 ==> page_block(i)->link == page_block(i + 1));
    predicate page_apart{L}(ri_page_t* page) =
      \valid(page) &&
      (\forall integer i; 0 <= i < page_blocks ==>
        \valid(page_block(i)) && \separated(page_block(i), page)) &&
      (\forall integer i, j; 0 <= i < page_blocks && 0 <= j < page_blocks && i != j ==>
        \separated(page_block(i), page_block(j)));
    logic integer page_low{L}(ri_page_t* page) =
      page->xlow.v >= 0x80000000 ? page->xlow.v - 0x80000000 : 0;
    logic integer page_live{L}(ri_page_t* page) = page->used.v % 0x10000 + page_low(page);
    predicate page_counts{L}(ri_page_t* page, integer blocks) =
      page_live(page) + blocks + page->out == page->capacity <= page->reserved;
*/

// By how many live blocks `used` holds too few.
/*@ requires \valid_read(page);
    assigns \nothing;
    ensures \result == page_low(page); */
RIX_INLINE uint32_t rix_page_low(const ri_page_t* page) {
  const uint32_t low = ri_load_relaxed(&page->xlow);
  return low >= RI_PAGE_LOW_SET ? low - RI_PAGE_LOW_SET : 0;
}
/*@ requires \valid_read(page);
    assigns \nothing;
    ensures \result == page_live(page); */
RIX_INLINE uint32_t rix_page_live(const ri_page_t* page) {
  return (ri_load_relaxed(&page->used) & RI_PAGE_USED_MASK) + rix_page_low(page);
}
// The same for a page that is in no queue, or whose mark was just taken away.
/*@ requires \valid_read(page) && page_low(page) == 0;
    assigns \nothing;
    ensures \result == page_live(page); */
RIX_INLINE uint32_t rix_page_live_plain(const ri_page_t* page) {
  RI_ASSERT(rix_page_low(page) == 0);
  return ri_load_relaxed(&page->used) & RI_PAGE_USED_MASK;
}
/*@ requires \valid_read(page);
    assigns \nothing;
    ensures \result == page->xblock_size.v; */
RIX_INLINE size_t rix_page_block_size(const ri_page_t* page) {
  return ri_load_relaxed(&page->xblock_size);
}
/*@ requires \valid_read(page);
    assigns \nothing;
    ensures \result <==> page->kind == RIX_PAGE_SINGLETON || page->kind == RIX_PAGE_MAPPED; */
RIX_INLINE bool rix_page_is_single(const ri_page_t* page) {
  return page->kind == RIX_PAGE_SINGLETON || page->kind == RIX_PAGE_MAPPED;
}
// Bytes of the slices of a page that has some.
RIX_INLINE size_t rix_page_bytes(const ri_page_t* page) {
  return (size_t)page->slice_count * RIX_SLICE_SIZE;
}
/*@ requires \valid_read(page);
    assigns \nothing;
    ensures \result <==> page->capacity < page->reserved || page->out > 0; */
RIX_INLINE bool rix_page_can_extend(const ri_page_t* page) {
  return page->capacity < page->reserved || page->out > 0;
}
// How long the free list is, unless it is damaged.
/*@ requires \valid_read(page);
    assigns \nothing;
    ensures \result == (uint32_t)(page->capacity - page->out - page_live(page)); */
RIX_INLINE uint32_t rix_page_free_count(const ri_page_t* page) {
  return (uint32_t)page->capacity - page->out - rix_page_live(page);
}

// The same if the low mark is not set, else more. For a page with an empty list zero is the sign
// that it is neither damaged nor marked.
/*@ requires \valid_read(page);
    assigns \nothing;
    ensures \result == (uint32_t)(page->capacity - page->out - page->used.v % 0x10000); */
RIX_INLINE uint32_t rix_page_free_count_above(const ri_page_t* page) {
  return (uint32_t)page->capacity - page->out - (ri_load_relaxed(&page->used) & RI_PAGE_USED_MASK);
}

/*@ requires \valid(page);
    assigns page->used.v;
    ensures page->used.v == (uint32_t)(\old(page->used.v) + n); */
RIX_INLINE void rix_page_add_used(ri_page_t* page, uint32_t n) {
  ri_store_relaxed(&page->used, ri_load_relaxed(&page->used) + n);
}

// Takes the low mark away.
/*@ requires \valid(page) && page_live(page) < 0x10000;
    assigns page->used.v, page->xlow.v, page->xseen.v;
    ensures away: page_low(page) == 0;
    ensures same: page_live(page) == \old(page_live(page)); */
RIX_INLINE void rix_page_clear_low(ri_page_t* page) {
  const uint32_t low = rix_page_low(page);
  if (RIX_LIKELY(low == 0)) return;
  ri_store_relaxed(&page->xseen, ri_load_relaxed(&page->xseen) + low);
  rix_page_add_used(page, low);
  ri_store_relaxed(&page->xlow, 0);
}

// How many live blocks the owner leaves in a page until the mark is reached.
RIX_INLINE uint32_t rix_page_low_level(const ri_page_t* page) {
  const uint32_t low = ri_load_relaxed(&page->xlow), reserved = page->reserved;
  if (low >= RI_PAGE_LOW_SET) return low - RI_PAGE_LOW_SET;
  return low < reserved ? low + (reserved - low) / RIX_LOW_PART : reserved;
}

// The page has a new owner, who did not hand out the blocks that are live now.
RIX_INLINE void rix_page_note_low(ri_page_t* page) {
  const uint32_t live = rix_page_live_plain(page);
  if (!rix_page_is_single(page)) ri_store_relaxed(&page->xlow, live);
}

// Takes a block off the free list, which is not empty. NULL, and nothing done: the list is damaged,
// or has the block twice.
/*@ requires page_apart(page) && page_list((ri_block_t*)page->free) && page_blocks > 0;
    requires page_counts(page, page_blocks);
    assigns page->free, page->used.v, page_block(0)->link;
    ensures top: link_leads(page_block(0)) ==> \result == page_block(0);
    ensures last: \result != \null && page_blocks == 1 ==> (ri_block_t*)page->free == \null;
    ensures rest: \result != \null && page_blocks > 1 ==>
      (ri_block_t*)page->free == page_block(1);
    ensures one: \result != \null ==> page->used.v == \old(page->used.v) + 1;
    ensures counts: \result != \null ==> page_counts(page, page_blocks - 1);
    ensures damaged: !link_leads(page_block(0)) ==> \result == \null &&
      page->free == \old(page->free) && page->used.v == \old(page->used.v); */
RIX_INLINE ri_block_t* rix_page_pop(ri_page_t* page) {
  ri_block_t* const block = page->free;
  ri_block_t* next;
  if (RIX_UNLIKELY(!rix_link_leads(page, block, &next))) return NULL;
  rix_link_clear(block);
  page->free = next;
  ri_count_up(&page->used);
  return block;
}

// Whether extending the page can leave its new block unwritten: a block so large that it comes
// alone, in memory that reads as zero.
RIX_INLINE bool rix_page_extends_untouched(const ri_page_t* page) {
  return page->kind == RIX_PAGE_MEDIUM && (page->flags & RIX_PAGE_ZERO) != 0;
}

// Takes the only block off the free list without looking at its link.
RIX_INLINE ri_block_t* rix_page_pop_only(ri_page_t* page) {
  ri_block_t* const block = page->free;
  page->free = NULL;
  ri_count_up(&page->used);
  return block;
}

// Puts a live block back.
/*@ requires page_apart(page) && page_list((ri_block_t*)page->free) && \valid(block);
    requires \separated(block, page);
    requires \forall integer i; 0 <= i < page_blocks ==> \separated(block, page_block(i));
    requires page_counts(page, page_blocks) && page->used.v % 0x10000 > 0;
    assigns block->link, page->free, page->used.v;
    ensures top: (ri_block_t*)page->free == block;
    ensures only: page_blocks == 0 ==> block->link == \null;
    ensures follows: page_blocks > 0 ==> block->link == page_block(0);
    ensures kept: \forall integer i; 0 <= i < page_blocks ==>
      page_block(i)->link == \old(page_block(i)->link);
    ensures one: page->used.v == \old(page->used.v) - 1;
    ensures counts: page_counts(page, page_blocks + 1); */
RIX_INLINE void rix_page_push(ri_page_t* page, ri_block_t* block) {
  rix_link_set(block, page->free);
  page->free = block;
  rix_page_add_used(page, (uint32_t)-1);
}

// Bytes from the start of a page to its first block: some where that is the only one.
RIX_INLINE size_t rix_page_lead(const ri_page_t* page) {
  return rix_page_is_single(page) ? ri_load_relaxed(&page->xlow) : 0;
}
RIX_INLINE void rix_page_set_lead(ri_page_t* page, size_t lead) {
  RI_ASSERT(rix_page_is_single(page) && lead < RI_PAGE_LOW_SET);
  ri_store_relaxed(&page->xlow, (uint32_t)lead);
}

// The first block of a page, and the only one of a page of one block.
RIX_INLINE ri_block_t* rix_page_first(const ri_page_t* page) {
  return (ri_block_t*)(void*)(page->start + rix_page_lead(page));
}

// The first OS page of a block of a page of one block, which has room for a link in any case.
RIX_INLINE ri_block_t* rix_page_place(const ri_page_t* page) {
  return (ri_block_t*)(void*)(page->start +
                              rix_align_down(rix_page_lead(page), rix_os_page_size()));
}

// For a multi-block page: the index of the block that p points into, if it points into one.
RIX_INLINE size_t rix_page_index_of(const ri_page_t* page, const void* p) {
  const size_t offset = (size_t)((const uint8_t*)p - page->start);
  return rix_class_index_of(offset & (RIX_MEDIUM_SLICES * RIX_SLICE_SIZE - 1), page->inverse);
}

// The block that p points into, or NULL when p lies outside the blocks. Any thread that holds a
// live block of the page.
RIX_INLINE ri_block_t* rix_page_block_of(const ri_page_t* page, const void* p) {
  const size_t offset = (size_t)((const uint8_t*)p - page->start);
  if (rix_page_is_single(page)) {
    const bool inside = offset - rix_page_lead(page) < rix_page_block_size(page);  // modular
    return inside ? rix_page_first(page) : NULL;
  }
  const size_t index = rix_page_index_of(page, p);
  if (index >= page->reserved) return NULL;
  return (ri_block_t*)(page->start + index * rix_page_block_size(page));
}

// For a multi-block page: whether p is the start of a block.
RIX_INLINE bool rix_page_has(const ri_page_t* page, const void* p) {
  const size_t index = rix_page_index_of(page, p);
  return index < page->reserved && page->start + index * rix_page_block_size(page) == p;
}

// The same of those that were ever in a list. Owner only. (ri_page_is_block, for any pointer.)
RIX_INLINE bool rix_page_has_cut(const ri_page_t* page, const void* p) {
  const size_t index = rix_page_index_of(page, p);
  return index < page->capacity && page->start + index * rix_page_block_size(page) == p;
}

// Notes that p, which points into a block of the page, is handed out instead of the block's start.
// The caller owns the page, or is the only one that knows its only block.
RIX_INTERNAL void rix_page_mark_interior(ri_page_t* page, const void* p);

RIX_INTERNAL extern ri_page_t rix_page_empty;  // a page without blocks, for direct slots

// Cuts some more memory into blocks, or fills a hole, and puts the blocks on the free list. The
// page must be extendable. False, and nothing changed: a limit refuses the memory of the hole.
RIX_INTERNAL bool rix_page_extend(ri_page_t* page);
// The same of a page for which rix_page_extends_untouched holds and that has no free block: the new
// one has no link, and is to be taken at once by rix_page_pop_only.
RIX_INTERNAL bool rix_page_extend_untouched(ri_page_t* page);
// The first of both, and how many blocks it makes; `untouched`: of which the last gets no link.
RIX_INTERNAL void rix_page_cut(ri_page_t* page, bool untouched);
RIX_INTERNAL size_t rix_page_cut_count(const ri_page_t* page);
// Takes over the blocks that others freed; true when the free list is not empty then. The low mark
// is not set.
RIX_INTERNAL bool rix_page_collect(ri_page_t* page);

// Notes for statistics what was handed out and freed since the last look (base/events.h). Every
// look at a page on a slow path does this, before and after blocks that others freed are taken.
RIX_INLINE void rix_page_note_live(ri_page_t* page) {
  const uint32_t used = ri_load_relaxed(&page->used) & RI_PAGE_USED_MASK;
  const int32_t more = (int32_t)(used - ri_load_relaxed(&page->xseen));
  if (more == 0) return;
  ri_store_relaxed(&page->xseen, used);
  rix_levels_seen(page->class_index, more);
}

// As rix_page_collect, and keeps statistics up to date.
RIX_INTERNAL bool rix_page_look(ri_page_t* page);

// Sets the low mark, if more than that are live. The page is in a queue.
RIX_INTERNAL RIX_SLOW void rix_page_set_low(ri_page_t* page);

// Checks all invariants of the page; the caller owns it.
RIX_INTERNAL bool rix_page_valid(const ri_page_t* page);

#endif
