// SPDX-License-Identifier: MIT
// options.c: options in code, in the environment and in configuration strings. The program runs
// itself again with variables set, because the environment is read once, at start. Catches: a
// default that is not that of the table, a value out of range that is kept, a suffix that counts
// wrongly, a bad value that is taken for 0 in silence or told without its reason, a source that
// overrules a stronger one.
#include "../check.h"

#include <limits.h>
#include <sys/wait.h>

typedef struct row_s {
  const char* name;
  long initial, lowest, highest;
  const char* unit;
} row_t;
static const row_t rows[] = {
#define RI_OPTION(name, value, low, high, unit, text) {#name, value, low, high, unit},
#include <rimalloc/options.def>
#undef RI_OPTION
};
enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

// The weakest source but the library's own. It changes nothing that the trials below look at.
const char* ri_conf = "abort_on_error=off; generic_collect=4096,\n page_full_retain=3";
static long initial_of(int option) {
  return option == ri_option_generic_collect    ? 4096
         : option == ri_option_page_full_retain ? 3
                                                : rows[option].initial;
}

static void defaults(void) {
  CHECK((int)ROW_COUNT == (int)ri_option_last_);
  for (int i = 0; i < ROW_COUNT; i++) {
    CHECK_MSG(ri_option_get((ri_option_t)i) == initial_of(i), "%s is %ld", rows[i].name,
              ri_option_get((ri_option_t)i));
    CHECK(ri_option_is_enabled((ri_option_t)i) == (initial_of(i) != 0));
    CHECK(rows[i].lowest <= rows[i].initial && rows[i].initial <= rows[i].highest);
  }
}

// Before anything is set in code: the last default counts, clamped as what is set is, but never
// over ri_conf or ri_option_set.
static void defaults_of_the_program(void) {
  const ri_option_t delay = ri_option_purge_delay;
  ri_option_set_default(delay, 60);
  CHECK(ri_option_get(delay) == 60);
  ri_option_set_default(delay, 61);
  CHECK(ri_option_get(delay) == 61);
  check_capture_start();
  ri_option_set_default(delay, rows[delay].lowest - 1);
  CHECK(ri_option_get(delay) == rows[delay].lowest);
  CHECK_MSG(strstr(check_captured()->text, "purge_delay: -2 is outside") != NULL, "%s",
            check_captured()->text);
  check_capture_stop();
  ri_option_set_enabled_default(delay, true);
  CHECK(ri_option_get(delay) == 1);
  ri_option_set_enabled_default(delay, false);
  CHECK(ri_option_get(delay) == 0);
  ri_option_set(delay, rows[delay].initial);
  ri_option_set_default(delay, 62);
  ri_option_set_enabled_default(delay, true);
  CHECK(ri_option_get(delay) == rows[delay].initial);
  ri_option_set_default(ri_option_page_full_retain, 1);
  CHECK(ri_option_get(ri_option_page_full_retain) == 3);
}

static void set_and_clamp(void) {
  check_capture_start();
  ri_option_set(ri_option_max_warnings, 1000000);
  for (int i = 0; i < ROW_COUNT; i++) {
    const ri_option_t option = (ri_option_t)i;
    if (option == ri_option_abort_on_error || option == ri_option_show_errors ||
        option == ri_option_max_warnings || option == ri_option_verbose) {
      continue;
    }
    const row_t* const row = &rows[i];
    ri_option_set(option, row->lowest);
    CHECK(ri_option_get(option) == row->lowest);
    ri_option_set(option, row->highest);
    CHECK(ri_option_get(option) == row->highest);
    check_nothing_reported();
    ri_option_set(option, row->highest + 1);
    CHECK_MSG(ri_option_get(option) == row->highest, "%s", row->name);
    CHECK_MSG(strstr(check_captured()->text, row->name) != NULL, "%s: %s", row->name,
              check_captured()->text);
    check_capture_reset();
    ri_option_set(option, row->lowest - 1);
    CHECK_MSG(ri_option_get(option) == row->lowest, "%s", row->name);
    CHECK_MSG(strstr(check_captured()->text, row->name) != NULL, "%s: %s", row->name,
              check_captured()->text);
    check_capture_reset();
    ri_option_set(option, initial_of(i));
  }
  check_capture_stop();
  ri_option_set(ri_option_max_warnings, rows[ri_option_max_warnings].initial);
  defaults();
}

