// SPDX-License-Identifier: MIT
// os_linux.c: the contract of os.h for Linux, on the kernel (sys.h) and, for threads, symbols and
// paths, on the libc (glibc and musl).
//
// CONCURRENCY: every function may run in any thread; the only state is the count of system calls,
// the hook, the exit key and what is known of the kernel, all written before they are needed and
// idempotent. Its atomics that order something are in lock.h and process.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // mremap, environ, MAP_ANONYMOUS
#endif
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "os/linux.h"
#include "os/lock.h"
#include "os/os.h"
#include "os/process.h"
#include "os/sys.h"

#ifndef MREMAP_DONTUNMAP  // kernel 5.7; older kernels refuse it and the caller copies
#define MREMAP_DONTUNMAP 4
#endif
#ifndef SYS_futex
#define SYS_futex SYS_futex_time64
#endif
// As in <linux/futex.h>, which a libc need not have.
enum { OS_FUTEX_WAIT = 0, OS_FUTEX_WAKE = 1, OS_FUTEX_CMP_REQUEUE = 4, OS_FUTEX_PRIVATE = 128 };

static struct {
  rix_counter_t xcalls[RIX_OS_CALL_COUNT];
  rix_os_hook_slot_t xhook;
  ri_atomic(uint32_t) xmoves;  // whether memory can be moved: 0 unknown, 1 no, 2 yes
  ri_atomic(bool) xrefused;    // the OS had no addresses or no memory for us once
  rix_exit_key_t xexit_key;
  ri_atomic(uintptr_t) xpassing;  // the thread that holds all locks, 0: none
} os;

// ---- Memory -------------------------------------------------------------------------------------

// A field of /proc/self/statm, in bytes: 0 is mapped, 1 resident. 0 when it cannot be read.
static size_t os_statm(int field) {
  char text[128];
  rix_linux_read_file("/proc/self/statm", text, sizeof(text));
  const char* p = text;
  for (; field > 0; field--) {
    while (*p != '\0' && *p != ' ')
      p++;
    p += (*p == ' ');
  }
  size_t pages = 0;
  for (; *p >= '0' && *p <= '9'; p++)
    pages = pages * 10 + (size_t)(*p - '0');
  return pages * rix_os_page_size();
}

void rix_os_set_hook(const rix_os_hook_t* hook) { rix_os_hook_put(&os.xhook, hook); }

bool rix_os_is_hooked(void) { return rix_os_hook_get(&os.xhook) != NULL; }

// Notifies the program; false: it refuses.
static bool os_notify(ri_os_event_t event, void* p, size_t size) {
  const rix_os_hook_t* const hook = rix_os_hook_get(&os.xhook);
  if (RIX_LIKELY(hook == NULL)) return true;
  const int saved = errno;
  const bool agreed = hook->fun(event, p, size, hook->arg);
  errno = saved;
  return agreed;
}

static void os_count(rix_os_call_t kind) { rix_counter_add(&os.xcalls[kind], 1); }

void rix_linux_count_commit(void) { os_count(RIX_OS_CALL_COMMIT); }

