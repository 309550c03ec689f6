// SPDX-License-Identifier: MIT
// options.c: parsing, range checks and printing, all driven by options.def.
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

rix_option_value_t rix_option_values[ri_option_last_] = {
#define RI_OPTION(name, value, low, high, unit, text) {value},
#include <rimalloc/options.def>
#undef RI_OPTION
};

static ri_atomic(bool) options_xset[ri_option_last_];  // set in code: the environment yields

static bool options_equal_ignoring_case(const char* a, const char* b) {
  for (; *a != '\0' && *b != '\0'; a++, b++) {
    const char ca = (*a >= 'A' && *a <= 'Z') ? (char)(*a + 32) : *a;
    if (ca != *b) return false;
  }
  return *a == *b;
}

static bool options_parse_word(const char* text, long* value) {
  static const char* const words[2][5] = {{"off", "no", "false", "n", "disable"},
                                          {"on", "yes", "true", "y", "enable"}};
  for (long v = 0; v < 2; v++) {
    for (size_t i = 0; i < 5; i++) {
      if (options_equal_ignoring_case(text, words[v][i])) {
        *value = v;
        return true;
      }
    }
  }
  return false;
}

static long options_suffix(char c) {
  if (c == 'k' || c == 'K') return 1024;
  if (c == 'm' || c == 'M') return 1024 * 1024;
  if (c == 'g' || c == 'G') return 1024 * 1024 * 1024;
  return 0;
}

bool rix_options_parse(const char* text, long* value) {
  if (options_parse_word(text, value)) return true;
  const bool negative = (*text == '-');
  const char* p = text + (negative ? 1 : 0);
  if (*p < '0' || *p > '9') return false;
  long n = 0;
  for (; *p >= '0' && *p <= '9'; p++) {
    if (__builtin_mul_overflow(n, 10, &n)) return false;
    if (__builtin_add_overflow(n, *p - '0', &n)) return false;
  }
  const long suffix = options_suffix(*p);
  if (suffix != 0) {
    if (__builtin_mul_overflow(n, suffix, &n)) return false;
    p++;
    if (*p == 'i' && p[1] == 'B') {
      p += 2;
    } else if (*p == 'B' || *p == 'b') {
      p++;
    }
  }
  if (*p != '\0') return false;
  *value = negative ? -n : n;
  return true;
}

static bool options_is_valid(ri_option_t option) {
  return (unsigned)option < (unsigned)ri_option_last_;
}

static void options_store(ri_option_t option, long value) {
  const options_row_t* const row = &options_rows[option];
  const long kept = value < row->lowest ? row->lowest : value > row->highest ? row->highest : value;
  if (kept != value) {
    rix_warning("option %s: %ld is outside %ld..%ld, using %ld", row->name, value, row->lowest,
                row->highest, kept);
  }
  ri_store_relaxed(&rix_option_values[option], kept);
}

// A value in KiB or MiB may be written with a suffix, which then counts bytes.
static long options_in_unit(const options_row_t* row, const char* text, long value) {
  const size_t length = strlen(text);
  const char last = length > 0 ? text[length - 1] : '\0';
  const bool suffixed = last < '0' || last > '9';
  if (!suffixed) return value;
  if (strcmp(row->unit, "KiB") == 0) return value / 1024;
  if (strcmp(row->unit, "MiB") == 0) return value / (1024 * 1024);
  return value;
}

static void options_read_one(ri_option_t option) {
  const options_row_t* const row = &options_rows[option];
  char name[64] = "RIMALLOC_";
  size_t n = strlen(name);
  for (const char* p = row->name; *p != '\0' && n + 1 < sizeof(name); p++) {
    name[n++] = (*p >= 'a' && *p <= 'z') ? (char)(*p - 32) : *p;
  }
  name[n] = '\0';
  const char* const text = rix_os_env(name);
  if (text == NULL || ri_load_relaxed(&options_xset[option])) return;
  long value = 0;
  if (!rix_options_parse(text, &value)) {
    rix_warning("%s=%.40s is not a number or a flag; ignored", name, text);
    return;
  }
  options_store(option, options_in_unit(row, text, value));
}

bool rix_options_read_environment(void) {
  if (!rix_os_env_ready()) return false;
  for (int i = 0; i < ri_option_last_; i++)
    options_read_one((ri_option_t)i);
  return true;
}

long ri_option_get(ri_option_t option) { return options_is_valid(option) ? rix_option(option) : 0; }

void ri_option_set(ri_option_t option, long value) {
  if (!options_is_valid(option)) return;
  ri_store_relaxed(&options_xset[option], true);
  options_store(option, value);
}

void ri_option_set_default(ri_option_t option, long value) {
  if (!options_is_valid(option)) return;
  if (!ri_load_relaxed(&options_xset[option])) options_store(option, value);
}

bool ri_option_is_enabled(ri_option_t option) { return ri_option_get(option) != 0; }

void ri_option_enable(ri_option_t option) { ri_option_set(option, 1); }

void ri_option_disable(ri_option_t option) { ri_option_set(option, 0); }

void ri_options_print(void) {
  for (int i = 0; i < ri_option_last_; i++) {
    const options_row_t* const row = &options_rows[i];
    rix_message("rimalloc: option %s = %ld (%ld..%ld %s): %s\n", row->name,
                rix_option((ri_option_t)i), row->lowest, row->highest, row->unit, row->text);
  }
}
