// SPDX-License-Identifier: MIT
// profile.h: which stacks allocate the memory of a program, found out by samples. docs/profiling.md
// shows how to use it; the options `profile`, `profile_leaks` and others do the same without a
// change to the program.
//
// While the profiler is on, one block in so many bytes is sampled, at random: its stack and size
// are kept until it is freed. What is reported are estimates for all blocks, without bias, with
// their variance. Counted is what is allocated while it is on; frees are seen at any time. Blocks
// of threads that have run their last destructors are not counted. A block that realloc leaves in
// its place counts with the size that it had, unless it is larger than 64 KiB.
//
// All functions may be called by any thread at any time, but not in signal handlers.
#ifndef RIMALLOC_PROFILE_H
#define RIMALLOC_PROFILE_H

#include <rimalloc/rimalloc.h>

#if defined(__cplusplus)
extern "C" {
#endif

// ---- On and off ---------------------------------------------------------------------------------

// Turns the profiler on, with one sample in `interval` bytes on average; 1: every block. 524288 is
// usual, below 65536 it costs time. While it is on already, the interval changes. The first call
// maps memory for its tables (option profile_memory), which stays. Other threads follow when they
// next allocate more than 64 KiB at once, or some hundred KiB: one that frees all that it allocates
// at once may not follow. False, and errno: no memory, or EINVAL for 0.
RI_EXPORT bool ri_profile_start(size_t interval) RI_NOEXCEPT;
// Turns it off: no new samples; what was sampled is still seen freed.
RI_EXPORT void ri_profile_stop(void) RI_NOEXCEPT;
// Forgets all samples and sums, as if nothing had been allocated before.
RI_EXPORT void ri_profile_reset(void) RI_NOEXCEPT;
// The interval; 0: it is off.
RI_NODISCARD RI_EXPORT size_t ri_profile_interval(void) RI_NOEXCEPT;

// ---- Reading ------------------------------------------------------------------------------------

typedef enum ri_profile_format_e {
  RI_PROFILE_JSON,        // all that is known; what the command `rimalloc report` reads
  RI_PROFILE_PPROF,       // pprof's protobuf, in gzip
  RI_PROFILE_HEAP,        // gperftools' heap profile
  RI_PROFILE_COLLAPSED,   // a line for each stack with live blocks, for flame graphs
  RI_PROFILE_SPEEDSCOPE,  // JSON for speedscope.app
} ri_profile_format_t;

// Writes the profile to a file, which is made or replaced, or to an open one. Takes time for each
// stack and sample; other threads wait only while the tables are copied. 0, or an errno: ENOENT if
// the profiler was never on, EINVAL for an unknown format.
RI_EXPORT int ri_profile_dump(const char* path, ri_profile_format_t format) RI_NOEXCEPT;
RI_EXPORT int ri_profile_dump_fd(int file, ri_profile_format_t format) RI_NOEXCEPT;

// Writes the profile that a file of tables holds (RIMALLOC_PROFILE_FILE=name.rip), of this or
// another process, which may have been killed. 0, or an errno: EINVAL for a file that is no such
// profile, or of another version.
RI_EXPORT int ri_profile_convert(const char* path, int file,
                                 ri_profile_format_t format) RI_NOEXCEPT;

// A live block that was sampled.
typedef struct ri_profile_sample_s {
  const void* block;
  size_t requested, usable;  // bytes
  double weight;             // how many blocks it stands for
  uint64_t age_ms;           // since it was allocated
  uint32_t thread;           // id that the OS has for the thread that allocated it
  uint32_t heap;             // 0: the main heap
  const uint64_t* frames;    // return addresses, the innermost first
  size_t depth;              // how many; 0: the stack could not be read
} ri_profile_sample_t;
// Called for each; false ends the walk. It may allocate and free.
typedef bool(ri_profile_visit_fun)(const ri_profile_sample_t* sample, void* arg);
// Calls `visitor` for each live block that was sampled, as they were when the walk began. False: it
// was ended, or there is no profile.
RI_EXPORT bool ri_profile_visit(ri_profile_visit_fun* visitor, void* arg) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
