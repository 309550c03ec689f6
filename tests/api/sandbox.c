// SPDX-License-Identifier: MIT
// sandbox.c: which system calls are made after the start: those of this list and no others
// (docs/lifecycle.md has it as a table). A filter of seccomp kills the process for any other, as
// systemd's and OpenSSH's do. Everything that is no explicit request for something of the OS is
// done behind it: by a thread that allocated before, by one that did not, and in a process whose
// first allocation it is. Then again where calls of the list are refused with an error: then the
// allocator does without.
// Catches: a limit, a file, a page's state, a number of the process or a protection that is asked
// for when it is needed; an error taken for anything but no.
#if !__has_include(<linux/filter.h>)

#include "../check.h"

int main(void) { check_skip("there are no headers of the kernel"); }

#else

#include "calls.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifdef SYS_mmap2
enum { MAP_CALL = SYS_mmap2 };
#else
enum { MAP_CALL = SYS_mmap };
#endif

// mprotect is for options that are set; the last two are this test's own.
static const int allowed[] = {MAP_CALL,          SYS_munmap,   SYS_mremap, SYS_madvise,   SYS_futex,
                              SYS_clock_gettime, SYS_mprotect, SYS_write,  SYS_exit_group};
enum { ALLOWED = sizeof(allowed) / sizeof(allowed[0]), NO_SECCOMP = 8, FINE = 7 };

// From here on; `refused` fails with `error` (0: no call does).
static void close_the_door(int refused, unsigned error) {
  static struct sock_filter code[2 * ALLOWED + 4];
  unsigned short n = 0;
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                           (unsigned)offsetof(struct seccomp_data, nr));
  if (refused != 0) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }
  for (size_t i = 0; i < ALLOWED; i++) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  const struct sock_fprog program = {n, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    _exit(NO_SECCOMP);
  }
}

static void say(const char* name) {
  if (write(STDOUT_FILENO, name, strlen(name)) < 0 || write(STDOUT_FILENO, "\n", 1) < 0) _exit(1);
}

static void everything(void) {
  for (long delay = 10; delay >= 0; delay -= 10) {
    ri_option_set(ri_option_purge_delay, delay);
    for (size_t i = 0; i < CALLS_COUNT; i++) {
      if ((calls_all[i].kind & CALLS_PROCESS) != 0) continue;
      say(calls_all[i].name);
      calls_all[i].make();
    }
  }
  // A size that there is not; and so many blocks that the page map and the arenas grow.
  CHECK(ri_malloc(check_hide(CHECK_HUGE(50))) == NULL);
  enum { MANY = 600 };
  static void* blocks[MANY];
  for (size_t i = 0; i < MANY; i++)
    CHECK((blocks[i] = ri_malloc((size_t)1 << 20)) != NULL);
  void* const large = CHECK_SIZE_BITS == 32 ? NULL : ri_malloc(CHECK_HUGE(36));
  ri_free(large);
  for (size_t i = 0; i < MANY; i++)
    ri_free(blocks[i]);
  ri_collect(true);
  ri_thread_done();
  calls_small();
}

static void* in_a_new_thread(void* arg) {
  (void)arg;
  close_the_door(0, 0);
  everything();
  _exit(FINE);
}

typedef struct list_s {
  const char* name;
  int refused;
  unsigned error;
} list_t;

static const list_t lists[] = {
    {"nothing but the list", 0, 0},
    {"mremap is refused", SYS_mremap, EPERM},
    {"mremap is not there", SYS_mremap, ENOSYS},
    {"madvise is refused", SYS_madvise, EPERM},
    {"futex is refused", SYS_futex, EPERM},
    {"the clock is refused", SYS_clock_gettime, EPERM},
};
enum { LISTS = sizeof(lists) / sizeof(lists[0]), NEW_THREAD = LISTS, NEW_PROCESS };

static void in_child(int way) {
  if (way == NEW_PROCESS) check_become("first");
  if (way == NEW_THREAD) {
    check_in_thread(in_a_new_thread, NULL);
  } else {
    ri_free(ri_malloc(100));
    close_the_door(lists[way].refused, lists[way].error);
    everything();
    _exit(FINE);
  }
}

int main(int argc, char** argv) {
  check_watchdog(60);
  if (check_sanitized()) check_skip("a sanitizer makes system calls of its own");
  if (check_counted()) check_skip("counts of lines are written to files");
  ri_register_output(calls_ignore, NULL);
  if (argc > 1 && strcmp(argv[1], "first") == 0) {
    close_the_door(0, 0);
    everything();
    _exit(FINE);
  }
  for (int way = 0; way <= NEW_PROCESS; way++) {
    const char* const name = way < LISTS         ? lists[way].name
                             : way == NEW_THREAD ? "a new thread"
                                                 : "the first allocation";
    say(name);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) in_child(way);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == NO_SECCOMP) check_skip("there is no seccomp here");
    CHECK_MSG(code == FINE, "%s: %s %d, at the last step above", name,
              WIFSIGNALED(status) ? "signal" : "exit code",
              WIFSIGNALED(status) ? WTERMSIG(status) : code);
  }
  return 0;
}

#endif
