// SPDX-License-Identifier: MIT
// record.h: librimalloc-record.so, which is loaded into a program before its allocator and writes
// down each call of malloc and its family (trace.h), in the file that RIMALLOC_RECORD names. The
// allocator itself is untouched, whichever it is.
//
// record.c writes, names.c has the functions that programs call, operators.c those of C++.
//
// INVARIANTS
//   a call is written down at the outermost level only: what an allocator calls itself is its own
//   a thread writes into no chunk but its own; a process into no file but its own
#ifndef RIX_RECORD_H
#define RIX_RECORD_H

#include "trace.h"

#define RECORD_EXPORT __attribute__((visibility("default")))

// True if the call is to be written down; then record_leave must follow. Otherwise it is passed on.
bool record_enter(void);
void record_leave(void);

// For a variable that leaves when it ends, by an exception too; not by one on musl, where nothing is
// written down of a thread after an operator new has thrown.
static inline void record_scope_end(const bool* entered) {
  if (*entered) record_leave();
}
#define RECORD_SCOPE(name) \
  const bool name __attribute__((cleanup(record_scope_end), unused)) = record_enter()

// The next number of the order of all calls.
uint64_t record_order(void);

// Writes down one call. `alignment`: 0, none. Of allocations after the call, of frees before it.
void record_allocated(trace_kind_t kind, const void* block, size_t size, size_t alignment);
void record_freed(trace_kind_t kind, const void* block, size_t size, size_t alignment);
void record_reallocated(const void* before, uint64_t order, const void* after, size_t size);

// The function of that name that would be called without this library; NULL: there is none.
void* record_next(const char* name);

#endif
