// SPDX-License-Identifier: MIT
// sealed_os_fail.c: options and the program's functions lie in a page that cannot be written to
// once the process has started: a stray write faults there. Setting them still works, from several
// threads at once and in a forked child, and leaves the page as it was; where the OS refuses, all
// stay what they were, and a warning says so.
#include "../check.h"
#include "../os_fail.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options/sealed.h"

enum { THREADS = 4, TURNS = 2000 };

static bool refuse;

static int os_answer(os_call_t* call) {
  const bool opens = call->kind == OS_PROTECT && call->at == (void*)&rix_sealed_page;
  return opens && refuse && (call->access & PROT_WRITE) != 0 ? EPERM : OS_PASS;
}

// Whether a child that writes there is stopped.
static bool is_sealed(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    *(volatile uint8_t*)&rix_sealed_page = 1;
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void* set(void* arg) {
  const ri_option_t option = arg != NULL ? ri_option_purge_delay : ri_option_max_errors;
  for (long i = 0; i < TURNS; i++)
    ri_option_set(option, i);
  return NULL;
}

static void set_in_threads(void) {
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, set, i % 2 == 0 ? NULL : threads) == 0);
  for (size_t i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(ri_option_get(ri_option_purge_delay) == TURNS - 1);
  CHECK(ri_option_get(ri_option_max_errors) == TURNS - 1);
}

static void set_in_child(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    ri_option_set(ri_option_purge_delay, 77);
    _exit(ri_option_get(ri_option_purge_delay) == 77 && is_sealed() ? 0 : 1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static char said[400];

static void hear(const char* message, void* arg) {
  (void)arg;
  snprintf(said, sizeof(said), "%s", message);
}

static void error(int code, void* arg) { (void)code, (void)arg; }

static void refused(void) {
  ri_register_output(hear, NULL);
  ri_register_error(error, said);
  refuse = true;
  ri_option_set(ri_option_purge_delay, 5);
  CHECK(strstr(said, "option purge_delay: the OS refuses") != NULL);
  said[0] = '\0';
  ri_register_error(NULL, NULL);
  CHECK(strstr(said, "the OS refuses") != NULL);
  refuse = false;
  CHECK(ri_option_get(ri_option_purge_delay) == TURNS - 1);
  CHECK(rix_sealed.error == error && rix_sealed.error_arg == said);
  CHECK(is_sealed());
}

int main(void) {
  check_watchdog(60);
  CHECK(ri_malloc(1) != NULL);
  if (rix_os_page_size() > RIX_SEALED_BYTES) check_skip("OS pages are larger than what is sealed");
  CHECK(is_sealed());
  ri_option_set(ri_option_purge_delay, 12);
  CHECK(ri_option_get(ri_option_purge_delay) == 12 && is_sealed());
  set_in_threads();
  set_in_child();
  CHECK(is_sealed());
  refused();
  return 0;
}
