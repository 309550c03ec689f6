// SPDX-License-Identifier: MIT
// limits.h: how much memory the program may have; part of rimalloc.h. docs/limits.md says what
// happens near a limit, and what counts.
//
// Two kinds of limits: beyond a hard one allocations fail, with ENOMEM, as if the system had no
// more. A soft one is kept as long as unused memory can be given back, or the program's function
// for pressure frees something; allocations do not fail. Both are for memory that may be resident,
// in pages and kept for them, not for address space. Limits may be set at any time, by any thread.
#include <rimalloc/rimalloc.h>  // includes this header in its turn: before the guard
#ifndef RIMALLOC_LIMITS_H
#define RIMALLOC_LIMITS_H

#if defined(__cplusplus)
extern "C" {
#endif

// ---- The process --------------------------------------------------------------------------------

// Limits the memory of all heaps together, in bytes, 0: no limit; kept in units of 1024, and the
// same as setting the options limit_soft and limit_hard. Nothing is taken away: what is used
// already may be more. If there is a hard limit and no soft one, it counts as both.
RI_EXPORT void ri_limit_set(size_t soft, size_t hard) RI_NOEXCEPT;
// What was set; either may be NULL.
RI_EXPORT void ri_limit_get(size_t* soft, size_t* hard) RI_NOEXCEPT;

// Bytes that count at present.
RI_NODISCARD RI_EXPORT size_t ri_limit_used(void) RI_NOEXCEPT;
// How near the soft limit is, the control group's among them (option limit_cgroup): 0, below 80 per
// cent of it or without one; 1, below 95; or 2. Looks for the control group's limit, if that was
// not done yet, which opens files: a program may call it before it installs a filter that forbids
// that.
RI_EXPORT int ri_limit_level(void) RI_NOEXCEPT;

// ---- A heap -------------------------------------------------------------------------------------

// The same for the memory of one heap, counted in whole pages (ri_heap_held). `hard` is what
// ri_heap_set_quota sets. False, and EINVAL, for the main heap of the main sub-process, whose
// limits are those of the process.
RI_EXPORT bool ri_heap_limit_set(ri_heap_t* heap, size_t soft, size_t hard) RI_NOEXCEPT;
RI_EXPORT void ri_heap_limit_get(const ri_heap_t* heap, size_t* soft, size_t* hard) RI_NOEXCEPT;
// A heap that has limits from the start. NULL: no memory.
RI_NODISCARD RI_EXPORT ri_heap_t* ri_heap_new_with_limit(size_t soft, size_t hard) RI_NOEXCEPT;

// ---- A limit is near ----------------------------------------------------------------------------

// Called when level 2 of a soft limit is reached, after unused memory was given back and did not
// suffice: the program should drop what it can do without. `used` bytes count, of `limit`: those of
// `heap`, or if that is NULL, of the process. A thread that allocates calls it, from inside the
// allocating function: once when the level is reached, again when use has grown by another
// twentieth of the limit, and when the level is reached again after it ended. It may allocate,
// free, set limits and call all other functions; nothing it does calls it again. It must not end
// the thread or heaps. It may be left by longjmp or an exception, as others of hooks.h. At most one
// function; another replaces it, NULL ends it.
typedef void(ri_pressure_fun)(int level, size_t used, size_t limit, ri_heap_t* heap, void* arg);
RI_EXPORT void ri_register_pressure(ri_pressure_fun* fun, void* arg) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
