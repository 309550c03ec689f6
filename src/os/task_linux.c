// SPDX-License-Identifier: MIT
// task_linux.c: a task beside the program's threads (os.h), made by the kernel's clone and not by
// pthread_create: that takes locks of the C library, under which it also calls malloc and free; it
// tells the C library, and so the program, that there are several threads; and what a library does
// to all threads it would do to this one too.
//
//   one mapping:  | guard page | stack ........ | thread-local data ..... ^ ........ |
//                                                                 thread pointer
//
// What code finds by way of the thread pointer is at distances from it that are the same in every
// thread: so the task gets as much memory on both sides as the variables that it uses are away, and
// some more for what the C library keeps there (errno, a stack protector's word). All of it is zero
// at the start of each task, but for the pointer to itself that x86-64 wants.
//
// The mapping stays: a task that has ended is asked for again when there is as much to do.
//
// CONCURRENCY: rix_os_task_start by whoever may begin a task (os/task.h), which orders all that is
// plain here; the rest by any thread.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // MAP_ANONYMOUS
#endif
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/bits.h"
#include "os/linux.h"
#include "os/os.h"
#include "os/sys.h"

#ifndef SYS_futex
#define SYS_futex SYS_futex_time64
#endif

enum {
  TASK_STACK = 64 * 1024,
  TASK_MARGIN = 4096,  // on each side of the thread pointer, for what the C library keeps there
  TASK_SPAN_MAX = 256 * 1024 * 1024,
  // As in <linux/futex.h>, which a libc need not have. Nobody waits for the end of a task with a
  // lock held, so to look again soon is as good as being told.
  TASK_FUTEX_WAIT = 128,
  TASK_FUTEX_WAKE = 129,
  TASK_SETMASK = 2,
  TASK_LOOK_MS = 2,
  TASK_LOOKS = 2000,
  TASK_CPU_CLOCK = 6,             // of one task, in the low bits of a clock's number
  TASK_CAPABILITIES = 0x20080522  // version 3 of the call's structures
};

static struct {
  ri_atomic_u32_t xid;           // of the task, until it uses no memory any more: then 0
  ri_atomic_u32_t xlast;         // the id of the last one
  ri_atomic(uint32_t) xprocess;  // that started it; 0 none did
  ri_atomic(size_t) xbytes;
  uint8_t* map;
  uint8_t* pointer;   // the task's thread pointer
  uint8_t* stack;     // its end
  size_t from, size;  // of the data, in the mapping
  void (*run)(void);
  bool drops;  // the rights of root
} task;

// A call whose failure is no news.
static long task_call(long number, long a, long b, long c, long d) {
  const int saved = errno;
  const long result = rix_sys_call(number, a, b, c, d, 0, 0);
  errno = saved;
  return result;
}

void rix_os_wait_on(ri_atomic_u32_t* word, uint32_t value, uint64_t ms) {
  const long time[2] = {(long)(ms / 1000), (long)(ms % 1000) * 1000000};  // the kernel's timespec
  (void)task_call(SYS_futex, (long)&word->v, TASK_FUTEX_WAIT, (long)value, (long)time);
}

void rix_os_wake_all(ri_atomic_u32_t* word) {
  (void)task_call(SYS_futex, (long)&word->v, TASK_FUTEX_WAKE, INT32_MAX, 0);
}

