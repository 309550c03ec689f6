// SPDX-License-Identifier: MIT
// options.c: where values come from, range checks and printing, all driven by options.def.
//
// Sources, each stronger than those before: the default, the string that the library was built
// with, ri_conf of the program, RIMALLOC_CONF, RIMALLOC_<NAME>, code. They are read twice, in the
// same order: first the options that decide which messages are shown, then all others.
#include "options/options.h"

#include <limits.h>
#include <string.h>

#include "options/report.h"
#include "os/os.h"

typedef struct options_row_s {
  const char* name;
  long initial, lowest, highest;
  const char* unit;
  const char* text;
} options_row_t;

static const options_row_t options_rows[ri_option_last_] = {
#define RI_OPTION(name, value, low, high, unit, text) {#name, value, low, high, unit, text},
#define RI_OPTION_ALIAS(alias, name)
#include <rimalloc/options.def>
#undef RI_OPTION
#undef RI_OPTION_ALIAS
};

typedef struct options_alias_s {
  const char* name;
  ri_option_t option;
} options_alias_t;

static const options_alias_t options_aliases[] = {
#define RI_OPTION(name, value, low, high, unit, text)
#define RI_OPTION_ALIAS(alias, name) {#alias, ri_option_##name},
#include <rimalloc/options.def>
#undef RI_OPTION
#undef RI_OPTION_ALIAS
};

rix_option_value_t rix_option_values[ri_option_last_] = {
#define RI_OPTION(name, value, low, high, unit, text) {value},
#define RI_OPTION_ALIAS(alias, name)
#include <rimalloc/options.def>
#undef RI_OPTION
#undef RI_OPTION_ALIAS
};

static const char* const options_sources[] = {
    "default", "program's default", "build", "ri_conf", "RIMALLOC_CONF", "environment", "code",
};

static ri_atomic(uint8_t) options_xsource[ri_option_last_];

static struct {
  rix_flag_t xstrings;      // the configuration strings were read
  rix_flag_t xenvironment;  // and the environment
} options_done;

static bool options_is_valid(ri_option_t option) {
  return (unsigned)option < (unsigned)ri_option_last_;
}

static bool options_has_effect(ri_option_t option) {
  return strcmp(options_rows[option].unit, "none") != 0;
}

static uint64_t options_unit(ri_option_t option) {
  if (strcmp(options_rows[option].unit, "KiB") == 0) return 1024;
  return strcmp(options_rows[option].unit, "MiB") == 0 ? 1024 * 1024 : 1;
}

// ---- Names --------------------------------------------------------------------------------------

// Whether the `length` characters are `name`, in any case.
static bool options_same_name(const char* text, size_t length, const char* name) {
  for (size_t i = 0; i < length; i++) {
    const char c = (text[i] >= 'A' && text[i] <= 'Z') ? (char)(text[i] + ('a' - 'A')) : text[i];
    if (name[i] == '\0' || c != name[i]) return false;
  }
  return name[length] == '\0';
}

// The option of a name or alias; ri_option_last_ when there is none.
static ri_option_t options_find(const char* text, size_t length) {
  for (int i = 0; i < ri_option_last_; i++) {
    if (options_same_name(text, length, options_rows[i].name)) return (ri_option_t)i;
  }
  for (size_t i = 0; i < sizeof(options_aliases) / sizeof(options_aliases[0]); i++) {
    if (options_same_name(text, length, options_aliases[i].name)) return options_aliases[i].option;
  }
  return ri_option_last_;
}

// ---- Storing ------------------------------------------------------------------------------------

static void options_store(ri_option_t option, long value, rix_option_source_t source) {
  const options_row_t* const row = &options_rows[option];
  const long kept = value < row->lowest ? row->lowest : value > row->highest ? row->highest : value;
  if (kept != value) {
    rix_warning("option %s: %ld is outside %ld..%ld, using %ld", row->name, value, row->lowest,
                row->highest, kept);
  }
  ri_store_relaxed(&options_xsource[option], (uint8_t)source);
  ri_store_relaxed(&rix_option_values[option], kept);
  if (!options_has_effect(option) && rix_option(ri_option_verbose) >= 1) {
    rix_message("rimalloc: option %s is set: %s\n", row->name, row->text);
  }
}

// A piece of a configuration: `name` and `value` of so many characters.
typedef struct options_item_s {
  const char* name;
  size_t name_length;
  const char* value;  // NULL: there is no "="
  size_t value_length;
} options_item_t;

static int options_shown(size_t length) { return length > 60 ? 60 : (int)length; }

static void options_reject(options_item_t item, rix_option_source_t source, const char* reason) {
  rix_warning("%s: %.*s%s%.*s: %s; ignored", options_sources[source],
              options_shown(item.name_length), item.name, item.value != NULL ? "=" : "",
              options_shown(item.value_length), item.value != NULL ? item.value : "", reason);
}

