// SPDX-License-Identifier: MIT
// faults.h: an OS that fails on request. A test defines `scenario`, which frees everything in the
// end and takes every refusal for what it is: NULL, ENOMEM, nothing else changed. `faults_main`
// runs it in a process of its own for each kind of call and each n, where the n-th call of that
// kind fails, until a run makes fewer calls; and again with all calls from the n-th on failing.
// Then the OS is well again, and so must be the allocator: no block or mapping left over, all
// invariants hold, everything can be allocated.
//
// The calls of the allocator (src/os/sys.h) reach the functions below by the linker's --wrap. The
// program runs itself, so that the calls before main are included.
#ifndef RIMALLOC_TESTS_FAULTS_H
#define RIMALLOC_TESTS_FAULTS_H

#include "../check.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

typedef enum faults_kind_e {
  FAULTS_MEMORY,  // any of the next six
  FAULTS_MAP,
  FAULTS_UNMAP,
  FAULTS_PROTECT,  // commit
  FAULTS_ADVISE,   // purge
  FAULTS_MOVE,     // mremap to another place
  FAULTS_RESIZE,   // mremap where it is
  FAULTS_KEY,      // thread-specific data, and handlers of fork
  FAULTS_CLOCK,
  FAULTS_FILE,  // open, and limits
  FAULTS_TASK,  // the start of the allocator's own task
  FAULTS_KINDS
} faults_kind_t;

static const char* const faults_names[FAULTS_KINDS] = {"memory",  "mmap",   "munmap", "mprotect",
                                                       "madvise", "mremap", "resize", "key",
                                                       "clock",   "file",   "task"};

// To be defined by the test. Called in the child.
static void scenario(void);

// What the test wants of the OS for all its runs: the OS counts what could be written
// (overcommit_memory is 2).
#ifdef FAULTS_STRICT
static const bool faults_strict = true;
#else
static const bool faults_strict = false;
#endif

// ---- The OS -------------------------------------------------------------------------------------

void* __real_rix_sys_mmap(void* at, size_t size, int access, int flags, int fd, long offset);
int __real_rix_sys_munmap(void* p, size_t size);
int __real_rix_sys_mprotect(void* p, size_t size, int access);
int __real_rix_sys_madvise(void* p, size_t size, int advice);
void* __real_rix_sys_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to);
int __real_pthread_setspecific(pthread_key_t key, const void* value);
int __real_pthread_key_create(pthread_key_t* key, void (*done)(void*));
int __real_rix_sys_clock_gettime(clockid_t clock, struct timespec* t);
long __real_rix_sys_call(long number, long a, long b, long c, long d, long e, long f);
long __real_rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id);
void* __wrap_rix_sys_mmap(void* at, size_t size, int access, int flags, int fd, long offset);
int __wrap_rix_sys_munmap(void* p, size_t size);
int __wrap_rix_sys_mprotect(void* p, size_t size, int access);
int __wrap_rix_sys_madvise(void* p, size_t size, int advice);
void* __wrap_rix_sys_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to);
int __wrap_pthread_setspecific(pthread_key_t key, const void* value);
int __wrap_pthread_key_create(pthread_key_t* key, void (*done)(void*));
int __wrap_rix_sys_clock_gettime(clockid_t clock, struct timespec* t);
long __wrap_rix_sys_call(long number, long a, long b, long c, long d, long e, long f);
long __wrap_rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id);

static struct {
  atomic_int started;  // a word: gcc for riscv64 exchanges less by a library
  _Atomic(bool) stopped;
  int kind;
  long first, last;
  _Atomic(long) calls;
  _Atomic(int64_t) mapped;   // bytes of accessible mappings that were not unmapped
  _Atomic(bool) kept_unmap;  // a munmap failed: its memory may stay
} faults;

// RIMALLOC_FAULTS=kind:first:last says which calls fail. The allocator's first come before main.
static void faults_start(void) {
  if (atomic_exchange(&faults.started, true)) return;
  const char* text = getenv("RIMALLOC_FAULTS");
  if (text == NULL) return;
  char* end;
  faults.kind = (int)strtol(text, &end, 10);
  faults.first = strtol(end + 1, &end, 10);
  faults.last = strtol(end + 1, &end, 10);
}

