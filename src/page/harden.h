// SPDX-License-Identifier: MIT
// harden.h: what is done to blocks so that mistakes and attacks fail or are noticed (options
// `harden`, `harden_*`, `fill`, `perturb`). docs/hardening.md says what it stops.
//
//   block                                    block + block size
//   | what the program may use        | canary |         a block of a page with canaries
//   | link | zero ........................... |          a free one of a page that is zeroed
//
// A page with any feature is a checked one (RIX_PAGE_CHECKED): its blocks are marked where they are
// live, and each allocation and free of it takes the slow path. So pages without features cost
// nothing more. Which features a page has is written beside its arena's live bits when it is made,
// and stays.
//
// INVARIANTS
//   a page in a list of a theap, or entered among those without owner, has the features of its heap
//   (rix_harden_fits), but for those made before the option `fill` or `perturb` was changed
//   RIX_HARD_CANARY  =>  a live block ends with its canary, and its last RIX_CANARY_SIZE bytes are
//                        nobody's
//   RIX_HARD_ZERO    =>  a free block is zero but for its link and its canary, unless something
//                        wrote to it
// CONCURRENCY: rix_harden_of, rix_harden_look, rix_harden_wipe: any thread that holds a block of
// the page; otherwise its owner, or who creates it. A canary is written by the owner before the
// block is handed out, and when it was damaged by who frees it; what a hole took reads as zero.
#ifndef RIX_PAGE_HARDEN_H
#define RIX_PAGE_HARDEN_H

#include "options/options.h"
#include "page/heap_pages.h"

enum { RIX_CANARY_SIZE = 8 };

enum {                       // features of a page, and of a heap: what its pages get
  RIX_HARD_CHECK = 1,        // live blocks are marked
  RIX_HARD_RANDOM = 2,       // blocks are handed out in no order
  RIX_HARD_ZERO = 4,         // freed blocks are zeroed
  RIX_HARD_CANARY = 8,       // behind each block, looked at when it is freed
  RIX_HARD_DELAY = 16,       // freed blocks wait (heap/quarantine.h)
  RIX_HARD_VERIFY = 32,      // a block that is handed out must still be zero
  RIX_HARD_NEIGHBOURS = 64,  // the canaries beside a freed block are looked at too
  RIX_HARD_LARGE = 128,      // blocks that are alone are watched (page/trap.h)
  RIX_HARD_FILL = 256,       // memory is filled: not of a heap, follows the options
  RIX_HARD_PICK = 512,       // of a page alone: its list has an order, and each allocation picks
};

// The features that `level` stands for, as the options harden_* change it.
RIX_INTERNAL uint32_t rix_harden_features(long level);
// To be called before the first page of the default heap: it gets those of the option `harden`.
RIX_INTERNAL RIX_SLOW void rix_harden_begin_once(rix_heap_t* heap);
RIX_INTERNAL extern rix_flag_t rix_harden_begun;
RIX_INLINE void rix_harden_begin(rix_heap_t* heap) {
  if (RIX_UNLIKELY(ri_load_relaxed(&rix_harden_begun) == 0)) rix_harden_begin_once(heap);
}
// Those that a new page of the heap gets.
RIX_INLINE uint32_t rix_harden_wanted(const rix_heap_t* heap) {
  if (RIX_LIKELY(ri_load_relaxed(&rix_option_hardens) == 0)) return 0;
  const bool fills = rix_option(ri_option_fill) != 0 || rix_option(ri_option_perturb) != 0;
  return ri_load_relaxed(&heap->xhard) | (fills && RIX_ANNOTATE == 0 ? RIX_HARD_FILL : 0);
}

// Notes the features of a page that is being made, and is marked as a checked one.
RIX_INTERNAL void rix_harden_enter(const ri_page_t* page, uint32_t features);
RIX_INLINE uint32_t rix_harden_of(const ri_page_t* page) {
  if ((ri_load_relaxed(&page->xowner) & RIX_OWNER_CHECKED) == 0) return 0;
  const uint32_t features =
      ri_load_relaxed(rix_arena_hard(page->arena, (size_t)(page - page->arena->pages)));
  return features & ~(uint32_t)RIX_HARD_PICK;
}
// The same of a checked page, from a place in one of its slices, and RIX_HARD_PICK.
RIX_INLINE uint32_t rix_harden_at(const ri_page_t* page, const void* p) {
  const rix_arena_t* const arena = page->arena;
  const size_t slice = (size_t)((const uint8_t*)p - arena->base) / RIX_SLICE_SIZE;
  return ri_load_relaxed(rix_arena_hard(arena, slice));
}
// Whether blocks for the heap may come from a page, which is its own.
RIX_INLINE bool rix_harden_fits(const ri_page_t* page, const rix_heap_t* heap) {
  if (RIX_LIKELY(ri_load_relaxed(&rix_option_hardens) == 0) || heap == NULL) return true;
  return rix_harden_of(page) == rix_harden_wanted(heap);
}

// Bytes at the end of each block that are not the program's.
RIX_INLINE size_t rix_harden_tail_of(uint32_t features) {
  return (features & RIX_HARD_CANARY) != 0 ? RIX_CANARY_SIZE : 0;
}
RIX_INLINE size_t rix_harden_tail(const ri_page_t* page) {
  return rix_harden_tail_of(rix_harden_of(page));
}

// How many bytes more than usual become blocks at a time.
RIX_INTERNAL RIX_SLOW size_t rix_harden_cut_count(const ri_page_t* page, size_t usual);
// The next n blocks are about to be cut: makes their memory zero if it has to be. True: and has cut
// them, in no order.
RIX_INTERNAL RIX_SLOW bool rix_harden_cut(ri_page_t* page, size_t n);
// Brings the block that so many links lead to to the front of the list, or one before it.
RIX_INTERNAL void rix_harden_pick(ri_page_t* page, size_t links);