uint64_t rix_os_task_us(void) {
  struct timespec t = {0, 0};
  const int saved = errno;
  (void)rix_sys_clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  errno = saved;
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

size_t rix_os_task_bytes(void) { return ri_load_relaxed(&task.xbytes); }

// ---- What is known ------------------------------------------------------------------------------

static uint32_t task_process(void) { return (uint32_t)task_call(SYS_getpid, 0, 0, 0, 0); }

static clockid_t task_clock(uint32_t id) { return (clockid_t)(~id << 3) | TASK_CPU_CLOCK; }

// Whether the calling thread is the one that the C library takes it for. A child of vfork is not:
// it runs on the memory of its parent, and must not have a task that works there. The number of the
// clock is made of the id that the C library has noted, without a call of the system.
static bool task_is_thread(void) {
  clockid_t clock;
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return false;
  return clock == task_clock((uint32_t)task_call(SYS_gettid, 0, 0, 0, 0));
}

bool rix_os_task_can(void) {
  return RIX_SYS_TASKS != 0 && !rix_os_is_privileged() && task_is_thread();
}

bool rix_os_is_init(void) { return task_process() == 1; }

void rix_os_task_forget(void) {
  ri_store_relaxed(&task.xid, 0);
  ri_store_relaxed(&task.xlast, 0);
  ri_store_relaxed(&task.xprocess, 0);
}

bool rix_os_task_is_lost(void) {
  if (ri_load_relaxed(&task.xid) == 0) return false;
  if (task_process() == ri_load_relaxed(&task.xprocess)) return false;
  rix_os_task_forget();
  return true;
}

bool rix_os_is_filtered(void) {
  static const char name[] = "\nSeccomp:";
  char text[4096];
  rix_linux_read_file("/proc/thread-self/status", text, sizeof(text));
  for (const char* p = text; *p != '\0'; p++) {
    if (__builtin_strncmp(p, name, sizeof(name) - 1) != 0) continue;
    p += sizeof(name) - 1;
    while (*p == ' ' || *p == '\t')
      p++;
    return *p != '0';
  }
  return true;
}

extern __typeof__(dlsym) dlsym __attribute__((weak));

bool rix_os_is_name_of(const char* name, void (*fun)(void)) {
  const uintptr_t found = dlsym != NULL ? (uintptr_t)dlsym(RTLD_DEFAULT, name) : 0;
  // A static program, which has no loader, may contain dlsym: it finds nothing.
  return found == (uintptr_t)fun || (found == 0 && getauxval(AT_BASE) == 0);
}

int rix_os_control(int option, const unsigned long words[4]) {
  return (int)rix_sys_call(SYS_prctl, option, (long)words[0], (long)words[1], (long)words[2],
                           (long)words[3], 0);
}

int rix_os_unshare(int flags) { return (int)rix_sys_call(SYS_unshare, flags, 0, 0, 0, 0, 0); }

int rix_os_setns(int file, int type) {
  return (int)rix_sys_call(SYS_setns, file, type, 0, 0, 0, 0);
}

bool rix_os_control_filters(int option) {
  return option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS;
}

// ---- Its memory ---------------------------------------------------------------------------------

// Maps the stack and the data, once.
static bool task_map(const void* const* locals) {
  if (task.map != NULL) return true;
  const uintptr_t pointer = rix_sys_thread_pointer();
  const size_t page = rix_os_page_size();
  uintptr_t from = pointer, to = pointer;
  for (; *locals != NULL; locals++)
    rix_linux_widen(&from, &to, *locals, sizeof(ri_tls_t));
  rix_linux_locals(&from, &to);
  rix_linux_widen(&from, &to, &errno, sizeof(errno));
  from = (from - TASK_MARGIN) / page * page;  // so that each thing is aligned as it is elsewhere
  const size_t span = rix_align_up(to + TASK_MARGIN - from, page);
  const size_t before = page + rix_align_up(TASK_STACK, page);
  if (span > TASK_SPAN_MAX) return false;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  uint8_t* const map = rix_sys_mmap(NULL, before + span, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (map == MAP_FAILED) return false;
  if (rix_sys_mmap(map, page, PROT_NONE, flags | MAP_FIXED, -1, 0) == MAP_FAILED) {
    (void)rix_sys_munmap(map, before + span);
    return false;
  }
  task.map = map;
  task.stack = map + before;
  task.pointer = task.stack + (pointer - from);
  task.from = before;
  task.size = span;
  ri_store_relaxed(&task.xbytes, before + span);
  return true;
}

// The data as it is in no thread: zero, without writing to all of it.
static bool task_clear(void) {
  if (rix_sys_madvise(task.map + task.from, task.size, MADV_DONTNEED) != 0) return false;
  void* self = task.pointer;
#if defined(__x86_64__)
  __builtin_memcpy(task.pointer, &self, sizeof(self));
  __builtin_memcpy(task.pointer + 2 * sizeof(self), &self, sizeof(self));
#else
  RIX_UNUSED(self);
#endif
  return true;
}

// ---- Its life -----------------------------------------------------------------------------------

// What the program gives up meanwhile, this task must not keep: setuid and its like tell only the
// threads that the C library knows. So it does without from the beginning. Only root has any rights
// to speak of, and a filter may kill for the call.
static void task_drop_rights(void) {
  if (!task.drops) return;
  const uint32_t header[2] = {TASK_CAPABILITIES, 0};
  const uint32_t none[6] = {0, 0, 0, 0, 0, 0};
  (void)task_call(SYS_capset, (long)header, (long)none, 0, 0);
}

static void task_main(void) {
  ri_store_relaxed(&task.xlast, ri_load_relaxed(&task.xid));
  task_drop_rights();
  task.run();
  while (true)
    (void)rix_sys_call(SYS_exit, 0, 0, 0, 0, 0, 0);
}

// It gets no signals, and inherits that. Where it is refused for anything but a lack of tasks or
// memory, it always will be.
static rix_os_begun_t task_clone(void) {
  const uint64_t all = UINT64_MAX;
  uint64_t before = 0;
  const long masked =
      task_call(SYS_rt_sigprocmask, TASK_SETMASK, (long)&all, (long)&before, sizeof(all));
  if (masked != 0) return RIX_OS_NEVER;
  const long id = rix_sys_clone(task_main, task.stack, task.pointer, &task.xid.v);
  const bool lacks = errno == EAGAIN || errno == ENOMEM;
  (void)task_call(SYS_rt_sigprocmask, TASK_SETMASK, (long)&before, 0, sizeof(all));
  if (id > 0) return RIX_OS_BEGUN;
  ri_store_relaxed(&task.xid, 0);
  return lacks ? RIX_OS_NOT_NOW : RIX_OS_NEVER;
}

rix_os_begun_t rix_os_task_start(void (*run)(void), const void* const* locals, bool filtered) {
  if (RIX_SYS_TASKS == 0) return RIX_OS_NEVER;
  if (ri_load_relaxed(&task.xid) != 0) return RIX_OS_NOT_NOW;
  const int saved = errno;
  rix_os_begun_t begun = RIX_OS_NOT_NOW;
  if (task_map(locals) && task_clear()) {
    task.run = run;
    task.drops = !filtered && getauxval(AT_EUID) == 0;
    ri_store_relaxed(&task.xprocess, task_process());
    begun = task_clone();
  }
  errno = saved;
  return begun;
}

// Whether the kernel knows no such task any more in this process. (Its word was cleared a moment
// before that.) By a call that programs under filters may make.
static bool task_is_gone(uint32_t id) {
  struct timespec t = {0, 0};
  const int saved = errno;
  const bool known = rix_sys_clock_gettime(task_clock(id), &t) == 0;
  errno = saved;
  return !known;
}

void rix_os_task_wait(void) {
  for (uint32_t id; (id = ri_load_relaxed(&task.xid)) != 0;)
    rix_os_wait_on(&task.xid, id, TASK_LOOK_MS);
  const uint32_t last = ri_load_relaxed(&task.xlast);
  if (last == 0) return;
  static ri_atomic_u32_t nothing;
  for (int i = 0; i < TASK_LOOKS && !task_is_gone(last); i++) {
    const long time[2] = {0, 20000};
    (void)task_call(SYS_futex, (long)&nothing.v, TASK_FUTEX_WAIT, 0, (long)time);
  }
  ri_store_relaxed(&task.xlast, 0);  // its number may become another's
}
