// SPDX-License-Identifier: MIT
// new-delete.h: operator new and delete of a C++ program, in all forms that its version of C++ has.
// To be included in one file of a program that links the core library, which leaves them alone; the
// other libraries have them already. Sizes and alignments that the compiler knows are passed on.
// With <rimalloc/fast.h> included before it, new and delete are that header's inline paths: inline
// in this file, and with link-time optimisation, new in the whole program.
#ifndef RIMALLOC_NEW_DELETE_H
#define RIMALLOC_NEW_DELETE_H

#include "rimalloc.h"

#if defined(__cplusplus) && defined(RIMALLOC_FAST_H)
// gcc finds both too long to inline into other files. For new it is wrong: programs become 1 %
// larger (by delete 10 %). C++ lets neither be declared inline, of which the compiler reminds.
#include <cstddef>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wattributes"
void* operator new(std::size_t n) __attribute__((always_inline));
void* operator new[](std::size_t n) __attribute__((always_inline));
#endif

#define RIX_NEW_DELETE(name) ri_##name
#define RIX_DELETE_SIZED(p, n) ri_free_sized(p, n)
#define RIX_DELETE_ALIGNED_SIZED(p, a, n) ri_free_aligned_sized(p, a, n)
#include "new-delete-forms.h"
#undef RIX_NEW_DELETE
#undef RIX_DELETE_SIZED
#undef RIX_DELETE_ALIGNED_SIZED

#if defined(__cplusplus) && defined(RIMALLOC_FAST_H)
#pragma GCC diagnostic pop
#endif

#endif
