// SPDX-License-Identifier: MIT
// hooks.h: functions of the program that the allocator calls. rimalloc.h includes it. (Messages and
// errors are there.)
//
// Each kind has at most one function; registering another replaces it, NULL ends it. A call that is
// under way in another thread may still reach the function that was replaced. Registering may be
// done by any thread at any time.
#include <rimalloc/rimalloc.h>  // includes this header in its turn: before the guard
#ifndef RIMALLOC_HOOKS_H
#define RIMALLOC_HOOKS_H

#if defined(__cplusplus)
extern "C" {
#endif

// ---- Regular work -------------------------------------------------------------------------------

// Called by threads that allocate, from inside the allocating function: with force == false on the
// slow path, about every 4 KiB of small blocks, so that a program can free something later without
// a thread or a timer of its own; with force == true by ri_collect(true), and before an allocation
// fails for want of memory: then it should free all that it can. `heartbeat` counts the calls in
// this thread, from 1. It may allocate and free; what it does calls no deferred free again. It must
// not end the thread or heaps. Not called in a thread whose exit hooks have run.
typedef void(ri_deferred_free_fun)(bool force, unsigned long long heartbeat, void* arg);
// [M] mi_register_deferred_free
RI_EXPORT void ri_register_deferred_free(ri_deferred_free_fun* fun, void* arg) RI_NOEXCEPT;

// ---- No memory ----------------------------------------------------------------------------------

typedef enum ri_oom_e {
  RI_OOM_FAIL,   // the allocation returns NULL with ENOMEM (operator new: as the standard says)
  RI_OOM_RETRY,  // something was freed: try again
  RI_OOM_ABORT,  // print a message and abort
} ri_oom_t;

enum { RI_OOM_RETRIES = 16 };  // an allocation is tried so often again, then it fails

// Called when there is no memory for an allocation of about `size` bytes, after unused memory was
// collected; `attempt` counts the retries of this allocation, from 0. It may allocate (what fails
// there fails at once) and free. Not called for sizes over PTRDIFF_MAX and overflowing products,
// which no memory can serve; nor, in a thread whose exit hooks have run, for small blocks of the
// functions without a heap. The error function is called as well when the allocation fails in the
// end.
typedef ri_oom_t(ri_oom_fun)(size_t size, unsigned attempt, void* arg);
RI_EXPORT void ri_register_out_of_memory(ri_oom_fun* fun, void* arg) RI_NOEXCEPT;

// ---- Memory of the OS ---------------------------------------------------------------------------

typedef enum ri_os_event_e {
  RI_OS_RESERVE,   // [p, p + size) is now mapped without access; false: refuse
  RI_OS_MAP,       // [p, p + size) is now mapped and may be used; false: refuse
  RI_OS_COMMIT,    // reserved memory is about to become usable; false: refuse
  RI_OS_DECOMMIT,  // memory lost its content and must be committed before it is used again
  RI_OS_PURGE,     // memory went back to the OS; it stays usable and reads as zero
  RI_OS_RESET,     // memory was offered to the OS, which takes it when it needs some
  RI_OS_UNMAP,     // [p, p + size) is about to be unmapped
} ri_os_event_t;

// Called for each range of memory that the allocator gets from the OS or gives back, its own
// structures included: to account for memory, to limit it, to place it on NUMA nodes, to keep it
// out of core dumps. Refusing has the effect of the OS refusing: the allocation may fail, nothing
// is lost. The result does not matter for the last four. Ranges may be parts of earlier ones. It
// may be called with locks of the allocator held, so it must not call the allocator, not even
// malloc.
typedef bool(ri_os_fun)(ri_os_event_t event, void* p, size_t size, void* arg);
// False, and nothing changed: no memory. Each call that registers a function takes 64 bytes for
// good.
RI_EXPORT bool ri_register_os_memory(ri_os_fun* fun, void* arg) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
