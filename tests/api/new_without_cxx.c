// SPDX-License-Identifier: MIT
// new_without_cxx.c: ri_new and its relatives in a program without C++: they allocate; the nothrow
// forms return NULL when there is no memory; the others say so and abort. Catches: a library that
// needs a C++ library, a NULL where the caller expects none.
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

void __cxa_throw(void) __attribute__((weak));

static void call_new(size_t size) { (void)!ri_new(size); }
static void call_new_n(size_t size) { (void)!ri_new_n(size, 100); }
static void call_new_aligned(size_t size) { (void)!ri_new_aligned(size, 64); }
static void call_new_realloc(size_t size) { (void)!ri_new_realloc(NULL, size); }
static void call_new_reallocn(size_t size) { (void)!ri_new_reallocn(NULL, size / 10, 10); }
static void call_heap_new(size_t size) { (void)!ri_heap_alloc_new(NULL, size); }
// What no memory could help.
static void call_overflow(size_t size) { (void)!ri_new_reallocn(NULL, size, 10); }
static void call_heap_overflow(size_t size) { (void)!ri_heap_alloc_new_n(NULL, size, 10); }
static void call_bad_alignment(size_t size) { (void)!ri_new_aligned(10, size - 1); }

static int last_code;
static void on_error(int code, void* arg) {
  (void)arg;
  last_code = code;
}

// By _exit the child leaves what coverage counted.
static void on_abort(int number) {
  (void)number;
  _exit(last_code == ENOMEM ? 9 : 8);
}

static void aborts(void (*call)(size_t size)) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(ends[1], 2);
    CHECK(signal(SIGABRT, on_abort) != SIG_ERR);
    ri_register_error(on_error, NULL);
    call(check_hide(CHECK_LARGEST));
    _exit(0);
  }
  close(ends[1]);
  char text[512] = "";
  const ssize_t n = read(ends[0], text, sizeof(text) - 1);
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 9, "status %x", (unsigned)status);
  CHECK_MSG(n > 0 && strstr(text, "no memory for") != NULL, "%s", text);
}

int main(void) {
  if (__cxa_throw != NULL) check_skip("a C++ library is linked, as some sanitizers need it");
  ri_free(ri_new(100));
  ri_free(ri_new_n(10, 10));
  ri_free(ri_new_aligned(100, 64));
  ri_free(ri_new_nothrow(100));
  ri_free(ri_new_aligned_nothrow(100, 64));
  ri_free(ri_new_reallocn(ri_new_realloc(NULL, 10), 10, 10));
  CHECK(ri_new_nothrow(check_hide(CHECK_LARGEST)) == NULL);
  CHECK(ri_new_aligned_nothrow(check_hide(CHECK_LARGEST), 64) == NULL);
  CHECK(ri_new_aligned_nothrow(10, check_hide(48)) == NULL);
  CHECK(ri_new_aligned_nothrow(10, check_hide(0)) == NULL);
  aborts(call_new);
  aborts(call_new_n);
  aborts(call_new_aligned);
  aborts(call_new_realloc);
  aborts(call_new_reallocn);
  aborts(call_heap_new);
  aborts(call_overflow);
  aborts(call_heap_overflow);
  aborts(call_bad_alignment);
  CHECK(ri_audit());
  return 0;
}
