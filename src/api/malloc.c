// SPDX-License-Identifier: MIT
// malloc.c: plain and zeroed allocation. ri_malloc itself is in fast.h.
#include "api/api.h"

void* rix_malloc_generic(ri_fast_theap_t* theap, size_t size) {
  void* const p = rix_theap_malloc((rix_theap_t*)(void*)theap, size, false);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
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
