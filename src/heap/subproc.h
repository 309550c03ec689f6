// SPDX-License-Identifier: MIT
// subproc.h: sub-processes. CONCURRENCY: any thread.
#ifndef RIX_HEAP_SUBPROC_H
#define RIX_HEAP_SUBPROC_H

#include "heap/heap.h"

RIX_INTERNAL rix_subproc_t* rix_subproc_create(void);
// All of its heaps and arenas; not the main one, and none of a thread that will still allocate.
RIX_INTERNAL void rix_subproc_end(rix_subproc_t* subproc);
// Whether it is the main one or was made and has not ended. Any pointer.
RIX_INTERNAL bool rix_subproc_exists(const void* subproc);
RIX_INTERNAL void rix_subproc_join(rix_subproc_t* subproc);   // a thread begins
RIX_INTERNAL void rix_subproc_leave(rix_subproc_t* subproc);  // a thread has ended
// The calling thread's.
RIX_INTERNAL rix_subproc_t* rix_subproc_current(void);
RIX_INTERNAL size_t rix_subproc_threads(const rix_subproc_t* subproc);
RIX_INTERNAL void rix_subproc_after_fork(void);

#endif
