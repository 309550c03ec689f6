// SPDX-License-Identifier: MIT
// options.c: the parser of option values against one written the long way, and the whole way from
// the environment to a value in its range. The input is text.
#include "options/options.h"

#include <limits.h>

#include "fuzz.h"

typedef __int128 wide_t;

static bool is_word(const char* text, size_t length, const char* word) {
  if (length != strlen(word)) return false;
  for (size_t i = 0; i < length; i++) {
    const bool upper = text[i] >= 'A' && text[i] <= 'Z';
    if ((upper ? text[i] + 32 : text[i]) != word[i]) return false;
  }
  return true;
}

static bool flag_of(const char* text, size_t length, long* value) {
  static const char* const no[] = {"off", "no", "false", "n", "disable"};
  static const char* const yes[] = {"on", "yes", "true", "y", "enable"};
  for (size_t i = 0; i < 5; i++) {
    if (is_word(text, length, no[i]) || is_word(text, length, yes[i])) {
      *value = is_word(text, length, yes[i]);
      return true;
    }
  }
  return false;
}

static bool unit_of(const char* text, wide_t* factor) {
  static const struct {
    const char* text;
    int shift;
  } units[] = {{"", 0},     {"k", 10},   {"K", 10},   {"m", 20},   {"M", 20},
               {"g", 30},   {"G", 30},   {"kB", 10},  {"KB", 10},  {"mB", 20},
               {"MB", 20},  {"gB", 30},  {"GB", 30},  {"kb", 10},  {"Kb", 10},
               {"mb", 20},  {"Mb", 20},  {"gb", 30},  {"Gb", 30},  {"kiB", 10},
               {"KiB", 10}, {"miB", 20}, {"MiB", 20}, {"giB", 30}, {"GiB", 30}};
  for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
    if (strcmp(text, units[i].text) != 0) continue;
    *factor = (wide_t)1 << units[i].shift;
    return true;
  }
  return false;
}

static bool reference(const char* text, long* value) {
  if (flag_of(text, strlen(text), value)) return true;
  const bool negative = text[0] == '-';
  if (negative) text++;
  const size_t digits = strspn(text, "0123456789");
  if (digits == 0) return false;
  wide_t n = 0;
  for (size_t i = 0; i < digits; i++) {
    n = n * 10 + (text[i] - '0');
    if (n > LONG_MAX) return false;
  }
  wide_t factor;
  if (!unit_of(text + digits, &factor) || n * factor > LONG_MAX) return false;
  n *= factor;
  *value = (long)(negative ? -n : n);
  return true;
}

// The order of options.def.
static const struct {
  const char* name;
  long low, high;
} rows[] = {
#define RI_OPTION(name, value, low, high, unit, text) {#name, low, high},
#include <rimalloc/options.def>
#undef RI_OPTION
};

static void through_environment(const char* text, unsigned option) {
  char name[64];
  snprintf(name, sizeof(name), "RIMALLOC_%s", rows[option].name);
  for (char* c = name; *c != '\0'; c++)
    *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
  const long before = ri_option_get((ri_option_t)option);
  setenv(name, text, 1);
  rix_options_read_environment();
  unsetenv(name);
  const long after = ri_option_get((ri_option_t)option);
  FUZZ_CHECK(after >= rows[option].low && after <= rows[option].high);
  long value;
  if (!reference(text, &value)) FUZZ_CHECK(after == before);
  // Not through ri_option_set, which would make the environment yield from then on.
  ri_store_relaxed(&rix_option_values[option], before);
}

void fuzz_run(fuzz_input_t in) {
  char text[256];
  if (in.size == 0) return;
  const unsigned option = in.data[0] % ri_option_last_;
  size_t n = in.size - 1 < sizeof(text) - 1 ? in.size - 1 : sizeof(text) - 1;
  memcpy(text, in.data + 1, n);
  text[n] = '\0';
  text[strcspn(text, "=")] = '\0';
  long got = 0, expected = 0;
  const bool is = rix_options_parse(text, &got);
  FUZZ_CHECK(is == reference(text, &expected));
  FUZZ_CHECK(!is || got == expected);
  // abort_on_error would do as it says.
  if ((ri_option_t)option != ri_option_abort_on_error) through_environment(text, option);
}