static void* os_mmap(rix_os_call_t kind, void* at, size_t size, int protection, int flags) {
  const int saved = errno;
  os_count(kind);
  void* const p = rix_sys_mmap(at, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (p == MAP_FAILED && errno == ENOMEM) ri_store_relaxed(&os.xrefused, true);
  errno = saved;
  return p == MAP_FAILED ? NULL : p;
}

static bool os_unmap(void* p, size_t size) {
  const int saved = errno;
  os_count(RIX_OS_CALL_UNMAP);
  const bool done = rix_sys_munmap(p, size) == 0;
  errno = saved;
  return done;
}

bool rix_os_fits(size_t size, bool asks) {
  const bool limited = rix_os_address_space_limit() != SIZE_MAX || ri_load_relaxed(&os.xrefused);
  if (RIX_LIKELY(!limited && !asks)) return true;
  const int access = rix_linux_data_is_limited() ? PROT_READ | PROT_WRITE : PROT_NONE;
  void* const p = os_mmap(RIX_OS_CALL_MAP, NULL, size, access, MAP_NORESERVE);
  if (p == NULL) return false;
  os_unmap(p, size);
  return true;
}

void* rix_os_map(void* hint, size_t size, rix_os_access_t access) {
  const int protection = access == RIX_OS_RESERVED ? PROT_NONE : PROT_READ | PROT_WRITE;
  const bool counts =
      access == RIX_OS_PROMISED || (access == RIX_OS_USABLE && rix_os_strict_commit());
  void* const p = os_mmap(RIX_OS_CALL_MAP, hint, size, protection, counts ? 0 : MAP_NORESERVE);
  const ri_os_event_t event = access == RIX_OS_RESERVED ? RI_OS_RESERVE : RI_OS_MAP;
  if (p == NULL || os_notify(event, p, size)) return p;
  os_unmap(p, size);
  return NULL;
}

void* rix_os_map_aligned(void* hint, size_t size, size_t alignment, rix_os_access_t access) {
  uint8_t* p = rix_os_map(hint, size, access);
  if (p == NULL || rix_is_aligned(p, alignment)) return p;
  rix_os_unmap(p, size);
  if (size > SIZE_MAX - alignment) return NULL;
  const size_t room = size + alignment - rix_os_page_size();
  p = rix_os_map(NULL, room, access);
  if (p == NULL) return NULL;
  uint8_t* const start = (uint8_t*)rix_align_up((uintptr_t)p, alignment);
  const size_t before = (size_t)(start - p);
  const size_t after = room - before - size;
  if (before > 0) rix_os_unmap(p, before);
  if (after > 0) rix_os_unmap(start + size, after);
  return start;
}

bool rix_os_unmap(void* p, size_t size) {
  os_notify(RI_OS_UNMAP, p, size);
  return os_unmap(p, size);
}

static bool os_protect(void* p, size_t size, int protection) {
  const int saved = errno;
  os_count(RIX_OS_CALL_COMMIT);
  const bool done = rix_sys_mprotect(p, size, protection) == 0;
  errno = saved;
  return done;
}

bool rix_os_commit(void* p, size_t size) {
  if (!os_notify(RI_OS_COMMIT, p, size) || !os_protect(p, size, PROT_READ | PROT_WRITE))
    return false;
  return rix_linux_unmark(p, size);
}

bool rix_os_seal(void* p, size_t size, bool sealed) {
  const int saved = errno;
  const bool done = rix_sys_mprotect(p, size, sealed ? PROT_READ : PROT_READ | PROT_WRITE) == 0;
  errno = saved;
  return done;
}

bool rix_os_enable(void* p, size_t size) {
  if (rix_os_strict_commit()) return rix_os_commit(p, size);  // a refusal must change nothing
  if (!os_notify(RI_OS_COMMIT, p, size)) return false;
  const int access = PROT_READ | PROT_WRITE;
  const int flags = MAP_FIXED | MAP_NORESERVE;
  if (os_mmap(RIX_OS_CALL_COMMIT, p, size, access, flags) != NULL) return true;
  (void)os_mmap(RIX_OS_CALL_COMMIT, p, size, PROT_NONE, flags);
  return false;
}

bool rix_os_readable(void* p, size_t size) {
  if (rix_os_strict_commit()) return os_protect(p, size, PROT_READ);
  const int flags = MAP_FIXED | MAP_NORESERVE;
  return os_mmap(RIX_OS_CALL_COMMIT, p, size, PROT_READ, flags) != NULL;
}

bool rix_os_decommit(void* p, size_t size) {
  const int flags = MAP_FIXED | MAP_NORESERVE;
  if (os_mmap(RIX_OS_CALL_PURGE, p, size, PROT_NONE, flags) == NULL) return false;
  os_notify(RI_OS_DECOMMIT, p, size);
  return true;
}

bool rix_os_purge(void* p, size_t size) {
  const int saved = errno;
  os_count(RIX_OS_CALL_PURGE);
  const bool done = rix_sys_madvise(p, size, MADV_DONTNEED) == 0;
  errno = saved;
  if (done) os_notify(RI_OS_PURGE, p, size);
  return done;
}

bool rix_os_reset(void* p, size_t size) {
  const int saved = errno;
  os_count(RIX_OS_CALL_RESET);
  const bool done = rix_sys_madvise(p, size, MADV_FREE) == 0;
  errno = saved;
  if (done) os_notify(RI_OS_RESET, p, size);
  return done;
}

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#ifndef MPOL_PREFERRED
#define MPOL_PREFERRED 1
#endif

#ifndef MADV_POPULATE_WRITE  // kernel 5.14; older kernels clear the pages when they are touched
#define MADV_POPULATE_WRITE 23
#endif
#ifndef PR_SET_VMA  // kernel 5.17; older kernels refuse it
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static void os_advise(void* p, size_t size, int advice) {
  const int saved = errno;
  os_count(RIX_OS_CALL_MOVE);
  rix_sys_madvise(p, size, advice);
  errno = saved;
}

// The OS sets the pages aside when it maps them, and takes them from a node when they are touched:
// which must not be before it knows which one.
bool rix_os_map_huge(void* at, size_t size, unsigned shift, int node) {
  const unsigned flags = MAP_FIXED | MAP_HUGETLB | shift << MAP_HUGE_SHIFT;
  if (os_mmap(RIX_OS_CALL_MAP, at, size, PROT_READ | PROT_WRITE, (int)flags) == NULL) {
    os_mmap(RIX_OS_CALL_PURGE, at, size, PROT_NONE,
            MAP_FIXED | MAP_NORESERVE);  // what was there may be gone
    return false;
  }
  if (node >= 0) rix_os_prefer_node(at, size, node);
  os_advise(at, size, MADV_POPULATE_WRITE);
  return true;
}

void rix_os_prefer_node(void* p, size_t size, int node) {
  unsigned long mask = 0;
  if (node < 0 || (size_t)node >= sizeof(mask) * 8) return;
  mask = 1UL << node;
  const int saved = errno;
  os_count(RIX_OS_CALL_MOVE);
  rix_sys_call(SYS_mbind, (long)p, (long)size, MPOL_PREFERRED, (long)&mask, sizeof(mask) * 8 + 1,
               0);
  errno = saved;
}

// The last number of a list like "0-3,8".
size_t rix_os_nodes(void) {
  char text[128];
  rix_linux_read_file("/sys/devices/system/node/online", text, sizeof(text));
  size_t last = 0;
  for (const char* p = text; *p != '\0'; p++) {
    if (*p >= '0' && *p <= '9') {
      const bool first = p == text || p[-1] < '0' || p[-1] > '9';
      last = (first ? 0 : last * 10) + (size_t)(*p - '0');
    }
  }
  return last + 1;
}

int rix_os_node(void) {
  unsigned cpu = 0, node = 0;
  const int saved = errno;
  rix_sys_call(SYS_getcpu, (long)&cpu, (long)&node, 0, 0, 0, 0);
  errno = saved;
  return (int)node;
}

void rix_os_name(void* p, size_t size, unsigned number) {
  char name[] = "rimalloc-000";
  for (size_t i = sizeof(name) - 2; name[i] != '-'; i--, number /= 10)
    name[i] = (char)('0' + number % 10);
  const int saved = errno;
  os_count(RIX_OS_CALL_MOVE);
  rix_sys_call(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, (long)p, (long)size, (long)name, 0);
  errno = saved;
}

bool rix_os_disable_huge(void) {
  const int saved = errno;
  const bool done = rix_sys_call(SYS_prctl, PR_SET_THP_DISABLE, 1, 0, 0, 0, 0) == 0;
  errno = saved;
  return done;
}

void rix_os_advise_huge(void* p, size_t size) { os_advise(p, size, MADV_HUGEPAGE); }
void rix_os_advise_plain(void* p, size_t size) { os_advise(p, size, MADV_NOHUGEPAGE); }

// MADV_DONTNEED of a part leaves the huge page whole until memory is short; MADV_FREE splits it.
void rix_os_split_huge(void* p) { os_advise(p, rix_os_page_size(), MADV_FREE); }

static bool os_remap(void* from, void* to, size_t size) {
  os_count(RIX_OS_CALL_MOVE);
  const int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  return rix_sys_mremap(from, size, size, flags, to) != MAP_FAILED;
}

// Whether the old place stays mapped after a move, tried once: qemu's user mode moves and then
// takes `from` for unmapped, so that it cannot be used or, worse, does not become zero when it is
// purged.
static bool os_can_move(void) {
  const uint32_t known = ri_load_relaxed(&os.xmoves);
  if (RIX_LIKELY(known != 0)) return known == 2;
  const size_t page = rix_os_page_size();
  uint8_t* const p =
      os_mmap(RIX_OS_CALL_MAP, NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_NORESERVE);
  if (p == NULL) return false;
  const bool moved = os_remap(p, p + page, page);
  const bool unknown = !moved && errno == ENOMEM;  // otherwise an older kernel, or a filter
  // That the kernel can write there shows that it is mapped: by a call that is on every list of
  // allowed ones, as mincore is not.
  const long written =
      moved ? rix_sys_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)p, 0, 0, 0, 0) : -1;
  const bool can = written == 0;
  if (!unknown) ri_store_relaxed(&os.xmoves, can ? 2 : 1);
  os_unmap(p, 2 * page);
  return can;
}

