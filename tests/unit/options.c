// SPDX-License-Identifier: MIT
// options.c: configuration strings and which source of a value is stronger. (The parser of values
// is parse.c; the table, ranges and messages are tests/api/options.c.)
#include "options/options.h"

#include "../check.h"

static const ri_option_t delay = ri_option_purge_delay, mult = ri_option_arena_purge_mult;

static void read_from(const char* text, rix_option_source_t source) {
  rix_options_read_string(text, source, false);
}

// Each separator, each end, names that are not known, nothing at all.
static void strings(void) {
  check_capture_start();
  read_from("purge_delay=11,arena_purge_mult=3", RIX_OPTION_CONF);
  CHECK(rix_option(delay) == 11 && rix_option(mult) == 3);
  read_from("purge_delay=12;arena_purge_mult=4", RIX_OPTION_CONF);
  CHECK(rix_option(delay) == 12 && rix_option(mult) == 4);
  read_from(" \tpurge_delay=13\n arena_purge_mult=5 ,;", RIX_OPTION_CONF);
  CHECK(rix_option(delay) == 13 && rix_option(mult) == 5);
  read_from(NULL, RIX_OPTION_CONF);
  read_from("", RIX_OPTION_CONF);
  CHECK(rix_option(delay) == 13);
  check_nothing_reported();
  read_from("purge_delays=14,purge_dela=14,=14,purge_delay=15", RIX_OPTION_CONF);
  CHECK(rix_option(delay) == 15 && strstr(check_captured()->text, "purge_delays") != NULL);
  check_capture_reset();
  read_from("purge_delay=1x,purge_delay=99999999999999999999", RIX_OPTION_CONF);
  CHECK(rix_option(delay) == 15);
  CHECK(strstr(check_captured()->text, "1x") != NULL);
  check_capture_stop();
}

// What was read last counts, as the sources are read in the order of their strength; but what was
// set in code stays.
static void sources(void) {
  for (int source = RIX_OPTION_BUILD; source <= RIX_OPTION_ENVIRONMENT; source++) {
    char text[40];
    snprintf(text, sizeof(text), "arena_purge_mult=%d", 20 + source);
    read_from(text, (rix_option_source_t)source);
    CHECK(rix_option(mult) == 20 + source);
  }
  ri_option_set(mult, 30);
  for (int source = RIX_OPTION_BUILD; source <= RIX_OPTION_ENVIRONMENT; source++)
    read_from("arena_purge_mult=31", (rix_option_source_t)source);
  CHECK(rix_option(mult) == 30);
  ri_option_set_default(mult, 32);
  CHECK(rix_option(mult) == 30);
}

// Those that decide which messages are shown are read first, and only then.
static void early_ones(void) {
  const long before = rix_option(delay);
  rix_options_read_string("purge_delay=77,max_warnings=5", RIX_OPTION_ENVIRONMENT, true);
  CHECK(rix_option(delay) == before && rix_option(ri_option_max_warnings) == 5);
  rix_options_read_string("purge_delay=78,max_warnings=6", RIX_OPTION_ENVIRONMENT, false);
  CHECK(rix_option(delay) == 78 && rix_option(ri_option_max_warnings) == 5);
}

static void bytes(void) {
  ri_option_set(ri_option_arena_max_object_size, 64);
  CHECK(rix_option_bytes(ri_option_arena_max_object_size, 10) == 65536);
  CHECK(rix_option_bytes(ri_option_arena_max_object_size, 0) == 64);
  CHECK(rix_option_bytes(ri_option_arena_max_object_size, sizeof(size_t) * 8 - 6) == SIZE_MAX);
  CHECK(rix_option_bytes(ri_option_arena_max_object_size, sizeof(size_t) * 8 - 7) != SIZE_MAX);
}

int main(void) {
  rix_options_read();
  strings();
  sources();
  early_ones();
  bytes();
  return 0;
}
