// SPDX-License-Identifier: MIT
// first_mappings_os_fail.c: two threads map memory for the first time. One took the lower place,
// the other was faster to choose the window of the page map, above it; the first one's place could
// then not be entered, which was taken for a lack of memory: ENOMEM, with nothing wrong. It must
// try another place. (Found by verify/model, place_first.)
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

enum { MANY = 64 * CHECK_MIB };
static const size_t large = (size_t)300 * CHECK_MIB;  // a mapping of its own
static bool armed;
static void* other;

static void* maps_another(void* arg) {
  (void)arg;
  other = ri_malloc(large);
  return NULL;
}

// The thread has its place and maps it, but the other one enters its own first.
void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  if (armed && size >= MANY) {
    armed = false;
    check_in_thread(maps_another, NULL);
  }
  return __real_mmap(at, size, access, flags, fd, offset);
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
  armed = true;
  CHECK(ri_reserve_os_memory(MANY, false, false) == 0);
  CHECK(!armed && other != NULL);
  ri_free(other);
  CHECK(ri_audit());
  return 0;
}
