// SPDX-License-Identifier: MIT
// external_linux.c: what kind of memory a program hands over (os.h), for Linux.
//
// The OS is asked by the operation in question: MADV_FREE, which works for private anonymous memory
// only, and fails where any part of a range is something else, is mapped nowhere, is locked, or in
// huge pages that were set aside: single pages of those cannot be returned. No file has to be
// opened for this, which a sandbox may forbid. An OS that knows no such advice refuses it; one that
// accepts it and does nothing, as qemu does in user mode, accepts it for a shared page too.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // MADV_FREE, MAP_ANONYMOUS
#endif
#include <errno.h>
#include <sys/mman.h>

#include "os/os.h"
#include "os/sys.h"

// Whether the OS refuses for a shared page what it must refuse.
static bool external_is_checked(void) {
  const size_t size = rix_os_page_size();
  void* const shared = rix_sys_mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return false;
  const bool refused = rix_sys_madvise(shared, size, MADV_FREE) != 0;
  rix_sys_munmap(shared, size);
  return refused;
}

bool rix_os_is_private(void* p, size_t size) {
  const int saved = errno;
  const bool is_private = external_is_checked() && rix_sys_madvise(p, size, MADV_FREE) == 0;
  errno = saved;
  return is_private;
}
