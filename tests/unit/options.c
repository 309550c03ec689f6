// SPDX-License-Identifier: MIT
// options.c: the parser of values, for every form that is documented and many that are not. (The
// table, ranges and the environment are tests/api/options.c.)
#include "options/options.h"

#include "../check.h"

#include <limits.h>

static void is(const char* text, long expected) {
  long value = -77;
  CHECK_MSG(rix_options_parse(text, &value), "\"%s\" is refused", text);
  CHECK_MSG(value == expected, "\"%s\" gives %ld", text, value);
}

static void refused(const char* text) {
  long value = -77;
  CHECK_MSG(!rix_options_parse(text, &value), "\"%s\" gives %ld", text, value);
}

static void random_text(void) {
  static const char letters[] = "0123456789kKmMgGiBb-+ xonyfs.\t";
  uint64_t rng = 3;
  for (int i = 0; i < 200000; i++) {
    char text[16];
    const size_t length = check_below(&rng, sizeof(text));
    for (size_t c = 0; c < length; c++)
      text[c] = letters[check_below(&rng, sizeof(letters) - 1)];
    text[length] = '\0';
    long value = -77;
    char* end;
    if (!rix_options_parse(text, &value)) continue;
    // Whatever is accepted and looks like a plain number is that number.
    errno = 0;
    const long plain = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0') CHECK_MSG(value == plain, "\"%s\"", text);
  }
}

int main(void) {
  is("0", 0);
  is("1", 1);
  is("-1", -1);
  is("0100", 100);
  is("9223372036854775807", LONG_MAX);
  is("1k", 1024);
  is("2K", 2048);
  is("3m", 3L << 20);
  is("4G", 4L << 30);
  is("5KiB", 5120);
  is("5MB", 5L << 20);
  is("-2k", -2048);
  static const char* const yes[] = {"on", "ON", "On", "yes", "Yes", "true", "TRUE"};
  static const char* const no[] = {"off", "OFF", "no", "NO", "false", "False"};
  for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
    is(yes[i], 1);
  for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
    is(no[i], 0);
  static const char* const bad[] = {
      "",
      " ",
      "-",
      "--1",
      "+1",
      "1 ",
      " 1",
      "1x",
      "0x10",
      "1kk",
      "k",
      "1ki",
      "1Kib",
      "one",
      "onn",
      "o",
      "offf",
      "1.5",
      "1e3",
      "1,000",
      "9223372036854775808",
      "99999999999999999999999999",
      "9007199254740993k",
      "10000000000G",
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    refused(bad[i]);
  random_text();
  return 0;
}
