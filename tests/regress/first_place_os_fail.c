// SPDX-License-Identifier: MIT
// first_place_os_fail.c: the OS puts the first mappings far from where it was asked to and from
// where it puts later ones, and refuses large ones, so that the page map has a window around that
// place only. From then on the allocator let the OS choose, and what it chose lay outside: there
// was no memory any more, though the OS had become well again. It asks for places in the window
// then.
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

static size_t maps, refused, moved;

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  maps++;
  if (size > (size_t)512 * CHECK_MIB) {
    refused++;
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* there = at;
  if (moved < 2 && (flags & MAP_FIXED) == 0) {
    moved++;
    there = (void*)(uintptr_t)CHECK_HUGE(46);
  }
  return __real_mmap(there, size, access, flags, fd, offset);
}
int __wrap_munmap(void* p, size_t size) { return __real_munmap(p, size); }
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
  enum { BLOCKS = 48 };
  void* blocks[BLOCKS] = {NULL};
  for (int i = 0; i < BLOCKS; i++) {  // far more than the first arena
    blocks[i] = ri_malloc(8 * (size_t)CHECK_MIB);
    CHECK_MSG(blocks[i] != NULL, "block %d: %zu mappings, %zu moved, %zu refused", i, maps, moved,
              refused);
  }
  CHECK(moved == 2);
  CHECK_MSG(maps < 500, "%zu mappings", maps);
  for (int i = 0; i < BLOCKS; i++)
    ri_free(blocks[i]);
  check_heap_intact();
  return 0;
}