static void warnings_end(void) {
  check_capture_start();
  ri_option_set(ri_option_max_warnings, 0);
  ri_option_set(ri_option_check, 99);
  CHECK_MSG(check_captured()->length == 0, "%s", check_captured()->text);
  ri_option_set(ri_option_max_warnings, 1000000);
  ri_option_set(ri_option_check, 99);
  CHECK_MSG(strcmp(check_captured()->text,
                   "rimalloc: warning: option check: 99 is outside 0..2, using 2\n") == 0,
            "%s", check_captured()->text);
  ri_option_set(ri_option_check, 0);
  ri_option_set(ri_option_max_warnings, rows[ri_option_max_warnings].initial);
  check_capture_stop();
}

static void values_in_other_forms(void) {
  ri_option_set(ri_option_purge_delay, 70);
  CHECK(ri_option_get_clamp(ri_option_purge_delay, 0, 100) == 70);
  CHECK(ri_option_get_clamp(ri_option_purge_delay, 80, 100) == 80);
  CHECK(ri_option_get_clamp(ri_option_purge_delay, -5, 60) == 60);
  CHECK(ri_option_get_clamp(ri_option_purge_delay, 70, 70) == 70);
  CHECK(ri_option_get_clamp(ri_option_purge_delay, 100, 50) == 100);
  CHECK(ri_option_get_clamp(ri_option_last_, 3, 9) == 3);
  CHECK(ri_option_get_size(ri_option_purge_delay) == 70);
  ri_option_set(ri_option_purge_delay, -1);
  CHECK(ri_option_get_size(ri_option_purge_delay) == 0);
  ri_option_set(ri_option_purge_delay, 500);
  CHECK(ri_option_get_size(ri_option_arena_reserve) == (size_t)64 * CHECK_MIB);
  CHECK(ri_option_get_size(ri_option_mapping_cache) == (size_t)256 * CHECK_MIB);
  ri_option_set(ri_option_limit_address_space, 1073741824);
  CHECK(ri_option_get_size(ri_option_limit_address_space) ==
        (sizeof(size_t) == 4 ? SIZE_MAX : (size_t)1073741824 * 1024));
  ri_option_set(ri_option_limit_address_space, 0);
  CHECK(ri_option_get_size(ri_option_last_) == 0);
}

static void flags_and_unknown(void) {
  ri_option_enable(ri_option_check);
  CHECK(ri_option_is_enabled(ri_option_check) && ri_option_get(ri_option_check) == 1);
  ri_option_disable(ri_option_check);
  CHECK(!ri_option_is_enabled(ri_option_check));
  ri_option_set_enabled(ri_option_check, true);
  CHECK(ri_option_get(ri_option_check) == 1);
  ri_option_set_enabled(ri_option_check, false);
  CHECK(ri_option_get(ri_option_check) == 0);
  CHECK(ri_option_get(ri_option_last_) == 0);
  CHECK(ri_option_get((ri_option_t)1000000) == 0);
  CHECK(ri_option_get((ri_option_t)-1) == 0);
  ri_option_set(ri_option_last_, 5);
  ri_option_set((ri_option_t)-1, 5);
  ri_option_set_default((ri_option_t)-1, 5);
  ri_option_enable(ri_option_last_);
  CHECK(ri_option_get(ri_option_last_) == 0);
}

static void print_names_all(void) {
  check_capture_start();
  ri_options_print();
  const size_t length = check_captured()->length;
  for (int i = 0; i < ROW_COUNT; i++) {
    char line[200];
    snprintf(line, sizeof(line), "rimalloc: option %s = %ld (", rows[i].name, initial_of(i));
    CHECK_MSG(strstr(check_captured()->text, line) != NULL, "%s is not printed", line);
    snprintf(line, sizeof(line), "; %ld..%ld %s): ", rows[i].lowest, rows[i].highest, rows[i].unit);
    CHECK_MSG(strstr(check_captured()->text, line) != NULL, "%s%s is not printed", rows[i].name,
              line);
  }
  check_capture_reset();
  static check_capture_t other = {PTHREAD_MUTEX_INITIALIZER, 0, 0, {0}, {0}};
  ri_options_print_out(check_capture_output, &other);
  CHECK_MSG(other.length == length && check_captured()->length == 0, "%zu, %zu", other.length,
            length);
  ri_options_print_out(NULL, NULL);
  CHECK(check_captured()->length == length);
  check_capture_stop();
}

// ---- The environment ----------------------------------------------------------------------------

