// SPDX-License-Identifier: MIT
// layout.h: the only structures that the inline fast path (fast.h) needs to see.
//
// Everything here is an implementation detail that is public for one reason: code that inlines
// malloc and free must know where the free list of a page is. Nothing else may rely on it; the
// layout is part of the ABI of fast.h and changes with RI_LAYOUT_VERSION.
//
//   thread                    page descriptor (out of line, one per page)
//   +-------------+           +--------------------+----------------------+------------------+
//   | rix_tls     |           | line 0: shared,    | line 1: owner only   | line 2: remote   |
//   |  theap  ----+--> theap  |  read by all free  |  free list, counts   |  frees (atomic)  |
//   |  self       |    direct[s] --> page           |                      |                  |
//   +-------------+           +--------------------+----------------------+------------------+
//                                                      page map: address >> 16 --> page
//
// INVARIANTS
//   page->xowner == rix_tls.self     <=>  the page is owned by this thread and has no special flag
//   theap->direct[w] is never NULL   (a page without free blocks stands in when there is none)
//   (page->used & RI_PAGE_USED_MASK) == blocks handed out and not yet freed locally or collected,
//                                       above the low mark, if that is set
//
// CONCURRENCY
//   Fields that begin with x are atomics that several threads touch. `used` is written by the owner
//   only and is atomic so that statistics may read it at any time.
#ifndef RIMALLOC_LAYOUT_H
#define RIMALLOC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define RI_LAYOUT_VERSION 4

#define RI_ALWAYS_INLINE extern inline __attribute__((gnu_inline, always_inline))

#define RI_CACHE_LINE 64
#define RI_DIRECT_MAX 1024                       // largest size served by a direct slot
#define RI_DIRECT_SLOTS (RI_DIRECT_MAX / 8 + 1)  // one slot for every multiple of 8, and zero
#define RI_SLICE_SHIFT 16                        // 64 KiB: the unit of arenas and of the page map

#define RI_PAGE_USED_MASK 0xFFFFu    // page->used: live blocks
#define RI_PAGE_USED_KEPT 0x10000u   // page->used: keep this page although it is empty
#define RI_PAGE_LOW_SET 0x80000000u  // page->xlow: the low mark is set, see src/page/page.h

// A value that several threads touch. A structure, so that no plain access compiles by accident.
#define ri_atomic(T) \
  struct {           \
    T v;             \
  }
#if defined(__LP64__) && (defined(__aarch64__) || defined(__riscv)) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
// gcc 12 computes every address separately on arm64, and on riscv64 turns a store into an atomic
// exchange, which costs as much as the rest of malloc. A volatile access of at most a word is one
// instruction too, and nothing splits, repeats or drops it.
#define ri_load_relaxed(x) (*(const volatile __typeof__((x)->v)*)&(x)->v)
#define ri_store_relaxed(x, value) \
  ((void)(*(volatile __typeof__((x)->v)*)&(x)->v = (__typeof__((x)->v))(value)))
#else
#define ri_load_relaxed(x) __atomic_load_n(&(x)->v, __ATOMIC_RELAXED)
#define ri_store_relaxed(x, value) __atomic_store_n(&(x)->v, (value), __ATOMIC_RELAXED)
#endif
#if defined(__SANITIZE_THREAD__)
#define RI_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RI_THREAD_SANITIZER
#endif
#endif
// A value that never changes once others can know of it, or (the page map's table) is replaced by
// one that is as good for any thread that may still read the old one. A plain load, so that it can
// be an operand of another instruction; for ThreadSanitizer it is an atomic one, since reading it
// too early is no mistake.
#if defined(RI_THREAD_SANITIZER)
#define ri_load_fixed(x) ri_load_relaxed(x)
#else
#define ri_load_fixed(x) ((x)->v)
#endif
// A count that one thread changes and others may read: one more; one less, and is none left?
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GCC_ASM_FLAG_OUTPUTS__) && \
    !defined(RI_THREAD_SANITIZER) && !defined(__FRAMAC__)
// Neither gcc nor clang merges an atomic load and an atomic store into one instruction.
#define ri_count_up(x) __asm__("add{l $1, %0| %0, 1}" : "+m"((x)->v) : : "cc")
#define ri_count_down(x, none) __asm__("sub{l $1, %0| %0, 1}" : "+m"((x)->v), "=@ccz"(*(none)))
#else
#define ri_count_up(x) ri_store_relaxed(x, ri_load_relaxed(x) + 1)
#define ri_count_down(x, none)                     \
  do {                                             \
    const uint32_t less_ = ri_load_relaxed(x) - 1; \
    ri_store_relaxed(x, less_);                    \
    *(none) = less_ == 0;                          \
  } while (0)