// ---- Canaries -----------------------------------------------------------------------------------

typedef struct rix_harden_secrets_s {
  ri_atomic(uint64_t) xsecret;  // 0: not drawn yet
  ri_atomic(uint64_t) xfactor;  // follows from it; 0: not known yet
} rix_harden_secrets_t;
RIX_INTERNAL extern rix_harden_secrets_t rix_harden_secrets;

typedef ri_atomic(uint64_t) rix_canary_t;

RIX_INLINE rix_canary_t* rix_canary_of(const ri_page_t* page, const ri_block_t* block) {
  const size_t at = (size_t)((const uint8_t*)block - page->start) + rix_page_block_size(page);
  return (rix_canary_t*)(void*)(page->start + at - RIX_CANARY_SIZE);
}
// Never zero; the byte at the lowest address is (all CPUs that this runs on are little-endian).
RIX_INLINE uint64_t rix_canary_value(const rix_canary_t* place) {
  const uintptr_t secret = (uintptr_t)ri_load_relaxed(&rix_harden_secrets.xsecret);
  const uint64_t factor = ri_load_relaxed(&rix_harden_secrets.xfactor);
  const ri_product_t x = ri_product((uintptr_t)place ^ secret, factor);
  return ((x.low ^ x.high) & ~(uint64_t)0xFF) | 0x100;
}
RIX_INLINE void rix_canary_put(const ri_page_t* page, const ri_block_t* block) {
  rix_canary_t* const place = rix_canary_of(page, block);
  ri_store_relaxed(place, rix_canary_value(place));
}
RIX_INLINE bool rix_canary_is_intact(const ri_page_t* page, const ri_block_t* block) {
  const rix_canary_t* const place = rix_canary_of(page, block);
  return ri_load_relaxed(place) == rix_canary_value(place);
}

// ---- Contents -----------------------------------------------------------------------------------

// Sets a multiple of 8 bytes to zero. Without a call where it is a few: stores of 16 bytes from
// both ends, which meet or overlap.
RIX_INLINE void rix_harden_clear(void* p, size_t n) {
  uint8_t* const from = p;
  uint8_t* const to = from + n;
  if (RIX_UNLIKELY(n > 128)) {
    __builtin_memset(from, 0, n);
    return;
  }
  if (RIX_UNLIKELY(n < 16)) {
    __builtin_memset(from, 0, 8);
    return;
  }
  __builtin_memset(from, 0, 16);
  __builtin_memset(to - 16, 0, 16);
  if (n <= 32) return;
  __builtin_memset(from + 16, 0, 16);
  __builtin_memset(to - 32, 0, 16);
  if (n <= 64) return;
  __builtin_memset(from + 32, 0, 32);
  __builtin_memset(to - 64, 0, 32);
}

// A block, which is marked as live, becomes one of `size` bytes; `zero`: of zeroes, all of it.
// False: something had written to it while it was free. Here and below, `features` are the page's.
RIX_INTERNAL bool rix_harden_dress_any(const ri_page_t* page, ri_block_t* block, uint32_t features,
                                       size_t size, bool zero);
// The same in the usual case, not of zeroes. False, and nothing done: it is another.
RIX_INLINE bool rix_harden_dress(const ri_page_t* page, ri_block_t* block, uint32_t features) {
  if ((features & (RIX_HARD_VERIFY | RIX_HARD_FILL)) != 0) return false;
  if ((features & RIX_HARD_CANARY) != 0) rix_canary_put(page, block);
  return true;
}
// The same for a block that is alone in its page.
RIX_INTERNAL void rix_harden_fill_fresh(void* block, size_t size, size_t room);

// The block whose canary is damaged, of one that is about to be freed and (`own`: the page is the
// caller's) its live neighbours, which is reported once; NULL: none.
RIX_INTERNAL ri_block_t* rix_harden_look_any(const ri_page_t* page, ri_block_t* block,
                                             uint32_t features, bool own);
RIX_INLINE ri_block_t* rix_harden_look(const ri_page_t* page, ri_block_t* block, uint32_t features,
                                       bool own) {
  if ((features & RIX_HARD_CANARY) == 0) return NULL;
  const bool one = !own || (features & RIX_HARD_NEIGHBOURS) == 0;
  if (RIX_LIKELY(one && rix_canary_is_intact(page, block))) return NULL;
  return rix_harden_look_any(page, block, features, own);
}

// What is left in a freed block is filled.
RIX_INTERNAL RIX_SLOW void rix_harden_fill_freed(const ri_page_t* page, ri_block_t* block,
                                                 uint32_t features);
// The same, or wiped.
RIX_INLINE void rix_harden_wipe(const ri_page_t* page, ri_block_t* block, uint32_t features) {
  if (RIX_LIKELY((features & RIX_HARD_ZERO) != 0)) {
    rix_harden_clear(block, rix_page_block_size(page) - rix_harden_tail_of(features));
  } else if ((features & RIX_HARD_FILL) != 0) {
    rix_harden_fill_freed(page, block, features);
  }
}

// How many bytes of freed blocks wait in each thread.
RIX_INLINE size_t rix_harden_delayed_bytes(void) {
  const long kib = rix_option(ri_option_harden_quarantine);
  if (kib >= 0) return (size_t)kib * 1024;
  return (size_t)(rix_option(ri_option_harden) >= 3 ? 256 : 64) * 1024;
}

// Other random numbers than so far, for a forked child.
RIX_INTERNAL void rix_harden_reseed(void);

#endif