static bool faults_hit(faults_kind_t kind) {
  faults_start();
  const bool memory = kind >= FAULTS_MAP && kind <= FAULTS_RESIZE;
  if (faults.first == 0 || atomic_load(&faults.stopped)) return false;
  if (faults.kind != (int)kind && !(faults.kind == FAULTS_MEMORY && memory)) return false;
  const long n = atomic_fetch_add(&faults.calls, 1) + 1;
  if (n < faults.first || n > faults.last) return false;
  errno = ENOMEM;
  return true;
}

void* __wrap_rix_sys_mmap(void* at, size_t size, int access, int flags, int fd, long offset) {
  if (faults_hit(FAULTS_MAP)) return MAP_FAILED;
  void* const p = __real_rix_sys_mmap(at, size, access, flags, fd, offset);
  const bool counts = p != MAP_FAILED && access != PROT_NONE && (flags & MAP_FIXED) == 0;
  if (counts) atomic_fetch_add(&faults.mapped, (int64_t)size);
  return p;
}

int __wrap_rix_sys_munmap(void* p, size_t size) {
  if (faults_hit(FAULTS_UNMAP)) {
    atomic_store(&faults.kept_unmap, true);
    return -1;
  }
  atomic_fetch_sub(&faults.mapped, (int64_t)size);
  return __real_rix_sys_munmap(p, size);
}

extern uint8_t rix_sealed_page[];  // src/options/sealed.h, which these tests do not see

int __wrap_rix_sys_mprotect(void* p, size_t size, int access) {
  // That options cannot be set is unit/sealed_os_fail's: here they must be.
  if (p == (void*)rix_sealed_page) return __real_rix_sys_mprotect(p, size, access);
  return faults_hit(FAULTS_PROTECT) ? -1 : __real_rix_sys_mprotect(p, size, access);
}

int __wrap_rix_sys_madvise(void* p, size_t size, int advice) {
  return faults_hit(FAULTS_ADVISE) ? -1 : __real_rix_sys_madvise(p, size, advice);
}

void* __wrap_rix_sys_mremap(void* p, size_t old_size, size_t new_size, int flags, void* to) {
  const bool fixed = (flags & MREMAP_FIXED) != 0;
  if (faults_hit(fixed ? FAULTS_MOVE : FAULTS_RESIZE)) return MAP_FAILED;
  void* const q = __real_rix_sys_mremap(p, old_size, new_size, flags, to);
  if (q != MAP_FAILED) atomic_fetch_add(&faults.mapped, (int64_t)new_size - (int64_t)old_size);
  return q;
}

int __wrap_pthread_setspecific(pthread_key_t key, const void* value) {
  return faults_hit(FAULTS_KEY) ? ENOMEM : __real_pthread_setspecific(key, value);
}

int __wrap_pthread_key_create(pthread_key_t* key, void (*done)(void*)) {
  return faults_hit(FAULTS_KEY) ? EAGAIN : __real_pthread_key_create(key, done);
}

int __wrap_rix_sys_clock_gettime(clockid_t clock, struct timespec* t) {
  const bool ours = clock == CLOCK_MONOTONIC_COARSE;
  return ours && faults_hit(FAULTS_CLOCK) ? -1 : __real_rix_sys_clock_gettime(clock, t);
}

long __wrap_rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id) {
  return faults_hit(FAULTS_TASK) ? -1 : __real_rix_sys_clone(run, stack, pointer, id);
}

long __wrap_rix_sys_call(long number, long a, long b, long c, long d, long e, long f) {
  if (number == SYS_rt_sigprocmask && faults_hit(FAULTS_TASK)) return -1;
  const bool files = number == SYS_openat || number == SYS_prlimit64;
  if (files && faults_hit(FAULTS_FILE)) return -1;
  const bool asked = faults_strict && number == SYS_openat &&
                     strcmp((const char*)b, "/proc/sys/vm/overcommit_memory") == 0;
  if (!asked) return __real_rix_sys_call(number, a, b, c, d, e, f);
  const int fd = memfd_create("overcommit", MFD_CLOEXEC);
  if (fd >= 0 && (write(fd, "2\n", 2) != 2 || lseek(fd, 0, SEEK_SET) != 0)) _exit(2);
  return fd;
}

// ---- What scenarios are made of -----------------------------------------------------------------

typedef struct held_s {
  void* p;
  size_t size;
  uint64_t key;
} held_t;

