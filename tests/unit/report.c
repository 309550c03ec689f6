// SPDX-License-Identifier: MIT
// report.c: messages have their prefix and end, keep errno, are truncated rather than overrun when
// long, reach the hook whole, and several threads may report at once.
#include "options/report.h"

#include "options/options.h"
#include "../check.h"

static size_t message_count;
static char last[2000];
static void whole(const char* message, void* arg) {
  CHECK(arg == last);
  message_count++;
  CHECK(strlen(message) < sizeof(last));
  memcpy(last, message, strlen(message) + 1);
}

static void forms(void) {
  ri_register_output(whole, last);
  errno = 17;
  rix_message("plain %d\n", 5);
  CHECK(strcmp(last, "plain 5\n") == 0);
  rix_error(EINVAL, "wrong %s", "thing");
  CHECK(strcmp(last, "rimalloc: error: wrong thing\n") == 0);
  rix_warning("odd %s", "thing");
  CHECK(strcmp(last, "rimalloc: warning: odd thing\n") == 0);
  CHECK_ERRNO(17);
  CHECK(message_count == 3);
}

static void long_messages(void) {
  static char text[5000];
  for (size_t length = 300; length < sizeof(text); length += 37) {
    memset(text, 'x', length);
    text[length] = '\0';
    rix_error(EINVAL, "%s", text);
    const size_t n = strlen(last);
    CHECK_MSG(n > 200 && n < 1000, "%zu bytes", n);
    CHECK_MSG(last[n - 1] == '\n' && last[n - 2] == 'x', "ends with %s", last + n - 8);
    rix_message("%s", text);
    CHECK(strlen(last) > 200 && last[strlen(last) - 1] == 'x');
  }
}

static void results(void) {
  check_capture_start();
  errno = 0;
  CHECK(rix_out_of_memory(100) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(check_captured()->errors == 1 && check_captured()->codes[0] == ENOMEM);
  CHECK(rix_overflow() == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(check_captured()->errors == 2 && check_captured()->codes[1] == EOVERFLOW);
  CHECK(rix_bad_argument() == NULL);
  CHECK_ERRNO(EINVAL);
  CHECK(check_captured()->length == 0);
  check_capture_stop();
}

static void* reports(void* arg) {
  for (int i = 0; i < 100; i++)
    rix_error(EINVAL, "from %zu", (size_t)(uintptr_t)arg);
  return NULL;
}

static void many_threads(void) {
  check_capture_start();
  ri_option_set(ri_option_max_errors, 100000);
  pthread_t threads[4];
  for (size_t t = 0; t < 4; t++)
    threads[t] = check_start(reports, (void*)(t + 1));
  for (size_t t = 0; t < 4; t++)
    check_join(threads[t]);
  CHECK(check_captured()->errors == 400);
  size_t lines = 0;
  for (const char* at = check_captured()->text; *at != '\0'; at += strcspn(at, "\n") + 1) {
    CHECK_MSG(strncmp(at, "rimalloc: error: from ", 22) == 0, "%.40s", at);
    lines++;
  }
  CHECK_MSG(lines == 400, "%zu lines", lines);
  check_capture_stop();
}

int main(void) {
  ri_option_set(ri_option_max_errors, 100000);
  forms();
  long_messages();
  results();
  many_threads();
  return 0;
}
