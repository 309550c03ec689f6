// SPDX-License-Identifier: MIT
// relief.h: what a thread does when a limit is near (arena/limit.h).
//
// CONCURRENCY: owner only, with no lock held: the program's function may be called.
#ifndef RIX_HEAP_RELIEF_H
#define RIX_HEAP_RELIEF_H

#include "arena/limit.h"
#include "heap/heap.h"

RIX_INLINE bool rix_relief_is_due(const rix_heap_t* heap) {
  return rix_limit_is_pressed() || RIX_UNLIKELY(ri_load_relaxed(&heap->xpressed) != 0);
}
// Gives unused memory back, a part at a time, and calls the program when that does not suffice.
RIX_INTERNAL RIX_SLOW void rix_relieve(rix_heap_t* heap);

// There is no memory: if that is because of the hard limit, gives back what `size` bytes need, of
// all that the thread can reach. Without the program. Returns whether there was something to try.
RIX_INTERNAL RIX_SLOW void rix_relieve_hard(size_t size);

#endif