// Takes over what an allocation returned; every refusal must be ENOMEM. errno was 0 before.
static inline void hold(held_t* h, void* p, size_t size, uint64_t key, bool zero) {
  *h = (held_t){p, size, key};
  if (p == NULL) {
    CHECK_ERRNO(ENOMEM);
    return;
  }
  CHECK_ERRNO(0);
  CHECK(ri_usable_size(p) >= size);
  if (zero) CHECK_ZERO(p, 0, size);
  check_fill_sparse(p, size, key);
}

static inline void resize(held_t* h, size_t size) {
  if (h->p == NULL) return;
  errno = 0;
  void* const q = ri_realloc(h->p, size);
  if (q == NULL) {
    CHECK_ERRNO(ENOMEM);
    CHECK_FILLED_SPARSE(h->p, h->size, h->key);
    return;
  }
  const size_t kept = h->size < size ? h->size : size;
  CHECK(check_differs(q, 0, kept < 64 ? kept : 64, h->key) == SIZE_MAX);
  hold(h, q, size, h->key, false);
}

static inline void drop(held_t* h) {
  if (h->p != NULL) CHECK_FILLED_SPARSE(h->p, h->size, h->key);
  errno = 0;
  ri_free(h->p);
  CHECK_ERRNO(0);
  h->p = NULL;
}

// ---- One run ------------------------------------------------------------------------------------

enum { FAULTS_SOME = 0, FAULTS_NONE = 3 };

// Allocations of all kinds, none of which may be refused now.
static inline void faults_recovered(void) {
  static const size_t sizes[] = {8, 1000, 30000, 300000, 3000000, (size_t)260 << 20};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    held_t h;
    errno = 0;
    hold(&h, ri_zalloc(sizes[i]), sizes[i], i, i < 4);
    CHECK_MSG(h.p != NULL, "%zu bytes cannot be had again", sizes[i]);
    drop(&h);
  }
  check_workload(100, 7);
  CHECK(ri_audit());
}

static inline int faults_child(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 0);
  scenario();
  CHECK(ri_audit());
  const ri_summary_t s = check_summary();
  CHECK_MSG(s.blocks == 0 && s.in_use == 0, "%zu blocks, %zu bytes are left", s.blocks, s.in_use);
  CHECK_MSG(s.committed <= s.reserved, "committed %zu reserved %zu", s.committed, s.reserved);
  // What is mapped is what the summary says, so nothing was forgotten. (The page map's table is
  // reserved without access and does not count here.)
  const int64_t known = (int64_t)(s.reserved + s.metadata);
  CHECK_MSG(atomic_load(&faults.kept_unmap) || atomic_load(&faults.mapped) <= known,
            "%lld mapped, %lld known", (long long)atomic_load(&faults.mapped), (long long)known);
  const bool failed = atomic_load(&faults.calls) >= faults.first;
  atomic_store(&faults.stopped, true);
  faults_recovered();
  CHECK(check_summary().blocks == 0);
  return failed ? FAULTS_SOME : FAULTS_NONE;
}

static inline int faults_run(int kind, long from, long to) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    char text[64];
    snprintf(text, sizeof(text), "%d:%ld:%ld", kind, from, to);
    setenv("RIMALLOC_FAULTS", text, 1);
    check_become("child");
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  CHECK_MSG(code == FAULTS_SOME || code == FAULTS_NONE, "%s calls %ld to %ld fail: status %x",
            faults_names[kind], from, to, (unsigned)status);
  return code;
}

// Each n up to `dense`, then steps that keep the whole below a few hundred runs. Returns how many
// calls of the kind the scenario makes, about.
static inline long faults_kind(int kind, long dense) {
  const long most = (long)check_scaled((size_t)dense);
  long n = 1;
  while (faults_run(kind, n, n) == FAULTS_SOME)
    n += n < most ? 1 : 1 + n / 8;
  // From the n-th on for ever: an allocator that retries must give up.
  for (long from = 1; from < n; from += from < most ? 1 : 1 + from / 2)
    (void)faults_run(kind, from, 1000000000);
  return n - 1;
}

// `kinds` are the calls that the scenario is expected to make, -1 ends them.
static inline int faults_main(int argc, char** argv, long dense, const int* kinds) {
  if (argc > 1 && strcmp(argv[1], "child") == 0) return faults_child();
  for (; *kinds >= 0; kinds++) {
    const long n = faults_kind(*kinds, dense);
    printf("%s: %ld calls\n", faults_names[*kinds], n);
    CHECK_MSG(n > 0, "no %s calls: is --wrap in effect?", faults_names[*kinds]);
  }
  return 0;
}

#endif
