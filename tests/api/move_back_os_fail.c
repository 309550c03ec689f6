// SPDX-License-Identifier: MIT
// move_back_os_fail.c: realloc moves the pages of a large block into a mapping that shall grow, the
// OS lets it not grow, and not move back either: then the contents are copied back, and the block
// is as it was; or copying to a new one works.
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

static bool refuse_growth, refuse_maps;
static int moves_left = 1000;
static int copied_back;

void* __wrap_mmap(void* at, size_t size, int access, int flags, int fd, off_t offset) {
  if (!refuse_maps || moves_left > 0) return __real_mmap(at, size, access, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
int __wrap_munmap(void* p, size_t size) { return __real_munmap(p, size); }
int __wrap_mprotect(void* p, size_t size, int access) { return __real_mprotect(p, size, access); }
int __wrap_madvise(void* p, size_t size, int advice) { return __real_madvise(p, size, advice); }

void* __wrap_mremap(void* p, size_t old_size, size_t new_size, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const bool moves = (flags & MREMAP_FIXED) != 0;
  void* const to = moves ? va_arg(arguments, void*) : NULL;
  va_end(arguments);
  errno = ENOMEM;
  if (moves && --moves_left < 0) copied_back++;
  if (moves ? moves_left < 0 : new_size > old_size && refuse_growth) return MAP_FAILED;
  return __real_mremap(p, old_size, new_size, flags, to);
}

int main(void) {
  if (check_emulated()) check_skip("an emulator moves no pages");
  const size_t size = 400000;
  void* const first = ri_malloc(size);
  void* const behind = ri_malloc(size);  // it cannot grow where it is
  check_fill(first, size, 1);
  refuse_growth = true;
  moves_left = 3;  // to see whether memory stays behind, there, and back
  void* other = ri_malloc(size);
  void* const behind_other = ri_malloc(size);
  check_fill(other, size, 3);
  other = ri_realloc(other, 3 * size);
  CHECK(other != NULL && copied_back == 0);
  CHECK_FILLED(other, size, 3);
  ri_free(other);
  ri_free(behind_other);
  moves_left = 1;
  uint8_t* p = ri_realloc(first, 3 * size);
  CHECK(p != NULL && copied_back == 1);
  CHECK_FILLED(p, size, 1);
  check_fill(p, 3 * size, 2);
  // Nor is there memory for a copy: the block stays, whole.
  void* const behind_too = ri_malloc(3 * size);
  ri_option_set(ri_option_limit_address_space, 1);
  refuse_maps = true;
  moves_left = 1;
  errno = 0;
  uint8_t* const q = ri_realloc(p, (size_t)100 * CHECK_MIB);
  CHECK(q == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK_FILLED(p, 3 * size, 2);
  refuse_maps = refuse_growth = false;
  ri_option_set(ri_option_limit_address_space, 0);
  ri_free(p);
  ri_free(behind);
  ri_free(behind_too);
  check_heap_intact();
  return 0;
}
