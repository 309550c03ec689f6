// SPDX-License-Identifier: MIT
// commit_refused_os_fail.c: where memory is made usable piece by piece and the OS refused a piece,
// each failed allocation reserved another arena, as large as all before, and made its metadata
// usable, which is memory too. Now it just fails, and everything works again when the OS does.
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

enum { BLOCK = 60 * 1024 };
static bool refuse;
static size_t refused, maps;

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  maps++;
  return __real_mmap(at, size, access, flags, fd, offset);
}
int __wrap_munmap(void* p, size_t size) { return __real_munmap(p, size); }
// Metadata is made usable, slices are not: of those a page takes one to eight.
int __wrap_mprotect(void* p, size_t size, int access) {
  if (refuse && (access & PROT_WRITE) != 0 && size >= (size_t)64 * CHECK_KIB &&
      size <= (size_t)512 * CHECK_KIB) {
    refused++;
    errno = ENOMEM;
    return -1;
  }
  return __real_mprotect(p, size, access);
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
  ri_option_set(ri_option_arena_eager_commit, 0);
  ri_option_set(ri_option_show_errors, 0);
  void* blocks[100] = {NULL};
  CHECK((blocks[0] = ri_malloc(BLOCK)) != NULL);
  refuse = true;
  size_t n = 1;
  while (n < 100 && (blocks[n] = ri_malloc(BLOCK)) != NULL)
    n++;
  CHECK(n < 100 && refused > 0);
  const ri_summary_t before = check_summary();
  maps = 0;
  for (int i = 0; i < 20; i++)
    CHECK(ri_malloc(BLOCK) == NULL && errno == ENOMEM);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.arenas == before.arenas && after.reserved == before.reserved && maps == 0,
            "%zu arenas of %zu bytes, before %zu of %zu; %zu mappings", after.arenas,
            after.reserved, before.arenas, before.reserved, maps);
  refuse = false;
  CHECK(ri_malloc(BLOCK) != NULL);
  for (size_t i = 0; i < n; i++)
    ri_free(blocks[i]);
  check_heap_intact();
  return 0;
}
