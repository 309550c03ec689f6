// SPDX-License-Identifier: MIT
// scavenge.h: memory goes back while the program sleeps (docs/memory.md has it for its users).
//
// CONCURRENCY: any thread.
#ifndef RIX_HEAP_SCAVENGE_H
#define RIX_HEAP_SCAVENGE_H

#include "base/compiler.h"

// Why there must be no task, each for itself; and until when.
typedef enum rix_scavenge_reason_e {
  RIX_SCAVENGE_EARLY = 1,    // the library is not loaded completely
  RIX_SCAVENGE_PROGRAM = 2,  // the program forbids it
  RIX_SCAVENGE_FILTER = 4,   // it is about to install a filter for system calls: for good
  RIX_SCAVENGE_HOOK = 8,     // a function of the program is called for memory: for good
} rix_scavenge_reason_t;

// From when this returns, until rix_scavenge_allow with the same reason, there is no task. With no
// lock held.
RIX_INTERNAL void rix_scavenge_forbid(rix_scavenge_reason_t reason);
RIX_INTERNAL void rix_scavenge_allow(rix_scavenge_reason_t reason);
// By default there is only a task where this was called: by the part of the library that sees when
// the program installs a filter (override/prctl.c), or for a program that says so.
RIX_INTERNAL void rix_scavenge_trust(void);
RIX_INTERNAL bool rix_scavenge_is_trusted(void);

// For a while: nothing of the allocator is changed by a task. Holds may be nested.
RIX_INTERNAL void rix_scavenge_hold(void);
RIX_INTERNAL void rix_scavenge_release(void);
// A hold from the beginning of which on the system has no such task either. With no lock held.
RIX_INTERNAL void rix_scavenge_dismiss(void);

RIX_INTERNAL void rix_scavenge_load(void);  // the library is loaded
// It is being closed, or the process ends: there is no task any more, for good. But what ends may
// have been interrupted with a lock that the task waits for, and nobody waits for ever.
RIX_INTERNAL void rix_scavenge_unload(void);
// A thread has ended; what it left may be worth a look. With no lock held.
RIX_INTERNAL void rix_scavenge_thread_ended(void);
RIX_INTERNAL void rix_scavenge_after_fork(bool in_child);  // after a dismissal

typedef struct rix_scavenge_stats_s {
  size_t runs;      // tasks so far
  size_t us;        // of processor time
  size_t returned;  // bytes
} rix_scavenge_stats_t;
RIX_INTERNAL rix_scavenge_stats_t rix_scavenge_stats(void);

#endif
