// SPDX-License-Identifier: MIT
// launch.c: starts one program, waits for it, and says what it cost.
//
//   launch INTERVAL_MS LIMIT_S OUT ERR PROGRAM [ARGUMENT ...]
//
// The program gets OUT and ERR as standard output and error, /dev/null as input, and the value of
// BENCH_PRELOAD as LD_PRELOAD. Printed as JSON: status (exit code, or minus the signal), wall, user
// and system seconds, peak resident KiB, faults, context switches, and samples [ms, KiB] of
// resident memory every INTERVAL_MS (0: none). After LIMIT_S seconds the program's process group is
// killed.
//
// Why not the runner itself: Linux starts the peak of a new program at the size of the process that
// forked it, and a Python process is larger than many programs measured here. This one is linked
// statically and needs a few hundred kibibytes.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 4096

typedef struct sample_s {
  unsigned ms;
  unsigned kib;
} sample_t;

static sample_t samples[SAMPLES_MAX];
static size_t sample_count;

static void fail(const char* what) {
  fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
  exit(125);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void redirect(const char* path, int flags, int to) {
  const int fd = open(path, flags, 0644);
  if (fd < 0 || dup2(fd, to) < 0) fail(path);
  close(fd);
}

static void start(char** argv, const sigset_t* signals) {
  setpgid(0, 0);
  redirect("/dev/null", O_RDONLY, STDIN_FILENO);
  redirect(argv[3], O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
  redirect(argv[4], O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
  sigprocmask(SIG_UNBLOCK, signals, NULL);
  const char* const preload = getenv("BENCH_PRELOAD");
  if (preload != NULL && preload[0] != '\0') setenv("LD_PRELOAD", preload, 1);
  unsetenv("BENCH_PRELOAD");
  execvp(argv[5], argv + 5);
  fail(argv[5]);
}

static void sample(int fd, double since) {
  char text[128];
  const ssize_t length = pread(fd, text, sizeof text - 1, 0);
  if (length <= 0 || sample_count == SAMPLES_MAX) return;
  text[length] = '\0';
  const char* const space = strchr(text, ' ');
  if (space == NULL) return;
  const unsigned kib =
      (unsigned)strtoul(space, NULL, 10) * (unsigned)(sysconf(_SC_PAGESIZE) / 1024);
  samples[sample_count++] = (sample_t){(unsigned)((now() - since) * 1000), kib};
}

static void print(int status, double wall, const struct rusage* usage) {
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  printf("{\"status\":%d,\"wall\":%.6f", code, wall);
  printf(",\"user\":%ld.%06ld", (long)usage->ru_utime.tv_sec, (long)usage->ru_utime.tv_usec);
  printf(",\"sys\":%ld.%06ld", (long)usage->ru_stime.tv_sec, (long)usage->ru_stime.tv_usec);
  printf(",\"peak\":%ld,\"minor\":%ld,\"major\":%ld", usage->ru_maxrss, usage->ru_minflt,
         usage->ru_majflt);
  printf(",\"voluntary\":%ld,\"involuntary\":%ld,\"samples\":[", usage->ru_nvcsw, usage->ru_nivcsw);
  for (size_t i = 0; i < sample_count; i++) {
    printf("%s[%u,%u]", i == 0 ? "" : ",", samples[i].ms, samples[i].kib);
  }
  printf("]}\n");
}

int main(int argc, char** argv) {
  if (argc < 6) {
    fprintf(stderr, "usage: launch INTERVAL_MS LIMIT_S OUT ERR PROGRAM [ARGUMENT ...]\n");
    return 125;
  }
  const long interval = strtol(argv[1], NULL, 10);
  const double limit = strtod(argv[2], NULL);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  const double begin = now();
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) start(argv, &signals);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
  const int statm = interval > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  const long wait_ms = interval > 0 ? interval : 500;
  const struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};
  struct rusage usage;
  int status;
  while (wait4(pid, &status, WNOHANG, &usage) == 0) {
    if (statm >= 0) sample(statm, begin);
    if (now() - begin > limit) kill(-pid, SIGKILL);
    (void)sigtimedwait(&signals, NULL, &wait);
  }
  print(status, now() - begin, &usage);
  return 0;
}
