// SPDX-License-Identifier: MIT
// scavenger.c: memory goes back while the program sleeps, by a task of the library's own, of which
// the program notices nothing: each thing that could notice it, in a process of its own, while the
// task runs. Programs that have malloc from this library get it by default
// (tests/override/scavenger.sh); this one allows it.
// Catches: no task, or one that does nothing, or stays; one at a fork, after ri_scavenger_stop, for
// little memory, in a child of vfork; a signal that goes to it; rights that it keeps.
#include "../check.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { BLOCKS = 128 * 1024, SIZE = 1000, PATIENCE = 10000, SKIPPED = 77 };

extern char __libc_single_threaded __attribute__((weak));

static void* blocks[BLOCKS];

static void fill(size_t n) {
  for (size_t i = 0; i < n; i++) {
    CHECK((blocks[i] = ri_malloc(SIZE)) != NULL);
    memset(blocks[i], 1, SIZE);
  }
}
static void drop(size_t n) {
  for (size_t i = 0; i < n; i++)
    ri_free(blocks[i]);
}

// A field of a file of /proc, behind its name and white space; no calls of malloc.
static size_t field(const char* path, const char* name, int base) {
  static char text[8192];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK_MSG(fd >= 0, "%s: %d", path, errno);
  size_t length = 0;
  for (ssize_t n; (n = read(fd, text + length, sizeof(text) - 1 - length)) > 0;)
    length += (size_t)n;
  close(fd);
  text[length] = '\0';
  const char* const at = strstr(text, name);
  CHECK_MSG(at != NULL, "%s has no %s", path, name);
  return (size_t)strtoull(at + strlen(name), NULL, base);
}
// An emulator has some of its own.
static size_t others;
static size_t threads(void) { return field("/proc/self/status", "\nThreads:", 10) - others; }

static void wait_ms(long ms) {
  const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}
static bool becomes(size_t count) {
  const uint64_t until = check_now_ms() + PATIENCE;
  while (threads() != count && check_now_ms() < until)
    wait_ms(5);
  return threads() == count;
}

static int64_t runs(void) {
  ri_stats_t s;
  ri_stats_init(&s);
  CHECK(ri_stats_get(&s));
  return s.scavenger_runs.total;
}

// Much is freed, and a task there for it.
static void begin(void) {
  ri_scavenger_allow();
  fill(BLOCKS);
  CHECK_MSG(threads() == 1, "%zu threads before anything was freed", threads());
  drop(BLOCKS);
  CHECK_MSG(threads() == 2, "%zu threads when all was freed", threads());
}

// The id of the task.
static long task_id(void) {
  long found = 0;
  DIR* const all = opendir("/proc/self/task");
  CHECK(all != NULL);
  for (struct dirent* e; (e = readdir(all)) != NULL;) {
    const long id = strtol(e->d_name, NULL, 10);
    if (id != 0 && id != getpid()) found = id;
  }
  closedir(all);
  return found;
}

// ---- What is done in processes of their own -----------------------------------------------------

static void returns(void) {
  const size_t before = check_resident();
  const int64_t had = runs();
  ri_option_set(ri_option_purge_delay, 300);
  ri_scavenger_allow();
  fill(BLOCKS);
  CHECK(threads() == 1);
  drop(BLOCKS);
  const uint64_t until = check_now_ms() + PATIENCE;
  const size_t little = before + (check_emulated() ? (size_t)60 : 12) * CHECK_MIB;
  while (check_resident() > little && check_now_ms() < until)
    wait_ms(5);
  CHECK_MSG(check_resident() <= little, "%zu KiB, %zu before", check_resident() / 1024,
            before / 1024);
  CHECK_MSG(becomes(1), "%zu threads when all is done", threads());
  CHECK(runs() == had + 1);
  ri_stats_t s;
  ri_stats_init(&s);
  CHECK(ri_stats_get(&s));
  // Where a program is slow it returns some itself.
  CHECK(check_emulated() || s.scavenger_returned.total > 50 * CHECK_MIB);
  CHECK(s.scavenger_us.total > 0 && s.retained.current < 12 * CHECK_MIB);
  CHECK(ri_audit());
  // And again.
  fill(BLOCKS);
  drop(BLOCKS);
  CHECK(runs() == had + 2 && becomes(1));
  if (&__libc_single_threaded != NULL) CHECK(__libc_single_threaded != 0);
}

