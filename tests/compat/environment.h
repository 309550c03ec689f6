// SPDX-License-Identifier: MIT
// environment.h: the environment variables MIMALLOC_<OPTION>, as mimalloc reads them, in programs
// that are its. Each case is a run of this program with the variables set.
#ifndef RIMALLOC_TESTS_COMPAT_ENVIRONMENT_H
#define RIMALLOC_TESTS_COMPAT_ENVIRONMENT_H

#include <mimalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct environment_s {
  const char* variables[4];  // name, value, name, value
  mi_option_t option;
  long value;
} environment_t;

#if RIMALLOC_MI_VERSION >= 3
#define MAX_SEGMENT_RECLAIM mi_option_deprecated_max_segment_reclaim
#else
#define MAX_SEGMENT_RECLAIM mi_option_max_segment_reclaim
#endif

static const environment_t cases[] = {
    {{NULL}, mi_option_purge_delay, 500},
    {{"MIMALLOC_PURGE_DELAY", "77"}, mi_option_purge_delay, 77},
    {{"mimalloc_purge_Delay", "-1"}, mi_option_purge_delay, -1},
    {{"MIMALLOC_PURGE_DELAY", "soon"}, mi_option_purge_delay, 500},
    {{"MIMALLOC_PURGE_DECOMMITS", "off"}, mi_option_purge_decommits, 0},
    {{"MIMALLOC_DISALLOW_ARENA_ALLOC", "Yes"}, mi_option_disallow_arena_alloc, 1},
    {{"MIMALLOC_DISALLOW_ARENA_ALLOC", ""}, mi_option_disallow_arena_alloc, 1},  // set is on
    // Sizes without a suffix are bytes, rounded up to KiB.
    {{"MIMALLOC_ARENA_RESERVE", "4194304"}, mi_option_arena_reserve, 4096},
    {{"MIMALLOC_ARENA_RESERVE", "4194305"}, mi_option_arena_reserve, 4097},
    {{"MIMALLOC_ARENA_RESERVE", "8M"}, mi_option_arena_reserve, 8192},
    {{"MIMALLOC_ARENA_RESERVE", "2gib"}, mi_option_arena_reserve, 2097152},
    {{"MIMALLOC_ARENA_RESERVE", "0"}, mi_option_arena_reserve, 1024},  // the smallest
    {{"MIMALLOC_ARENA_RESERVE", "-5"}, mi_option_arena_reserve, 1024},
    {{"MIMALLOC_RESERVE_OS_MEMORY", "1"}, mi_option_reserve_os_memory, 1},
    // Names that options had before.
    {{"MIMALLOC_RESET_DELAY", "55"}, mi_option_purge_delay, 55},
    {{"MIMALLOC_RESET_DECOMMITS", "0"}, mi_option_purge_decommits, 0},
    {{"MIMALLOC_LARGE_OS_PAGES", "1"}, mi_option_allow_large_os_pages, 1},
#if RIMALLOC_MI_VERSION >= 3
    {{"MIMALLOC_ABANDONED_RECLAIM_ON_FREE", "0"}, mi_option_page_reclaim_on_free, 0},
    {{"MIMALLOC_MINIMAL_PURGE_SIZE", "2097152"}, mi_option_minimal_purge_size, 2048},
#else
    {{"MIMALLOC_ABANDONED_RECLAIM_ON_FREE", "0"}, mi_option_abandoned_reclaim_on_free, 0},
#endif
    // Two options that are one of ours, in whatever order they come.
    {{"MIMALLOC_ALLOW_THP", "0"}, mi_option_allow_thp, 0},
    {{"MIMALLOC_ALLOW_THP", "2"}, mi_option_allow_thp, 2},
    {{"MIMALLOC_ALLOW_THP", "9"}, mi_option_allow_thp, 2},
    {{"MIMALLOC_ALLOW_THP", "1", "MIMALLOC_LARGE_OS_PAGES", "1"},
     mi_option_allow_large_os_pages,
     1},
    {{"MIMALLOC_LARGE_OS_PAGES", "1", "MIMALLOC_ALLOW_THP", "1"},
     mi_option_allow_large_os_pages,
     1},
    {{"MIMALLOC_ALLOW_THP", "0", "MIMALLOC_LARGE_OS_PAGES", "1"}, mi_option_allow_thp, 0},
    {{"MIMALLOC_LARGE_OS_PAGES", "1", "MIMALLOC_ALLOW_THP", "0"}, mi_option_allow_thp, 0},
    {{"MIMALLOC_ALLOW_THP", "2", "MIMALLOC_LARGE_OS_PAGES", "1"}, mi_option_allow_thp, 2},
    {{"MIMALLOC_ALLOW_THP", "0", "RIMALLOC_THP", "1"}, mi_option_allow_thp, 1},
    // Options without effect are read back, under each name that they had.
    {{"MIMALLOC_VISIT_ABANDONED", "1"}, mi_option_visit_abandoned, 1},
    {{"MIMALLOC_SEGMENT_CACHE", "5"}, mi_option_deprecated_segment_cache, 5},
    {{"MIMALLOC_DEPRECATED_SEGMENT_CACHE", "6"}, mi_option_deprecated_segment_cache, 6},
    {{"MIMALLOC_MAX_SEGMENT_RECLAIM", "1000"}, MAX_SEGMENT_RECLAIM, 100},
    {{"MIMALLOC_MAX_SEGMENT_RECLAIM", "many"}, MAX_SEGMENT_RECLAIM, 500},  // stays
    // Ours win, in whatever order they come.
    {{"MIMALLOC_PURGE_DELAY", "77", "RIMALLOC_PURGE_DELAY", "88"}, mi_option_purge_delay, 88},
    {{"RIMALLOC_PURGE_DELAY", "88", "MIMALLOC_PURGE_DELAY", "77"}, mi_option_purge_delay, 88},
    {{"RIMALLOC_CONF", "purge_delay=99", "MIMALLOC_PURGE_DELAY", "77"}, mi_option_purge_delay, 99},
    {{"RIMALLOC_CONF", "max_errors=9", "MIMALLOC_PURGE_DELAY", "77"}, mi_option_purge_delay, 77},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static int check(const environment_t* c) {
  mi_free(mi_malloc(100));
  mi_option_set_default(c->option, 123456);  // which yields
  const long value = mi_option_get(c->option);
  // 500: it was not set, and the default counts; the largest where that has a range.
  const long largest = c->option == MAX_SEGMENT_RECLAIM ? 100 : 123456;
  const long expected = c->value != 500 ? c->value : largest;
  if (value == expected) return 0;
  printf("%s=%s: %ld, expected %ld\n", c->variables[0], c->variables[1], value, expected);
  return 1;
}

// What this program says when options without effect, and unknown ones, are set.
static int says(const char* program, const char* expected) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    setenv("RIMALLOC_VERBOSE", "1", 1);
    setenv("MIMALLOC_SEGMENT_CACHE", "5", 1);
    setenv("MIMALLOC_NO_SUCH_OPTION", "1", 1);
    dup2(ends[1], STDERR_FILENO);
    execl("/proc/self/exe", program, "0", (char*)NULL);
    _exit(127);
  }
  close(ends[1]);
  static char text[65536];
  size_t length = 0;
  ssize_t got;
  while (length < sizeof(text) - 1 &&
         (got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
    length += (size_t)got;
  text[length] = '\0';
  close(ends[0]);
  int status = 0;
  const int ended = child > 0 && waitpid(child, &status, 0) == child && status == 0;
  if (ended && strstr(text, expected) != NULL) return 0;
  printf("'%s' is not in: %s\n", expected, text);
  return 1;
}

static int run(const char* program, int i) {
  const pid_t child = fork();
  if (child == 0) {
    char number[16];
    for (int v = 0; v < 4 && cases[i].variables[v] != NULL; v += 2)
      setenv(cases[i].variables[v], cases[i].variables[v + 1], 1);
    snprintf(number, sizeof(number), "%d", i);
    execl("/proc/self/exe", program, number, (char*)NULL);
    _exit(127);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc > 1) return check(&cases[atoi(argv[1])]);
  if (getenv("RIMALLOC_EMULATOR") != NULL) {
    puts("skipped: an emulator does not start itself again");
    return 77;
  }
  int failed = 0;
  for (int i = 0; i < CASES; i++)
    failed += run(argv[0], i);
  failed += says(argv[0], "option deprecated_segment_cache has no effect: ");
  failed += says(argv[0], "NO_SUCH_OPTION=1: unknown option");
  if (failed > 0) printf("%d of %d failed\n", failed, (int)CASES);
  return failed > 0;
}

#endif
