// SPDX-License-Identifier: MIT
// sealed.h: what decides how the allocator behaves and which functions it calls, in an OS page of
// its own. Once the process has started nothing can be written there: what writes where it should
// not faults, and turns off no check and puts no function in place of another. Those who set an
// option or a hook open the page for the moment.
//
// INVARIANT: after rix_sealed_start the page is writable <=> a thread is between rix_sealed_open,
// which gave true, and rix_sealed_close. (Not where OS pages are larger than RIX_SEALED_BYTES, nor
// where the OS refused at the start.)
// CONCURRENCY: values are atomics; functions and their arguments are read under rix_sealed_lock,
// which a thread between rix_sealed_open and rix_sealed_close has.
#ifndef RIX_OPTIONS_SEALED_H
#define RIX_OPTIONS_SEALED_H

#include <rimalloc/rimalloc.h>

#include "base/atomic.h"
#include "os/os.h"

enum { RIX_SEALED_BYTES = 4096 };

typedef ri_atomic(long) rix_option_value_t;
typedef ri_atomic(uint8_t) rix_option_origin_t;  // a rix_option_source_t (options.h)

typedef struct rix_sealed_s {
  rix_option_value_t values[ri_option_last_];  // options.h has the functions for these
  rix_option_origin_t sources[ri_option_last_];
  // Whether pages of some heap have ever had features (page/harden.h), or `fill` or `perturb` was
  // ever set: until then nobody need look at any of these.
  rix_flag_t hardens;
  uintptr_t key;  // of the process, not 0 once it has started
  ri_deferred_free_fun* deferred;
  void* deferred_arg;
  ri_oom_fun* oom;
  void* oom_arg;
  ri_pressure_fun* pressure;
  void* pressure_arg;
  ri_output_fun* output;
  void* output_arg;
  ri_error_fun* error;
  void* error_arg;
  ri_watch_fun* watch;
  void* watch_arg;
} rix_sealed_t;

typedef union rix_sealed_page_s {
  rix_sealed_t s;
  uint8_t bytes[RIX_SEALED_BYTES];
} rix_sealed_page_t;
RIX_INTERNAL extern rix_sealed_page_t rix_sealed_page;
#define rix_sealed (rix_sealed_page.s)

RIX_INTERNAL extern rix_lock_t rix_sealed_lock;

// The key; draws it before the start. Takes the lock then.
RIX_INTERNAL uintptr_t rix_sealed_key(void);

// Seals the page; what was set before needed no opening. Once, when options have been read.
RIX_INTERNAL void rix_sealed_start(void);
// Takes the lock and makes the page writable until rix_sealed_close. False, and nothing is to be
// written or closed: the OS refuses (a filter of system calls, or too many mappings).
RIX_INTERNAL bool rix_sealed_open(void);
RIX_INTERNAL void rix_sealed_close(void);

#endif
