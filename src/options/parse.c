// SPDX-License-Identifier: MIT
// parse.c: from text to the value of an option. Pure functions.
#include <limits.h>

#include "base/bits.h"
#include "options/options.h"

/*@ // For proofs. What is said of parse_word and parse_suffix is believed there, because the words
    // are string literals; verify/symbolic (parse.c) proves it.
    predicate parse_readable{L}(char* text, integer length) =
      \valid_read(text + (0 .. length - 1));
    predicate parse_ends{L}(char* word) =
      \exists integer n; 0 <= n && \valid_read(word + (0 .. n)) && word[n] == 0;
*/

/*@ assigns \nothing;
    ensures 'A' <= c <= 'Z' ==> \result == c + 32;
    ensures !('A' <= c <= 'Z') ==> \result == c; */
static char parse_lower(char c) { return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c; }

/*@ requires parse_readable(text, length) && parse_ends(word);
    assigns \nothing; */
bool rix_options_is(const char* text, size_t length, const char* word) {
  /*@ loop invariant 0 <= i <= length;
      loop invariant \forall integer k; 0 <= k < i ==> word[k] != 0;
      loop assigns i;
      loop variant length - i; */
  for (size_t i = 0; i < length; i++) {
    if (word[i] == '\0' || parse_lower(text[i]) != word[i]) return false;
  }
  return word[length] == '\0';
}

/*@ requires parse_readable(text, length) && \valid(value);
    requires \separated(value, text + (0 .. length - 1));
    assigns *value;
    ensures word: \result ==> *value == 0 || *value == 1;
    ensures other: !\result ==> *value == \old(*value); */
static bool parse_word(const char* text, size_t length, long* value) {
  static const char* const words[2][5] = {{"off", "no", "false", "n", "disable"},
                                          {"on", "yes", "true", "y", "enable"}};
  for (long v = 0; v < 2; v++) {
    for (size_t i = 0; i < 5; i++) {
      if (rix_options_is(text, length, words[v][i])) {
        *value = v;
        return true;
      }
    }
  }
  return false;
}

// What a suffix multiplies by; 0 when it is none. Nothing, k, kb, kib; and so with m, g, t.
/*@ requires parse_readable(text, length);
    assigns \nothing;
    ensures none: length == 0 ==> \result == without;
    ensures some: length > 0 ==> \result == 0 || \result == 1 << 10 || \result == 1 << 20 ||
      \result == 1 << 30 || \result == 1 << 40; */
static uint64_t parse_suffix(const char* text, size_t length, uint64_t without) {
  static const char letters[] = "kmgt";
  if (length == 0) return without;
  const bool ends = length == 1 || rix_options_is(text + 1, length - 1, "b") ||
                    rix_options_is(text + 1, length - 1, "ib");
  for (unsigned i = 0; ends && letters[i] != '\0'; i++) {
    if (parse_lower(text[0]) == letters[i]) return (uint64_t)1024 << 10 * i;
  }
  return 0;
}

/*@ requires parse_readable(text, length) && \valid(value);
    requires \separated(value, text + (0 .. length - 1));
    requires unit == 1 || unit == 1 << 10 || unit == 1 << 20;
    assigns *value;
    ensures empty: length == 0 <==> \result == RIX_PARSED_EMPTY;
    ensures kept: \result != RIX_PARSED ==> *value == \old(*value);
    ensures sign: \result == RIX_PARSED && text[0] != '-' ==> *value >= 0; */
rix_parsed_t rix_options_parse(const char* text, size_t length, uint64_t unit, long* value) {
  if (length == 0) return RIX_PARSED_EMPTY;
  if (parse_word(text, length, value)) return RIX_PARSED;
  const bool negative = text[0] == '-';
  size_t at = negative ? 1 : 0;
  const size_t first = at;
  uint64_t number = 0;
  bool fits = true;
  /*@ loop invariant first <= at <= length;
      loop assigns at, number, fits;
      loop variant length - at; */
  for (; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
    const uint64_t digit = (uint64_t)(text[at] - '0');
    fits = fits && number <= (UINT64_MAX - digit) / 10;
    number = number * 10 + digit;
  }
  const uint64_t factor = parse_suffix(text + at, length - at, unit);
  if (at == first || factor == 0) return RIX_PARSED_SYNTAX;
  // In units, rounded up: either the factor is a multiple of the unit or the unit of the factor.
  if (factor >= unit) {
    fits = fits && number <= UINT64_MAX / (factor / unit);
    number *= factor / unit;
  } else {
    const uint64_t part = unit / factor;
    number = number / part + (number % part != 0);
  }
  if (!fits || number > (uint64_t)LONG_MAX) return RIX_PARSED_LARGE;
  *value = negative ? -(long)number : (long)number;
  return RIX_PARSED;
}
