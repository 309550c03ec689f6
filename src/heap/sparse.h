// SPDX-License-Identifier: MIT
// sparse.h: when parts of sparse pages go back to the OS (page/holes.h).
//
// CONCURRENCY: owner only, except for pages without owner, which any thread may claim, and what
// others freed, which any thread may steal.
#ifndef RIX_HEAP_SPARSE_H
#define RIX_HEAP_SPARSE_H

#include "heap/heap.h"
#include "page/holes.h"

// Of all pages of a theap of the calling thread, which was collected.
RIX_INTERNAL void rix_sparse_punch(rix_theap_t* theap);
// Of the calling thread's theaps, of pages without owner, and of what others freed into the pages
// of threads that do not look.
RIX_INTERNAL void rix_sparse_punch_all(void);
// Of pages without owner.
RIX_INTERNAL void rix_sparse_punch_unowned(void);
// The last of these.
RIX_INTERNAL void rix_sparse_steal(void);
// The process is about to use more memory than ever: about as much comes back from pages of which
// others freed all blocks, and whose owners did not look.
RIX_INTERNAL void rix_sparse_before_growth(void);
// The same a part at a time, at level 2 of a limit: until `steps` are reached, or no more than
// `goal` bytes are used (arena/limit.h). `begins`: from the start. True: all was looked at.
RIX_INTERNAL bool rix_sparse_relieve(bool begins, size_t steps, size_t goal);
// Goes on with the pass over a theap, or begins one, if it is time.
RIX_INTERNAL void rix_sparse_pass(rix_theap_t* theap);
// The same where frees of the thread emptied some pages.
RIX_INTERNAL void rix_sparse_pass_emptied(rix_theap_t* theap);
// The same for one that the thread does not allocate from just now: another may end its heap.
RIX_INTERNAL void rix_sparse_pass_any(rix_theap_t* theap);
// For whoever has no theap: goes on with the passes over what is not the calling thread's, for
// about so many steps. Whether they can go on at once.
RIX_INTERNAL bool rix_sparse_punch_some(size_t steps);

#endif