#define UNCHANGED LONG_MIN
typedef struct trial_s {
  const char* variable;
  const char* text;
  ri_option_t option;
  long expected;     // UNCHANGED: the default
  const char* told;  // the words on standard error; NULL: nothing at all
} trial_t;
#define WORDS "not a number (100, 64K, 2MiB) and not on or off; ignored"
#define LARGE "the number is too large; ignored"
static const trial_t trials[] = {
    {"RIMALLOC_PURGE_DELAY", "250", ri_option_purge_delay, 250, NULL},
    {"RIMALLOC_PURGE_DELAY", "-1", ri_option_purge_delay, -1, NULL},
    {"RIMALLOC_PURGE_DELAY", "0", ri_option_purge_delay, 0, NULL},
    {"RIMALLOC_PURGE_DELAY", "-2", ri_option_purge_delay, -1,
     "rimalloc: warning: option purge_delay: -2 is outside -1..3600000, using -1"},
    {"RIMALLOC_PURGE_DELAY", "99999999", ri_option_purge_delay, 3600000,
     "option purge_delay: 99999999 is outside -1..3600000, using 3600000"},
    {"RIMALLOC_PURGE_DELAY", "soon", ri_option_purge_delay, UNCHANGED,
     "rimalloc: warning: environment: PURGE_DELAY=soon: " WORDS},
    {"RIMALLOC_PURGE_DELAY", "", ri_option_purge_delay, UNCHANGED,
     "environment: PURGE_DELAY=: there is no value; ignored"},
    {"RIMALLOC_PURGE_DELAY", "12x", ri_option_purge_delay, UNCHANGED, "PURGE_DELAY=12x: " WORDS},
    {"RIMALLOC_PURGE_DELAY", "99999999999999999999999", ri_option_purge_delay, UNCHANGED, LARGE},
    {"RIMALLOC_PURGE_DELAY", "-99999999999999999999999", ri_option_purge_delay, UNCHANGED, LARGE},
    {"RIMALLOC_PURGE_DELAY", "0x10", ri_option_purge_delay, UNCHANGED, WORDS},
    {"RIMALLOC_PURGE_DELAY",
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
     ri_option_purge_delay, UNCHANGED, "xxxxxxxxxx: " WORDS},
    {"rimalloc_purge_Delay", "40", ri_option_purge_delay, 40, NULL},
    {"RIMALLOC_RESET_DELAY", "41", ri_option_purge_delay, UNCHANGED, NULL},  // mimalloc's old name
    {"RIMALLOC_MAX_ERRORS", "2k", ri_option_max_errors, 2048, NULL},
    {"RIMALLOC_MAX_ERRORS", "10K", ri_option_max_errors, 10240, NULL},
    {"RIMALLOC_MAX_ERRORS", "3KK", ri_option_max_errors, UNCHANGED, WORDS},
    {"RIMALLOC_CHECK", "2", ri_option_check, 2, NULL},
    {"RIMALLOC_CHECK", "on", ri_option_check, 1, NULL},
    {"RIMALLOC_CHECK", "TRUE", ri_option_check, 1, NULL},
    {"RIMALLOC_CHECK", "no", ri_option_check, 0, NULL},
    {"RIMALLOC_PAGE_RECLAIM_ON_FREE", "false", ri_option_page_reclaim_on_free, 0, NULL},
    {"RIMALLOC_PAGE_RECLAIM_ON_FREE", "No", ri_option_page_reclaim_on_free, 0, NULL},
    {"RIMALLOC_THP", "-1", ri_option_thp, -1, NULL},
    {"RIMALLOC_ARENA_RESERVE", "2048", ri_option_arena_reserve, 2048, NULL},
    {"RIMALLOC_ARENA_RESERVE", "2M", ri_option_arena_reserve, 2048, NULL},
    {"RIMALLOC_ARENA_RESERVE", "2mib", ri_option_arena_reserve, 2048, NULL},
    {"RIMALLOC_ARENA_RESERVE", "1G", ri_option_arena_reserve, 1048576, NULL},
    {"RIMALLOC_ARENA_RESERVE", "1", ri_option_arena_reserve, 1024,
     "arena_reserve: 1 is outside 1024..16777216, using 1024"},
    {"RIMALLOC_MAPPING_CACHE", "64M", ri_option_mapping_cache, 64, NULL},
    {"RIMALLOC_MAPPING_CACHE", "1T", ri_option_mapping_cache, 1048576, NULL},
    {"RIMALLOC_LIMIT_ADDRESS_SPACE", "4G", ri_option_limit_address_space, 4194304, NULL},
    {"RIMALLOC_NO_SUCH_OPTION", "1", ri_option_check, UNCHANGED, NULL},
    {"MIMALLOC_PURGE_DELAY", "77", ri_option_purge_delay, UNCHANGED,
     NULL},  // not mimalloc's program
    // Configuration strings.
    {"RIMALLOC_CONF", "purge_delay=10,thp=0", ri_option_thp, 0, NULL},
    {"RIMALLOC_CONF", "purge_delay=10,thp=0", ri_option_purge_delay, 10, NULL},
    {"RIMALLOC_CONF", " ,;Purge_Delay=10 ;; CHECK=yes\t", ri_option_check, 1, NULL},
    {"RIMALLOC_CONF", "purge_delay=10,purge_delay=20", ri_option_purge_delay, 20, NULL},
    {"RIMALLOC_CONF", "generic_collect=300", ri_option_generic_collect, 300, NULL},  // over ri_conf
    {"RIMALLOC_CONF", "arena_reserve=8M", ri_option_arena_reserve, 8192, NULL},
    {"RIMALLOC_CONF", "", ri_option_purge_delay, UNCHANGED, NULL},
    {"RIMALLOC_CONF", "purge=10", ri_option_purge_delay, UNCHANGED,
     "rimalloc: warning: RIMALLOC_CONF: purge=10: unknown option; ignored"},
    {"RIMALLOC_CONF", "purge_delay", ri_option_purge_delay, UNCHANGED,
     "RIMALLOC_CONF: purge_delay: no \"=value\"; ignored"},
    {"RIMALLOC_CONF", "purge_delay=", ri_option_purge_delay, UNCHANGED,
     "RIMALLOC_CONF: purge_delay=: there is no value; ignored"},
    {"RIMALLOC_CONF", "=5,check=1", ri_option_check, 1, "RIMALLOC_CONF: =5: unknown option"},
    {"RIMALLOC_CONF", "check=9=9,check=1", ri_option_check, 1, "check=9=9: " WORDS},
    {"RIMALLOC_CONF", "oops=1,show_errors=0", ri_option_show_errors, 0, NULL},  // read first
    // Names that only mimalloc has.
    {"RIMALLOC_CONF", "allow_thp=0", ri_option_thp, UNCHANGED,
     "RIMALLOC_CONF: allow_thp=0: unknown option; ignored"},
    {"RIMALLOC_CONF", "visit_abandoned=1", ri_option_check, UNCHANGED,
     "RIMALLOC_CONF: visit_abandoned=1: unknown option; ignored"},
};

