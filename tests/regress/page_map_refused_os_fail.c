// SPDX-License-Identifier: MIT
// page_map_refused_os_fail.c: when the OS refuses memory for the page map's table, another address
// does not help. An allocation used to try 64 of them for each size of an arena, thousands of
// system calls before it said ENOMEM.
#include "../check.h"

#include <stdarg.h>
#include <sys/mman.h>

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

static bool refuse;
static size_t calls;

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  calls++;
  return __real_mmap(at, size, access, flags, fd, offset);
}
int __wrap_munmap(void* p, size_t size) {
  calls++;
  return __real_munmap(p, size);
}
int __wrap_mprotect(void* p, size_t size, int access) {
  if (!refuse) return __real_mprotect(p, size, access);
  errno = ENOMEM;
  return -1;
}
int __wrap_madvise(void* p, size_t size, int advice) { return __real_madvise(p, size, advice); }
void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  void* const to = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void*) : NULL;
  va_end(arguments);
  return __real_mremap(p, old_size, new_size, flags, to);
}

int main(void) {
  refuse = true;
  CHECK(ri_malloc(100) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK_MSG(calls < 200, "%zu calls for nothing", calls);
  refuse = false;
  void* const p = ri_malloc(100);
  CHECK(p != NULL);
  ri_free(p);
  check_heap_intact();
  return 0;
}