#endif
// What was written before the value that this reads was stored (by a release) is there.
#define ri_load_published(x) __atomic_load_n(&(x)->v, __ATOMIC_ACQUIRE)

// A free block, which leads to the next one of its list by a link that only who knows the key of
// the process can make or follow:
//
//   link == block ^ next ^ key      next: NULL for the last; the key has its highest bit set, which
//                                   no address has
//
// Zero, addresses, text and small numbers are no links: following one leads to an address with that
// bit. Who hands a block out clears its link, so a block that is free twice is found when it comes
// the second time. Where addresses have 32 bits there is no room for a key: link == next.
typedef struct ri_block_s {
  struct ri_block_s* link;
} ri_block_t;

#if UINTPTR_MAX > 0xFFFFFFFFu && !defined(__FRAMAC__)
#define RI_LINKS_KEYED 1
#else
#define RI_LINKS_KEYED 0  // proofs are of plain links
#endif
#define RI_LINK_REACH ((uintptr_t)1 << RI_SLICE_SHIFT)  // of one slice
#define RI_LINK_KEY_BIT (~(~(uintptr_t)0 >> 1))

RI_ALWAYS_INLINE ri_block_t* ri_link_make(const ri_block_t* block, const ri_block_t* next,
                                          uintptr_t key) {
  if (!RI_LINKS_KEYED) return (ri_block_t*)next;
  return (ri_block_t*)((uintptr_t)next ^ (uintptr_t)block ^ key);
}
// Where the link of a block leads, if it is one.
RI_ALWAYS_INLINE ri_block_t* ri_link_next(const ri_block_t* block, uintptr_t key) {
  if (!RI_LINKS_KEYED) return block->link;
  return (ri_block_t*)((uintptr_t)block->link ^ key ^ (uintptr_t)block);
}
// Whether there is a block: a damaged list may end with an address that only looks like one.
RI_ALWAYS_INLINE int ri_block_is_some(const ri_block_t* block) {
  return RI_LINKS_KEYED ? (uintptr_t)block >= RI_LINK_REACH : block != NULL;
}
// Of a page of one slice: whether that is another place of the page, or the end of the list.
RI_ALWAYS_INLINE int ri_link_is_near(const ri_block_t* block, const ri_block_t* next) {
  if (!RI_LINKS_KEYED) return 1;
  const uintptr_t end = (uintptr_t)next, way = (uintptr_t)next ^ (uintptr_t)block;
  return (way < end ? way : end) < RI_LINK_REACH;  // no branch for the end
}

typedef struct ri_page_s {
  // Line 0. Any thread reads; written when the page changes its owner, its class or its flags.
  ri_atomic(uintptr_t) xowner;            // owner's id | flags, see src/page/page.h
  uint8_t* start;                         // first block
  ri_atomic(struct rix_theap_s*) xtheap;  // whom to wake; NULL when no thread owns the page
  ri_atomic(struct rix_heap_s*) xheap;    // the heap that the page belongs to
  ri_atomic(size_t) xblock_size;          // bytes of one block
  struct rix_arena_s* arena;              // NULL: a mapping of its own
  uint64_t inverse;                       // 2^64 / block_size, rounded up (src/base/sizeclass.h);
                                          // of one block: offset of the pointer handed out
  uint32_t slice_count;                   // slices of the page
  uint16_t reserved;                      // blocks that fit
  uint8_t class_index;                    // size class
  uint8_t kind;                           // rix_page_kind_t
  // Line 1. Owner only (used: written by the owner, read by statistics).
  __attribute__((aligned(RI_CACHE_LINE))) ri_block_t* free;  // LIFO list of free blocks
  ri_atomic(uint32_t) used;                                  // live blocks | RI_PAGE_USED_KEPT
  uint16_t capacity;       // blocks [0, capacity) were ever in a list
  uint8_t place;           // rix_page_place_t: which list the page is in
  uint8_t flags;           // RIX_PAGE_*: zero memory, listed as abandoned
  struct ri_page_s* next;  // queue
  struct ri_page_s* prev;
  struct ri_page_s* side_next;  // loose and kept pages, see src/heap/heap.h
  struct ri_page_s* side_prev;
  ri_atomic(size_t) xspan;     // singletons: bytes from start to the end of the mapping; else 0
  uint8_t idle;                // heartbeats without use, for kept pages
  ri_atomic(uint8_t) xexcess;  // memory that it will hardly use: src/page/excess.h
  uint16_t out;                // blocks below `capacity` that touch a hole, and so are in no list
  ri_atomic(uint32_t) xlow;    // RI_PAGE_LOW_SET: `used` holds so many fewer; singletons: bytes
                               // from start to the block
  // Line 2. Any thread.
  __attribute__((aligned(RI_CACHE_LINE))) ri_atomic(uintptr_t) xremote;  // src/page/remote.h
  struct ri_page_s* heap_next;  // pages of the same heap: lock rix_heap_pages_lock
  struct ri_page_s* heap_prev;
  ri_atomic(uintptr_t) xlast_owner;  // id of the thread that gave the page up last
  ri_atomic(uint32_t) xseen;         // `used` when last looked at, for statistics
  // Owner only (xholes: written by the owner, read by statistics); see src/page/holes.h.
  uint16_t passed;                // live blocks when last passed by, and RIX_HOLES_DONE
  uint16_t passed_free;           // the first free block then
  uint8_t rest;                   // passes that leave the page alone
  uint8_t punched;                // 1: it has holes
  ri_atomic(uint16_t) xtried;     // lock rix_purge_lock; see src/page/steal.c
  ri_atomic(uint32_t) xgaps;      // parts that went back with others' frees, see src/page/remote.h
  ri_atomic(uint64_t) xholes[2];  // its OS pages that went back to the OS
} ri_page_t;