// Starts this program again as `argument`, with variables set; its standard error goes to text.
static int again(const char* argument, const char* variable, const char* value,
                 const char* variable2, const char* value2, char* text, size_t capacity) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    setenv(variable, value, 1);
    if (variable2 != NULL) setenv(variable2, value2, 1);
    check_become(argument);
  }
  close(ends[1]);
  size_t length = 0;
  ssize_t n;
  while ((n = read(ends[0], text + length, capacity - 1 - length)) > 0)
    length += (size_t)n;
  text[length] = '\0';
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status), "%s=%s: status %x: %s", variable, value, (unsigned)status, text);
  return WEXITSTATUS(status);
}

// In the child: allocates, so that the environment is read for certain, and tells by its exit code
// whether the option has the expected value.
static int child(const trial_t* trial) {
  void* const p = ri_malloc(100);
  CHECK(p != NULL);
  ri_free(p);
  const long value = ri_option_get(trial->option);
  const long expected =
      trial->expected == UNCHANGED ? initial_of((int)trial->option) : trial->expected;
  CHECK_MSG(value == expected, "%s=%s gives %ld, expected %ld", trial->variable, trial->text, value,
            expected);
  // A default of the program yields to what was set from outside; what is set in code does not.
  const bool is_set = trial->expected != UNCHANGED || trial->told != NULL;
  ri_option_set_default(ri_option_purge_delay, 66);
  const bool default_counts = trial->option != ri_option_purge_delay &&
                              strstr(trial->text, "urge_") == NULL &&
                              strstr(trial->text, "Purge_") == NULL;
  if (default_counts || !is_set) CHECK(ri_option_get(ri_option_purge_delay) == 66);
  if (trial->option == ri_option_purge_delay && trial->expected != UNCHANGED) {
    CHECK_MSG(ri_option_get(ri_option_purge_delay) == expected, "%ld",
              ri_option_get(ri_option_purge_delay));
  }
  ri_option_set(ri_option_purge_delay, 77);
  ri_option_set_enabled_default(ri_option_purge_delay, true);
  check_workload(100, 1);
  CHECK(ri_option_get(ri_option_purge_delay) == 77);
  CHECK(ri_audit());
  return 0;
}

