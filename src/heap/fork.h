// SPDX-License-Identifier: MIT
// fork.h: all locks of the allocator around a fork.
#ifndef RIX_HEAP_FORK_H
#define RIX_HEAP_FORK_H

#include "heap/heap.h"

// To be called once, before the program can fork.
RIX_INTERNAL void rix_fork_init(void);

#endif
