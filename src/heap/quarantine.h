// SPDX-License-Identifier: MIT
// quarantine.h: freed blocks that wait before they can be handed out again, so that what still
// points to them finds nothing new there for a while, and nobody can tell when it does.
//
// A block that waits is no longer marked as live, so a second free of it is reported; its page
// still counts it as live, so nothing happens to that. Only blocks of the default heap wait, which
// cannot be destroyed under them.
//
// CONCURRENCY: each thread has its own, made when it first frees such a block.
#ifndef RIX_HEAP_QUARANTINE_H
#define RIX_HEAP_QUARANTINE_H

#include "heap/heap.h"

// Lets a block wait that the calling thread freed. False: it need not, being too large, or there is
// no memory.
RIX_INTERNAL bool rix_quarantine_put(rix_tld_t* tld, ri_block_t* block, size_t bytes);
// A block that has waited long enough; `all`: any that waits. NULL: none. Its page may have another
// owner by now, but is the same.
RIX_INTERNAL ri_block_t* rix_quarantine_take(rix_tld_t* tld, bool all);
// Frees all blocks that wait; true if there ever were some (free.c).
RIX_INTERNAL bool rix_free_waiting(rix_tld_t* tld);
// None waits any more, and none will.
RIX_INTERNAL void rix_quarantine_close(rix_tld_t* tld);

#endif