static void options_apply(options_item_t item, rix_option_source_t source, ri_option_t option) {
  long value = 0;
  switch (rix_options_parse(item.value, item.value_length, options_unit(option), &value)) {
    case RIX_PARSED:
      options_store(option, value, source);
      break;
    case RIX_PARSED_EMPTY:
      options_reject(item, source, "there is no value");
      break;
    case RIX_PARSED_SYNTAX:
      options_reject(item, source, "not a number (100, 64K, 2MiB) and not on or off");
      break;
    case RIX_PARSED_LARGE:
      options_reject(item, source, "the number is too large");
      break;
  }
}

static bool options_is_early(ri_option_t option) {
  return option == ri_option_show_errors || option == ri_option_verbose ||
         option == ri_option_max_warnings;
}

// One item, if it is an option of this turn. Names that nobody knows: unknown variables of the
// environment may be meant for others, so they are mentioned only when asked for messages.
static void options_take(options_item_t item, rix_option_source_t source, bool early) {
  const ri_option_t option = options_find(item.name, item.name_length);
  if (option == ri_option_last_) {
    const bool tell = source != RIX_OPTION_ENVIRONMENT || rix_option(ri_option_verbose) >= 1;
    if (!early && tell) options_reject(item, source, "no option of this name");
    return;
  }
  if (options_is_early(option) != early) return;
  if (ri_load_relaxed(&options_xsource[option]) == RIX_OPTION_CODE) return;
  if (item.value == NULL) {
    options_reject(item, source, "no \"=value\"");
    return;
  }
  options_apply(item, source, option);
}

// ---- Reading ------------------------------------------------------------------------------------

static bool options_separates(char c) {
  return c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\n';
}

void rix_options_read_string(const char* text, rix_option_source_t source, bool early) {
  while (text != NULL && *text != '\0') {
    if (options_separates(*text)) {
      text++;
      continue;
    }
    options_item_t item = {text, 0, NULL, 0};
    while (*text != '\0' && *text != '=' && !options_separates(*text))
      text++;
    item.name_length = (size_t)(text - item.name);
    if (*text == '=') {
      item.value = ++text;
      while (*text != '\0' && !options_separates(*text))
        text++;
      item.value_length = (size_t)(text - item.value);
    }
    options_take(item, source, early);
  }
}

// Variables that begin with RIMALLOC_; the configuration string first, whatever their order.
static void options_read_environment(bool conf, bool early) {
  static const char prefix[] = "rimalloc_";
  const size_t skipped = sizeof(prefix) - 1;
  const char* entry;
  for (size_t i = 0; (entry = rix_os_env_entry(i)) != NULL; i++) {
    const size_t length = strcspn(entry, "=");
    if (length <= skipped || !options_same_name(entry, skipped, prefix)) continue;
    if (entry[length] == '\0') continue;
    const options_item_t item = {entry + skipped, length - skipped, entry + length + 1,
                                 strlen(entry + length + 1)};
    if (options_same_name(item.name, item.name_length, "conf")) {
      if (conf) rix_options_read_string(item.value, RIX_OPTION_ENVIRONMENT_CONF, early);
    } else if (!conf) {
      options_take(item, RIX_OPTION_ENVIRONMENT, early);
    }
  }
}

static void options_read_strings(bool early) {
  rix_options_read_string(RIX_CONF, RIX_OPTION_BUILD, early);
  if (&ri_conf != NULL) rix_options_read_string(ri_conf, RIX_OPTION_CONF, early);
}

void rix_options_read(void) {
  if (RIX_LIKELY(ri_load_relaxed(&options_done.xenvironment))) return;
  const bool environment =
      rix_os_env_ready() && !ri_exchange_relaxed(&options_done.xenvironment, 1);
  const bool strings = !ri_exchange_relaxed(&options_done.xstrings, 1);
  for (int late = 0; late < 2; late++) {
    if (strings) options_read_strings(late == 0);
    if (environment) options_read_environment(true, late == 0);
    if (environment) options_read_environment(false, late == 0);
  }
}

// ---- The interface ------------------------------------------------------------------------------

long ri_option_get(ri_option_t option) {
  if (!options_is_valid(option)) return 0;
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
  if (__builtin_mul_overflow((size_t)value, (size_t)options_unit(option), &bytes)) return SIZE_MAX;
  return bytes;
}

bool ri_option_is_enabled(ri_option_t option) { return ri_option_get(option) != 0; }

void ri_option_set(ri_option_t option, long value) {
  if (options_is_valid(option)) options_store(option, value, RIX_OPTION_CODE);
}

void ri_option_set_default(ri_option_t option, long value) {
  if (!options_is_valid(option)) return;
  rix_options_read();
  if (ri_load_relaxed(&options_xsource[option]) <= RIX_OPTION_BUILD) {
    options_store(option, value, RIX_OPTION_PROGRAM);
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
  const rix_output_t to = rix_output_of(out, arg);
  for (int i = 0; i < ri_option_last_; i++) {
    const options_row_t* const row = &options_rows[i];
    const uint8_t source = ri_load_relaxed(&options_xsource[i]);
    rix_print_to(to, "rimalloc: option %s = %ld (%s; %ld..%ld %s): %s\n", row->name,
                 rix_option((ri_option_t)i), options_sources[source], row->lowest, row->highest,
                 row->unit, row->text);
  }
}

void ri_options_print(void) { ri_options_print_out(NULL, NULL); }
