// SPDX-License-Identifier: MIT
// wrapper.c: a library to be preloaded that wraps functions of the C library which an allocator
// might call, as libraries do that fake time, users or networks, or that profile. WRAPPER says how:
//   first   looks the real function up and allocates when it is called for the first time
//   each    allocates and reads a file in each call, but not from inside itself
//   locked  does so under a lock of its own, which a call from inside of malloc would wait for
// An allocator that calls one of them with a lock held, or before it is ready, hangs or recurses.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char how;  // 'f', 'e', 'l'; 0: not known yet

static void work(void) {
  FILE* const file = fopen("/dev/null", "r");
  if (file != NULL) {
    (void)getc(file);
    fclose(file);
  }
  static const size_t sizes[] = {40, 300, 70000, 200000};
  for (size_t i = 0; i < 4; i++)
    free(malloc(sizes[i]));
}

// The real function; what the mode wants is done.
static void* enter(void** real, const char* name) {
  static __thread int inside __attribute__((tls_model("initial-exec")));
  if (*real == NULL) {
    void* const found = dlsym(RTLD_NEXT, name);
    if (dlsym(RTLD_NEXT, "no_such_function_anywhere") == NULL) (void)dlerror();
    free(malloc(300));
    const char* const said = getenv("WRAPPER");
    how = said != NULL ? *said : 'f';
    *real = found;
  }
  if (how == 'l') {
    pthread_mutex_lock(&lock);
    work();
    pthread_mutex_unlock(&lock);
  } else if (how == 'e' && !inside) {
    inside = 1;
    work();
    inside = 0;
  }
  return *real;
}

#define WRAP(result, name, parameters, arguments)                \
  result name parameters {                                       \
    static void* real;                                           \
    return ((result(*) parameters)enter(&real, #name))arguments; \
  }

WRAP(int, clock_gettime, (clockid_t clock, struct timespec* t), (clock, t))
WRAP(void*, mmap, (void* p, size_t n, int access, int flags, int fd, off_t at),
     (p, n, access, flags, fd, at))
WRAP(int, munmap, (void* p, size_t n), (p, n))
WRAP(int, mprotect, (void* p, size_t n, int access), (p, n, access))
WRAP(int, madvise, (void* p, size_t n, int advice), (p, n, advice))
WRAP(int, mincore, (void* p, size_t n, unsigned char* there), (p, n, there))
WRAP(int, getrlimit, (__rlimit_resource_t what, struct rlimit* limit), (what, limit))
WRAP(int, getrusage, (__rusage_who_t who, struct rusage* usage), (who, usage))
WRAP(int, sched_yield, (void), ())
WRAP(pid_t, getpid, (void), ())
WRAP(unsigned long, getauxval, (unsigned long type), (type))
WRAP(int, pthread_key_create, (pthread_key_t * key, void (*done)(void*)), (key, done))
WRAP(int, pthread_setspecific, (pthread_key_t key, const void* value), (key, value))
WRAP(int, vsnprintf, (char* to, size_t n, const char* format, va_list list), (to, n, format, list))

void* mremap(void* p, size_t old_size, size_t new_size, int flags, ...) {
  static void* real;
  va_list list;
  va_start(list, flags);
  void* const to = (flags & MREMAP_FIXED) != 0 ? va_arg(list, void*) : NULL;
  va_end(list);
  return ((void* (*)(void*, size_t, size_t, int, ...))enter(&real, "mremap"))(p, old_size, new_size,
                                                                              flags, to);
}

long syscall(long number, ...) {
  static void* real;
  va_list list;
  long a[6];
  va_start(list, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg(list, long);
  va_end(list);
  return ((long (*)(long, ...))enter(&real, "syscall"))(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int prctl(int option, ...) {
  static void* real;
  va_list list;
  unsigned long a[4];
  va_start(list, option);
  for (int i = 0; i < 4; i++)
    a[i] = va_arg(list, unsigned long);
  va_end(list);
  return ((int (*)(int, ...))enter(&real, "prctl"))(option, a[0], a[1], a[2], a[3]);
}