// An offset below 2^32 times an inverse.
typedef struct ri_product_s {
  uint64_t low;
  uint64_t high;
} ri_product_t;

RI_ALWAYS_INLINE ri_product_t ri_product(uintptr_t offset, uint64_t inverse) {
#if defined(__SIZEOF_INT128__) && !defined(__FRAMAC__)
  __extension__ typedef unsigned __int128 wide_t;
  const wide_t product = (wide_t)offset * inverse;
  const ri_product_t result = {(uint64_t)product, (uint64_t)(product >> 64)};
#else
  const uint64_t upper = offset * (inverse >> 32), lower = offset * (inverse & 0xFFFFFFFFu);
  const ri_product_t result = {offset * inverse, (upper + (lower >> 32)) >> 32};
#endif
  return result;
}

// For a multi-block page and a p in its slices: whether p is the start of a block that was ever in
// a list. The owner asks.
RI_ALWAYS_INLINE int ri_page_is_block(const ri_page_t* page, const void* p) {
  const uint64_t inverse = page->inverse;
  const ri_product_t at = ri_product((uintptr_t)((const uint8_t*)p - page->start), inverse);
  return at.low < inverse && at.high < page->capacity;
}

typedef struct ri_fast_theap_s {
  ri_page_t* direct[RI_DIRECT_SLOTS];  // page to allocate from, by (size + 7) / 8
} ri_fast_theap_t;

typedef struct ri_tls_s {
  ri_fast_theap_t* theap;  // heap that this thread allocates from; never NULL
  uintptr_t self;   // owner's id of this thread; 0 before its first allocation and after exit
  uintptr_t phase;  // rix_thread_phase_t
  uintptr_t key;    // of links; 0 while self is
} ri_tls_t;

// The page map: table[(address - base) >> RI_SLICE_SHIFT], valid below xcount. xcount is read
// first: until it is seen, the others need not be there.
typedef ri_atomic(ri_page_t*) ri_pagemap_entry_t;

typedef struct ri_pagemap_s {
  ri_atomic(uintptr_t) xbase;
  ri_atomic(uintptr_t) xcount;
  ri_atomic(ri_pagemap_entry_t*) xtable;
} ri_pagemap_t;

#if UINTPTR_MAX == UINT64_MAX
#if defined(__cplusplus)
#define RI_LAYOUT_ASSERT(e, text) static_assert(e, text)
#else
#define RI_LAYOUT_ASSERT(e, text) _Static_assert(e, text)
#endif
RI_LAYOUT_ASSERT(offsetof(ri_page_t, free) == RI_CACHE_LINE, "line 1: what the owner writes");
RI_LAYOUT_ASSERT(offsetof(ri_page_t, xremote) == 2 * RI_CACHE_LINE, "line 2: remote frees");
RI_LAYOUT_ASSERT(sizeof(ri_page_t) == 3 * RI_CACHE_LINE, "a page descriptor has three lines");
#endif

#if defined(__cplusplus)
extern "C" {
#endif
extern __thread ri_tls_t rix_tls __attribute__((tls_model("initial-exec"), visibility("default")));
// The library itself has another one, which it reads directly: programs may have a copy of what a
// library exports.
extern ri_pagemap_t rix_fast_pagemap __attribute__((visibility("default")));
#if defined(__cplusplus)
}
#endif

#endif
