// SPDX-License-Identifier: MIT
// os_fail.h: a test whose name ends in _os_fail intercepts the memory calls that the allocator
// makes to the OS. The test defines os_answer, which sees each call before the OS does; it may
// count, change or refuse it. Calls come from any thread, also before main.
//
// The linker's --wrap brings the calls here. tests/CMakeLists.txt says under which names the
// allocator makes them, there alone: OS_PREFIX is what stands before `mmap` and so on.
#ifndef TESTS_OS_FAIL_H
#define TESTS_OS_FAIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

typedef enum os_kind_e { OS_MAP, OS_UNMAP, OS_PROTECT, OS_ADVISE, OS_MOVE } os_kind_t;

typedef struct os_call_s {
  os_kind_t kind;
  void* at;
  size_t size;
  size_t new_size;  // OS_MOVE
  void* to;         // OS_MOVE with MREMAP_FIXED in flags
  int access;       // OS_MAP, OS_PROTECT
  int flags;        // OS_MAP, OS_MOVE
  int advice;       // OS_ADVISE
} os_call_t;

// What the test decides: the OS gets the call as it stands now, nothing happens and the call
// succeeds (no answer to OS_MAP and OS_MOVE), or it fails with a value of errno.
enum { OS_PASS = 0, OS_DONE = -1 };
static int os_answer(os_call_t* call);

#define OS_JOIN3(a, b, c) a##b##c
#define OS_JOIN(a, b, c) OS_JOIN3(a, b, c)
#define OS_REAL(name) OS_JOIN(__real_, OS_PREFIX, name)
#define OS_WRAP(name) OS_JOIN(__wrap_, OS_PREFIX, name)

void* OS_REAL(mmap)(void* at, size_t size, int access, int flags, int fd, long offset);
int OS_REAL(munmap)(void* p, size_t size);
int OS_REAL(mprotect)(void* p, size_t size, int access);
int OS_REAL(madvise)(void* p, size_t size, int advice);
void* OS_REAL(mremap)(void* p, size_t old_size, size_t new_size, int flags, void* to);
void* OS_WRAP(mmap)(void* at, size_t size, int access, int flags, int fd, long offset);
int OS_WRAP(munmap)(void* p, size_t size);
int OS_WRAP(mprotect)(void* p, size_t size, int access);
int OS_WRAP(madvise)(void* p, size_t size, int advice);
void* OS_WRAP(mremap)(void* p, size_t old_size, size_t new_size, int flags, void* to);

// Whether the OS gets the call; if not, *result is what it returns.
static inline bool os_asks(os_call_t* call, int* result) {
  const int answer = os_answer(call);
  if (answer == OS_PASS) return true;
  *result = answer == OS_DONE ? 0 : -1;
  if (answer != OS_DONE) errno = answer;
  return false;
}

void* OS_WRAP(mmap)(void* at, size_t size, int access, int flags, int fd, long offset) {
  os_call_t c = {.kind = OS_MAP, .at = at, .size = size, .access = access, .flags = flags};
  int result = 0;
  if (!os_asks(&c, &result)) return MAP_FAILED;
  return OS_REAL(mmap)(c.at, c.size, c.access, c.flags, fd, offset);
}

int OS_WRAP(munmap)(void* p, size_t size) {
  os_call_t c = {.kind = OS_UNMAP, .at = p, .size = size};
  int result = 0;
  return os_asks(&c, &result) ? OS_REAL(munmap)(c.at, c.size) : result;
}

int OS_WRAP(mprotect)(void* p, size_t size, int access) {
  os_call_t c = {.kind = OS_PROTECT, .at = p, .size = size, .access = access};
  int result = 0;
  return os_asks(&c, &result) ? OS_REAL(mprotect)(c.at, c.size, c.access) : result;
}

int OS_WRAP(madvise)(void* p, size_t size, int advice) {
  os_call_t c = {.kind = OS_ADVISE, .at = p, .size = size, .advice = advice};
  int result = 0;
  return os_asks(&c, &result) ? OS_REAL(madvise)(c.at, c.size, c.advice) : result;
}

// `to` means something with MREMAP_FIXED only: C's mremap then has that argument.
void* OS_WRAP(mremap)(void* p, size_t old_size, size_t new_size, int flags, void* to) {
  os_call_t c = {.kind = OS_MOVE, .at = p, .size = old_size, .new_size = new_size, .flags = flags};
  c.to = (flags & MREMAP_FIXED) != 0 ? to : NULL;
  int result = 0;
  if (!os_asks(&c, &result)) return MAP_FAILED;
  return OS_REAL(mremap)(c.at, c.size, c.new_size, c.flags, c.to);
}

#endif
