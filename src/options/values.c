// SPDX-License-Identifier: MIT
// values.c: the values of the options, which messages and everything else look at; where they come
// from is in options.c.
#include "options/options.h"

rix_flag_t rix_option_hardens;
rix_option_origin_t rix_option_sources[ri_option_last_];

rix_option_value_t rix_option_values[ri_option_last_] = {
#define RI_OPTION(name, value, low, high, unit, text) {value},
#include <rimalloc/options.def>
#undef RI_OPTION
};
