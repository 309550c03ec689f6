// SPDX-License-Identifier: MIT
// os_fake.h: what a test whose name ends in _os_fake needs to pretend to be another machine: the
// memory calls (os_fail.h), the clock, and the system calls that the allocator makes itself. The
// test defines OS_WRAP(call), which gets each of those, and may pass it on to OS_REAL(call).
#ifndef TESTS_OS_FAKE_H
#define TESTS_OS_FAKE_H

#include "check.h"

#include <sys/syscall.h>

#include "os_fail.h"

int OS_REAL(clock_gettime)(clockid_t clock, struct timespec* t);
long OS_REAL(call)(long number, long a, long b, long c, long d, long e, long f);
int OS_WRAP(clock_gettime)(clockid_t clock, struct timespec* t);
long OS_WRAP(call)(long number, long a, long b, long c, long d, long e, long f);
long __real_rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id);
long __wrap_rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id);

static uint64_t os_ahead_ms;  // the clock is so much ahead
static int os_clone_error;    // with what the start of a task fails; 0: the OS decides
static size_t os_clones;      // how often it was asked for

int OS_WRAP(clock_gettime)(clockid_t clock, struct timespec* t) {
  const int result = OS_REAL(clock_gettime)(clock, t);
  t->tv_sec += (time_t)(os_ahead_ms / 1000);
  return result;
}

long __wrap_rix_sys_clone(void (*run)(void), void* stack, void* pointer, uint32_t* id) {
  os_clones++;
  if (os_clone_error == 0) return __real_rix_sys_clone(run, stack, pointer, id);
  errno = os_clone_error;
  return -1;
}

// A file with this text, as the OS opens it.
static inline long os_file(const char* text) {
  const int fd = memfd_create("file", MFD_CLOEXEC);
  const size_t length = strlen(text);
  CHECK(fd >= 0 && write(fd, text, length) == (ssize_t)length && lseek(fd, 0, SEEK_SET) == 0);
  return fd;
}

#endif
