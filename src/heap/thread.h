// SPDX-License-Identifier: MIT
// thread.h: the life of threads. CONCURRENCY: any thread, about itself.
#ifndef RIX_HEAP_THREAD_H
#define RIX_HEAP_THREAD_H

#include "heap/heap.h"

// The first use of the process: cheap afterwards.
RIX_INTERNAL void rix_process_init(void);
RIX_INTERNAL extern const bool rix_process_comes_along;  // src/process.c
RIX_INTERNAL uint64_t rix_process_started_ms(void);      // time of the first use

// Makes the calling thread, which belongs to no other sub-process, one of this sub-process. False:
// no memory.
RIX_INTERNAL bool rix_thread_start(rix_subproc_t* subproc);
// Ends the calling thread as far as the allocator is concerned, which may begin again.
RIX_INTERNAL void rix_thread_done(void);
// The calling thread's default theap, made when needed. NULL: the thread is dead, or no memory.
RIX_INTERNAL rix_theap_t* rix_thread_theap(void);
RIX_INTERNAL void rix_thread_register_exit(rix_tld_t* tld);
RIX_INTERNAL size_t rix_thread_count(void);
// Abandons pages of the calling thread until the rest has at most `most` bytes.
RIX_INTERNAL void rix_thread_reduce(size_t max);
// In the child of a fork, where only the calling thread is left, with all locks held.
RIX_INTERNAL void rix_thread_after_fork(void);

// The calling thread's theap of a heap (NULL: its main heap), made when needed. NULL: the thread is
// dead, or no memory.
RIX_INTERNAL rix_theap_t* rix_thread_theap_of_slow(rix_heap_t* heap);
// The calling thread's theap of a heap: a few instructions when it was used before.
RIX_INLINE rix_theap_t* rix_thread_theap_of(rix_heap_t* heap) {
  const rix_tld_t* const tld = (const rix_tld_t*)rix_tls.self;
  if (RIX_LIKELY(tld != NULL && heap != NULL)) {
    rix_theap_t* const theap = tld->table[heap->slot & tld->table_mask];
    if (RIX_LIKELY(theap->seq == ri_load_relaxed(&heap->xseq))) return theap;
  }
  return rix_thread_theap_of_slow(heap);
}

#endif
