// SPDX-License-Identifier: MIT
// options.c: where values come from, range checks and printing, all driven by options.def.
//
// Sources, each stronger than those before: the default, the string that the library was built
// with, the program's ri_conf, what rix_option_reader reads, RIMALLOC_CONF, RIMALLOC_<NAME>, code.
// They are read in two passes, each in that order: first the options that decide which messages are
// shown, then all others.
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
#include <rimalloc/options.def>
#undef RI_OPTION
};

static const char* const options_sources[] = {
    "default",       "program's default", "build", "ri_conf", "mimalloc's environment",
    "RIMALLOC_CONF", "environment",       "code",
};

static struct {
  rix_flag_t xstrings;      // the configuration strings were read
  rix_flag_t xenvironment;  // and the environment
} options_done;

uint64_t rix_options_unit(ri_option_t option) {
  if (strcmp(options_rows[option].unit, "KiB") == 0) return 1024;
  return strcmp(options_rows[option].unit, "MiB") == 0 ? 1024 * 1024 : 1;
}

// ---- Names --------------------------------------------------------------------------------------

ri_option_t rix_options_find(const char* name, size_t length) {
  for (int i = 0; i < ri_option_last_; i++) {
    if (rix_options_is(name, length, options_rows[i].name)) return (ri_option_t)i;
  }
  return ri_option_last_;
}

// ---- Storing ------------------------------------------------------------------------------------

void rix_options_store(ri_option_t option, long value, rix_option_source_t source) {
  const options_row_t* const row = &options_rows[option];
  const long kept = value < row->lowest ? row->lowest : value > row->highest ? row->highest : value;
  if (kept != value) {
    rix_warning("option %s: %ld is outside %ld..%ld, using %ld", row->name, value, row->lowest,
                row->highest, kept);
  }
  if (!rix_sealed_open()) {
    rix_warning("option %s: the OS refuses to let it be changed", row->name);
    return;
  }
  ri_store_relaxed(&rix_sealed.sources[option], (uint8_t)source);
  ri_store_relaxed(&rix_sealed.values[option], kept);
  if (option == ri_option_fill || option == ri_option_perturb) {
    ri_store_relaxed(&rix_sealed.hardens, 1);
  }
  rix_sealed_close();
}

void rix_options_note_hardens(void) {
  if (ri_load_relaxed(&rix_sealed.hardens) != 0 || !rix_sealed_open()) return;
  ri_store_relaxed(&rix_sealed.hardens, 1);
  rix_sealed_close();
}

static int options_shown(size_t length) { return length > 60 ? 60 : (int)length; }

void rix_options_reject(rix_option_item_t item, rix_option_source_t source, const char* reason) {
  rix_warning("%s: %.*s%s%.*s: %s; ignored", options_sources[source],
              options_shown(item.name_length), item.name, item.value != NULL ? "=" : "",
              options_shown(item.value_length), item.value != NULL ? item.value : "", reason);
}

const char* rix_options_reason(rix_parsed_t parsed) {
  switch (parsed) {
    case RIX_PARSED:
      return NULL;
    case RIX_PARSED_EMPTY:
      return "there is no value";
    case RIX_PARSED_SYNTAX:
      return "not a number (100, 64K, 2MiB) and not on or off";
    case RIX_PARSED_LARGE:
      return "the number is too large";
  }
  return NULL;
}

static void options_apply(rix_option_item_t item, rix_option_source_t source, ri_option_t option) {
  long value = 0;
  const rix_parsed_t parsed =
      rix_options_parse(item.value, item.value_length, rix_options_unit(option), &value);
  if (parsed == RIX_PARSED) {
    rix_options_store(option, value, source);
  } else {
    rix_options_reject(item, source, rix_options_reason(parsed));
  }
}

bool rix_options_is_early(ri_option_t option) {
  return option == ri_option_show_errors || option == ri_option_verbose ||
         option == ri_option_max_warnings;
}

