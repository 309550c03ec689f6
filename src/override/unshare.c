// SPDX-License-Identifier: MIT
// unshare.c: what the kernel lets only a process with a single thread do: to enter another
// namespace. The allocator's own task (heap/scavenge.h) is not there meanwhile.
//
// The calls themselves are the kernel's, as they are in the C library.
//
// CONCURRENCY: any thread.
#include "base/compiler.h"
#include "heap/scavenge.h"
#include "os/os.h"

RI_EXPORT int unshare(int flags);
RI_EXPORT int setns(int file, int type);

int unshare(int flags) {
  rix_scavenge_dismiss();
  const int result = rix_os_unshare(flags);
  rix_scavenge_release();
  return result;
}

int setns(int file, int type) {
  rix_scavenge_dismiss();
  const int result = rix_os_setns(file, type);
  rix_scavenge_release();
  return result;
}
