// SPDX-License-Identifier: MIT
// no_memory_hook.c: the function for lack of memory (rimalloc/hooks.h) at unusual times: it takes
// itself off or puts another in its place, comes from another thread, is called while a thread or
// the process ends. Catches: a call of a function that is not registered any more, a retry that is
// given up or counted wrongly, small blocks that call it while a lock is held.
// (Ordinary calls: tests/api/program_hooks.c.)
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

static const size_t large = (size_t)500 * CHECK_MIB;
static size_t first_calls, second_calls;
static int first_mark, second_mark;
static pthread_t caller;
static void* reserve;  // freed by the functions, once

static void limit(bool on) {
  const size_t kib = check_summary().reserved / 1024 + (size_t)100 * 1024;
  ri_option_set(ri_option_limit_address_space, on ? (long)kib : 0);
}

// Lets go of the reserve, and leaves a mess in errno.
static ri_oom_t let_go(void) {
  errno = 99;
  if (reserve == NULL) return RI_OOM_FAIL;
  ri_free(reserve);
  reserve = NULL;
  return RI_OOM_RETRY;
}

static ri_oom_t second(size_t size, unsigned attempt, void* arg) {
  CHECK(arg == &second_mark && size >= 100);
  CHECK_MSG(attempt == first_calls + second_calls, "attempt %u", attempt);
  second_calls++;
  return let_go();
}

static ri_oom_t replaces_itself(size_t size, unsigned attempt, void* arg) {
  CHECK(arg == &first_mark && size == large && attempt == first_calls);
  first_calls++;
  ri_register_out_of_memory(second, &second_mark);
  return RI_OOM_RETRY;
}

static ri_oom_t leaves(size_t size, unsigned attempt, void* arg) {
  CHECK(arg == &first_mark && size == large && attempt == 0);
  first_calls++;
  ri_register_out_of_memory(NULL, NULL);
  (void)let_go();
  return RI_OOM_RETRY;
}

static ri_oom_t counts(size_t size, unsigned attempt, void* arg) {
  CHECK_MSG(arg == &first_mark && size >= 100 && attempt == 0, "%p, %zu, attempt %u", arg, size,
            attempt);
  CHECK(pthread_equal(pthread_self(), caller) != 0);
  first_calls++;
  return let_go();
}

static void begin(ri_oom_fun* fun, bool with_reserve) {
  first_calls = second_calls = 0;
  caller = pthread_self();
  reserve = with_reserve ? ri_malloc(large) : NULL;
  CHECK(!with_reserve || reserve != NULL);
  limit(true);
  ri_register_out_of_memory(fun, &first_mark);
  errno = 0;
}

static void end(void* p, size_t first_expected, size_t second_expected) {
  CHECK_ERRNO(p != NULL ? 0 : ENOMEM);
  CHECK_MSG(first_calls == first_expected && second_calls == second_expected, "%zu and %zu calls",
            first_calls, second_calls);
  ri_register_out_of_memory(NULL, NULL);
  limit(false);
  ri_free(p);
}

static void comes_and_goes(void) {
  begin(replaces_itself, true);
  void* p = ri_malloc(large);
  CHECK(p != NULL);
  end(p, 1, 1);
  begin(replaces_itself, false);  // the other one has nothing to give
  p = ri_malloc(large);
  CHECK(p == NULL);
  end(p, 1, 1);
  begin(leaves, true);
  p = ri_calloc(1, large);
  CHECK(p != NULL);
  end(p, 1, 0);
  begin(leaves, false);  // "again" holds, but nobody is asked any more
  p = ri_malloc(large);
  CHECK(p == NULL);
  end(p, 1, 0);
}

// ---- Threads ------------------------------------------------------------------------------------

static void* registers(void* arg) {
  ri_register_out_of_memory(counts, arg);
  return NULL;
}

static void* asks(void* arg) {
  caller = pthread_self();
  *(void**)arg = ri_malloc(large);
  CHECK(errno == 0);
  return NULL;
}

