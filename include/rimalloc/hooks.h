// SPDX-License-Identifier: MIT
// hooks.h: functions of the program that the allocator calls. rimalloc.h includes it. (Messages and
// errors are there.)
//
// The function for memory pressure is in limits.h.
//
// Each kind has at most one function; registering another replaces it, NULL ends it. A call that is
// under way in another thread may still reach the function that was replaced. Registering may be
// done by any thread at any time.
//
// A function for deferred frees, pressure or lack of memory may be left by longjmp or, where it was
// called from one that may throw (ri_new, operator new), by an exception, and the allocation with
// it: the allocator holds no lock then, and calls the function again the next time. What the
// function does on another stack of the same thread (a coroutine) may call it there once more.
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
// fails for lack of memory: then it should free all that it can. `heartbeat` counts the calls in
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

enum { RI_OOM_RETRIES = 16 };  // retries of one allocation, after which it fails

// Called when there is no memory for an allocation of about `size` bytes, after unused memory was
// collected; `attempt` counts the retries of this allocation, from 0. It may allocate (an
// allocation that fails there fails at once) and free. Not called for sizes over PTRDIFF_MAX and
// overflowing products, which no amount of memory could serve; nor, in a thread whose exit hooks
// have run, for small blocks of the functions without a heap. If the allocation fails in the end,
// the error function is called as well.
typedef ri_oom_t(ri_oom_fun)(size_t size, unsigned attempt, void* arg);
RI_EXPORT void ri_register_out_of_memory(ri_oom_fun* fun, void* arg) RI_NOEXCEPT;

// ---- Memory of the OS ---------------------------------------------------------------------------

typedef enum ri_os_event_e {
  RI_OS_RESERVE,   // [p, p + size) is now mapped without access; false: refuse
  RI_OS_MAP,       // [p, p + size) is now mapped and may be used; false: refuse
  RI_OS_COMMIT,    // reserved memory is about to become usable; false: refuse
  RI_OS_DECOMMIT,  // memory lost its contents and must be committed before it is used again
  RI_OS_PURGE,     // memory was returned to the OS; it stays usable and reads as zero
  RI_OS_RESET,     // memory was offered to the OS, which may take it
  RI_OS_UNMAP,     // [p, p + size) is about to be unmapped
} ri_os_event_t;

// Called for each range of memory that the allocator gets from the OS or gives back, its own
// structures included: to account for memory, to limit it, to place it on NUMA nodes, to keep it
// out of core dumps. Refusing has the effect of the OS refusing: the allocation may fail, nothing
// is lost. The result does not matter for the last four. Ranges may be parts of earlier ones. It is
// the one kind of function that may be called with locks of the allocator held (as commit functions
// are, ri_manage_memory), so it must not call the allocator, not even malloc, nor fork: a thread
// that would wait for such a lock prints a message and aborts.
typedef bool(ri_os_fun)(ri_os_event_t event, void* p, size_t size, void* arg);
// False, and nothing changed: no memory. Each call that registers a function takes 64 bytes,
// permanently.
RI_EXPORT bool ri_register_os_memory(ri_os_fun* fun, void* arg) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
