// SPDX-License-Identifier: MIT
// options.h: the values of all options. The table is include/rimalloc/options.def.
//
// INVARIANT: every value lies in its row's range. CONCURRENCY: values are relaxed atomics; an
// option that is set while threads allocate takes effect at their next look at it.
#ifndef RIX_OPTIONS_OPTIONS_H
#define RIX_OPTIONS_OPTIONS_H

#include "base/atomic.h"
#include "base/compiler.h"

typedef ri_atomic(long) rix_option_value_t;
RIX_INTERNAL extern rix_option_value_t rix_option_values[ri_option_last_];

RIX_INLINE long rix_option(ri_option_t option) {
  return ri_load_relaxed(&rix_option_values[option]);
}

// The value of an option that counts units of 2^shift bytes, in bytes; SIZE_MAX when it is larger.
RIX_INLINE size_t rix_option_bytes(ri_option_t option, unsigned shift) {
  const size_t value = (size_t)rix_option(option);
  return value > (SIZE_MAX >> shift) ? SIZE_MAX : value << shift;
}

typedef enum rix_option_source_e {  // each stronger than those before
  RIX_OPTION_DEFAULT,
  RIX_OPTION_PROGRAM,  // ri_option_set_default; yields to all that follow but the next
  RIX_OPTION_BUILD,
  RIX_OPTION_CONF,
  RIX_OPTION_ENVIRONMENT_CONF,
  RIX_OPTION_ENVIRONMENT,
  RIX_OPTION_CODE,
} rix_option_source_t;

// Applies "name=value,name=value" (also with semicolons or white space; NULL: nothing) but for what
// was set in code; `early`: the options that decide which messages are shown, otherwise all others.
RIX_INTERNAL void rix_options_read_string(const char* text, rix_option_source_t source, bool early);

// Reads the configuration strings, once, and the environment, once it can be read. Values set in
// code stay. Cheap when there is nothing left to do.
RIX_INTERNAL void rix_options_read(void);

typedef enum rix_parsed_e {
  RIX_PARSED,         // *value is set
  RIX_PARSED_EMPTY,   // no text
  RIX_PARSED_SYNTAX,  // neither a number nor a word for on or off
  RIX_PARSED_LARGE,   // does not fit a long
} rix_parsed_t;

// Parses `length` characters as the value of an option that counts units of `unit` bytes (1: no
// bytes; then a suffix multiplies). Ranges are not applied.
RIX_INTERNAL rix_parsed_t rix_options_parse(const char* text, size_t length, uint64_t unit,
                                            long* value);

#endif
