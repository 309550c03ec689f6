// SPDX-License-Identifier: MIT
// new.c: ri_new and its relatives: allocation that calls the new handler and throws. new.h says how
// this works without a C++ library, and when there is one out of scope.
//
//   ri_new(n) -- ri_malloc -- NULL --> rix_new_retry: handler, again; no handler: std::bad_alloc
//   ri_new_nothrow(n) -- the same, and NULL for whatever is thrown (os/catch.cc)
//
// Exceptions pass through this C code: it holds nothing that would have to be released.
#include "api/new.h"

#include <errno.h>

#include "api/api.h"
#include "base/assert.h"

typedef void new_handler_t(void);
typedef new_handler_t* new_get_handler_t(void);

// std::get_new_handler and std::__throw_bad_alloc.
extern new_get_handler_t _ZSt15get_new_handlerv __attribute__((weak));
extern new_handler_t _ZSt17__throw_bad_allocv __attribute__((weak));

void* rix_new_find(const char* name) { return rix_os_find_symbol("libstdc++.so.6", name); }

void rix_new_throw(size_t size) {
  new_handler_t* raise = _ZSt17__throw_bad_allocv;
  if (raise == NULL) raise = (new_handler_t*)rix_new_find("_ZSt17__throw_bad_allocv");
  if (raise != NULL) raise();
  rix_error(ENOMEM, "operator new: no memory for %zu bytes, and no C++ library to throw", size);
  rix_os_abort();
}

static RIX_SLOW void new_overflow(void) {
  rix_overflow();
  rix_new_throw(SIZE_MAX);
}

void rix_new_out_of_memory(size_t size) {
  new_get_handler_t* get = _ZSt15get_new_handlerv;
  if (get == NULL) get = (new_get_handler_t*)rix_new_find("_ZSt15get_new_handlerv");
  new_handler_t* const handler = get != NULL ? get() : NULL;
  if (handler == NULL) rix_new_throw(size);
  RI_ASSERT(!rix_lock_held());
  handler();
}

void* rix_new_retry(size_t size, size_t alignment) {
  for (;;) {
    void* const p = alignment == 0 ? ri_malloc(size) : ri_malloc_aligned(size, alignment);
    if (p != NULL) return p;
    rix_new_out_of_memory(size);
  }
}

typedef struct new_request_s {
  size_t size;
  size_t alignment;
} new_request_t;

static void* new_retry_request(void* arg) {
  const new_request_t* const request = arg;
  return rix_new_retry(request->size, request->alignment);
}

static RIX_SLOW void* new_retry_nothrow(size_t size, size_t alignment) {
  new_request_t request = {size, alignment};
  return rix_os_try(new_retry_request, &request);
}

static RIX_SLOW void* new_retry_realloc(void* p, size_t size) {
  if (p != NULL && rix_target(p).block == NULL) rix_new_throw(size);  // no handler can help
  for (;;) {
    rix_new_out_of_memory(size);
    void* const q = ri_realloc(p, size);
    if (q != NULL) return q;
  }
}

// What is left of ri_new without the inline path.
void* rix_new_generic(size_t size) {
  void* const p = ri_malloc(size);
  return RIX_LIKELY(p != NULL) ? p : rix_new_retry(size, 0);
}

void* ri_new(size_t size) { return rix_fast_new(size); }

void* ri_new_aligned(size_t size, size_t alignment) {
  if (RIX_UNLIKELY(!rix_is_pow2(alignment))) rix_new_throw(size);  // no handler can help
  void* const p = ri_malloc_aligned(size, alignment);
  return RIX_LIKELY(p != NULL) ? p : rix_new_retry(size, alignment);
}

void* ri_new_nothrow(size_t size) {
  void* const p = ri_malloc(size);
  return RIX_LIKELY(p != NULL) ? p : new_retry_nothrow(size, 0);
}

void* ri_new_aligned_nothrow(size_t size, size_t alignment) {
  if (RIX_UNLIKELY(!rix_is_pow2(alignment))) return NULL;
  void* const p = ri_malloc_aligned(size, alignment);
  return RIX_LIKELY(p != NULL) ? p : new_retry_nothrow(size, alignment);
}

void* ri_new_n(size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) new_overflow();
  return ri_new(total);
}

void* ri_new_realloc(void* p, size_t size) {
  void* const q = ri_realloc(p, size);
  return RIX_LIKELY(q != NULL) ? q : new_retry_realloc(p, size);
}

void* ri_new_reallocn(void* p, size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) new_overflow();
  return ri_new_realloc(p, total);
}

void* ri_heap_alloc_new(ri_heap_t* heap, size_t size) {
  for (;;) {
    void* const p = ri_heap_malloc(heap, size);
    if (RIX_LIKELY(p != NULL)) return p;
    rix_new_out_of_memory(size);
  }
}

void* ri_heap_alloc_new_n(ri_heap_t* heap, size_t count, size_t size) {
  size_t total;
  if (RIX_UNLIKELY(rix_mul_overflows(count, size, &total))) new_overflow();
  return ri_heap_alloc_new(heap, total);
}