static void not_for_little(void) {
  ri_scavenger_allow();
  fill(BLOCKS / 4);
  drop(BLOCKS / 4);
  CHECK(threads() == 1);
  ri_option_set(ri_option_scavenger_min, 1024);
  ri_option_set(ri_option_purge_delay, 300);
  fill(BLOCKS / 4);
  drop(BLOCKS / 4);
  CHECK(runs() == 1 && becomes(1));
}

static void not_for_nothing(void) {
  ri_scavenger_allow();
  fill(BLOCKS);
  void* const large = ri_malloc((size_t)300 << 20);
  CHECK(large != NULL);
  memset(large, 1, (size_t)100 << 20);
  CHECK(threads() == 1);
}

static void not_unasked(void) {  // this program has not malloc from here
  fill(BLOCKS);
  drop(BLOCKS);
  CHECK(threads() == 1);
  ri_option_set(ri_option_scavenger, 2);
  fill(BLOCKS);
  const uint64_t until = check_now_ms() + PATIENCE;
  do {
    wait_ms(100);
    drop(BLOCKS);
    fill(BLOCKS);
  } while (runs() == 0 && check_now_ms() < until);
  CHECK(runs() > 0);
}

static void not_by_option(void) {
  ri_option_set(ri_option_scavenger, 0);
  ri_scavenger_allow();
  fill(BLOCKS);
  drop(BLOCKS);
  CHECK(threads() == 1 && runs() == 0);
}

static void stops(void) {
  begin();
  ri_scavenger_stop();
  CHECK_MSG(threads() == 1, "%zu threads after the stop", threads());
  const int64_t before = runs();
  fill(BLOCKS);
  drop(BLOCKS);
  CHECK(threads() == 1);
  ri_scavenger_stop();  // no more than once
  ri_scavenger_allow();
  fill(BLOCKS);
  drop(BLOCKS);
  CHECK(threads() == 2 && runs() == before + 1);
  // What wants to be alone in its process.
  ri_scavenger_stop();
  if (!check_emulated() && unshare(CLONE_NEWUSER) != 0) {
    CHECK_MSG(errno != EINVAL, "the kernel sees another thread");
  }
}

static bool told(ri_os_event_t event, void* p, size_t size, void* arg) {
  (void)event, (void)p, (void)size;
  CHECK(*(pid_t*)arg == (pid_t)syscall(SYS_gettid));
  return true;
}

static void not_with_hooks(void) {
  static pid_t me;
  me = (pid_t)syscall(SYS_gettid);
  begin();
  CHECK(ri_register_os_memory(told, &me));
  CHECK(threads() == 1);
  fill(BLOCKS);
  drop(BLOCKS);
  CHECK(threads() == 1);
  CHECK(ri_register_os_memory(NULL, NULL));
}

static void forks(void) {
  begin();
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(threads() == 1 && ri_audit());
    fill(BLOCKS);
    drop(BLOCKS);
    _exit(0);
  }
  CHECK_MSG(threads() == 1, "%zu threads directly after a fork", threads());
  fill(1000);
  drop(1000);
  CHECK(threads() == 1);  // nor a moment later
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  // It comes back for what is there, though not at once.
  const uint64_t until = check_now_ms() + PATIENCE;
  while (threads() == 1 && check_now_ms() < until) {
    fill(BLOCKS);
    drop(BLOCKS);
    wait_ms(5);
  }
  CHECK(threads() == 2);
}

