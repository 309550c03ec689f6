// SPDX-License-Identifier: MIT
// report.h: everything the allocator says, through one hook. Nothing here allocates; messages are
// made in a buffer of a few hundred bytes on the stack, because threads may have 16 KiB stacks.
//
// CONCURRENCY: any thread; the hooks are called with no lock of the allocator held, except that a
// message about a failing OS call may come while one is held: hooks must not allocate.
#ifndef RIX_OPTIONS_REPORT_H
#define RIX_OPTIONS_REPORT_H

#include "base/compiler.h"
#include "os/os.h"

// Prints as printf does.
RIX_INTERNAL void rix_message(const char* format, ...) RIX_PRINTF(1, 2);

// "rimalloc: warning: ...", the first ones (option max_warnings): something of the settings or of
// the OS is not as it should be.
RIX_INTERNAL RIX_SLOW void rix_warning(const char* format, ...) RIX_PRINTF(1, 2);

// "rimalloc: error: ...": a mistake of the program. Calls the error hook with `code`; aborts when
// the option abort_on_error says so.
RIX_INTERNAL RIX_SLOW void rix_error(int code, const char* format, ...) RIX_PRINTF(2, 3);

// No memory: sets errno, calls the error hook, says nothing unless verbose. Returns NULL.
RIX_INTERNAL RIX_SLOW void* rix_out_of_memory(size_t size);
RIX_INTERNAL RIX_SLOW void* rix_overflow(void);
RIX_INTERNAL RIX_SLOW void* rix_bad_argument(void);

// Sends the messages of the calling code to `out` until restored; used by ri_stats_print_out.
typedef struct rix_output_s {
  ri_output_fun* out;
  void* arg;
} rix_output_t;
RIX_INTERNAL void rix_print_to(rix_output_t to, const char* format, ...) RIX_PRINTF(2, 3);
RIX_INTERNAL rix_output_t rix_output_current(void);
RIX_INTERNAL rix_output_t rix_output_of(ri_output_fun* out, void* arg);  // NULL: the current one

RIX_INTERNAL extern rix_lock_t rix_report_lock;  // protects the hooks; innermost but one

#endif
