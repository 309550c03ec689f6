// SPDX-License-Identifier: MIT
// malloc.c: plain and zeroed allocation. ri_malloc itself is in fast.h.
#include "api/api.h"

static RIX_NOINLINE void* malloc_slow(rix_theap_t* theap, size_t size) {
  void* const p = rix_theap_malloc(theap, size, false);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

// Medium blocks have no direct slots: they are popped here, without a frame and a second call.
void* rix_malloc_generic(size_t size, ri_fast_theap_t* fast) {
  rix_theap_t* const theap = (rix_theap_t*)(void*)fast;
  if (RIX_LIKELY(size > RI_DIRECT_MAX && size <= RIX_MEDIUM_BLOCK_MAX)) {
    ri_page_t* const page = theap->queue[rix_class_of(size)].first;
    const bool ready = page != NULL && page->free != NULL;
    if (RIX_LIKELY(ready && (page->flags & RIX_PAGE_SLOW) == 0)) return rix_page_pop(page);
  }
  return malloc_slow(theap, size);
}

void* ri_zalloc(size_t size) {
  void* const p = rix_theap_malloc(rix_api_theap(), size, true);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

void* ri_calloc(size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) return rix_overflow();
  return ri_zalloc(total);
}

void* ri_mallocn(size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) return rix_overflow();
  return ri_malloc(total);
}

void* ri_malloc_small(size_t size) { return ri_malloc(size); }

void* ri_zalloc_small(size_t size) { return ri_zalloc(size); }

// ---- With the size of the block -----------------------------------------------------------------

static void* malloc_tell(void* p, size_t* block_size) {
  if (block_size != NULL) *block_size = ri_usable_size(p);
  return p;
}

void* ri_umalloc(size_t size, size_t* block_size) {
  return malloc_tell(ri_malloc(size), block_size);
}

void* ri_ucalloc(size_t count, size_t size, size_t* block_size) {
  return malloc_tell(ri_calloc(count, size), block_size);
}

void* ri_umalloc_small(size_t size, size_t* block_size) { return ri_umalloc(size, block_size); }

void* ri_uzalloc_small(size_t size, size_t* block_size) {
  return malloc_tell(ri_zalloc(size), block_size);
}

void* ri_umalloc_aligned(size_t size, size_t alignment, size_t* block_size) {
  return malloc_tell(ri_malloc_aligned(size, alignment), block_size);
}

void* ri_uzalloc_aligned(size_t size, size_t alignment, size_t* block_size) {
  return malloc_tell(ri_zalloc_aligned(size, alignment), block_size);
}
