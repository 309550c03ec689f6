// SPDX-License-Identifier: MIT
// lifecycle.c PART: what docs/lifecycle.md promises and no other program here tests. Each part is a
// process of its own:
//   exec        a thread forks; its child allocates, frees blocks of threads that it has not, forks
//               and executes another program; vfork and posix_spawn do too
//   atfork      handlers of fork allocate and free, whether they were there before the allocator's
//               or came after
//   main_first  the main thread ends first, and the others go on with its blocks
//   exit_busy   exit while threads allocate, through every kind of destructor
//   quick_exit  allocation in handlers of quick_exit
//   signal      a handler allocates where it does not interrupt the allocator
#include "ours.h"

#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

enum { THREADS = 3, SLOTS = 64 };

static void* slots[SLOTS];
static int stop;

static size_t a_size(uint64_t* rng) { return 16 + check_any_size(rng, 200 * CHECK_KIB); }

// A block that says its own size, and so can be checked by anybody.
static void* sized(size_t size) {
  void* const p = malloc(size);
  CHECK(p != NULL && ours(p));
  check_fill_sparse(p, size, size);
  memcpy(p, &size, sizeof(size));
  return p;
}

static void sized_free(void* p) {
  if (p == NULL) return;
  size_t size = 0;
  memcpy(&size, p, sizeof(size));
  CHECK(malloc_usable_size(p) >= size);
  const uint64_t first = check_word(size, 0);
  memcpy(p, &first, sizeof(first));
  CHECK_FILLED_SPARSE(p, size, size);
  free(p);
}

static void exchange(uint64_t* rng) {
  sized_free(
      __atomic_exchange_n(&slots[check_below(rng, SLOTS)], sized(a_size(rng)), __ATOMIC_ACQ_REL));
}

static void* busy(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    exchange(&rng);
    if (check_below(&rng, 50) == 0) free(malloc((size_t)300 * CHECK_MIB));
  }
  return NULL;
}

static void wait_for(pid_t pid, const char* what) {
  CHECK_MSG(pid > 0, "%s: %s", what, strerror(errno));
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(status == 0, "%s: status %x", what, (unsigned)status);
}

// ---- exec ---------------------------------------------------------------------------------------

// This program again; the kernel cannot start what is emulated.
static char* const again_plain[] = {(char*)"lifecycle", (char*)"executed", NULL};
static char* const again_emulated[] = {
    (char*)"sh", (char*)"-c", (char*)"exec $RIMALLOC_EMULATOR \"$LIFECYCLE\" executed", NULL};
static char* const* again = again_plain;
static const char* again_path = "/proc/self/exe";

static void prepare_again(const char* program) {
  if (!check_emulated()) return;
  setenv("LIFECYCLE", program, 1);
  again = again_emulated;
  again_path = "/bin/sh";
}

static void exec_child(uint64_t seed) {
  check_watchdog(20);
  uint64_t rng = seed;
  for (int i = 0; i < 200; i++)
    exchange(&rng);
  const pid_t pid = fork();
  if (pid == 0) {
    exchange(&rng);
    execv(again_path, again);
    _exit(3);
  }
  wait_for(pid, "grandchild");
  execv(again_path, again);
  _exit(4);
}

static void* forks(void* arg) {
  for (uint64_t i = 0; i < 10; i++) {
    pid_t pid = fork();
    if (pid == 0) exec_child(i);
    wait_for(pid, "fork in a thread");
    CHECK(posix_spawn(&pid, again_path, NULL, NULL, again, environ) == 0);
    wait_for(pid, "posix_spawn");
    pid = vfork();
    if (pid == 0) {
      execv(again_path, again);
      _exit(5);
    }
    wait_for(pid, "vfork");
  }
  return arg;
}

static void part_exec(void) { check_in_thread(forks, NULL); }

// ---- atfork -------------------------------------------------------------------------------------

static int handlers;

// Of all kinds, and all given back: takes every lock there is.
static void allocate_all(void) {
  for (size_t size = 8; size < CHECK_MIB; size = size * 2 + 8) {
    void* blocks[5];
    for (int i = 0; i < 5; i++)
      blocks[i] = sized(size);
    for (int i = 0; i < 5; i++)
      sized_free(blocks[i]);
  }
  free(malloc((size_t)300 * CHECK_MIB));
  (void)malloc_trim(0);
  handlers++;
}

