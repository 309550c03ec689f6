// SPDX-License-Identifier: MIT
// unwind.h: the stack of the calling thread, as return addresses.
//
// Takes no lock, not even the loader's, allocates nothing, and reads no memory that it has not made
// sure of: it may be called anywhere, in a signal handler and while a library is being loaded.
// Where a frame cannot be left (no table, code without frame pointers) the stack ends early.
#ifndef RIX_OS_UNWIND_H
#define RIX_OS_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

// What of a stack is known to be readable: kept by the caller for the next time, zero at first. It
// may be of another thread or gone: then less than all of it is used.
typedef struct rix_unwind_bounds_s {
  uintptr_t low, high;
} rix_unwind_bounds_t;

// Stores the return address of each frame from that of the caller on, the innermost first, at most
// `max`, and returns how many. *whole: the outermost frame was reached.
RIX_INTERNAL size_t rix_unwind(uintptr_t* pcs, size_t max, rix_unwind_bounds_t* bounds,
                               bool* whole);

// The addresses of the program or library that contains an address. False: none, or the OS does not
// tell without a lock.
RIX_INTERNAL bool rix_unwind_module(uintptr_t pc, uintptr_t* low, uintptr_t* high);

#endif
