// SPDX-License-Identifier: MIT
// orphan.h: the theap for threads that no longer have one: destructors of a thread that run after
// the allocator's own allocate from it.
//
// CONCURRENCY: any thread; rix_orphan_take holds rix_orphan_lock until rix_orphan_give.
#ifndef RIX_HEAP_ORPHAN_H
#define RIX_HEAP_ORPHAN_H

#include "heap/heap.h"

RIX_INTERNAL extern rix_lock_t rix_orphan_lock;

RIX_INTERNAL rix_theap_t* rix_orphan_take(void);
// Also reports what was found damaged meanwhile.
RIX_INTERNAL void rix_orphan_give(void);
// Collects it; `force`: and returns parts of its pages to the OS.
RIX_INTERNAL void rix_orphan_collect(bool force);
// In the child of a fork, with all locks held.
RIX_INTERNAL void rix_orphan_after_fork(void);

#endif
