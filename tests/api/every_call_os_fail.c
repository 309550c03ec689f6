// SPDX-License-Identifier: MIT
// every_call_os_fail.c: a scenario with allocations of all kinds, threads, resizing, collecting and
// everything freed at the end, in which the n-th memory call to the OS fails, for each n until one
// run meets no failure; and again with all calls failing from the n-th on. Whatever fails, the
// program must go on: NULL with ENOMEM and nothing else, contents kept, the structures sound, all
// blocks freed. The program runs itself for each n, so that the calls at start are included; the
// memory calls of the allocator reach the functions below by the linker's --wrap.
#include "../check.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { OK_FAILED = 0, OK_NOTHING_FAILED = 3 };

// ---- The failing OS -----------------------------------------------------------------------------

void* __real_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset);
int __real_munmap(void* p, size_t size);
int __real_mprotect(void* p, size_t size, int access);
int __real_madvise(void* p, size_t size, int advice);
void* __real_mremap(void* p, size_t old_size, size_t new_size, int flags, ...);
void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset);
int __wrap_munmap(void* p, size_t size);
int __wrap_mprotect(void* p, size_t size, int access);
int __wrap_madvise(void* p, size_t size, int advice);
void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, ...);

static _Atomic(long) calls;
static _Atomic(long) fail_first = -2;  // -2: not read yet; 0: nothing fails
static _Atomic(long) fail_last;
static _Atomic(long) mapped;      // bytes of accessible mappings that were not unmapped
static _Atomic(bool) kept_unmap;  // a munmap failed: its memory may stay

// Whether this call is to fail. The allocator's first calls come before main.
static bool fails(void) {
  long first = atomic_load(&fail_first);
  if (first == -2) {
    const char* const from = getenv("RIMALLOC_TEST_FAIL_FROM");
    const char* const to = getenv("RIMALLOC_TEST_FAIL_TO");
    atomic_store(&fail_last, to == NULL ? 0 : atol(to));
    first = from == NULL ? 0 : atol(from);
    atomic_store(&fail_first, first);
  }
  if (first == 0) return false;
  const long n = atomic_fetch_add(&calls, 1) + 1;
  return n >= first && n <= atomic_load(&fail_last);
}

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  if (!fails()) {
    void* const p = __real_mmap(at, size, access, flags, fd, offset);
    if (p != MAP_FAILED && access != PROT_NONE) atomic_fetch_add(&mapped, (long)size);
    return p;
  }
  errno = ENOMEM;
  return MAP_FAILED;
}

int __wrap_munmap(void* p, size_t size) {
  if (!fails()) {
    atomic_fetch_sub(&mapped, (long)size);
    return __real_munmap(p, size);
  }
  atomic_store(&kept_unmap, true);
  errno = ENOMEM;
  return -1;
}

int __wrap_mprotect(void* p, size_t size, int access) {
  if (!fails()) return __real_mprotect(p, size, access);
  errno = ENOMEM;
  return -1;
}

int __wrap_madvise(void* p, size_t size, int advice) {
  if (!fails()) return __real_madvise(p, size, advice);
  errno = ENOMEM;
  return -1;
}

void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  void* const to = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void*) : NULL;
  va_end(arguments);
  if (!fails()) {
    void* const q = __real_mremap(p, old_size, new_size, flags, to);
    if (q != MAP_FAILED) atomic_fetch_add(&mapped, (long)new_size - (long)old_size);
    return q;
  }
  errno = ENOMEM;
  return MAP_FAILED;
}

// ---- The scenario -------------------------------------------------------------------------------

enum { KINDS = 14, HELD = KINDS * 2, NESTED = 6, MAPPINGS = 64 };
typedef struct held_s {
  void* p;
  size_t size;
  uint64_t key;
} held_t;

static void* make(size_t kind, size_t* size) {
  static const size_t sizes[KINDS] = {8,      100, 1000, 5000,    30000,   70000,     300000,
                                      700000, 40,  24,   3000000, 9000000, 260 << 20, 1};
  *size = sizes[kind];
  switch (kind) {
    case 3:
      return ri_calloc(50, 100);
    case 6:
      return ri_zalloc(*size);
    case 8:
      return ri_malloc_aligned(*size, 4096);
    case 9:
      return ri_malloc_aligned_at(*size, 256, 8);
    case 10:
      return ri_malloc_aligned(*size, (size_t)1 << 21);
    case 13:
      return ri_malloc_aligned(*size, (size_t)1 << 29);
    default:
      return ri_malloc(*size);
  }
}

// Every refusal must be ENOMEM and must have changed nothing.
static void hold(held_t* h, size_t kind) {
  errno = 0;
  h->p = make(kind, &h->size);
  h->key = kind;
  if (h->p == NULL) {
    CHECK_ERRNO(ENOMEM);
    return;
  }
  CHECK_ERRNO(0);
  CHECK(ri_usable_size(h->p) >= h->size);
  if (kind == 3 || kind == 6) CHECK_ZERO(h->p, 0, h->size);
  check_fill_sparse(h->p, h->size, h->key);
}

static void resize(held_t* h, size_t size) {
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
  *h = (held_t){q, size, h->key};
  check_fill_sparse(h->p, h->size, h->key);
}

static void drop(held_t* h) {
  if (h->p != NULL) CHECK_FILLED_SPARSE(h->p, h->size, h->key);
  errno = 0;
  ri_free(h->p);
  CHECK_ERRNO(0);
  h->p = NULL;
}

