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

// Reads the environment; true when it could be read. Values set in code before stay.
RIX_INTERNAL bool rix_options_read_environment(void);
// Parses text as a value of `option`; false when it is no number or flag. Ranges are not applied.
RIX_INTERNAL bool rix_options_parse(const char* text, long* value);

#endif
