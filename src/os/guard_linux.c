// SPDX-License-Identifier: MIT
// guard_linux.c: memory that nobody may access. Where the kernel has marks for that (Linux 6.13,
// MADV_GUARD_INSTALL) they lie in the tables of pages and cost no mapping, of which a process may
// have some 65,530; otherwise a part without access is a mapping of its own.
//
// Where the kernel refuses the first mark it is not asked again: it does not know them, or a filter
// forbids the call. An emulator may say that it has made one, and do nothing: the first is tried.
// Later the kernel may refuse some memory, such as what is locked. Memory that is given
// back, or made usable again after that failed, has its marks taken away if there were ever any.
//
// CONCURRENCY: any thread; the state is three flags, which are never cleared.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // MADV_DONTNEED
#endif
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "os/linux.h"
#include "os/os.h"
#include "os/sys.h"

// As in <linux/mman.h>, which a libc need not have.
enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103 };

static struct {
  rix_flag_t xrefused;  // the kernel makes no marks
  rix_flag_t xmade;     // it has made one: it refuses some memory only, such as what is locked
  rix_flag_t xtaken;    // access was taken away without a mark
} guarding;

static bool guard_advise(void* p, size_t size, int advice) {
  rix_linux_count_commit();
  return rix_sys_madvise(p, size, advice) == 0;
}

static bool guard_protect(void* p, size_t size, int access) {
  rix_linux_count_commit();
  return rix_sys_mprotect(p, size, access) == 0;
}

// Whether the kernel cannot read a set of signals at p. It reads that before it looks at what to do
// with it, which is nothing.
static bool guard_holds(const void* p) {
  enum { GUARD_NOTHING = 1000, GUARD_SET = 8 };
  return rix_sys_call(SYS_rt_sigprocmask, GUARD_NOTHING, (long)p, 0, GUARD_SET, 0, 0) != 0 &&
         errno == EFAULT;
}

bool rix_os_guard_by_mark(void* p, size_t size) {
  if (ri_load_relaxed(&guarding.xrefused) != 0) return false;
  const int saved = errno;
  const bool first = ri_load_relaxed(&guarding.xmade) == 0;
  const bool done = guard_advise(p, size, GUARD_INSTALL) && (!first || guard_holds(p));
  if (done) {
    ri_store_relaxed(&guarding.xmade, 1);
  } else if (ri_load_relaxed(&guarding.xmade) == 0) {
    ri_store_relaxed(&guarding.xrefused, 1);
  }
  errno = saved;
  return done;
}

bool rix_os_guard(void* p, size_t size) {
  if (rix_os_guard_by_mark(p, size)) return true;
  const int saved = errno;
  ri_store_relaxed(&guarding.xtaken, 1);
  const bool done = guard_protect(p, size, PROT_NONE);
  if (done) (void)rix_sys_madvise(p, size, MADV_DONTNEED);
  errno = saved;
  return done;
}

bool rix_linux_unmark(void* p, size_t size) {
  if (ri_load_relaxed(&guarding.xmade) == 0) return true;
  const int saved = errno;
  const bool done = guard_advise(p, size, GUARD_REMOVE);
  errno = saved;
  return done;
}

bool rix_os_unguard(void* p, size_t size) {
  const int saved = errno;
  bool done = rix_linux_unmark(p, size);
  if (done && ri_load_relaxed(&guarding.xtaken) != 0)
    done = guard_protect(p, size, PROT_READ | PROT_WRITE);
  errno = saved;
  return done;
}
