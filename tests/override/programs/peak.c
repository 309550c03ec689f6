// SPDX-License-Identifier: MIT
// peak.c PRELOAD COMMAND...: prints the lowest peak of resident memory, in KiB, of 7 runs of the
// command, with PRELOAD ("" for none) in LD_PRELOAD. The kernel counts what the parent had at the
// time of the exec as well, so the parent must be small: this, and not a shell or an interpreter.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long run_once(const char* preload, char** command) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (dup2(open("/dev/null", O_WRONLY), 1) < 0) _exit(126);
    if (preload[0] != '\0') setenv("LD_PRELOAD", preload, 1);
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  if (wait4(pid, &status, 0, &usage) != pid || status != 0) {
    fprintf(stderr, "%s ended with status %d\n", command[0], status);
    exit(1);
  }
  return usage.ru_maxrss;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  long lowest = run_once(argv[1], argv + 2);
  for (int i = 1; i < 7; i++) {
    const long peak = run_once(argv[1], argv + 2);
    if (peak < lowest) lowest = peak;
  }
  printf("%ld\n", lowest);
  return 0;
}