bool rix_os_move(void* from, void* to, size_t size) {
  const int saved = errno;
  const bool done = os_can_move() && os_remap(from, to, size);
  errno = saved;
  return done;
}

static bool os_resize(void* p, size_t old_size, size_t new_size) {
  const int saved = errno;
  os_count(RIX_OS_CALL_MOVE);
  const bool done = rix_sys_mremap(p, old_size, new_size, 0, NULL) != MAP_FAILED;
  errno = saved;
  return done;
}

bool rix_os_resize(void* p, size_t old_size, size_t new_size) {
  if (new_size < old_size) os_notify(RI_OS_UNMAP, (uint8_t*)p + new_size, old_size - new_size);
  if (!os_resize(p, old_size, new_size)) return false;
  if (new_size <= old_size) return true;
  if (os_notify(RI_OS_MAP, (uint8_t*)p + old_size, new_size - old_size)) return true;
  os_resize(p, new_size, old_size);
  return false;
}

size_t rix_os_calls_of(rix_os_call_t kind) { return rix_counter_get(&os.xcalls[kind]); }

size_t rix_os_calls(void) {
  size_t n = 0;
  for (size_t i = 0; i < RIX_OS_CALL_COUNT; i++)
    n += rix_counter_get(&os.xcalls[i]);
  return n;
}

