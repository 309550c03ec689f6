// SPDX-License-Identifier: MIT
// mimalloc-new-delete.h: operator new and delete of a C++ program, in all forms, by mimalloc's
// names. To be included in one file of the program.
#ifndef RIMALLOC_MIMALLOC_NEW_DELETE_H
#define RIMALLOC_MIMALLOC_NEW_DELETE_H
#define MIMALLOC_NEW_DELETE_H

#include "mimalloc.h"

#define RIX_NEW_DELETE(name) mi_##name
#define RIX_DELETE_SIZED(p, n) mi_free_size(p, n)
#define RIX_DELETE_ALIGNED_SIZED(p, a, n) mi_free_size_aligned(p, n, a)
#include "../new-delete-forms.h"
#undef RIX_NEW_DELETE
#undef RIX_DELETE_SIZED
#undef RIX_DELETE_ALIGNED_SIZED

#endif
