// SPDX-License-Identifier: MIT
// scavenger.c: programs that free much and sleep, or nearly (scavenger.sh). They measure without
// malloc. Exit code 0: as it should be; 77: cannot be tried here.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 256 * 1024, MIB = 1024 * 1024, SKIPPED = 77 };

static void* blocks[BLOCKS];
static int statm = -1;

#define NEED(e) ((e) ? (void)0 : failed(#e, __LINE__))
static void failed(const char* what, int line) {
  char text[200];
  const int n = snprintf(text, sizeof(text), "line %d: %s\n", line, what);
  if (write(2, text, (size_t)n) < 0) _exit(2);
  _exit(1);
}

static size_t resident(void) {
  char text[128];
  if (statm < 0) statm = open("/proc/self/statm", O_RDONLY);
  const ssize_t n = pread(statm, text, sizeof(text) - 1, 0);
  NEED(n > 0);
  text[n] = '\0';
  char* at;
  (void)strtoul(text, &at, 10);
  return strtoul(at, NULL, 10) * 4096;
}
static size_t threads(void) {
  static char text[8192];
  const int fd = open("/proc/self/status", O_RDONLY);
  const ssize_t n = read(fd, text, sizeof(text) - 1);
  close(fd);
  NEED(n > 0);
  text[n] = '\0';
  return strtoul(strstr(text, "\nThreads:") + 9, NULL, 10);
}
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
static void doze(long ms) {
  const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

static void fill(size_t n) {
  for (size_t i = 0; i < n; i++)
    memset(blocks[i] = malloc(1000), 1, 1000);
}
static void drop(size_t n) {
  for (size_t i = 0; i < n; i++)
    free(blocks[i]);
}

// Whether no more than that is resident within some seconds, doing nothing meanwhile, or little.
static int falls_to(size_t bytes, double seconds, int works) {
  const double until = now() + seconds;
  while (resident() > bytes && now() < until) {
    doze(10);
    if (works) free(malloc(64));
  }
  if (resident() > bytes) fprintf(stderr, "%zu MiB are resident\n", resident() / MIB);
  return resident() <= bytes;
}
static int is_alone(double seconds) {
  const double until = now() + seconds;
  while (threads() != 1 && now() < until)
    doze(10);
  return threads() == 1;
}

static void asleep(void) {
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(falls_to(6 * MIB, 10, 0));
  NEED(is_alone(10));
}
static void few(void) {
  fill(50000);
  drop(50000);
  NEED(threads() == 1);
}
static void nothing(void) {
  fill(BLOCKS);
  char* const more = malloc((size_t)1 << 30);
  memset(more, 1, (size_t)300 << 20);
  NEED(threads() == 1);
}
static void never(void) {
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 1);
}
static void shrink(void) {
  const size_t size = (size_t)256 << 20;
  char* p = malloc(size);
  memset(p, 1, size);
  p = realloc(p, 1 << 20);
  NEED(falls_to(6 * MIB, 10, 0));
  free(p);
}
// From much to little, of which some is replaced now and then.
static void lightly(void) {
  enum { LARGE = 8192, COUNT = 512 * MIB / LARGE, KEPT = COUNT / 40 };
  static void* large[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    memset(large[i] = malloc(LARGE), 1, LARGE);
  for (size_t i = KEPT; i < COUNT; i++)
    free(large[i]);
  const size_t live = KEPT * (size_t)LARGE;
  const double until = now() + 10;
  for (size_t i = 0; now() < until && resident() > live * 13 / 10 + 6 * MIB; i++) {
    free(large[i % KEPT]);
    memset(large[i % KEPT] = malloc(LARGE), 1, LARGE);
    doze(1);
  }
  NEED(falls_to(live * 13 / 10 + 6 * MIB, 1, 0));
}
// Nothing but malloc(64) and free, which never leaves the fast path.
static void idle_traffic(void) {
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(falls_to(8 * MIB, 10, 1));
}
static void forks(void) {
  for (int i = 0; i < 20; i++) {
    fill(BLOCKS / 2);
    drop(BLOCKS / 2);
    const pid_t child = fork();
    if (child == 0) _exit(threads() == 1 ? 0 : 1);
    NEED(threads() == 1);
    int status = 0;
    NEED(waitpid(child, &status, 0) == child && status == 0);
  }
}

// Namespaces of which some are only for a process with one thread.
static void namespaces(void) {
  const int mounts = open("/proc/self/ns/mnt", O_RDONLY);
  NEED(mounts >= 0);
  doze(1100);
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 2);
  NEED(setns(mounts, CLONE_NEWNS) == 0 || errno == EPERM);
  NEED(threads() == 1);
  fill(BLOCKS);
  drop(BLOCKS);
  doze(1100);
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 2);
  NEED(unshare(CLONE_NEWUSER) == 0 || errno == EPERM || errno == ENOSPC);
  NEED(unshare(-1) == -1 && errno == EINVAL);
  NEED(setns(-1, 0) == -1 && errno == EBADF);
}
// Programs are started while it runs, which share its memory for a moment, and may not end it.
static void starts(void) {
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 2);
  const double until = now() + 0.5;
  for (int i = 0; i < 200 && now() < until; i++) {
    char* const arguments[] = {(char*)"true", NULL};
    pid_t child;
    NEED(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, NULL) == 0);
    int status = 0;
    NEED(waitpid(child, &status, 0) == child && status == 0);
    child = vfork();
    if (child == 0) {
      execl("/bin/true", "true", (char*)NULL);
      _exit(1);
    }
    NEED(waitpid(child, &status, 0) == child && status == 0);
  }
  NEED(falls_to(8 * MIB, 10, 0) && is_alone(10));
}
// Very many forks while there is always much to return.
static void many_forks(void) {
  fill(BLOCKS);
  for (int i = 0; i < 10000; i++) {
    if (i % 1000 == 0) {
      drop(BLOCKS);
      fill(BLOCKS);
      drop(BLOCKS);
      fill(20000);
    }
    const pid_t child = fork();
    if (child == 0) _exit(threads() == 1 ? 0 : 1);
    NEED(child > 0 && threads() == 1);
    int status = 0;
    NEED(waitpid(child, &status, 0) == child && status == 0);
    if (i % 1000 == 999) fill(BLOCKS);
  }
}

