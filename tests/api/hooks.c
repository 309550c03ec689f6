// SPDX-License-Identifier: MIT
// hooks.c: messages and errors reach the registered functions with their argument, and only them;
// NULL restores standard error; show_errors, max_errors and abort_on_error do what they say.
// Catches: a hook called with the wrong argument or twice, a message lost or sent to both, a quiet
// limit that silences the error hook too.
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

static size_t times_in(const char* text, const char* words) {
  size_t count = 0;
  for (const char* at = strstr(text, words); at != NULL; at = strstr(at + 1, words))
    count++;
  return count;
}

static void free_something_foreign(void) {
  char on_stack[64];
  ri_free((void*)check_hide_pointer((uintptr_t)on_stack));
}

static int marker;
static size_t calls_with_marker;
static void count_error(int code, void* arg) {
  CHECK(code == EINVAL);
  calls_with_marker += arg == &marker;
}
static void count_output(const char* message, void* arg) {
  CHECK(message != NULL);
  calls_with_marker += arg == &marker;
}

static void arguments_arrive(void) {
  check_capture_start();
  ri_register_error(count_error, &marker);
  free_something_foreign();
  CHECK(calls_with_marker == 1);
  CHECK(times_in(check_captured()->text, "invalid pointer") == 1);
  ri_register_output(count_output, &marker);
  calls_with_marker = 0;
  ri_register_error(NULL, NULL);
  free_something_foreign();
  CHECK(calls_with_marker >= 1);
  check_capture_stop();
}

static void out_of_memory_is_told(void) {
  check_capture_start();
  CHECK(ri_malloc(check_hide(SIZE_MAX)) == NULL);
  CHECK(check_captured()->errors == 1);
  CHECK(check_captured()->codes[0] == ENOMEM);
  check_capture_reset();
  CHECK(ri_calloc(check_hide(CHECK_HUGE(40)), check_hide(CHECK_HUGE(40))) == NULL);
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == EOVERFLOW);
  check_capture_reset();
  CHECK(ri_malloc_aligned_at(check_hide(SIZE_MAX), 64, 8) == NULL);  // 63 more are needed
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == EOVERFLOW);
  check_capture_reset();
  CHECK(ri_malloc(check_hide(CHECK_HUGE(60))) == NULL);
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == ENOMEM);
  check_capture_stop();
}

static void quiet_after_max_errors(void) {
  check_capture_start();
  ri_option_set(ri_option_max_errors, 1000000);
  for (int i = 0; i < 40; i++)
    free_something_foreign();
  CHECK_MSG(times_in(check_captured()->text, "invalid pointer") == 40, "%s",
            check_captured()->text);
  CHECK(check_captured()->errors == 40);
  check_capture_reset();
  ri_option_set(ri_option_max_errors, 0);
  for (int i = 0; i < 10; i++)
    free_something_foreign();
  CHECK_MSG(times_in(check_captured()->text, "invalid pointer") == 0, "%s", check_captured()->text);
  CHECK(check_captured()->errors == 10);  // a program that asked for errors gets them all
  check_capture_reset();
  ri_option_set(ri_option_max_errors, 1000000);
  ri_option_set(ri_option_show_errors, 0);
  free_something_foreign();
  CHECK_MSG(check_captured()->text[0] == '\0', "%s", check_captured()->text);
  CHECK(check_captured()->errors == 1);
  ri_option_set(ri_option_show_errors, 1);
  check_capture_stop();
}

// Runs `run` in a child with standard error in `text`; returns the status.
static int in_child(void (*run)(void), char* text, size_t capacity) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    run();
    _exit(0);
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
  return status;
}

static void abort_on_error(void) {
  ri_option_set(ri_option_abort_on_error, 1);
  free_something_foreign();
}

static void to_standard_error(void) {
  char text[4096];
  int status = in_child(free_something_foreign, text, sizeof(text));
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_MSG(times_in(text, "invalid pointer") == 1, "%s", text);
  status = in_child(abort_on_error, text, sizeof(text));
  CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x", (unsigned)status);
  CHECK_MSG(times_in(text, "invalid pointer") == 1, "%s", text);
}

static void own_output(const char* message, void* arg) {
  size_t* const length = arg;
  *length += strlen(message);
}

static void statistics_are_printed(void) {
  check_capture_start();
  size_t length = 0;
  ri_stats_print_out(own_output, &length);
  CHECK(length > 50);
  CHECK(check_captured()->length == 0);
  ri_stats_print_out(NULL, NULL);
  CHECK(check_captured()->length > 50);
  check_capture_reset();
  ri_stats_print(NULL);
  CHECK(check_captured()->length > 50);
  check_capture_stop();
}

int main(void) {
  // The first output reaches standard error's replacement even before any allocation.
  arguments_arrive();
  out_of_memory_is_told();
  quiet_after_max_errors();
  to_standard_error();
  statistics_are_printed();
  check_heap_intact();
  return 0;
}
