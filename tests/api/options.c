// SPDX-License-Identifier: MIT
// options.c: options in code and in the environment. The program runs itself again with
// RIMALLOC_<NAME> set, because the environment is read once, at start. Catches: a default that is
// not that of the table, a value out of range that is kept, a suffix that counts wrongly, a bad
// value that is taken for 0 in silence, a setting in code that the environment overrules.
#include "../check.h"

#include <limits.h>
#include <sys/wait.h>

typedef struct row_s {
  const char* name;
  long initial, lowest, highest;
} row_t;
static const row_t rows[] = {
#define RI_OPTION(name, value, low, high, unit, text) {#name, value, low, high},
#include <rimalloc/options.def>
#undef RI_OPTION
};
enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static void defaults(void) {
  CHECK((int)ROW_COUNT == (int)ri_option_last_);
  for (int i = 0; i < ROW_COUNT; i++) {
    CHECK_MSG(ri_option_get((ri_option_t)i) == rows[i].initial, "%s is %ld", rows[i].name,
              ri_option_get((ri_option_t)i));
    CHECK(ri_option_is_enabled((ri_option_t)i) == (rows[i].initial != 0));
  }
}

static void set_and_clamp(void) {
  check_capture_start();
  for (int i = 0; i < ROW_COUNT; i++) {
    const ri_option_t option = (ri_option_t)i;
    if (option == ri_option_abort_on_error || option == ri_option_show_errors) continue;
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
    ri_option_set(option, row->initial);
  }
  check_capture_stop();
  defaults();
}

static void flags_and_unknown(void) {
  ri_option_enable(ri_option_check);
  CHECK(ri_option_is_enabled(ri_option_check) && ri_option_get(ri_option_check) == 1);
  ri_option_disable(ri_option_check);
  CHECK(!ri_option_is_enabled(ri_option_check));
  CHECK(ri_option_get(ri_option_last_) == 0);
  CHECK(ri_option_get((ri_option_t)1000000) == 0);
  CHECK(ri_option_get((ri_option_t)-1) == 0);
  ri_option_set(ri_option_last_, 5);
  ri_option_set((ri_option_t)-1, 5);
  ri_option_set_default((ri_option_t)-1, 5);
  ri_option_enable(ri_option_last_);
  CHECK(ri_option_get(ri_option_last_) == 0);
}

static void default_yields(void) {
  // arena_reserve was set in code by set_and_clamp: a default does not change it.
  const long now = ri_option_get(ri_option_arena_reserve);
  ri_option_set_default(ri_option_arena_reserve, now + 1024);
  CHECK(ri_option_get(ri_option_arena_reserve) == now);
}

static void print_names_all(void) {
  check_capture_start();
  ri_options_print();
  for (int i = 0; i < ROW_COUNT; i++) {
    CHECK_MSG(strstr(check_captured()->text, rows[i].name) != NULL, "%s is not printed",
              rows[i].name);
  }
  check_capture_stop();
}

// ---- The environment ----------------------------------------------------------------------------

