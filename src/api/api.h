// SPDX-License-Identifier: MIT
// api.h: what the files of the public interface share: where blocks come from.
#ifndef RIX_API_API_H
#define RIX_API_API_H

#define RI_FAST_NO_PUBLIC  // ri_malloc and ri_free are functions here (fast_symbols.c)
#include <rimalloc/fast.h>

#include "arena/pagemap.h"
#include "base/annotate.h"
#include "heap/alloc.h"
#include "heap/heap.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "options/report.h"
#include "page/page.h"
#include "page/target.h"

RIX_INLINE rix_theap_t* rix_api_theap(void) { return (rix_theap_t*)(void*)rix_tls.theap; }

// Where blocks come from: a theap of the calling thread; or, when it is NULL because the thread has
// ended, single pages of the heap.
typedef struct rix_source_s {
  rix_theap_t* theap;
  rix_heap_t* heap;
} rix_source_t;

// What ri_malloc uses.
RIX_INLINE rix_source_t rix_api_source(void) { return (rix_source_t){rix_api_theap(), NULL}; }
// heap may be NULL.
RIX_INLINE rix_source_t rix_api_heap_source(rix_heap_t* heap) {
  rix_theap_t* const theap = rix_thread_theap_of(heap);
  return (rix_source_t){theap, theap == NULL && heap == NULL ? &rix_heap_default : heap};
}
// The heap that blocks of the source belong to.
RIX_INLINE rix_heap_t* rix_source_heap(rix_source_t from) {
  if (from.theap == &rix_theap_empty) from.theap = rix_thread_theap();
  if (from.theap != NULL) return from.theap->heap;
  return from.heap != NULL ? from.heap : &rix_heap_default;
}
// NULL: no memory; the caller reports it.
RIX_INLINE void* rix_source_malloc(rix_source_t from, size_t size, size_t align, bool zero) {
  if (RIX_LIKELY(from.theap != NULL)) {
    return rix_theap_malloc_aligned(from.theap, size, align, zero);
  }
  return rix_heap_malloc_single(from.heap, size, align, zero);
}

RIX_INTERNAL void* rix_source_malloc_at(rix_source_t from, size_t size, size_t align, size_t offset,
                                        bool zero);
RIX_INTERNAL void* rix_source_realloc(rix_source_t from, void* p, size_t size, size_t align,
                                      size_t offset, bool zero);

// size bytes at a multiple of align, or with (address + offset) at one. NULL: no memory, reported.
RIX_INTERNAL void* rix_api_malloc_at(size_t size, size_t align, size_t offset, bool zero);

// string.c
// A copy of `length` characters in a block that has room for them and a zero; or NULL.
RIX_INTERNAL char* rix_string_copy(void* block, const char* s, size_t length);
// The length of a string, at most n.
RIX_INTERNAL size_t rix_string_length(const char* s, size_t n);

// What is reported when the process ends, the first time that this is called.
RIX_INTERNAL void rix_api_report_end(void);

// What the options say about the profiler, at the beginning and at the end of the process.
RIX_INTERNAL void rix_api_profile_begin(void);
RIX_INTERNAL void rix_api_profile_end(void);

#endif
