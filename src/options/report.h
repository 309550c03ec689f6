// SPDX-License-Identifier: MIT
// report.h: everything the allocator says, through one hook. Nothing here allocates; messages are
// formatted in a buffer of a few hundred bytes on the stack, because threads may have stacks of 16
// KiB.
//
// CONCURRENCY: any thread, with no lock of the allocator held: the hooks may call it.
#ifndef RIX_OPTIONS_REPORT_H
#define RIX_OPTIONS_REPORT_H

#include "base/compiler.h"
#include "os/os.h"

// Prints as printf does.
RIX_INTERNAL void rix_message(const char* format, ...) RIX_PRINTF(1, 2);

// "rimalloc: warning: ...", up to the option max_warnings: something about the settings or the OS
// is not as it should be.
RIX_INTERNAL RIX_SLOW void rix_warning(const char* format, ...) RIX_PRINTF(1, 2);

// "rimalloc: error: ...": a mistake of the program. Calls the error hook with `code`; aborts when
// the option abort_on_error says so.
RIX_INTERNAL RIX_SLOW void rix_error(int code, const char* format, ...) RIX_PRINTF(2, 3);

// The same in two parts, for a report of several lines: counts it; whether it is to be printed. And
// what follows: the error hook, and the end of the program.
RIX_INTERNAL bool rix_error_begins(void);
RIX_INTERNAL void rix_error_ends(int code);
// Whether the program is to end after a report: option abort_on_error, or else `harden`.
RIX_INTERNAL bool rix_error_aborts(void);

// No memory: sets errno, calls the error hook, says nothing unless verbose. Returns NULL.
RIX_INTERNAL RIX_SLOW void* rix_out_of_memory(size_t size);
RIX_INTERNAL RIX_SLOW void* rix_overflow(void);
// While muted, lack of memory in this thread is not reported to the program, because there is
// another way to go on: neither its functions for lack of memory nor the error hook are called.
RIX_INTERNAL void rix_report_mute(bool mute);
RIX_INTERNAL bool rix_report_is_muted(void);
RIX_INTERNAL RIX_SLOW void* rix_bad_argument(void);

// Sends the messages of the calling code to `out` until restored; used by ri_stats_print_out.
typedef struct rix_output_s {
  ri_output_fun* out;
  void* arg;
} rix_output_t;
RIX_INTERNAL void rix_print_to(rix_output_t to, const char* format, ...) RIX_PRINTF(2, 3);
RIX_INTERNAL rix_output_t rix_output_current(void);
RIX_INTERNAL rix_output_t rix_output_of(ri_output_fun* out, void* arg);  // NULL: the current one

// Before a function of the program is registered: as rix_sealed_open, and warns where that fails.
RIX_INTERNAL bool rix_report_open(void);

// Registers the program's functions for messages and errors; NULL: the standard ones.
RIX_INTERNAL void rix_report_set_output(ri_output_fun* out, void* arg);
RIX_INTERNAL void rix_report_set_error(ri_error_fun* fun, void* arg);

#endif
