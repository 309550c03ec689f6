// SPDX-License-Identifier: MIT
// operators.c: operator new and delete, written down and passed on. See record.h. By their names in
// the Itanium ABI, so that the library needs none of C++.
#include <stdlib.h>
#include <unistd.h>

#include "record.h"

#if defined(__LP64__)
#define SIZE "m"
#else
#define SIZE "j"
#endif
#define ALIGN "St11align_val_t"
#define NOTHROW "RKSt9nothrow_t"

// The next operator of that name, looked up once; several threads may find the same.
static void* operators_find(_Atomic(void*)* known, const char* name) {
  void* found = atomic_load_explicit(known, memory_order_relaxed);
  if (found != NULL) return found;
  found = record_next(name);
  atomic_store_explicit(known, found, memory_order_relaxed);
  return found;
}

// Only where the C++ library was loaded for one module alone: then its operators cannot be found,
// and bad_alloc cannot be thrown.
static void* operators_new(size_t size, size_t alignment, bool nothrow) {
  void* const p = alignment != 0 ? aligned_alloc(alignment, size) : malloc(size != 0 ? size : 1);
  if (p == NULL && !nothrow) abort();
  return p;
}

// ARGUMENTS as they are passed on; without an alignment, alignment is 0.
#define OPERATOR_NEW(function, name, PARAMETERS, ARGUMENTS, alignment, nothrow) \
  RECORD_EXPORT void* function PARAMETERS __asm__(name);                        \
  void* function PARAMETERS {                                                   \
    static _Atomic(void*) known;                                                \
    RECORD_SCOPE(entered);                                                      \
    void* const next = operators_find(&known, name);                            \
    void* const p = next != NULL ? ((void*(*)PARAMETERS)next)ARGUMENTS          \
                                 : operators_new(size, alignment, nothrow);     \
    if (entered) record_allocated(TRACE_NEW, p, size, alignment);               \
    return p;                                                                   \
  }

#define OPERATOR_DELETE(function, name, PARAMETERS, ARGUMENTS, size, alignment) \
  RECORD_EXPORT void function PARAMETERS __asm__(name);                         \
  void function PARAMETERS {                                                    \
    static _Atomic(void*) known;                                                \
    if (p == NULL) return;                                                      \
    RECORD_SCOPE(entered);                                                      \
    if (entered) record_freed(TRACE_DELETE, p, size, alignment);                \
    void* const next = operators_find(&known, name);                            \
    if (next != NULL) {                                                         \
      ((void(*) PARAMETERS)next) ARGUMENTS;                                     \
    } else {                                                                    \
      free(p);                                                                  \
    }                                                                           \
  }

OPERATOR_NEW(operator_new, "_Znw" SIZE, (size_t size), (size), 0, false)
OPERATOR_NEW(operator_new_array, "_Zna" SIZE, (size_t size), (size), 0, false)
OPERATOR_NEW(operator_new_nothrow, "_Znw" SIZE NOTHROW, (size_t size, const void* tag), (size, tag),
             0, true)
OPERATOR_NEW(operator_new_array_nothrow, "_Zna" SIZE NOTHROW, (size_t size, const void* tag),
             (size, tag), 0, true)
OPERATOR_NEW(operator_new_aligned, "_Znw" SIZE ALIGN, (size_t size, size_t alignment),
             (size, alignment), alignment, false)
OPERATOR_NEW(operator_new_array_aligned, "_Zna" SIZE ALIGN, (size_t size, size_t alignment),
             (size, alignment), alignment, false)
OPERATOR_NEW(operator_new_aligned_nothrow, "_Znw" SIZE ALIGN NOTHROW,
             (size_t size, size_t alignment, const void* tag), (size, alignment, tag), alignment,
             true)
OPERATOR_NEW(operator_new_array_aligned_nothrow, "_Zna" SIZE ALIGN NOTHROW,
             (size_t size, size_t alignment, const void* tag), (size, alignment, tag), alignment,
             true)

OPERATOR_DELETE(operator_delete, "_ZdlPv", (void* p), (p), 0, 0)
OPERATOR_DELETE(operator_delete_array, "_ZdaPv", (void* p), (p), 0, 0)
OPERATOR_DELETE(operator_delete_nothrow, "_ZdlPv" NOTHROW, (void* p, const void* tag), (p, tag), 0,
                0)
OPERATOR_DELETE(operator_delete_array_nothrow, "_ZdaPv" NOTHROW, (void* p, const void* tag),
                (p, tag), 0, 0)
OPERATOR_DELETE(operator_delete_sized, "_ZdlPv" SIZE, (void* p, size_t size), (p, size), size, 0)
OPERATOR_DELETE(operator_delete_array_sized, "_ZdaPv" SIZE, (void* p, size_t size), (p, size), size,
                0)
OPERATOR_DELETE(operator_delete_aligned, "_ZdlPv" ALIGN, (void* p, size_t alignment),
                (p, alignment), 0, alignment)
OPERATOR_DELETE(operator_delete_array_aligned, "_ZdaPv" ALIGN, (void* p, size_t alignment),
                (p, alignment), 0, alignment)
OPERATOR_DELETE(operator_delete_sized_aligned, "_ZdlPv" SIZE ALIGN,
                (void* p, size_t size, size_t alignment), (p, size, alignment), size, alignment)
OPERATOR_DELETE(operator_delete_array_sized_aligned, "_ZdaPv" SIZE ALIGN,
                (void* p, size_t size, size_t alignment), (p, size, alignment), size, alignment)
OPERATOR_DELETE(operator_delete_aligned_nothrow, "_ZdlPv" ALIGN NOTHROW,
                (void* p, size_t alignment, const void* tag), (p, alignment, tag), 0, alignment)
OPERATOR_DELETE(operator_delete_array_aligned_nothrow, "_ZdaPv" ALIGN NOTHROW,
                (void* p, size_t alignment, const void* tag), (p, alignment, tag), 0, alignment)
