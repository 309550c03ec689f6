// SPDX-License-Identifier: MIT
// os_hook_allocates.c: functions for memory of the OS and commit functions are called with locks
// held and must not call the allocator (rimalloc/hooks.h, rimalloc/arena.h). One that does so where
// it would have to wait for a lock of its own thread gets a message and an abort, in every build,
// instead of a process that hangs. Catches: the hang, which the watchdog ends.
#include "../check.h"

#include <signal.h>
#include <sys/wait.h>

static void (*wrong)(void);
static bool inside;

static bool on_event(ri_os_event_t event, void* p, size_t size, void* arg) {
  (void)event, (void)p, (void)size, (void)arg;
  if (!inside) {
    inside = true;
    wrong();
    inside = false;
  }
  return true;
}

static bool on_commit(bool commit, void* start, size_t size, bool* is_zero, void* arg) {
  *is_zero = false;
  return on_event(commit ? RI_OS_COMMIT : RI_OS_DECOMMIT, start, size, arg);
}

// Each needs the lock under which an arena is reserved or memory is given back.
static void allocates(void) {
  for (size_t i = 0; i < 200; i++)
    (void)!ri_malloc((size_t)1 << 20);
  ri_collect(true);
}
static void forks(void) {
  if (fork() == 0) _exit(0);
}

static void reserves(void) {
  ri_register_os_memory(on_event, NULL);
  for (size_t i = 0; i < 300; i++)
    (void)!ri_malloc((size_t)1 << 20);
}
static void gives_back(void) {
  static uint8_t memory[8 * CHECK_MIB];
  ri_arena_id_t id;
  inside = true;
  CHECK(ri_manage_memory(memory, sizeof(memory), false, false, false, -1, true, on_commit, NULL,
                         &id));
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  void* const p = ri_heap_malloc(heap, 1000000);
  CHECK(p != NULL);
  ri_free(p);
  inside = false;
  ri_collect(true);
}

static void dies(void (*does)(void), void (*run)(void), const char* name) {
  wrong = does;
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    (void)alarm(20);
    CHECK(dup2(ends[1], STDERR_FILENO) >= 0);
    run();
    _exit(0);
  }
  close(ends[1]);
  char text[1000];
  const ssize_t n = read(ends[0], text, sizeof(text) - 1);
  text[n > 0 ? n : 0] = '\0';
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s: status %x: %s", name,
            (unsigned)status, text);
  CHECK_MSG(strncmp(text, "rimalloc: ", 10) == 0, "%s: %s", name, text);
}

int main(void) {
  if (check_emulated()) check_skip("an emulator reports how a program died in its own way");
  ri_option_set(ri_option_arena_reserve, 16384);
  dies(allocates, reserves, "a function for memory of the OS allocates");
  dies(forks, reserves, "a function for memory of the OS forks");
  dies(allocates, gives_back, "a commit function allocates");
  dies(forks, gives_back, "a commit function forks");
  return 0;
}
