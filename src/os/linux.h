// SPDX-License-Identifier: MIT
// linux.h: what the files that implement os.h for Linux share.
#ifndef RIX_OS_LINUX_H
#define RIX_OS_LINUX_H

#include "base/compiler.h"

// Reads up to `capacity` - 1 bytes of a file; the text is terminated. Empty when it cannot. errno
// stays.
RIX_INTERNAL void rix_linux_read_file(const char* path, char* text, size_t capacity);

// Whether mappings that can be written count against a limit (RLIMIT_DATA), as was known at the
// start.
RIX_INTERNAL bool rix_linux_data_is_limited(void);

// Takes away the marks that memory may have from guards (guard_linux.c). False: the OS refuses.
RIX_INTERNAL bool rix_linux_unmark(void* p, size_t size);

// Counts a call that changes access to memory.
RIX_INTERNAL void rix_linux_count_commit(void);

// Widens [*from, *to) to `size` bytes at `local`.
RIX_INLINE void rix_linux_widen(uintptr_t* from, uintptr_t* to, const void* local, size_t size) {
  const uintptr_t at = (uintptr_t)local;
  if (at < *from) *from = at;
  if (at + size > *to) *to = at + size;
}

// And to the thread-local data of the calling thread that os_linux.c has.
RIX_INTERNAL void rix_linux_locals(uintptr_t* from, uintptr_t* to);

#endif
