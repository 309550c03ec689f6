// SPDX-License-Identifier: MIT
// parse.c: the parser of values, for every form that is documented and many that are not. (The
// table, ranges, sources and messages are tests/api/options.c.)
#include "options/options.h"

#include "../check.h"

#include <limits.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

static rix_parsed_t parse(const char* text, uint64_t unit, long* value) {
  *value = -77;
  return rix_options_parse(text, strlen(text), unit, value);
}

static void is_in(const char* text, uint64_t unit, long expected) {
  long value;
  CHECK_MSG(parse(text, unit, &value) == RIX_PARSED, "\"%s\" is refused", text);
  CHECK_MSG(value == expected, "\"%s\" gives %ld", text, value);
}

static void is(const char* text, long expected) { is_in(text, 1, expected); }

static void refused(const char* text, uint64_t unit, rix_parsed_t reason) {
  long value;
  const rix_parsed_t got = parse(text, unit, &value);
  CHECK_MSG(got == reason, "\"%s\" gives %d and %ld", text, (int)got, value);
  CHECK_MSG(value == -77, "\"%s\" is refused but gives %ld", text, value);
}

static void numbers_and_suffixes(void) {
  is("0", 0);
  is("1", 1);
  is("-1", -1);
  is("-0", 0);
  is("0100", 100);
  is("1k", 1024);
  is("2K", 2048);
  is("3m", 3L << 20);
  is("1G", 1L << 30);
  is("5KiB", 5120);
  is("5kib", 5120);
  is("5KIB", 5120);
  is("5MB", 5L << 20);
  is("5mb", 5L << 20);
  is("-2k", -2048);
  is("0T", 0);
  char text[32];
  snprintf(text, sizeof(text), "%ld", LONG_MAX);
  is(text, LONG_MAX);
  snprintf(text, sizeof(text), "-%ld", LONG_MAX);
  is(text, -LONG_MAX);
}

// Without a suffix a value counts units, with one bytes, rounded up.
static void units(void) {
  is_in("100", KIB, 100);
  is_in("1K", KIB, 1);
  is_in("1M", KIB, 1024);
  is_in("4G", KIB, 4L << 20);
  is_in("1T", KIB, 1L << 30);
  is_in("1T", MIB, 1L << 20);
  is_in("100", MIB, 100);
  is_in("1K", MIB, 1);
  is_in("1024K", MIB, 1);
  is_in("1025K", MIB, 2);
  is_in("0K", MIB, 0);
  is_in("-1M", KIB, -1024);
  is_in("on", KIB, 1);
  is_in("18446744073709551615K", (uint64_t)1 << 60, 16384);
}

static void words(void) {
  static const char* const yes[] = {"on", "ON", "On", "yes", "Yes", "true", "TRUE", "y", "enable"};
  static const char* const no[] = {"off", "OFF", "no", "NO", "false", "False", "n", "Disable"};
  for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
    is(yes[i], 1);
  for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
    is(no[i], 0);
}

static void garbage(void) {
  static const char* const bad[] = {
      " ",  "-",   "--1",   "+1",  "1 ",    " 1",   "1x",   "0x10", "1kk", "k",   "1ki",
      "1i", "1ib", "one",   "onn", "o",     "offf", "1.5",  "1e3",  "1,0", "B",   "1b",
      "1-", "-k",  "1kibb", "tru", "truee", "1p",   "\xff", "1k ",  "kib", "-on", "1 k"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    refused(bad[i], 1, RIX_PARSED_SYNTAX);
  refused("", 1, RIX_PARSED_EMPTY);
  long value = -77;
  CHECK(rix_options_parse("12345", 2, 1, &value) == RIX_PARSED && value == 12);  // not past the end
  CHECK(rix_options_parse("onx", 2, 1, &value) == RIX_PARSED && value == 1);
  CHECK(rix_options_parse("1kib", 2, 1, &value) == RIX_PARSED && value == 1024);
  CHECK(rix_options_parse("7", 0, 1, &value) == RIX_PARSED_EMPTY);
}

static void too_large(void) {
  static const char* const bad[] = {
      "9223372036854775808",
      "18446744073709551615",
      "18446744073709551616",
      "-9223372036854775809",
      "99999999999999999999999999",
      "9007199254740992k",
      "10000000000G",
      "18446744073709551615T",
      "16777216T",
      "184467440737095516150",
      "99999999T",
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    refused(bad[i], 1, RIX_PARSED_LARGE);
  refused("18446744073709551615T", KIB, RIX_PARSED_LARGE);
  // A number that is no number stays one, however long.
  refused("99999999999999999999999999x", 1, RIX_PARSED_SYNTAX);
}

// The result as a reader would compute it, step by step; false: it does not fit.
static bool expected_of(const char* text, uint64_t unit, long* value) {
  const bool negative = *text == '-';
  char* end;
  errno = 0;
  unsigned long long number = strtoull(text + negative, &end, 10);
  if (errno != 0) return false;
  static const char letters[] = "kmgt";
  for (int i = 0; *end != '\0' && i <= strchr(letters, *end | 0x20) - letters; i++) {
    if (unit > 1) {
      unit /= 1024;
    } else if (__builtin_mul_overflow(number, 1024, &number)) {
      return false;
    }
  }
  if (*end != '\0') number = number / unit + (number % unit != 0);
  if (number > LONG_MAX) return false;
  *value = negative ? -(long)number : (long)number;
  return true;
}

static void random_text(void) {
  static const char letters[] = "00123456789999kKmMgGtTiBb-";
  static const uint64_t sizes[] = {1, KIB, MIB};
  uint64_t rng = 3;
  size_t accepted = 0;
  for (int i = 0; i < 400000; i++) {
    char text[28];
    const size_t length = check_below(&rng, sizeof(text));
    const size_t kinds = i % 2 == 0 ? 14 : sizeof(letters) - 1;
    for (size_t c = 0; c < length; c++)
      text[c] = letters[check_below(&rng, kinds)];
    if (i % 4 == 0 && length > 0) text[length - 1] = letters[14 + check_below(&rng, 8)];
    text[length] = '\0';
    const uint64_t unit = sizes[i % 3];
    long value, expected = 0;
    const rix_parsed_t got = parse(text, unit, &value);
    if (got != RIX_PARSED && got != RIX_PARSED_LARGE) continue;
    accepted++;
    const bool fits = expected_of(text, unit, &expected);
    CHECK_MSG(fits == (got == RIX_PARSED), "\"%s\" in %zu: %d", text, (size_t)unit, (int)got);
    if (fits) CHECK_MSG(value == expected, "\"%s\": %ld, not %ld", text, value, expected);
  }
  CHECK_MSG(accepted > 10000, "%zu", accepted);
}

int main(void) {
  numbers_and_suffixes();
  units();
  words();
  garbage();
  too_large();
  random_text();
  return 0;
}