static void from_another_thread(void) {
  begin(NULL, true);
  check_in_thread(registers, &first_mark);
  void* p = ri_malloc(large);
  CHECK(p != NULL);
  end(p, 1, 0);
  begin(counts, true);  // in the thread that has no memory, whoever registered it
  check_in_thread(asks, &p);
  CHECK(p != NULL);
  end(p, 1, 0);
}

static ri_heap_t* little;  // may hold nothing more

static void late(void* value) {
  CHECK(ri_heap_theap(NULL) == NULL);
  caller = pthread_self();
  errno = 0;
  *(void**)value = ri_malloc(large);
  CHECK(*(void**)value != NULL && first_calls == 1 && reserve == NULL);
  CHECK_ERRNO(0);
  CHECK(ri_malloc(large) == NULL && first_calls == 2);
  CHECK_ERRNO(ENOMEM);
  // Small blocks: with a heap it is asked, without one not.
  errno = 0;
  CHECK(ri_heap_malloc(little, 100) == NULL && first_calls == 3);
  CHECK_ERRNO(ENOMEM);
  ri_option_set(ri_option_limit_address_space, (long)(check_summary().reserved / 1024));
  void* list = NULL;
  void* block;
  while ((block = ri_malloc(8000)) != NULL) {
    memcpy(block, &list, sizeof(list));
    list = block;
  }
  CHECK_MSG(list != NULL && first_calls == 3, "%zu calls", first_calls);
  CHECK_ERRNO(ENOMEM);
  while (list != NULL) {
    block = list;
    memcpy(&list, block, sizeof(list));
    ri_free(block);
  }
}

static void* allocates(void* arg) {
  ri_free(ri_malloc(1));
  return arg;
}

static void in_a_thread_that_ends(void) {
  little = ri_heap_new();
  CHECK(little != NULL && ri_heap_set_quota(little, 1));
  void* p = NULL;
  begin(counts, true);
  check_late(allocates, late, &p);
  CHECK(p != NULL);
  errno = 0;
  end(p, 3, 0);
  ri_heap_destroy(little);
}

// ---- The end of the process ---------------------------------------------------------------------

static bool ending;  // in the child
static size_t ended;

static void asks_at_the_end(void) {
  begin(counts, true);
  void* const p = ri_malloc(large);
  CHECK(p != NULL);
  end(p, 1, 0);
  ended++;
}

__attribute__((destructor)) static void last(void) {
  if (!ending) return;
  asks_at_the_end();
  CHECK(ended == 2);
  _exit(42);
}

static int status_of(pid_t child) {
  int status = 0;
  CHECK(child >= 0 && waitpid(child, &status, 0) == child);
  return status;
}

static void when_the_process_ends(void) {
  const pid_t child = fork();
  if (child == 0) {
    ending = true;
    CHECK(atexit(asks_at_the_end) == 0);
    exit(1);
  }
  const int status = status_of(child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %x", (unsigned)status);
}

// ---- It says: abort -----------------------------------------------------------------------------

static ri_oom_t gives_up(size_t size, unsigned attempt, void* arg) {
  (void)size, (void)arg;
  return attempt < 3 ? RI_OOM_RETRY : RI_OOM_ABORT;
}

static void writes(const char* message, void* arg) {
  CHECK(write(*(const int*)arg, message, strlen(message)) > 0);
}

static void aborts_with_a_message(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    ri_register_output(writes, &ends[1]);
    begin(gives_up, false);
    ri_free(ri_malloc(large));
    _exit(1);
  }
  const int status = status_of(child);
  CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x", (unsigned)status);
  char text[1000];
  CHECK(close(ends[1]) == 0);
  const ssize_t n = read(ends[0], text, sizeof(text) - 1);
  CHECK(n > 0);
  text[n] = '\0';
  CHECK_MSG(strstr(text, "no memory for 524288000 bytes") != NULL, "%s", text);
  CHECK(close(ends[0]) == 0);
}

int main(void) {
  check_watchdog(60);
  ri_register_output(check_capture_output, check_captured());  // failures are asked for above
  comes_and_goes();
  from_another_thread();
  in_a_thread_that_ends();
  when_the_process_ends();
  aborts_with_a_message();
  check_heap_intact();
  return 0;
}
