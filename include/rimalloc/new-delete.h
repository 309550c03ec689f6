// SPDX-License-Identifier: MIT
// new-delete.h: operator new and delete of a C++ program, in all forms that its version of C++ has.
// To be included in one file of a program that links the core library, which leaves them alone; the
// other libraries have them already. Sizes and alignments that the compiler knows are passed on.
// With <rimalloc/fast.h> included before it, new and delete are that header's inline paths: inline
// in this file, and with link-time optimisation in the whole program.
#ifndef RIMALLOC_NEW_DELETE_H
#define RIMALLOC_NEW_DELETE_H

#include "rimalloc.h"

#define RIX_NEW_DELETE(name) ri_##name
#define RIX_DELETE_SIZED(p, n) ri_free_sized(p, n)
#define RIX_DELETE_ALIGNED_SIZED(p, a, n) ri_free_aligned_sized(p, a, n)
#include "new-delete-forms.h"
#undef RIX_NEW_DELETE
#undef RIX_DELETE_SIZED
#undef RIX_DELETE_ALIGNED_SIZED

#endif
