// SPDX-License-Identifier: MIT
// started_with.c: options that are looked at once, when the program starts, each in a process of
// its own: what they make impossible is told, and the heap works. The kernel refuses to do without
// huge pages (by a filter of system calls); the page map is small, or usable as a whole.
#include "../check.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// As in <linux/filter.h> and <linux/seccomp.h>, which not every C library comes with.
typedef struct rule_s {
  uint16_t code;
  uint8_t if_true, if_false;
  uint32_t k;
} rule_t;
typedef struct program_s {
  unsigned short length;
  rule_t* rules;
} program_t;
enum { LOAD = 0x20, JUMP_IF_EQUAL = 0x15, RETURN = 0x06 };
enum { NUMBER = 0, FIRST_ARGUMENT = 16 };  // where they lie in what is looked at
enum { WITH_ERROR = 0x00050000, ALLOW = 0x7FFF0000, FILTER_MODE = 2 };

// From here on prctl(PR_SET_THP_DISABLE) fails, in what is executed too. False: it cannot be done.
static bool refuse_prctl(void) {
  rule_t rules[] = {
      {LOAD, 0, 0, NUMBER},
      {JUMP_IF_EQUAL, 0, 3, SYS_prctl},
      {LOAD, 0, 0, FIRST_ARGUMENT},
      {JUMP_IF_EQUAL, 0, 1, PR_SET_THP_DISABLE},
      {RETURN, 0, 0, WITH_ERROR | EPERM},
      {RETURN, 0, 0, ALLOW},
  };
  const program_t program = {sizeof(rules) / sizeof(rules[0]), rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, FILTER_MODE, &program) == 0;
}

enum { NO_FILTER = 77 };

// This program with a setting; returns what it wrote on standard error in `text`.
static int run_with(const char* name, const char* value, bool filtered, char* text, size_t room) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    CHECK(setenv(name, value, 1) == 0);
    if (filtered && !refuse_prctl()) _exit(NO_FILTER);
    check_become("child");
  }
  close(ends[1]);
  size_t length = 0;
  ssize_t n;
  while ((n = read(ends[0], text + length, room - 1 - length)) > 0)
    length += (size_t)n;
  text[length] = '\0';
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status), "%s=%s: status %x: %s", name, value, (unsigned)status, text);
  return WEXITSTATUS(status);
}

static void expect(const char* name, const char* value, const char* words) {
  char text[4096];
  const int code = run_with(name, value, false, text, sizeof(text));
  CHECK_MSG(code == 0 && strstr(text, words) != NULL, "%s=%s: %d: %s", name, value, code, text);
  CHECK_MSG(words[0] != '\0' || text[0] == '\0', "%s=%s: %s", name, value, text);
}

int main(int argc, char** argv) {
  check_watchdog(60);
  (void)argv;
  if (argc > 1) {
    void* const large = ri_malloc((size_t)300 * CHECK_MIB);
    CHECK(large != NULL);
    ri_free(large);
    check_heap_intact();
    return 0;
  }
  if (!check_emulated()) expect("RIMALLOC_THP", "-1", "");  // there is no such switch
  expect("RIMALLOC_MAX_VABITS", "48", "");
  expect("RIMALLOC_MAX_VABITS", "40", "");
  expect("RIMALLOC_PAGEMAP_COMMIT", "1", "");
  expect("RIMALLOC_ARENA_EAGER_COMMIT", "0", "");
  expect("RIMALLOC_PURGE_DELAY", "", "there is no value");
  char text[4096];
  const int code = run_with("RIMALLOC_THP", "-1", true, text, sizeof(text));
  if (code == NO_FILTER) {
    printf("system calls cannot be filtered here\n");
    return 0;
  }
  CHECK_MSG(code == 0 && strstr(text, "cannot turn off transparent huge pages") != NULL, "%d: %s",
            code, text);
  return 0;
}
