// SPDX-License-Identifier: MIT
// malloc.c: plain and zeroed allocation. ri_malloc itself is in fast.h, its slow side in
// heap/alloc.c.
#include "api/api.h"
#include "heap/alloc.h"

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

// ---- With the size of the block -----------------------------------------------------------------

static void* malloc_with_size(void* p, size_t* block_size) {
  if (block_size != NULL) *block_size = ri_usable_size(p);
  return p;
}

void* ri_umalloc(size_t size, size_t* block_size) {
  return malloc_with_size(ri_malloc(size), block_size);
}

void* ri_ucalloc(size_t count, size_t size, size_t* block_size) {
  return malloc_with_size(ri_calloc(count, size), block_size);
}

void* ri_umalloc_aligned(size_t size, size_t alignment, size_t* block_size) {
  return malloc_with_size(ri_malloc_aligned(size, alignment), block_size);
}

void* ri_uzalloc_aligned(size_t size, size_t alignment, size_t* block_size) {
  return malloc_with_size(ri_zalloc_aligned(size, alignment), block_size);
}
