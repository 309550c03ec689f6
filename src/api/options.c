// SPDX-License-Identifier: MIT
// options.c: reading and setting options. Their values and where those come from are in options/.
#include "options/options.h"

#include "api/api.h"
#include "options/report.h"

long ri_option_get(ri_option_t option) {
  if (!rix_options_is_valid(option)) return 0;
  rix_options_read();
  return rix_option(option);
}

long ri_option_get_clamp(ri_option_t option, long low, long high) {
  const long value = ri_option_get(option);
  return value < low || low > high ? low : value > high ? high : value;
}

size_t ri_option_get_size(ri_option_t option) {
  const long value = ri_option_get(option);
  size_t bytes;
  if (value <= 0) return 0;
  if (__builtin_mul_overflow((size_t)value, (size_t)rix_options_unit(option), &bytes))
    return SIZE_MAX;
  return bytes;
}

bool ri_option_is_enabled(ri_option_t option) { return ri_option_get(option) != 0; }

void ri_option_set(ri_option_t option, long value) {
  if (rix_options_is_valid(option)) rix_options_store(option, value, RIX_OPTION_CODE);
}

void ri_option_set_default(ri_option_t option, long value) {
  if (!rix_options_is_valid(option)) return;
  rix_options_read();
  if (rix_option_source(option) <= RIX_OPTION_BUILD) {
    rix_options_store(option, value, RIX_OPTION_PROGRAM);
  }
}

void ri_option_enable(ri_option_t option) { ri_option_set(option, 1); }

void ri_option_disable(ri_option_t option) { ri_option_set(option, 0); }

void ri_option_set_enabled(ri_option_t option, bool enable) { ri_option_set(option, enable); }

void ri_option_set_enabled_default(ri_option_t option, bool enable) {
  ri_option_set_default(option, enable);
}

void ri_options_print_out(ri_output_fun* out, void* arg) {
  rix_options_read();
  rix_options_print(rix_output_of(out, arg));
}

void ri_options_print(void) { ri_options_print_out(NULL, NULL); }