// ---- Filters ------------------------------------------------------------------------------------

static int unseen_filter;  // by system calls that the library does not see

// Kills for all but what docs/lifecycle.md lists, and what this program does to find out.
static void close_the_door(void) {
  static const int allowed[] = {SYS_mmap,    SYS_munmap,          SYS_mremap,    SYS_madvise,
                                SYS_futex,   SYS_clock_gettime,   SYS_write,     SYS_exit_group,
                                SYS_pread64, SYS_clock_nanosleep, SYS_nanosleep, SYS_writev};
  enum { N = sizeof(allowed) / sizeof(allowed[0]) };
  struct sock_filter code[2 * N + 2];
  unsigned short n = 0;
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                           (unsigned)offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < N; i++) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  const struct sock_fprog program = {n, code};
  if (unseen_filter) {
    if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
      _exit(SKIPPED);
    }
    return;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    _exit(SKIPPED);
  }
}

static void in_a_child(void (*run)(void)) {
  const pid_t child = fork();
  if (child == 0) {
    run();
    _exit(0);
  }
  int status = 0;
  NEED(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) _exit(SKIPPED);
  if (status != 0) fprintf(stderr, "status %x\n", (unsigned)status);
  NEED(status == 0);
}
// It frees much behind a filter.
static void behind(void) {
  doze(1100);
  (void)resident();
  close_the_door();
  fill(BLOCKS);
  drop(BLOCKS);
  (void)falls_to(6 * MIB, 2, 1);
}
// The filter comes when the task is there already.
static void meanwhile(void) {
  doze(1100);
  (void)resident();
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 2);
  close_the_door();
  (void)falls_to(6 * MIB, 2, 1);
}
// A system that has no more than one task for a program, or has forgotten the call.
static void without_tasks(void) {
  enum { N = 2 };
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  doze(1100);
  if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    _exit(SKIPPED);
  }
  for (int i = 0; i < N; i++) {
    fill(BLOCKS);
    drop(BLOCKS);
    NEED(threads() == 1 && errno == 0);
  }
}
static void limited(void) {
  const struct rlimit one = {1, 1};
  doze(1100);
  if (geteuid() != 0) _exit(SKIPPED);  // somebody who has other processes
  NEED(setrlimit(RLIMIT_NPROC, &one) == 0);
  if (setgid(64321) != 0 || setuid(64321) != 0) _exit(SKIPPED);
  errno = 0;
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 1 && errno == 0);
  free(malloc(100));
}
// A filter that nobody saw, in a program that forbids the task.
static void unseen(void) {
  doze(1100);
  (void)resident();
  unseen_filter = 1;
  close_the_door();
  fill(BLOCKS);
  drop(BLOCKS);
  (void)falls_to(6 * MIB, 1, 1);
}
// What comes before a filter is enough to be careful.
static void careful(void) {
  doze(1100);
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 2);
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
  NEED(threads() == 1);
  fill(BLOCKS);
  drop(BLOCKS);
  NEED(threads() == 1);
  NEED(prctl(-1, 0, 0, 0, 0) == -1 && errno == EINVAL);
}

int main(int argc, char** argv) {
  const char* const way = argc > 1 ? argv[1] : "";
  const struct {
    const char* name;
    void (*run)(void);
  } ways[] = {{"asleep", asleep},   {"few", few},
              {"nothing", nothing}, {"never", never},
              {"shrink", shrink},   {"lightly", lightly},
              {"fork", forks},      {"idle_traffic", idle_traffic},
              {"starts", starts},   {"unseen", unseen},
              {"limited", limited}, {"many_forks", many_forks}};
  for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
    if (strcmp(way, ways[i].name) != 0) continue;
    ways[i].run();
    return 0;
  }
  if (strcmp(way, "filter_first") == 0) return in_a_child(behind), 0;
  if (strcmp(way, "filter_later") == 0) return in_a_child(meanwhile), 0;
  if (strcmp(way, "without_tasks") == 0) return in_a_child(without_tasks), 0;
  if (strcmp(way, "namespaces") == 0) return in_a_child(namespaces), 0;
  if (strcmp(way, "no_new_privileges") == 0) return in_a_child(careful), 0;
  return 2;
}