// ---- Time, randomness, environment, output ------------------------------------------------------

uint64_t rix_os_clock_ms(void) {
  struct timespec t = {0, 0};
  const int saved = errno;
  rix_sys_clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  errno = saved;
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void rix_os_wait_ms(unsigned ms) {
#ifdef SYS_nanosleep
  const long time[2] = {(long)(ms / 1000), (long)(ms % 1000) * 1000000};  // the kernel's timespec
  const int saved = errno;
  rix_sys_call(SYS_nanosleep, (long)time, 0, 0, 0, 0, 0);
  errno = saved;
#else
  (void)ms;
  sched_yield();
#endif
}

void rix_os_write_error(const char* text, size_t length) {
  const int saved = errno;
  while (length > 0) {
    const long n = rix_sys_call(SYS_write, STDERR_FILENO, (long)text, (long)length, 0, 0,
                                0);  // no cancellation point
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text += n;
    length -= (size_t)n;
  }
  errno = saved;
}

void rix_os_abort(void) { abort(); }

char* rix_os_realpath(const char* path, char* resolved) {
  const int saved = errno;
  char* const full = realpath(path, resolved);
  if (full != NULL) errno = saved;  // it still says that a part of the path is no link
  return full;
}

size_t rix_os_path_max(void) { return PATH_MAX; }

extern __typeof__(dlsym) dlsym __attribute__((weak));

// dlopen is looked up as well: linkers warn about every static program that refers to it.
void* rix_os_find_symbol(const char* library, const char* name) {
  RI_ASSERT(!rix_lock_held());     // it may allocate
  if (dlsym == NULL) return NULL;  // a static program
  __typeof__(&dlopen) const open_library = (__typeof__(&dlopen))dlsym(RTLD_DEFAULT, "dlopen");
  if (open_library == NULL) return NULL;
  void* const handle = open_library(library, RTLD_NOLOAD | RTLD_LAZY);
  return handle != NULL ? dlsym(handle, name) : NULL;
}

int rix_os_errno(void) { return errno; }

void rix_os_set_errno(int code) { errno = code; }

// As the kernel writes it, where the C library may have more bits for times.
typedef struct os_rusage_s {
  long user[2], system[2];  // seconds, microseconds
  long peak;                // KiB
  long sizes[3];
  long minor_faults, major_faults;
  long rest[8];
} os_rusage_t;

void rix_os_usage(rix_os_usage_t* usage) {
  os_rusage_t r = {{0}, {0}, 0, {0}, 0, 0, {0}};
  const int saved = errno;
  rix_sys_call(SYS_getrusage, RUSAGE_SELF, (long)&r, 0, 0, 0, 0);
  errno = saved;
  usage->resident = os_statm(1);
  usage->peak_resident = rix_max((size_t)r.peak * 1024, usage->resident);
  usage->minor_faults = (size_t)r.minor_faults;
  usage->major_faults = (size_t)r.major_faults;
  usage->user_ms = (uint64_t)r.user[0] * 1000 + (uint64_t)r.user[1] / 1000;
  usage->system_ms = (uint64_t)r.system[0] * 1000 + (uint64_t)r.system[1] / 1000;
}

// ---- Threads ------------------------------------------------------------------------------------

static void os_futex(ri_atomic_u32_t* word, int operation, uint32_t value) {
  const int saved = errno;
  rix_sys_call(SYS_futex, (long)&word->v, operation | OS_FUTEX_PRIVATE, (long)value, 0, 0, 0);
  errno = saved;
}

const bool rix_os_is_watched = RIX_SYS_LIBC;

// Waiting for no time at all for a word to change: the kernel looks at it, or says that there is
// none.
bool rix_os_word_is(const uint32_t* word, uint32_t value) {
  const long no_time[4] = {0, 0, 0, 0};
  const int saved = errno;
  const long result = rix_sys_call(SYS_futex, (long)word, OS_FUTEX_WAIT | OS_FUTEX_PRIVATE,
                                   (long)value, (long)no_time, 0, 0);
  const bool differs = result != 0 && (errno == EAGAIN || errno == EFAULT || errno == EINVAL);
  errno = saved;
  return !differs;
}

// No call of its own: one that sandboxes allow, as all programs with threads make it. Asked to move
// none of the waiters at an address to the same if its word is zero, the kernel says how it is: 0,
// EAGAIN for another word, EFAULT where it may not be read.
static int os_look(uintptr_t at) {
  const int saved = errno;
  const int operation = OS_FUTEX_CMP_REQUEUE | OS_FUTEX_PRIVATE;
  const long done = rix_sys_call(SYS_futex, (long)at, operation, 0, 0, (long)at, 0);
  const int error = done < 0 ? errno : 0;
  errno = saved;
  return error;
}

bool rix_os_is_written(uintptr_t at) { return os_look(at) == EAGAIN; }

bool rix_os_is_readable(uintptr_t at) {
  const int error = os_look(at);
  return error == 0 || error == EAGAIN;
}

static void os_sleep(ri_atomic_u32_t* word, uint32_t value) {
  os_futex(word, OS_FUTEX_WAIT, value);
}
static void os_wake(ri_atomic_u32_t* word) { os_futex(word, OS_FUTEX_WAKE, 1); }

static __thread char os_thread;  // its address tells threads apart

static bool os_passes(void) { return ri_load_relaxed(&os.xpassing) == (uintptr_t)&os_thread; }

void rix_lock_pass(bool pass) { ri_store_relaxed(&os.xpassing, pass ? (uintptr_t)&os_thread : 0); }

static __thread uint32_t os_drawn;  // the last random number of rix_stress_draw

// The levels of the locks that this thread holds, one bit each.
static __thread uint32_t os_levels;

static void os_note_taken(const rix_lock_t* lock) {
  RI_ASSERT(lock->level > 0 && lock->level < RIX_LEVELS);
  os_levels |= (uint32_t)1 << lock->level;
}

static void os_note_released(const rix_lock_t* lock) {
  const uint32_t level = (uint32_t)1 << lock->level;
  RI_ASSERT((os_levels & level) != 0);
  os_levels &= ~level;
}

// Whether the locks that this thread holds all come before this one. What calls malloc where it
// must not, a signal handler for instance, shows here too, before it hangs.
static bool os_order_is_kept(const rix_lock_t* lock) { return os_levels >> lock->level == 0; }

void rix_linux_locals(uintptr_t* from, uintptr_t* to) {
  rix_linux_widen(from, to, &os_thread, sizeof(os_thread));
  rix_linux_widen(from, to, &os_levels, sizeof(os_levels));
  rix_linux_widen(from, to, &os_drawn, sizeof(os_drawn));
}

bool rix_lock_held(void) { return os_levels != 0 && !os_passes(); }

// The lock is taken. By this thread itself: then it would wait for ever, and nobody would know why.
static RIX_SLOW void os_wait_for(rix_lock_t* lock) {
  static const char text[] =
      "rimalloc: error: the allocator is called while it works in the same thread: by a signal "
      "handler, or by a function registered for memory of the OS or of an arena\n";
  if ((os_levels >> lock->level & 1) != 0) {
    rix_os_write_error(text, sizeof(text) - 1);
    rix_os_abort();
  }
  rix_lock_word_take(&lock->xstate, os_sleep);
}

bool rix_lock_try(rix_lock_t* lock) {
  if (!rix_lock_word_try(&lock->xstate)) return os_passes();
  os_note_taken(lock);
  return true;
}

void rix_lock(rix_lock_t* lock) {
  if (RIX_UNLIKELY(os_passes())) return;
  RI_ASSERT(os_order_is_kept(lock));
  if (RIX_UNLIKELY(!rix_lock_word_try(&lock->xstate))) os_wait_for(lock);
  os_note_taken(lock);
}

void rix_unlock(rix_lock_t* lock) {
  if (RIX_UNLIKELY(os_passes())) return;
  os_note_released(lock);
  rix_lock_word_give(&lock->xstate, os_wake);
}

// ---- Stress -------------------------------------------------------------------------------------

// Each thread draws from a sequence of its own, which begins at a place that the OS chose.
bool rix_stress_draw(uint32_t n) {
  if (os_drawn == 0) os_drawn = (uint32_t)(uintptr_t)&os_drawn ^ (uint32_t)rix_os_random();
  os_drawn = os_drawn * 1664525u + 1013904223u;
  return (os_drawn >> 16) % n == 0;
}

void rix_stress_yield(void) { sched_yield(); }

// ---- Thread exit and fork -----------------------------------------------------------------------

// Another library's pthread_key_create may allocate, which leads here again: that allocation goes
// without, and its thread asks again at a heartbeat. (Volatile: libc's own does not, it declares.)
static bool os_make_key(uint64_t* key, void (*done)(void* value)) {
  static __thread volatile bool making;
  if (making) return false;
  pthread_key_t made;
  making = true;
  const bool done_so = pthread_key_create(&made, done) == 0;
  making = false;
  if (done_so) *key = made;
  return done_so;
}
static void os_drop_key(uint64_t key) { pthread_key_delete((pthread_key_t)key); }

bool rix_os_thread_exit_init(void (*done)(void* value)) {
  return rix_exit_key_open(&os.xexit_key, done, os_make_key, os_drop_key);
}

void rix_os_thread_exit_close(void) { rix_exit_key_close(&os.xexit_key, os_drop_key); }

bool rix_os_thread_exit_set(void* value) {
  RI_ASSERT(!rix_lock_held());  // pthread_setspecific may allocate
  const int saved = errno;
  uint64_t key;
  const bool done =
      rix_exit_key_get(&os.xexit_key, &key) && pthread_setspecific((pthread_key_t)key, value) == 0;
  errno = saved;
  return done;
}

void rix_os_fork_init(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  pthread_atfork(before, parent, child);
}
