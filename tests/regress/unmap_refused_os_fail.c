// SPDX-License-Identifier: MIT
// unmap_refused_os_fail.c: a process at the OS's limit of mappings cannot unmap a part of one, as
// that would make two. A freed block with a mapping of its own stayed resident for ever then. It
// still keeps its addresses, but its memory goes back.
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

static size_t refused;

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  return __real_mmap(at, size, access, flags, fd, offset);
}
int __wrap_munmap(void* p, size_t size) {
  (void)p;
  (void)size;
  refused++;
  errno = ENOMEM;
  return -1;
}
int __wrap_mprotect(void* p, size_t size, int access) { return __real_mprotect(p, size, access); }
int __wrap_madvise(void* p, size_t size, int advice) { return __real_madvise(p, size, advice); }
void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  void* const to = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void*) : NULL;
  va_end(arguments);
  return __real_mremap(p, old_size, new_size, flags, to);
}

int main(void) {
  const size_t touched = 32 * (size_t)CHECK_MIB;
  for (int i = 0; i < 4; i++) {
    char* const p = ri_malloc(300 * (size_t)CHECK_MIB);
    CHECK(p != NULL);
    memset(p, 1, touched);
    const size_t before = check_resident();
    errno = 5;
    ri_free(p);
    CHECK_ERRNO(5);
    ri_collect(true);
    CHECK(refused > 0);
    const size_t after = check_resident();
    CHECK_MSG(check_sanitized() || after + touched / 2 < before, "resident: %zu KiB, before %zu",
              after / 1024, before / 1024);
    check_heap_intact();
  }
  return 0;
}
