// SPDX-License-Identifier: MIT
// options.h: the values of all options. The table is include/rimalloc/options.def.
//
// INVARIANT: every value lies in its row's range. CONCURRENCY: values are relaxed atomics; an
// option that is set while threads allocate takes effect at their next look at it.
#ifndef RIX_OPTIONS_OPTIONS_H
#define RIX_OPTIONS_OPTIONS_H

#include "base/atomic.h"
#include "base/compiler.h"
#include "options/report.h"
#include "options/sealed.h"

// Values of the option `thp`, each with what those before it allow.
enum {
  RIX_THP_FORBIDDEN = -1,  // none in the whole process
  RIX_THP_NONE = 0,        // we ask for none
  RIX_THP_DENSE = 1,       // where memory is used densely
  RIX_THP_ALL = 2,         // in all arenas
  RIX_THP_WHOLE = 3        // and memory goes back in units of huge pages
};

RIX_INLINE long rix_option(ri_option_t option) {
  return ri_load_relaxed(&rix_sealed.values[option]);
}

// Whether memory may be had from the program alone: the OS must not be asked for anything.
RIX_INLINE bool rix_option_os_forbidden(void) {
  return rix_option(ri_option_disallow_os_alloc) != 0;
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
  RIX_OPTION_MIMALLOC,
  RIX_OPTION_ENVIRONMENT_CONF,
  RIX_OPTION_ENVIRONMENT,
  RIX_OPTION_CODE,
} rix_option_source_t;

// Whether it is one of ours: programs may pass any number.
RIX_INLINE bool rix_options_is_valid(ri_option_t option) {
  return (unsigned)option < (unsigned)ri_option_last_;
}

// A setting that is a text: the value of RIMALLOC_<NAME> in the environment, in any case; NULL:
// there is none. It is part of the environment.
RIX_INTERNAL const char* rix_options_text(const char* name);

// The source of an option's present value.
RIX_INLINE rix_option_source_t rix_option_source(ri_option_t option) {
  return (rix_option_source_t)ri_load_relaxed(&rix_sealed.sources[option]);
}

// From now on somebody must look at features of pages (rix_sealed_t, hardens).
RIX_INTERNAL void rix_options_note_hardens(void);

// Stores a value, brought into the option's range with a warning; or warns that it cannot.
RIX_INTERNAL void rix_options_store(ri_option_t option, long value, rix_option_source_t source);

// ---- Reading ------------------------------------------------------------------------------------

// Applies "name=value,name=value" (also with semicolons or white space; NULL: nothing) except to
// options that were set in code; `early`: to those that decide which messages are shown, otherwise
// to all others.
RIX_INTERNAL void rix_options_read_string(const char* text, rix_option_source_t source, bool early);

// Reads the configuration strings, once, and the environment, once it can be read. Values set in
// code stay. Cheap when there is nothing left to do.
RIX_INTERNAL void rix_options_read(void);

// One setting; the texts are not terminated.
typedef struct rix_option_item_s {
  const char* name;
  size_t name_length;
  const char* value;  // NULL: there is no "="
  size_t value_length;
} rix_option_item_t;

typedef void(rix_option_take_t)(rix_option_item_t item, rix_option_source_t source, bool early);

// Calls `take` for each variable of the environment whose name, in any case, begins with `prefix`;
// without the prefix.
RIX_INTERNAL void rix_options_read_variables(const char* prefix, rix_option_take_t* take,
                                             rix_option_source_t source, bool early);

// A program that brings settings of its own defines this: it is called where RIX_OPTION_MIMALLOC
// stands among the sources, once for the early options and once for the others. mimalloc.h does.
extern RI_EXPORT void (*rix_option_reader)(bool early) __attribute__((weak));

// Whether the option is one of those that are read first.
RIX_INTERNAL bool rix_options_is_early(ri_option_t option);

// The option of a name in any case; ri_option_last_ when there is none.
RIX_INTERNAL ri_option_t rix_options_find(const char* name, size_t length);

// Warns that an item is ignored.
RIX_INTERNAL void rix_options_reject(rix_option_item_t item, rix_option_source_t source,
                                     const char* reason);

// ---- Values -------------------------------------------------------------------------------------

// The bytes that an option's value counts: 1024 for KiB; 1 for those that count no bytes.
RIX_INTERNAL uint64_t rix_options_unit(ri_option_t option);

typedef enum rix_parsed_e {
  RIX_PARSED,         // *value is set
  RIX_PARSED_EMPTY,   // no text
  RIX_PARSED_SYNTAX,  // neither a number nor a word for on or off
  RIX_PARSED_LARGE,   // does not fit a long
} rix_parsed_t;

// Whether the `length` characters are `word` (lower case), in any case.
RIX_INTERNAL bool rix_options_is(const char* text, size_t length, const char* word);

// Parses `length` characters as the value of an option that counts units of `unit` bytes (1: no
// bytes; then a suffix multiplies). Ranges are not applied.
RIX_INTERNAL rix_parsed_t rix_options_parse(const char* text, size_t length, uint64_t unit,
                                            long* value);

// What a warning says of a text that could not be parsed.
RIX_INTERNAL const char* rix_options_reason(rix_parsed_t parsed);

// Prints all options, their values and what they mean.
RIX_INTERNAL void rix_options_print(rix_output_t to);

#endif
