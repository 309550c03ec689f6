// SPDX-License-Identifier: MIT
// sandbox_task.c: which system calls the scavenger makes once it runs: those of this list and no
// others (docs/lifecycle.md has it). A filter that kills for any other is laid over all threads of
// the process while it waits for its time; then it has to do its work and end behind it.
// Catches: a file, a credential, an id that it asks for, or a lock that it polls by another call.
#if !__has_include(<linux/filter.h>)

#include "../check.h"

int main(void) { check_skip("there are no headers of the kernel"); }

#else

#include "../check.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef SECCOMP_FILTER_FLAG_TSYNC
#define SECCOMP_FILTER_FLAG_TSYNC 1
#endif

// The last four are this test's own.
static const int allowed[] = {SYS_munmap,    SYS_madvise, SYS_futex,   SYS_clock_gettime,
                              SYS_exit,      SYS_write,   SYS_pread64, SYS_clock_nanosleep,
                              SYS_exit_group};
enum { ALLOWED = sizeof(allowed) / sizeof(allowed[0]), NO_SECCOMP = 8, FINE = 7, BLOCKS = 131072 };

static void close_the_door(void) {
  static struct sock_filter code[2 * ALLOWED + 2];
  unsigned short n = 0;
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                           (unsigned)offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < ALLOWED; i++) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  const struct sock_fprog program = {n, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
    _exit(NO_SECCOMP);
  }
}

static size_t resident(int statm) {
  char text[128];
  const ssize_t n = pread(statm, text, sizeof(text) - 1, 0);
  CHECK(n > 0);
  text[n] = '\0';
  char* at;
  (void)strtoul(text, &at, 10);
  return strtoul(at, NULL, 10);
}

// Whether the task has begun and waits for its time: it sleeps.
static bool sleeps(void) {
  DIR* const all = opendir("/proc/self/task");
  CHECK(all != NULL);
  bool found = false;
  for (struct dirent* e; (e = readdir(all)) != NULL;) {
    const long id = strtol(e->d_name, NULL, 10);
    if (id == 0 || id == getpid()) continue;
    char path[64], text[256];
    snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", id);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = '\0';
    found = strstr(text, ") S ") != NULL;
  }
  closedir(all);
  return found;
}

static void in_child(void) {
  static void* blocks[BLOCKS];
  const int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  CHECK(statm >= 0);
  ri_scavenger_allow();
  ri_option_set(ri_option_purge_delay, 1000);
  const size_t before = resident(statm);
  for (size_t i = 0; i < BLOCKS; i++) {
    CHECK((blocks[i] = ri_malloc(1000)) != NULL);
    memset(blocks[i], 1, 1000);
  }
  const size_t most = resident(statm);
  for (size_t i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  const uint64_t until = check_now_ms() + 10000;
  while (!sleeps())
    CHECK(check_now_ms() < until);
  close_the_door();  // this program's prctl is not the library's
  const struct timespec t = {0, 10000000};
  for (int i = 0; i < 1500 && resident(statm) - before > (most - before) / 10; i++)
    nanosleep(&t, NULL);
  CHECK_MSG(resident(statm) - before <= (most - before) / 10, "%zu, %zu, %zu", before, most,
            resident(statm));
  for (int i = 0; i < 20; i++)
    nanosleep(&t, NULL);  // until it has ended, or a little before
  _exit(FINE);
}

int main(void) {
  check_watchdog(60);
  if (check_sanitized()) check_skip("a sanitizer makes system calls of its own");
  if (check_counted()) check_skip("counts of lines are written to files");
  if (check_emulated()) check_skip("an emulator makes system calls of its own");
#if !defined(__x86_64__) && !defined(__aarch64__) && !(defined(__riscv) && __riscv_xlen == 64)
  check_skip("there is none on this processor");
#endif
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) in_child();
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == NO_SECCOMP)
    check_skip("there is no seccomp here");
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == FINE, "status %x", (unsigned)status);
  return 0;
}

#endif
