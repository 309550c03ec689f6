// SPDX-License-Identifier: MIT
// options.c: the parser of option values against a straightforward one, and the whole path from a
// configuration string to values in their ranges. The input is text.
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

// The factor of a suffix in any case; without one it is `without`.
static bool unit_of(const char* text, wide_t without, wide_t* factor) {
  static const char* const ends[] = {"", "b", "ib"};
  static const char letters[] = "kmgt";
  *factor = without;
  if (text[0] == '\0') return true;
  for (size_t letter = 0; letter < 4; letter++) {
    for (size_t end = 0; end < 3; end++) {
      char suffix[8];
      snprintf(suffix, sizeof(suffix), "%c%s", letters[letter], ends[end]);
      if (!is_word(text, strlen(text), suffix)) continue;
      *factor = (wide_t)1 << 10 * (letter + 1);
      return true;
    }
  }
  return false;
}

static bool reference(const char* text, wide_t unit, long* value) {
  if (flag_of(text, strlen(text), value)) return true;
  const bool negative = text[0] == '-';
  if (negative) text++;
  const size_t digits = strspn(text, "0123456789");
  if (digits == 0) return false;
  wide_t n = 0;
  for (size_t i = 0; i < digits; i++) {
    n = n * 10 + (text[i] - '0');
    if (n > (wide_t)UINT64_MAX) return false;
  }
  wide_t factor;
  if (!unit_of(text + digits, unit, &factor)) return false;
  n = (n * factor + unit - 1) / unit;
  if (n > LONG_MAX) return false;
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

// Not through ri_option_set, which would make configurations yield from then on.
static void put_back(ri_option_t option, long value) {
  FUZZ_CHECK(rix_sealed_open());
  ri_store_relaxed(&rix_sealed.values[option], value);
  rix_sealed_close();
}

// All options stay in their ranges, whatever a configuration says, and are put back.
static void configure(const char* text) {
  long before[ri_option_last_];
  for (int i = 0; i < ri_option_last_; i++)
    before[i] = ri_option_get((ri_option_t)i);
  for (int early = 1; early >= 0; early--)
    rix_options_read_string(text, RIX_OPTION_ENVIRONMENT_CONF, early != 0);
  for (int i = 0; i < ri_option_last_; i++) {
    const long after = ri_option_get((ri_option_t)i);
    FUZZ_CHECK(after >= rows[i].low && after <= rows[i].high);
    put_back((ri_option_t)i, before[i]);
  }
}

// One option gets the value that the parser reads, or stays as it is.
static void configure_one(const char* text, unsigned option) {
  char item[400];
  snprintf(item, sizeof(item), "%s=%s", rows[option].name, text);
  item[strcspn(item, ",; \t\n")] = '\0';
  const long before = ri_option_get((ri_option_t)option);
  for (int early = 1; early >= 0; early--)
    rix_options_read_string(item, RIX_OPTION_ENVIRONMENT_CONF, early != 0);
  const long after = ri_option_get((ri_option_t)option);
  FUZZ_CHECK(after >= rows[option].low && after <= rows[option].high);
  long value;
  const bool is = reference(strchr(item, '=') + 1, 1, &value);
  if (!is && strpbrk(text, "kKmMgGtT") == NULL) FUZZ_CHECK(after == before);
  put_back((ri_option_t)option, before);
}

void fuzz_run(fuzz_input_t in) {
  char text[256];
  if (in.size == 0) return;
  const unsigned option = in.data[0] % ri_option_last_;
  size_t n = in.size - 1 < sizeof(text) - 1 ? in.size - 1 : sizeof(text) - 1;
  memcpy(text, in.data + 1, n);
  text[n] = '\0';
  static const uint64_t units[] = {1, 1024, 1024 * 1024};
  for (size_t i = 0; i < 3; i++) {
    long got = 0, expected = 0;
    const bool is = rix_options_parse(text, strlen(text), units[i], &got) == RIX_PARSED;
    FUZZ_CHECK(is == reference(text, (wide_t)units[i], &expected));
    FUZZ_CHECK(!is || got == expected);
  }
  configure_one(text, option);
  configure(text);
}
