// SPDX-License-Identifier: MIT
// hooks.h: calling the program's functions for deferred frees and for lack of memory.
//
// CONCURRENCY: any thread, with no lock of the allocator held. A function is not called again, in
// the same thread, for what it does itself. It may be left by an exception or longjmp.
#ifndef RIX_OPTIONS_HOOKS_H
#define RIX_OPTIONS_HOOKS_H

#include "base/atomic.h"
#include "base/compiler.h"

typedef ri_atomic(bool) rix_hook_set_t;
RIX_INTERNAL extern rix_hook_set_t rix_hook_xdeferred;  // a function is registered

// Registers the program's functions; NULL: none.
RIX_INTERNAL void rix_hook_set_deferred(ri_deferred_free_fun* fun, void* arg);
RIX_INTERNAL void rix_hook_set_out_of_memory(ri_oom_fun* fun, void* arg);

// Whether the program has registered deferred work.
RIX_INLINE bool rix_hook_is_deferred(void) {
  return RIX_UNLIKELY(ri_load_relaxed(&rix_hook_xdeferred));
}
RIX_INTERNAL RIX_SLOW void rix_hook_run_deferred(bool force);

// A limit is near: of a heap, or of the process (NULL).
RIX_INTERNAL void rix_hook_set_pressure(ri_pressure_fun* fun, void* arg);
RIX_INTERNAL RIX_SLOW void rix_hook_run_pressure(int level, size_t used, size_t limit,
                                                 ri_heap_t* heap);

// There is no memory. Whether to try again; `attempt` counts from 0.
RIX_INTERNAL RIX_SLOW bool rix_hook_out_of_memory(size_t size, unsigned attempt);

#endif
