// SPDX-License-Identifier: MIT
// own.h: whether a public name leads here, or to a function that the program brings. Names of one
// process may lead to several allocators: a program defines malloc and its relatives, all or some,
// and this library is preloaded or linked; another library was preloaded before this one.
//
// A name that leads here compares equal to its own name below. One that does not need not lead
// elsewhere: in a program without position independent code, the address of a function may be that
// of an entry of the program's linkage table. So what differs is called by its public name, which
// is always right.
//
// For other files than libc.c: there the compiler knows the answer, and binds calls to it.
#ifndef RIX_OVERRIDE_OWN_H
#define RIX_OVERRIDE_OWN_H

#include "base/compiler.h"

extern void* malloc(size_t size);
extern void free(void* p);
extern void* realloc(void* p, size_t size);
extern size_t malloc_usable_size(void* p);
extern void* aligned_alloc(size_t alignment, size_t size);

RIX_INTERNAL extern void* rix_own_malloc(size_t size);
RIX_INTERNAL extern void rix_own_free(void* p);
RIX_INTERNAL extern void* rix_own_realloc(void* p, size_t size);
RIX_INTERNAL extern size_t rix_own_usable_size(void* p);
RIX_INTERNAL extern void* rix_own_aligned_alloc(size_t alignment, size_t size);

#endif