static void atfork_register(void) {
  CHECK(pthread_atfork(allocate_all, allocate_all, allocate_all) == 0);
}

static void in_preinit(void) { atfork_register(); }
typedef void(initializer_t)(void);
__attribute__((section(".preinit_array"), used)) static initializer_t* const preinit = in_preinit;

static void part_atfork(void) {
  atfork_register();
  for (uint64_t i = 0; i < 20; i++) {
    handlers = 0;
    const pid_t pid = fork();
    CHECK_MSG(handlers == 4, "%d handlers have run", handlers);
    if (pid == 0) {
      check_watchdog(20);
      exchange(&i);
      _exit(0);
    }
    wait_for(pid, "child");
  }
}

// ---- The main thread first ----------------------------------------------------------------------

static pthread_t main_thread;

static void at_exit(void) {
  for (size_t i = 0; i < SLOTS; i++)
    sized_free(slots[i]);
  allocate_all();
}

static void* outlives(void* arg) {
  void* result;
  CHECK(pthread_join(main_thread, &result) == 0);
  uint64_t rng = 1;
  for (int i = 0; i < 5000; i++)
    exchange(&rng);
  exit(arg != NULL ? 1 : 0);
}

static void part_main_first(void) {
  CHECK(atexit(at_exit) == 0);
  for (size_t i = 0; i < SLOTS; i++)
    slots[i] = sized(100 + i * 300);
  main_thread = pthread_self();
  (void)check_start(outlives, NULL);
  pthread_exit(NULL);
}

// ---- Exit ---------------------------------------------------------------------------------------

static void* in_static;

__attribute__((destructor(101))) static void last_destructor(void) {
  if (in_static == NULL) return;
  sized_free(in_static);
  allocate_all();
}

static void part_exit_busy(void) {
  in_static = sized(5000);
  CHECK(atexit(allocate_all) == 0);
  uint64_t rng = 9;
  for (int i = 0; i < 1000; i++)
    exchange(&rng);
  exit(0);
}

static void at_quick_exit_handler(void) {
  allocate_all();
  sized_free(slots[0]);
}

static void part_quick_exit(void) {
  CHECK(at_quick_exit(at_quick_exit_handler) == 0);
  slots[0] = sized(1000);
  quick_exit(0);
}

// ---- Signals ------------------------------------------------------------------------------------

static volatile sig_atomic_t handled;

static void handler(int number) {
  (void)number;
  allocate_all();
  handled = 1;
}

static void part_signal(void) {
  const struct sigaction action = {.sa_handler = handler};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  sigset_t blocked, open;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  CHECK(pthread_sigmask(SIG_BLOCK, &blocked, &open) == 0);
  for (int i = 0; i < 20; i++) {
    handled = 0;
    CHECK(raise(SIGUSR1) == 0);
    allocate_all();  // the signal is blocked: no handler interrupts
    CHECK(handled == 0);
    CHECK(sigsuspend(&open) == -1 && errno == EINTR);
    CHECK(handled == 1);
  }
}

// -------------------------------------------------------------------------------------------------

int main(int argc, char** argv) {
  prepare_again(argv[0]);
  static const struct {
    const char* name;
    void (*run)(void);
    bool threads;  // others allocate meanwhile
  } parts[] = {{"exec", part_exec, true},
               {"atfork", part_atfork, true},
               {"main_first", part_main_first, false},
               {"exit_busy", part_exit_busy, true},
               {"quick_exit", part_quick_exit, false},
               {"signal", part_signal, true}};
  check_watchdog(100);
  CHECK(argc == 2);
  if (strcmp(argv[1], "executed") == 0) {
    allocate_all();
    return 0;
  }
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    if (strcmp(argv[1], parts[i].name) != 0) continue;
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS && parts[i].threads; t++)
      threads[t] = check_start(busy, (void*)(t + 1));
    parts[i].run();
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (size_t t = 0; t < THREADS && parts[i].threads; t++)
      check_join(threads[t]);
    return 0;
  }
  CHECK_MSG(false, "no part '%s'", argv[1]);
}