#define UNCHANGED LONG_MIN
typedef struct trial_s {
  const char* variable;
  const char* text;
  ri_option_t option;
  long expected;  // UNCHANGED: the default
  bool reported;  // on standard error, with the name of the variable or of the option
} trial_t;
static const trial_t trials[] = {
    {"RIMALLOC_PURGE_DELAY", "250", ri_option_purge_delay, 250, false},
    {"RIMALLOC_PURGE_DELAY", "-1", ri_option_purge_delay, -1, false},
    {"RIMALLOC_PURGE_DELAY", "0", ri_option_purge_delay, 0, false},
    {"RIMALLOC_PURGE_DELAY", "-2", ri_option_purge_delay, -1, true},
    {"RIMALLOC_PURGE_DELAY", "99999999", ri_option_purge_delay, 3600000, true},
    {"RIMALLOC_PURGE_DELAY", "soon", ri_option_purge_delay, UNCHANGED, true},
    {"RIMALLOC_PURGE_DELAY", "", ri_option_purge_delay, UNCHANGED, true},
    {"RIMALLOC_PURGE_DELAY", "12x", ri_option_purge_delay, UNCHANGED, true},
    {"RIMALLOC_PURGE_DELAY", "99999999999999999999999", ri_option_purge_delay, UNCHANGED, true},
    {"RIMALLOC_PURGE_DELAY", "0x10", ri_option_purge_delay, UNCHANGED, true},
    {"RIMALLOC_MAX_ERRORS", "2k", ri_option_max_errors, 2048, false},
    {"RIMALLOC_MAX_ERRORS", "10K", ri_option_max_errors, 10240, false},
    {"RIMALLOC_MAX_ERRORS", "3KK", ri_option_max_errors, UNCHANGED, true},
    {"RIMALLOC_CHECK", "2", ri_option_check, 2, false},
    {"RIMALLOC_CHECK", "on", ri_option_check, 1, false},
    {"RIMALLOC_CHECK", "TRUE", ri_option_check, 1, false},
    {"RIMALLOC_CHECK", "no", ri_option_check, 0, false},
    {"RIMALLOC_RECLAIM_ON_FREE", "off", ri_option_reclaim_on_free, 0, false},
    {"RIMALLOC_RECLAIM_ON_FREE", "false", ri_option_reclaim_on_free, 0, false},
    {"RIMALLOC_RECLAIM_ON_FREE", "No", ri_option_reclaim_on_free, 0, false},
    {"RIMALLOC_ARENA_RESERVE", "2048", ri_option_arena_reserve, 2048, false},
    {"RIMALLOC_ARENA_RESERVE", "2M", ri_option_arena_reserve, 2048, false},
    {"RIMALLOC_ARENA_RESERVE", "1G", ri_option_arena_reserve, 1048576, false},
    {"RIMALLOC_ARENA_RESERVE", "1", ri_option_arena_reserve, 1024, true},
    {"RIMALLOC_MAPPING_CACHE", "64M", ri_option_mapping_cache, 64, false},
    {"RIMALLOC_LIMIT_ADDRESS_SPACE", "4G", ri_option_limit_address_space, 4194304, false},
};

// Starts this program again as `argument`, with one variable set; its standard error goes to text.
static int again(const char* argument, const char* variable, const char* value, char* text,
                 size_t capacity) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    setenv(variable, value, 1);
    execl("/proc/self/exe", "options", argument, (char*)NULL);
    _exit(126);
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
      trial->expected == UNCHANGED ? rows[trial->option].initial : trial->expected;
  CHECK_MSG(value == expected, "%s=%s gives %ld, expected %ld", trial->variable, trial->text, value,
            expected);
  ri_option_set(ri_option_purge_delay, 77);
  check_workload(100, 1);
  CHECK(ri_option_get(ri_option_purge_delay) == 77);
  CHECK(ri_audit());
  return 0;
}

static void environment(void) {
  for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
    const trial_t* const t = &trials[i];
    char number[16], text[4096];
    snprintf(number, sizeof(number), "%zu", i);
    const int code = again(number, t->variable, t->text, text, sizeof(text));
    CHECK_MSG(code == 0, "%s=%s: %s", t->variable, t->text, text);
    const bool told = strstr(text, "rimalloc") != NULL &&
                      (strstr(text, t->variable) != NULL || strstr(text, rows[t->option].name));
    CHECK_MSG(told == t->reported, "%s=%s printed: %s", t->variable, t->text, text);
  }
  char text[8192];
  CHECK(again("idle", "RIMALLOC_SHOW_STATS", "1", text, sizeof(text)) == 0);
  CHECK_MSG(strlen(text) > 100, "statistics at exit: %s", text);
  CHECK(again("idle", "RIMALLOC_VERBOSE", "1", text, sizeof(text)) == 0);
  CHECK_MSG(strstr(text, "purge_delay") != NULL, "options at start: %s", text);
  CHECK(again("idle", "RIMALLOC_NO_SUCH_OPTION", "1", text, sizeof(text)) == 0);
  CHECK_MSG(text[0] == '\0', "%s", text);
}

static int idle(void) {
  ri_free(ri_malloc(100));
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "idle") == 0) return idle();
  if (argc > 1) return child(&trials[atoi(argv[1])]);
  defaults();
  set_and_clamp();
  flags_and_unknown();
  default_yields();
  print_names_all();
  environment();
  check_heap_intact();
  return 0;
}