static void environment(void) {
  for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
    const trial_t* const t = &trials[i];
    char number[16], text[32768];
    // The emulator cannot turn huge pages off, and that is a warning.
    if (check_emulated() && strcmp(t->variable, "RIMALLOC_THP") == 0) continue;
    snprintf(number, sizeof(number), "%zu", i);
    const int code = again(number, t->variable, t->text, NULL, NULL, text, sizeof(text));
    CHECK_MSG(code == 0, "%s=%s: %s", t->variable, t->text, text);
    if (t->told == NULL) {
      CHECK_MSG(text[0] == '\0', "%s=%s printed: %s", t->variable, t->text, text);
    } else {
      CHECK_MSG(strstr(text, t->told) != NULL, "%s=%s printed: %s", t->variable, t->text, text);
      const char* const line = strchr(text, '\n');
      if (strstr(t->text, "verbose") == NULL)
        CHECK_MSG(line != NULL && line[1] == '\0', "%s", text);
    }
  }
}

// The trial at which `variable` gets `text`, as an argument for the child.
static void with_both(const char* variable, const char* text, const char* variable2,
                      const char* text2, char* output, size_t capacity) {
  for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
    if (strcmp(trials[i].variable, variable) != 0 || strcmp(trials[i].text, text) != 0) continue;
    char number[16];
    snprintf(number, sizeof(number), "%zu", i);
    const int code = again(number, variable, text, variable2, text2, output, capacity);
    CHECK_MSG(code == 0, "%s=%s and %s=%s: %s", variable, text, variable2, text2, output);
    return;
  }
  CHECK_MSG(false, "no trial %s=%s", variable, text);
}

static void sources_and_messages(void) {
  static char text[32768];
  // A variable of its own is stronger than the string, whatever their order in the environment.
  with_both("RIMALLOC_PURGE_DELAY", "250", "RIMALLOC_CONF", "purge_delay=9", text, sizeof(text));
  with_both("rimalloc_purge_Delay", "40", "RIMALLOC_CONF", "purge_delay=9", text, sizeof(text));
  // A bad value leaves what a weaker source gave.
  with_both("RIMALLOC_CONF", "purge_delay=10,thp=0", "RIMALLOC_THP", "x", text, sizeof(text));
  CHECK_MSG(strstr(text, "environment: THP=x: ") != NULL, "%s", text);
  with_both("RIMALLOC_PURGE_DELAY", "12x", "RIMALLOC_SHOW_ERRORS", "0", text, sizeof(text));
  CHECK_MSG(text[0] == '\0', "%s", text);
  with_both("RIMALLOC_PURGE_DELAY", "12x", "RIMALLOC_MAX_WARNINGS", "0", text, sizeof(text));
  CHECK_MSG(text[0] == '\0', "%s", text);
  with_both("RIMALLOC_CHECK", "2", "RIMALLOC_VERBOSE", "1", text, sizeof(text));
  CHECK_MSG(strstr(text, "check = 2 (environment; 0..2 level)") != NULL, "%s", text);
  CHECK_MSG(strstr(text, "generic_collect = 4096 (ri_conf; ") != NULL, "%s", text);
  with_both("RIMALLOC_NO_SUCH_OPTION", "1", "RIMALLOC_VERBOSE", "1", text, sizeof(text));
  CHECK_MSG(strstr(text, "NO_SUCH_OPTION=1: unknown option") != NULL, "%s", text);
  CHECK(again("idle", "RIMALLOC_SHOW_STATS", "1", NULL, NULL, text, sizeof(text)) == 0);
  CHECK_MSG(strlen(text) > 100, "statistics at exit: %s", text);
  CHECK(again("idle", "RIMALLOC_VERBOSE", "1", NULL, NULL, text, sizeof(text)) == 0);
  CHECK_MSG(strstr(text, "purge_delay = 500 (default; ") != NULL, "options at start: %s", text);
}

static int idle(void) {
  ri_free(ri_malloc(100));
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "idle") == 0) return idle();
  if (argc > 1) return child(&trials[atoi(argv[1])]);
  defaults();
  defaults_of_the_program();
  set_and_clamp();
  warnings_end();
  flags_and_unknown();
  values_in_other_forms();
  print_names_all();
  environment();
  sources_and_messages();
  check_heap_intact();
  return 0;
}
