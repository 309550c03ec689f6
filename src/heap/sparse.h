// SPDX-License-Identifier: MIT
// sparse.h: when parts of sparse pages go back to the OS (page/holes.h).
//
// CONCURRENCY: owner only, except for pages without owner, which any thread may claim.
#ifndef RIX_HEAP_SPARSE_H
#define RIX_HEAP_SPARSE_H

#include "heap/heap.h"

// Of all pages of a theap of the calling thread, which was collected.
RIX_INTERNAL void rix_sparse_punch(rix_theap_t* theap);
// Of the calling thread's theaps, and of pages without owner.
RIX_INTERNAL void rix_sparse_punch_all(void);
// Goes on with the pass over a theap, or begins one, if it is time.
RIX_INTERNAL void rix_sparse_pass(rix_theap_t* theap);

#endif
