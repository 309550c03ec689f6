// SPDX-License-Identifier: MIT
// new.h: what C++ does when there is no memory, for code that is linked by the C compiler.
//
// Everything that new.c and os/catch.cc take from a C++ library is weak, so that this library needs
// none, and so preloading it into C programs brings none along. There are 3 cases:
//   1. C++ library in the program's scope (linked, static, preloaded): the weak names are there.
//   2. C++ library under RTLD_LOCAL (a C program that loads C++ plugins): the weak names are NULL.
//      It is found by dlopen(RTLD_NOLOAD).
//   3. None: nobody can have set a handler; instead of an exception, a message and abort().
// Frames have unwind tables, so that exceptions pass; a personality of NULL is passed over.
//
// CONCURRENCY: any thread.
#ifndef RIX_API_NEW_H
#define RIX_API_NEW_H

#include <stddef.h>

#include "base/compiler.h"

// These may throw (new.c).

// Calls the new handler; without one throws std::bad_alloc, which does not mention `size`, or
// aborts after a message that does.
RIX_INTERNAL void rix_new_out_of_memory(size_t size);
// Throws std::bad_alloc, or aborts as above.
RIX_INTERNAL __attribute__((noreturn)) void rix_new_throw(size_t size);
// As ri_new_aligned when there was no memory; alignment 0: none in particular.
RIX_INTERNAL RIX_SLOW void* rix_new_retry(size_t size, size_t alignment);

// A function of a C++ library that is in the process but out of scope (case 2); NULL without one.
RIX_INTERNAL void* rix_new_find(const char* name);

#endif
