// SPDX-License-Identifier: MIT
// alloc.h: the slow side of allocation.
//
// CONCURRENCY: the calling thread's theap, or none.
#ifndef RIX_HEAP_ALLOC_H
#define RIX_HEAP_ALLOC_H

#include "heap/heap.h"

// A block of at least `size` bytes; `zero`: set to zero to its usable size. NULL: no memory (the
// caller reports it). theap may be the empty one.
RIX_INTERNAL void* rix_theap_malloc(rix_theap_t* theap, size_t size, bool zero);
// As above at a multiple of `align`, a power of two.
RIX_INTERNAL void* rix_theap_malloc_aligned(rix_theap_t* theap, size_t size, size_t align,
                                            bool zero);
// As above; the caller tells a tool of it (base/annotate.h).
RIX_INTERNAL void* rix_theap_malloc_bare(rix_theap_t* theap, size_t size, size_t align, bool zero);

// A block of the heap, at least the size of a slice, without a theap.
RIX_INTERNAL void* rix_heap_malloc_single(rix_heap_t* heap, size_t size, size_t align, bool zero);

// malloc, of any kind of page; where there is no memory, that is reported.
RIX_INTERNAL void* rix_alloc_reported(rix_theap_t* theap, size_t size);

#endif
