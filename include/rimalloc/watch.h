// SPDX-License-Identifier: MIT
// watch.h: watched blocks, which show what a program does wrong with them. rimalloc.h includes it.
//
// The block of one slow allocation in `watch_rate` (option; 1,000), or every block (1), is put into
// OS pages of its own with memory that nobody may access on both sides, at the one or the other end
// of its pages at random; and when it is freed its pages are inaccessible until their place is
// needed for another. So an access past its end or before its start, or to it after it was freed,
// faults where it happens; what is written around it without a fault, and a second free, are
// noticed when it is freed. docs/watch.md says what is found, how often, and what it costs.
//
// A fault ends the program as any other does, unless the option `watch_report` is on: then the
// library has a handler for SIGSEGV, says to standard error what happened and who allocated and
// freed the block, and lets the program go on, with that block accessible (with the option
// abort_on_error: aborts). A program with a handler of its own asks ri_watch_find in it.
#include <rimalloc/rimalloc.h>  // includes this header in its turn: before the guard
#ifndef RIMALLOC_WATCH_H
#define RIMALLOC_WATCH_H

#if defined(__cplusplus)
extern "C" {
#endif

enum { RI_WATCH_FRAMES = 24 };

typedef enum ri_watch_kind_e {
  RI_WATCH_NOTHING,         // the address is in a live block: no mistake is known
  RI_WATCH_OVERFLOW,        // past the end of a live block
  RI_WATCH_UNDERFLOW,       // before its start
  RI_WATCH_USE_AFTER_FREE,  // of a freed block, or next to it
  RI_WATCH_DOUBLE_FREE,     // free of a freed block
  RI_WATCH_INVALID_FREE,    // free of a pointer into or next to a block, but not at its start
} ri_watch_kind_t;

// Where a thread was: return addresses, the innermost call first; in static programs those of the
// library are among them. On x86-64 with glibc by the tables for exceptions, elsewhere as far as
// code keeps frame pointers.
typedef struct ri_watch_stack_s {
  uintptr_t thread;  // what pthread_self() said, as debuggers show it; 0: it did not happen
  size_t count;
  uintptr_t frames[RI_WATCH_FRAMES];
} ri_watch_stack_t;

typedef struct ri_watch_report_s {
  ri_watch_kind_t kind;
  bool write;           // of an access: it was a write; false also where the CPU does not tell
  bool late;            // found when the block was freed: `here` is the free, not the mistake
  const void* address;  // that was accessed, is damaged, or was freed
  const void* block;
  size_t size;  // of the block, in bytes
  ri_watch_stack_t here, allocated, freed;
} ri_watch_report_t;

// Called for each report, after it was printed and before the program goes on or is aborted. For an
// access (not `late`, not a free) it is called by a handler of SIGSEGV, in the thread that made it:
// it may do only what a handler for that may do (POSIX: async-signal-safe functions; no
// allocation). Otherwise it is called from inside of a free, with no lock of the allocator held.
typedef void(ri_watch_fun)(const ri_watch_report_t* report, void* arg);
// Registers the function; NULL ends it. At most one; any thread, any time.
RI_EXPORT void ri_register_watch(ri_watch_fun* fun, void* arg) RI_NOEXCEPT;

// What is known of an address: true, and *report is filled in but for `here` and `write`, when it
// belongs to a watched block or what surrounds it. May be called by a signal handler for SIGSEGV.
// Cost: a lock, and a look at each watched block.
RI_NODISCARD RI_EXPORT bool ri_watch_find(const void* address,
                                          ri_watch_report_t* report) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
