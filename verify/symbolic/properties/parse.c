// SPDX-License-Identifier: MIT
// parse.c: option values (src/options/parse.c) for every text of a few characters: what the
// contracts of parse_word and parse_suffix say, which WP believes because their tables are string
// literals.
// subject: rix_options_parse
#include "subject.h"

#include "symbolic.h"

enum { TEXT = 6 };  // longer than "false"

static char text[TEXT];

static void any_text(unsigned length) {
  for (unsigned i = 0; i < length; i++)
    text[i] = (char)sym_u8("character");
}

static bool is(const char* word, unsigned from, unsigned length) {
  unsigned same = 0;
  for (unsigned i = 0; i < length; i++) {
    const char c = text[from + i];
    if (c == word[i] || (c >= 'A' && c <= 'Z' && c + 32 == word[i])) same++;
    if (word[i] == '\0') return false;
  }
  return same == length && word[length] == '\0';
}

void prove_word(void) {
  EACH(length, TEXT);
  any_text(length);
  long value = 7;
  const bool found = parse_word(text, length, &value);
  if (!found) {
    ASSERT(value == 7);
    return;
  }
  const char c = (char)(text[0] | 32);
  const bool on = c == 'y' || c == 't' || c == 'e' || (c == 'o' && length == 2);
  ASSERT(value == on);
}

static uint64_t meaning_of_suffix(unsigned from, unsigned length, uint64_t without) {
  if (length == 0) return without;
  if (!is("", from + 1, length - 1) && !is("b", from + 1, length - 1) &&
      !is("ib", from + 1, length - 1)) {
    return 0;
  }
  if (is("k", from, 1)) return (uint64_t)1 << 10;
  if (is("m", from, 1)) return (uint64_t)1 << 20;
  if (is("g", from, 1)) return (uint64_t)1 << 30;
  return is("t", from, 1) ? (uint64_t)1 << 40 : 0;
}

void prove_suffix(void) {
  EACH(length, 5);
  any_text(length);
  INPUT(64, without);
  const uint64_t factor = parse_suffix(text, length, without);
  ASSERT(factor == meaning_of_suffix(0, length, without));
}
