// SPDX-License-Identifier: MIT
// options.h: settings. rimalloc.h includes it.
//
// A value comes from the first of these that gives one:
//   ri_option_set and its relatives, at any time
//   an environment variable RIMALLOC_<NAME>=value, read once, at the start
//   the environment variable RIMALLOC_CONF="name=value,name=value"
//   in programs that include mimalloc.h or are linked to a library of its name: environment
//   variables MIMALLOC_<NAME>=value, as mimalloc reads them (docs/parity.md)
//   the program's ri_conf, the same form, below
//   the configuration that the library was built with (CMake: RIMALLOC_CONF), the same form
//   the default in options.def
// A value is a number; or a number with K, M, G or T (also KB, KiB ...), which then counts bytes,
// rounded up to the option's unit; or on, yes, true, enable or off, no, false, disable. Names and
// words in any case. A value that cannot be read is reported and ignored; one that is out of range
// is reported and the nearest that is allowed used. In setuid programs the environment is not read.
#include <rimalloc/rimalloc.h>  // includes this header in its turn: before the guard
#ifndef RIMALLOC_OPTIONS_H
#define RIMALLOC_OPTIONS_H

#if defined(__cplusplus)
extern "C" {
#endif

// ri_option_<name> for every option of options.def.
typedef enum ri_option_e {
#define RI_OPTION(name, value, low, high, unit, text) ri_option_##name,
#include <rimalloc/options.def>
#undef RI_OPTION
  ri_option_last_,
} ri_option_t;

// A program may define this, `const char* ri_conf = "purge_delay=10,thp=0";`, as a setting that is
// in force before its first allocation. For a shared library the linker must export it, as it does
// when the program is linked to librimalloc.so; for one that is preloaded, with -rdynamic.
extern RI_EXPORT const char* ri_conf __attribute__((weak));

// The value, in the option's unit; 0 for an option that does not exist. Cost: a load. [M]
RI_NODISCARD RI_EXPORT long ri_option_get(ri_option_t option) RI_NOEXCEPT;

// The value, not below `low` nor above `high` (`low` when low > high). [M]
RI_NODISCARD RI_EXPORT long ri_option_get_clamp(ri_option_t option, long low,
                                                long high) RI_NOEXCEPT;

// The value in bytes, for options in KiB and MiB; for others the value. 0 when it is negative,
// SIZE_MAX when it does not fit. [M] mi_option_get_size
RI_NODISCARD RI_EXPORT size_t ri_option_get_size(ri_option_t option) RI_NOEXCEPT;

// Whether the value is not 0. [M]
RI_NODISCARD RI_EXPORT bool ri_option_is_enabled(ri_option_t option) RI_NOEXCEPT;

// Sets the value. It is used from the next time on that the allocator looks at the option; those
// that are looked at once, at the start, say so. A value that is out of range is reported and the
// nearest that is allowed used; an option that does not exist is ignored. Where the OS refuses to
// open the page that options are in (docs/hardening.md), nothing changes and a warning says so. Any
// thread, under a lock; not from signal handlers. Cost: two system calls once the process has
// started. [M]
RI_EXPORT void ri_option_set(ri_option_t option, long value) RI_NOEXCEPT;

// As ri_option_set, but only a default of the program: whatever the environment, ri_conf or
// ri_option_set gave or will give counts more. [M]
RI_EXPORT void ri_option_set_default(ri_option_t option, long value) RI_NOEXCEPT;

// As ri_option_set and ri_option_set_default with 1 or 0. [M]
RI_EXPORT void ri_option_enable(ri_option_t option) RI_NOEXCEPT;
RI_EXPORT void ri_option_disable(ri_option_t option) RI_NOEXCEPT;
RI_EXPORT void ri_option_set_enabled(ri_option_t option, bool enable) RI_NOEXCEPT;
RI_EXPORT void ri_option_set_enabled_default(ri_option_t option, bool enable) RI_NOEXCEPT;

// Prints every option with its value, where that came from, its range and meaning, one a line,
// through `out` (NULL: the registered output, as ri_options_print does). [M]
RI_EXPORT void ri_options_print(void) RI_NOEXCEPT;
RI_EXPORT void ri_options_print_out(ri_output_fun* out, void* arg) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
