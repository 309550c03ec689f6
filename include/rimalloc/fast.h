// SPDX-License-Identifier: MIT
// fast.h: opt-in inline fast path of malloc and free, for C and C++.
//
// Include it instead of rimalloc.h and link the static library (or the shared one): ri_malloc and
// ri_free compile to two or three dozen instructions at the call, and for a constant size the size
// class is folded. Their addresses are still those of the library's symbols.
//
//   ri_malloc(size) -- size <= RI_DIRECT_MAX --> page = theap->direct[(size+7)/8]
//        |                                         page->free and its link --> pop     (no atomics)
//        |                                         otherwise ---------> rix_malloc_generic
//        +----------- larger --------------------------------------> rix_malloc_generic
//   ri_free(p) -- page map --> page; page->xowner == rix_tls.self --> push             (no atomics)
//        |                                 last live block ----------> rix_page_emptied
//        |                                 no block of the page -----> rix_free_generic
//        |-- another thread's, full, checked, interior -------------> rix_free_found
//        '-- not ours, NULL ----------------------------------------> rix_free_generic
//
// CONCURRENCY: as malloc and free: any thread, no locks. A block's page can change its owner under
// a thread that does not own it, but never under the owner itself; so one relaxed load of xowner
// decides.
#ifndef RIMALLOC_FAST_H
#define RIMALLOC_FAST_H

#include <rimalloc/layout.h>
#include <rimalloc/rimalloc.h>

#define RI_LIKELY(e) __builtin_expect(!!(e), 1)
#define RI_UNLIKELY(e) __builtin_expect(!!(e), 0)

// Inside the library the slow paths are called directly, not through its own procedure linkage
// table.
#if defined(RI_FAST_NO_PUBLIC)
#define RI_SLOW_EXPORT __attribute__((visibility("protected")))
#define RI_FAST_PAGEMAP rix_pagemap
extern ri_pagemap_t rix_pagemap __attribute__((visibility("hidden")));
#else
#define RI_SLOW_EXPORT RI_EXPORT
#define RI_FAST_PAGEMAP rix_fast_pagemap
#endif

#if defined(__cplusplus)
extern "C" {
#endif

// The slow paths. Each is a tail call, and each does the whole job for any argument. (The size
// stays in the register where the caller of malloc put it.)
RI_SLOW_EXPORT void* rix_malloc_generic(size_t size,
                                        ri_fast_theap_t* theap) RI_NOEXCEPT RI_MALLOC_LIKE
    RI_ALLOC_SIZE(1);
RI_SLOW_EXPORT void rix_free_generic(void* p) RI_NOEXCEPT;
RI_SLOW_EXPORT void rix_free_found(void* p, ri_page_t* page) RI_NOEXCEPT;
RI_SLOW_EXPORT void rix_page_emptied(ri_page_t* page) RI_NOEXCEPT;

// Pops a block for `size` bytes from a thread's heap. NULL, and nothing done: that takes more.
RI_ALWAYS_INLINE void* rix_fast_pop(ri_fast_theap_t* theap, size_t size) RI_NOEXCEPT {
  if (RI_UNLIKELY(size > RI_DIRECT_MAX)) return NULL;
  ri_page_t* const page = theap->direct[(size + 7) / 8];
  ri_block_t* const block = page->free;
  if (RI_UNLIKELY(!ri_block_is_some(block))) return NULL;
  ri_block_t* const next = ri_link_next(block, rix_tls.key);
  if (RI_UNLIKELY(!ri_link_is_near(block, next))) return NULL;
  block->link = NULL;
  page->free = next;
  ri_count_up(&page->used);
  return block;
}

RI_ALWAYS_INLINE void* rix_fast_malloc(ri_fast_theap_t* theap, size_t size) RI_NOEXCEPT {
  void* const p = rix_fast_pop(theap, size);
  return RI_LIKELY(p != NULL) ? p : rix_malloc_generic(size, theap);
}

// The descriptor of the page that holds p, or NULL when the flat map does not know it.
RI_ALWAYS_INLINE ri_page_t* rix_fast_page_of(const void* p) RI_NOEXCEPT {
  const uintptr_t count = ri_load_published(&RI_FAST_PAGEMAP.xcount);
  const uintptr_t index = ((uintptr_t)p - ri_load_fixed(&RI_FAST_PAGEMAP.xbase)) >> RI_SLICE_SHIFT;
  if (RI_UNLIKELY(index >= count)) return NULL;
  return ri_load_relaxed(&ri_load_fixed(&RI_FAST_PAGEMAP.xtable)[index]);
}

typedef void rix_fast_slow_t(void* p);  // whatever frees what the fast path leaves

// Pushes p on the list of its page, which is this thread's own and ordinary.
RI_ALWAYS_INLINE void rix_fast_push_or(ri_page_t* page, void* p,
                                       rix_fast_slow_t* generic) RI_NOEXCEPT {
  ri_block_t* const block = (ri_block_t*)p;
  if (block == NULL) __builtin_unreachable();  // no page lies at address 0; costs nothing
  ri_block_t* const head = page->free;
  if (RI_UNLIKELY(head == block)) {  // the same block twice in a row: caught at no measurable cost
    generic(p);
    return;
  }
  if (RI_UNLIKELY(!ri_page_is_block(page, p))) {
    generic(p);
    return;
  }
  block->link = ri_link_make(block, head, rix_tls.key);
  page->free = block;
  int none;
  ri_count_down(&page->used, &none);
  if (RI_UNLIKELY(none)) rix_page_emptied(page);
}

RI_ALWAYS_INLINE void rix_fast_push(ri_page_t* page, void* p) RI_NOEXCEPT {
  rix_fast_push_or(page, p, rix_free_generic);
}

RI_ALWAYS_INLINE void rix_fast_free_or(void* p, rix_fast_slow_t* generic) RI_NOEXCEPT {
  ri_page_t* const page = rix_fast_page_of(p);
  if (RI_UNLIKELY(page == NULL)) {
    generic(p);
  } else if (RI_UNLIKELY(ri_load_relaxed(&page->xowner) != rix_tls.self)) {
    rix_free_found(p, page);
  } else {
    rix_fast_push_or(page, p, generic);
  }
}

RI_ALWAYS_INLINE void rix_fast_free(void* p) RI_NOEXCEPT { rix_fast_free_or(p, rix_free_generic); }

// The library itself defines RI_FAST_NO_PUBLIC: it emits the real symbols.
#if !defined(RI_FAST_NO_PUBLIC)

RI_ALWAYS_INLINE void* ri_malloc(size_t size) RI_NOEXCEPT {
  return rix_fast_malloc(rix_tls.theap, size);
}

RI_ALWAYS_INLINE void ri_free(void* p) RI_NOEXCEPT { rix_fast_free(p); }

#endif

#if defined(__cplusplus)
}
#endif

#endif