// Sets the option that the item names, if it belongs to this pass. An unknown variable of the
// environment may be meant for somebody else, so it is mentioned only in verbose mode.
static void options_take(rix_option_item_t item, rix_option_source_t source, bool early) {
  const ri_option_t option = rix_options_find(item.name, item.name_length);
  if (option == ri_option_last_) {
    const bool text = rix_options_is(item.name, item.name_length, "profile_file");
    if (text && source == RIX_OPTION_ENVIRONMENT) return;  // rix_options_text finds it
    const bool mention = source != RIX_OPTION_ENVIRONMENT || rix_option(ri_option_verbose) >= 1;
    if (!early && mention) rix_options_reject(item, source, "unknown option");
    return;
  }
  if (rix_options_is_early(option) != early || rix_option_source(option) == RIX_OPTION_CODE) return;
  if (item.value == NULL) {
    rix_options_reject(item, source, "no \"=value\"");
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
    rix_option_item_t item = {text, 0, NULL, 0};
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

void rix_options_read_variables(const char* prefix, rix_option_take_t* take,
                                rix_option_source_t source, bool early) {
  const size_t skipped = strlen(prefix);
  const char* entry;
  for (size_t i = 0; (entry = rix_os_env_entry(i)) != NULL; i++) {
    const size_t length = strcspn(entry, "=");
    if (length <= skipped || !rix_options_is(entry, skipped, prefix)) continue;
    if (entry[length] == '\0') continue;
    const rix_option_item_t item = {entry + skipped, length - skipped, entry + length + 1,
                                    strlen(entry + length + 1)};
    take(item, source, early);
  }
}

const char* rix_options_text(const char* name) {
  static const char prefix[] = "rimalloc_";
  const size_t skipped = sizeof(prefix) - 1;
  const char* entry;
  for (size_t i = 0; (entry = rix_os_env_entry(i)) != NULL; i++) {
    const size_t length = strcspn(entry, "=");
    if (length <= skipped || !rix_options_is(entry, skipped, prefix)) continue;
    if (!rix_options_is(entry + skipped, length - skipped, name)) continue;
    if (entry[length] != '\0' && entry[length + 1] != '\0') return entry + length + 1;
  }
  return NULL;
}

// RIMALLOC_CONF, or all other variables.
static void options_take_variable(rix_option_item_t item, rix_option_source_t source, bool early) {
  const bool conf = rix_options_is(item.name, item.name_length, "conf");
  if (conf != (source == RIX_OPTION_ENVIRONMENT_CONF)) return;
  if (conf) {
    rix_options_read_string(item.value, source, early);
  } else {
    options_take(item, source, early);
  }
}

// glibc's MALLOC_PERTURB_.
static void options_take_perturb(rix_option_item_t item, rix_option_source_t source, bool early) {
  if (early || !rix_options_is(item.name, item.name_length, "perturb_")) return;
  if (rix_option_source(ri_option_perturb) == RIX_OPTION_CODE) return;
  options_apply(item, source, ri_option_perturb);
}

// The weaker ones first, whatever their order in the environment.
static void options_read_environment(bool early) {
  if (&rix_option_reader != NULL && rix_option_reader != NULL) rix_option_reader(early);
  rix_options_read_variables("malloc_", options_take_perturb, RIX_OPTION_ENVIRONMENT_CONF, early);
  for (int source = RIX_OPTION_ENVIRONMENT_CONF; source <= RIX_OPTION_ENVIRONMENT; source++) {
    rix_options_read_variables("rimalloc_", options_take_variable, (rix_option_source_t)source,
                               early);
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
    if (environment) options_read_environment(late == 0);
  }
}

// ---- Printing -----------------------------------------------------------------------------------

void rix_options_print(rix_output_t to) {
  for (int i = 0; i < ri_option_last_; i++) {
    const options_row_t* const row = &options_rows[i];
    rix_print_to(to, "rimalloc: option %s = %ld (%s; %ld..%ld %s): %s\n", row->name,
                 rix_option((ri_option_t)i), options_sources[rix_option_source((ri_option_t)i)],
                 row->lowest, row->highest, row->unit, row->text);
  }
}