static void forks_often(void) {
  ri_option_set(ri_option_scavenger, 2);
  const size_t times = check_scaled(300);
  for (size_t i = 0; i < times; i++) {
    ri_scavenger_allow();  // now, and not in a second
    fill(3000);
    drop(3000);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(threads() == 1 ? 0 : 1);
    CHECK(threads() == 1);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
}

static void child_of_vfork(void) {
  ri_scavenger_allow();
  fill(BLOCKS);
  const pid_t child = vfork();
  CHECK(child >= 0);
  if (child == 0) {
    drop(BLOCKS);  // not legal, and done
    _exit(threads() == 1 ? 0 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static _Atomic(int) handled;
static pid_t handled_by;
static void handler(int number) {
  (void)number;
  handled_by = (pid_t)syscall(SYS_gettid);
  handled++;
}

static void signals(void) {
  CHECK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handler}, NULL) == 0);
  begin();
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%ld/status", task_id());
  const size_t blocked = field(path, "\nSigBlk:", 16);
  // But KILL and STOP. An emulator keeps some for itself.
  CHECK_MSG(check_emulated() || (blocked | 0x40100) == (size_t)-1, "blocked are %zx", blocked);
  sigset_t own;
  CHECK(sigprocmask(SIG_SETMASK, NULL, &own) == 0 && sigismember(&own, SIGUSR1) == 0);
  for (int i = 1; i <= 100; i++) {
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(handled == i && handled_by == getpid());
  }
}

static void gives_rights_up(void) {
  if (getuid() != 0) check_skip("only root has rights to give up");
  begin();
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%ld/status", task_id());
  // The first thing that it does. It may not have got to it: or the watchdog ends this.
  while (field(path, "\nCapEff:", 16) != 0 || field(path, "\nCapPrm:", 16) != 0)
    sched_yield();
  CHECK(setgid(65534) == 0 && setuid(65534) == 0);
  CHECK(field("/proc/self/status", "\nUid:", 10) == 65534);
}

static void not_as_init(void) {
  if (unshare(CLONE_NEWPID) != 0) check_skip("no process of number 1 may be made here");
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(getpid() == 1);
    ri_scavenger_allow();
    fill(BLOCKS);
    drop(BLOCKS);
    _exit(runs() == 0 ? 0 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void exits(void) {
  begin();
  exit(0);
}

static void leaves(void) {  // with it at work
  begin();
  _exit(0);
}

static void executes(void) {
  if (check_emulated()) check_skip("an emulator is not executed again");
  begin();
  char text[32];
  snprintf(text, sizeof(text), "%zu", others);
  execl("/proc/self/exe", "scavenger", "executed", text, (char*)NULL);
  CHECK_MSG(false, "exec: %d", errno);
}

static pthread_barrier_t* both[2];
static void* stays(void* arg) {
  ri_free(ri_malloc(100));
  pthread_barrier_wait(both[0]);
  pthread_barrier_wait(both[1]);
  return arg;
}

// A quarter is enough where there are several threads.
static void with_threads(void) {
  ri_scavenger_allow();
  fill(BLOCKS / 4);
  static pthread_barrier_t there, done;
  both[0] = &there;
  both[1] = &done;
  CHECK(pthread_barrier_init(&there, NULL, 2) == 0 && pthread_barrier_init(&done, NULL, 2) == 0);
  const pthread_t other = check_start(stays, NULL);
  pthread_barrier_wait(&there);
  drop(BLOCKS / 4);
  CHECK(threads() == 3);
  ri_scavenger_stop();
  CHECK(threads() == 2);
  pthread_barrier_wait(&done);
  check_join(other);
}

static void main_ends(void) {
  begin();
  pthread_exit(NULL);  // the process ends with the last thread that the C library knows
}

typedef struct way_s {
  const char* name;
  void (*run)(void);
} way_t;

static const way_t ways[] = {
    {"it returns what is unused, and ends", returns},
    {"none for little", not_for_little},
    {"none for nothing", not_for_nothing},
    {"none unasked", not_unasked},
    {"none by option", not_by_option},
    {"it stops", stops},
    {"none beside hooks for memory", not_with_hooks},
    {"fork", forks},
    {"fork often", forks_often},
    {"vfork", child_of_vfork},
    {"signals", signals},
    {"rights", gives_rights_up},
    {"process 1", not_as_init},
    {"exit", exits},
    {"_exit", leaves},
    {"exec", executes},
    {"threads", with_threads},
    {"the first thread ends", main_ends},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

int main(int argc, char** argv) {
  check_watchdog(300);
  if (argc > 1 && strcmp(argv[1], "executed") == 0) {
    return threads() == strtoul(argv[2], NULL, 10) + 1 ? 0 : 1;
  }
  if (check_sanitized()) check_skip("there is none under a sanitizer");
#if !defined(__x86_64__) && !defined(__aarch64__) && !(defined(__riscv) && __riscv_xlen == 64)
  check_skip("there is none on this processor");
#endif
  ri_option_set(ri_option_purge_delay, 5000);  // so that a task is there for so long
  for (size_t i = 0; i < WAYS; i++) {
    if (argc > 1 && strstr(ways[i].name, argv[1]) == NULL) continue;
    printf("%s\n", ways[i].name);
    fflush(stdout);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      others = threads() - 1;
      ways[i].run();
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    const bool held =
        WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SKIPPED);
    CHECK_MSG(held, "%s: status %x", ways[i].name, (unsigned)status);
  }
  return 0;
}