static void many_small(held_t* held, size_t count) {
  for (size_t i = 0; i < count; i++)
    hold(&held[i], i % 3);
  for (size_t i = 0; i < count; i += 2)
    drop(&held[i]);
}

static held_t from_threads[2][HELD];
static held_t crowd[3000];

static void* run(void* arg) {
  held_t* const held = arg;
  for (size_t i = 0; i < HELD; i++)
    hold(&held[i], i % KINDS);
  for (size_t i = 0; i < HELD; i += 2) {
    resize(&held[i], held[i].size * 3 / 2 + 10);
    resize(&held[i], held[i].size / 3 + 1);
  }
  for (size_t i = 0; i < HELD; i += 3)
    drop(&held[i]);
  ri_collect(false);
  return NULL;  // what is left is for others to free
}

// Threads that live at once, and many mappings: more of the allocator's own structures than its
// first piece of memory for them holds.
static held_t nested_blocks[NESTED];
static void* nested(void* arg) {
  const size_t depth = (size_t)(uintptr_t)arg;
  hold(&nested_blocks[depth], 1);
  if (depth + 1 < NESTED) check_in_thread(nested, (void*)(depth + 1));
  return NULL;
}

static void many_structures(void) {
  held_t mappings[MAPPINGS];
  for (size_t i = 0; i < MAPPINGS; i++) {
    errno = 0;
    mappings[i].p = ri_malloc((size_t)257 * CHECK_MIB);
    CHECK(mappings[i].p != NULL || errno == ENOMEM);
  }
  nested(NULL);
  for (size_t i = 0; i < MAPPINGS; i++)
    ri_free(mappings[i].p);
  for (size_t i = 0; i < NESTED; i++)
    drop(&nested_blocks[i]);
}

static void scenario(void) {
  held_t held[HELD];
  hold(&held[0], 1);  // the first memory of the process comes from an arena, the next do not
  drop(&held[0]);
  many_structures();
  run(held);
  many_small(crowd, 3000);
  for (size_t i = 0; i < 2; i++)
    check_in_thread(run, from_threads[i]);
  ri_collect(true);
  for (size_t i = 0; i < HELD; i++) {
    resize(&held[i], held[i].size + 4096);
    drop(&held[i]);
    drop(&from_threads[0][i]);
  }
  ri_collect(true);
  for (size_t i = 0; i < HELD; i++) {
    hold(&held[i], i % KINDS);
    drop(&from_threads[1][i]);
    drop(&held[i]);
  }
  for (size_t i = 0; i < 3000; i++)
    drop(&crowd[i]);
  ri_collect(true);
}

static int child(void) {
  check_watchdog(30);
  ri_option_set(ri_option_purge_delay, 0);
  scenario();
  CHECK(ri_audit());
  ri_summary_t s = check_summary();
  CHECK_MSG(s.blocks == 0 && s.in_use == 0, "%zu blocks, %zu bytes are left", s.blocks, s.in_use);
  CHECK_MSG(s.abandoned == 0, "%zu abandoned pages", s.abandoned);
  CHECK_MSG(s.committed <= s.reserved, "committed %zu reserved %zu", s.committed, s.reserved);
  // What is mapped is what the summary says, so nothing was forgotten. (The page map's table is
  // reserved without access and does not count here.)
  const long known = (long)(s.reserved + s.metadata);
  CHECK_MSG(atomic_load(&kept_unmap) || atomic_load(&mapped) <= known, "%ld mapped, %ld known",
            atomic_load(&mapped), known);
  const bool failed = atomic_load(&calls) >= atomic_load(&fail_first);
  // When the OS is well again, so is the allocator.
  atomic_store(&fail_last, 0);
  check_workload(100, 7);
  CHECK(ri_audit());
  held_t h;
  for (size_t kind = 0; kind < KINDS; kind++) {
    hold(&h, kind);
    CHECK_MSG(h.p != NULL, "kind %zu does not recover", kind);
    drop(&h);
  }
  s = check_summary();
  CHECK(s.blocks == 0);
  return failed ? OK_FAILED : OK_NOTHING_FAILED;
}

static int run_child(long from, long to) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    char text[32];
    snprintf(text, sizeof(text), "%ld", from);
    setenv("RIMALLOC_TEST_FAIL_FROM", text, 1);
    snprintf(text, sizeof(text), "%ld", to);
    setenv("RIMALLOC_TEST_FAIL_TO", text, 1);
    execl("/proc/self/exe", "every_call_os_fail", "child", (char*)NULL);
    _exit(126);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(WIFEXITED(status) &&
                (WEXITSTATUS(status) == OK_FAILED || WEXITSTATUS(status) == OK_NOTHING_FAILED),
            "calls %ld to %ld fail: status %x", from, to, (unsigned)status);
  return WEXITSTATUS(status);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "child") == 0) return child();
  const long step = (long)(64 / check_scaled(64));
  long n = 1;
  while (run_child(n, n) == OK_FAILED)
    n += n < 30 ? 1 : step;
  CHECK_MSG(n > 40, "only %ld calls: is --wrap in effect?", n);
  // From the n-th on for ever: an allocator that retries must give up.
  for (long from = 1; from < n; from += from < 40 ? 1 : 8 * step) {
    (void)run_child(from, 1000000000);
  }
  return 0;
}
