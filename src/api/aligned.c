// SPDX-License-Identifier: MIT
// aligned.c: aligned allocation. A class that serves a multiple of the alignment is already aligned
// (base/sizeclass.h); larger alignments get a page of one block; an alignment at an offset gets a
// larger block, a pointer into it, and a page that is marked for that.
#include <errno.h>

#include "api/api.h"
#include "heap/alloc.h"
#include "heap/theap.h"
#include "heap/thread.h"

// A block without an alignment of its own, whose page the calling thread may mark.
static uint8_t* aligned_markable(rix_source_t from, size_t size, bool zero) {
  if (from.theap == &rix_theap_empty) from.theap = rix_thread_theap();
  if (from.theap != NULL) return rix_theap_malloc(from.theap, size, zero);
  // A thread without a theap of its own may not mark pages of a class.
  rix_heap_t* const heap = from.heap != NULL ? from.heap : &rix_heap_default;
  return rix_heap_malloc_single(heap, size, 1, zero);
}

// `shift` is not a multiple of `align`.
static RIX_NOINLINE void* aligned_shifted(rix_source_t from, size_t size, size_t align,
                                          size_t shift, bool zero) {
  size_t total;
  if (__builtin_add_overflow(size, align - 1, &total) || total > PTRDIFF_MAX) return rix_overflow();
  uint8_t* const block = aligned_markable(from, total, zero);
  if (block == NULL) return rix_out_of_memory(size);
  uint8_t* const p = block + ((0 - ((uintptr_t)block + shift)) & (align - 1));
  ri_page_t* const page = rix_pagemap_find(block);
  if (p != block) rix_page_mark_interior(page, p);
  if (RIX_ANNOTATE != 0) {  // the block is what the program gets of it
    const size_t room = rix_page_block_size(page);
    rix_annotate_freed(block, block, room);
    rix_annotate_allocated(p, size, room - (size_t)(p - block), zero);
  }
  return p;
}

void* rix_api_malloc_at(size_t size, size_t align, size_t offset, bool zero) {
  if (RIX_UNLIKELY(!rix_is_pow2(align))) return rix_bad_argument();
  const size_t shift = offset & (align - 1);
  if (shift != 0) return aligned_shifted(rix_api_source(), size, align, shift, zero);
  void* const p = rix_theap_malloc_aligned(rix_api_theap(), size, align, zero);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

void* rix_source_malloc_at(rix_source_t from, size_t size, size_t align, size_t offset, bool zero) {
  if (RIX_UNLIKELY(!rix_is_pow2(align))) return rix_bad_argument();
  const size_t shift = offset & (align - 1);
  if (shift != 0) return aligned_shifted(from, size, align, shift, zero);
  void* const p = rix_source_malloc(from, size, align, zero);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

void* ri_malloc_aligned(size_t size, size_t alignment) {
  return rix_api_malloc_at(size, alignment, 0, false);
}

void* ri_zalloc_aligned(size_t size, size_t alignment) {
  return rix_api_malloc_at(size, alignment, 0, true);
}

void* ri_calloc_aligned(size_t count, size_t size, size_t alignment) {
  return ri_calloc_aligned_at(count, size, alignment, 0);
}

void* ri_malloc_aligned_at(size_t size, size_t alignment, size_t offset) {
  return rix_api_malloc_at(size, alignment, offset, false);
}

void* ri_zalloc_aligned_at(size_t size, size_t alignment, size_t offset) {
  return rix_api_malloc_at(size, alignment, offset, true);
}

void* ri_calloc_aligned_at(size_t count, size_t size, size_t alignment, size_t offset) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) return rix_overflow();
  return rix_api_malloc_at(total, alignment, offset, true);
}

void* ri_aligned_alloc(size_t alignment, size_t size) {
  return rix_api_malloc_at(size, alignment, 0, false);
}

void* ri_memalign(size_t alignment, size_t size) {
  return rix_api_malloc_at(size, alignment, 0, false);
}

int ri_posix_memalign(void** out, size_t alignment, size_t size) {
  if (out == NULL || !rix_is_pow2(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  const int saved = rix_os_errno();
  void* const p = rix_api_malloc_at(size, alignment, 0, false);
  if (RIX_UNLIKELY(p == NULL)) {
    rix_os_set_errno(saved);
    return ENOMEM;
  }
  *out = p;
  return 0;
}

void* ri_valloc(size_t size) { return rix_api_malloc_at(size, rix_os_page_size(), 0, false); }

void* ri_pvalloc(size_t size) {
  const size_t page = rix_os_page_size();
  if (size > PTRDIFF_MAX - page) return rix_overflow();
  return rix_api_malloc_at(rix_align_up(rix_max(size, 1), page), page, 0, false);
}
