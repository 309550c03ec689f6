// SPDX-License-Identifier: MIT
// theap.c: a thread's part of a heap, for programs that keep it at hand.
#include <errno.h>

#include "api/api.h"
#include "heap/sparse.h"
#include "heap/alloc.h"
#include "heap/sample.h"
#include "heap/thread.h"

ri_theap_t* ri_heap_theap(ri_heap_t* heap) { return rix_thread_theap_of(heap); }

ri_theap_t* ri_theap_get_default(void) { return rix_thread_theap(); }

ri_theap_t* ri_theap_set_default(ri_theap_t* theap) {
  rix_theap_t* const before = rix_thread_theap();
  if (before == NULL) return NULL;
  if (theap == NULL) theap = ((rix_tld_t*)rix_tls.self)->main;
  if (theap->tld->id != rix_tls.self) {
    rix_error(EINVAL, "the theap %p belongs to another thread", (void*)theap);
    return before;
  }
  rix_tls.theap = &theap->fast;
  return before;
}

void ri_theap_collect(ri_theap_t* theap, bool force) {
  if (theap == NULL) theap = rix_thread_theap();
  if (theap != NULL) rix_heap_collect_theap(theap);
  if (theap != NULL && force) rix_sparse_punch(theap);
  rix_arena_purge(force);
}

void* ri_theap_malloc(ri_theap_t* theap, size_t size) {
  return rix_fast_malloc(&theap->fast, size);
}

void* ri_theap_zalloc(ri_theap_t* theap, size_t size) {
  void* const p = rix_theap_malloc(theap, size, true);
  return RIX_LIKELY(p != NULL) ? p : rix_out_of_memory(size);
}

void* ri_theap_calloc(ri_theap_t* theap, size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) return rix_overflow();
  return ri_theap_zalloc(theap, total);
}

void* ri_theap_malloc_aligned(ri_theap_t* theap, size_t size, size_t alignment) {
  return rix_source_malloc_at((rix_source_t){theap, NULL}, size, alignment, 0, false);
}

void* ri_theap_realloc(ri_theap_t* theap, void* p, size_t size) {
  return rix_source_realloc((rix_source_t){theap, NULL}, p, size, 1, 0, false);
}

// ---- Guard pages --------------------------------------------------------------------------------

static void theap_guard_rate(rix_theap_t* theap, size_t rate, size_t seed) {
  if (theap != NULL) rix_sample_set_rate(theap, rate, seed);
}

static void theap_guard_bounds(rix_theap_t* theap, size_t min, size_t max) {
  if (theap != NULL) rix_sample_set_bounds(theap, min, max);
}

void ri_theap_guarded_set_sample_rate(ri_theap_t* theap, size_t sample_rate, size_t seed) {
  theap_guard_rate(theap != NULL ? theap : rix_thread_theap(), sample_rate, seed);
}

void ri_theap_guarded_set_size_bound(ri_theap_t* theap, size_t min, size_t max) {
  theap_guard_bounds(theap != NULL ? theap : rix_thread_theap(), min, max);
}

void ri_heap_guarded_set_sample_rate(ri_heap_t* heap, size_t sample_rate, size_t seed) {
  theap_guard_rate(rix_thread_theap_of(heap), sample_rate, seed);
}

void ri_heap_guarded_set_size_bound(ri_heap_t* heap, size_t min, size_t max) {
  theap_guard_bounds(rix_thread_theap_of(heap), min, max);
}
