// SPDX-License-Identifier: MIT
// tld.h: the theaps of a thread, the table that finds them, and the list of all threads.
//
// CONCURRENCY: the thread itself; the list and the sums: lock rix_thread_lock.
#ifndef RIX_HEAP_TLD_H
#define RIX_HEAP_TLD_H

#include "heap/heap.h"

RIX_INTERNAL extern rix_lock_t rix_thread_lock;

// Enters a thread in the list of all threads, where its events are counted; and removes it.
RIX_INTERNAL void rix_tld_link(rix_tld_t* tld);
RIX_INTERNAL void rix_tld_unlink(rix_tld_t* tld);
// Whether no other thread has, or had, anything of the allocator that only it could see.
RIX_INTERNAL bool rix_tld_is_alone(void);
// In the child of a fork: other threads may have been lost between two steps.
RIX_INTERNAL void rix_tld_note_fork(void);
// Adds up the events of all threads, present and past.
RIX_INTERNAL void rix_tld_events(uint64_t sum[RIX_EVENT_COUNT]);
// The same for the threads of a sub-process.
RIX_INTERNAL void rix_tld_events_of(const rix_subproc_t* subproc, uint64_t sum[RIX_EVENT_COUNT]);

// A theap of the calling thread for a heap, without pages, in no list of the heap. NULL: no memory.
RIX_INTERNAL rix_theap_t* rix_tld_new_theap(rix_tld_t* tld, rix_heap_t* heap);
// Forgets a theap without pages, which is not the thread's main one.
RIX_INTERNAL void rix_tld_drop_theap(rix_tld_t* tld, rix_theap_t* theap);
// The same for a theap whose thread ends, and with it the table.
RIX_INTERNAL void rix_tld_forget_theap(rix_theap_t* theap);
// The calling thread's theap of a heap, NULL when it has none.
RIX_INTERNAL rix_theap_t* rix_tld_find_theap(const rix_heap_t* heap);

// The table of theaps of a thread: empty, with a theap in the place of its heap, and closed.
RIX_INTERNAL void rix_tld_table_open(rix_tld_t* tld);
RIX_INTERNAL void rix_tld_table_enter(rix_tld_t* tld, rix_theap_t* theap);
RIX_INTERNAL void rix_tld_table_remove(rix_tld_t* tld, const rix_theap_t* theap);
RIX_INTERNAL void rix_tld_table_close(rix_tld_t* tld);

#endif
