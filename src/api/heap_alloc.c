// SPDX-License-Identifier: MIT
// heap_alloc.c: the allocating functions that take a heap. Each finds the calling thread's theap of
// the heap and goes on as the function of the same name without a heap does.
#include <string.h>

#include "api/api.h"
#include "heap/alloc.h"
#include "heap/thread.h"

static RIX_SLOW void* heap_alloc_late(rix_heap_t* heap, size_t size, bool zero) {
  if (heap == NULL) heap = &rix_heap_default;
  void* const p = rix_heap_malloc_single(heap, size, 1, zero);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

void* ri_heap_malloc(ri_heap_t* heap, size_t size) {
  rix_theap_t* const theap = rix_thread_theap_of(heap);
  if (RIX_UNLIKELY(theap == NULL)) return heap_alloc_late(heap, size, false);
  return rix_fast_malloc(&theap->fast, size);
}

void* ri_heap_zalloc(ri_heap_t* heap, size_t size) {
  rix_theap_t* const theap = rix_thread_theap_of(heap);
  if (RIX_UNLIKELY(theap == NULL)) return heap_alloc_late(heap, size, true);
  void* const p = rix_theap_malloc(theap, size, true);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

void* ri_heap_calloc(ri_heap_t* heap, size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) return rix_overflow();
  return ri_heap_zalloc(heap, total);
}

void* ri_heap_mallocn(ri_heap_t* heap, size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) return rix_overflow();
  return ri_heap_malloc(heap, total);
}

// ---- Reallocation -------------------------------------------------------------------------------

void* ri_heap_realloc(ri_heap_t* heap, void* p, size_t size) {
  return rix_source_realloc(rix_api_heap_source(heap), p, size, 1, 0, false);
}

void* ri_heap_reallocn(ri_heap_t* heap, void* p, size_t count, size_t size) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) return rix_overflow();
  return ri_heap_realloc(heap, p, total);
}

void* ri_heap_reallocf(ri_heap_t* heap, void* p, size_t size) {
  void* const q = ri_heap_realloc(heap, p, size);
  if (q == NULL && rix_target(p).block != NULL) ri_free(p);  // otherwise it was already reported
  return q;
}

void* ri_heap_rezalloc(ri_heap_t* heap, void* p, size_t size) {
  return rix_source_realloc(rix_api_heap_source(heap), p, size, 1, 0, true);
}

void* ri_heap_recalloc(ri_heap_t* heap, void* p, size_t count, size_t size) {
  return ri_heap_recalloc_aligned_at(heap, p, count, size, 1, 0);
}

// ---- Strings ------------------------------------------------------------------------------------

char* ri_heap_strdup(ri_heap_t* heap, const char* s) {
  if (s == NULL) return NULL;
  const size_t length = strlen(s);
  return rix_string_copy(ri_heap_malloc(heap, length + 1), s, length);
}

char* ri_heap_strndup(ri_heap_t* heap, const char* s, size_t n) {
  if (s == NULL) return NULL;
  const size_t length = rix_string_length(s, n);
  return rix_string_copy(ri_heap_malloc(heap, length + 1), s, length);
}

char* ri_heap_realpath(ri_heap_t* heap, const char* path, char* resolved) {
  if (resolved != NULL) return ri_realpath(path, resolved);
  char* const full = ri_realpath(path, NULL);
  char* const copy = ri_heap_strdup(heap, full);
  ri_free(full);
  return copy;
}

// ---- Aligned ------------------------------------------------------------------------------------

void* ri_heap_malloc_aligned(ri_heap_t* heap, size_t size, size_t alignment) {
  return ri_heap_malloc_aligned_at(heap, size, alignment, 0);
}

void* ri_heap_malloc_aligned_at(ri_heap_t* heap, size_t size, size_t alignment, size_t offset) {
  return rix_source_malloc_at(rix_api_heap_source(heap), size, alignment, offset, false);
}

void* ri_heap_zalloc_aligned(ri_heap_t* heap, size_t size, size_t alignment) {
  return ri_heap_zalloc_aligned_at(heap, size, alignment, 0);
}

void* ri_heap_zalloc_aligned_at(ri_heap_t* heap, size_t size, size_t alignment, size_t offset) {
  return rix_source_malloc_at(rix_api_heap_source(heap), size, alignment, offset, true);
}

void* ri_heap_calloc_aligned(ri_heap_t* heap, size_t count, size_t size, size_t alignment) {
  return ri_heap_calloc_aligned_at(heap, count, size, alignment, 0);
}

void* ri_heap_calloc_aligned_at(ri_heap_t* heap, size_t count, size_t size, size_t alignment,
                                size_t offset) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) return rix_overflow();
  return ri_heap_zalloc_aligned_at(heap, total, alignment, offset);
}

void* ri_heap_realloc_aligned(ri_heap_t* heap, void* p, size_t size, size_t alignment) {
  return ri_heap_realloc_aligned_at(heap, p, size, alignment, 0);
}

void* ri_heap_realloc_aligned_at(ri_heap_t* heap, void* p, size_t size, size_t alignment,
                                 size_t offset) {
  return rix_source_realloc(rix_api_heap_source(heap), p, size, alignment, offset, false);
}

void* ri_heap_rezalloc_aligned(ri_heap_t* heap, void* p, size_t size, size_t alignment) {
  return ri_heap_rezalloc_aligned_at(heap, p, size, alignment, 0);
}

void* ri_heap_rezalloc_aligned_at(ri_heap_t* heap, void* p, size_t size, size_t alignment,
                                  size_t offset) {
  return rix_source_realloc(rix_api_heap_source(heap), p, size, alignment, offset, true);
}

void* ri_heap_recalloc_aligned(ri_heap_t* heap, void* p, size_t count, size_t size,
                               size_t alignment) {
  return ri_heap_recalloc_aligned_at(heap, p, count, size, alignment, 0);
}

void* ri_heap_recalloc_aligned_at(ri_heap_t* heap, void* p, size_t count, size_t size,
                                  size_t alignment, size_t offset) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) return rix_overflow();
  return ri_heap_rezalloc_aligned_at(heap, p, total, alignment, offset);
}
