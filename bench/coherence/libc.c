// SPDX-License-Identifier: MIT
// libc.c: in instrumented code the names of these functions of the C library are changed to co_...
// (see RENAMED in `run`): what would stop the one real thread makes its fiber sleep, memory that the
// kernel gives and takes is counted, and what differs from run to run, clock and randomness, does not.
//
// Locks are one word that threads exchange: 0 open, 1 taken, 2 taken and waited for.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "coherence.h"

#define PC __builtin_return_address(0)

// ---- Memory -------------------------------------------------------------------------------------

static void libc_call(void) {
  fibers_note(&(co_counts_t){.calls = 1});
  fibers_spend(CO_CYCLES_CALL);
}

void* co_mmap(void* at, size_t size, int access, int flags, int fd, long offset);
int co_munmap(void* p, size_t size);
int co_mprotect(void* p, size_t size, int access);
int co_madvise(void* p, size_t size, int advice);
void* co_mremap(void* p, size_t old_size, size_t new_size, int flags, ...);

void* co_mmap(void* at, size_t size, int access, int flags, int fd, long offset) {
  libc_call();
  return mmap(at, size, access, flags, fd, offset);
}
int co_munmap(void* p, size_t size) {
  libc_call();
  return munmap(p, size);
}
int co_mprotect(void* p, size_t size, int access) {
  libc_call();
  return mprotect(p, size, access);
}
int co_madvise(void* p, size_t size, int advice) {
  libc_call();
  return madvise(p, size, advice);
}
void* co_mremap(void* p, size_t old_size, size_t new_size, int flags, ...) {
  va_list list;
  va_start(list, flags);
  void* const to = (flags & MREMAP_FIXED) != 0 ? va_arg(list, void*) : NULL;
  va_end(list);
  libc_call();
  return mremap(p, old_size, new_size, flags, to);
}

// ---- Waiting ------------------------------------------------------------------------------------

static long libc_futex(uint32_t* word, int operation, uint32_t value) {
  const int what = operation & 0x7F;
  fibers_spend(CO_CYCLES_CALL);
  if (what == 0 || what == 9) {  // wait, wait for bits
    if (*(volatile uint32_t*)word == value) fibers_sleep(word);
    return 0;
  }
  fibers_wake(word, value);
  return 0;
}

long co_syscall(long number, ...);
long co_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; i++)
    a[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && fibers_specific() != NULL)
    return libc_futex((uint32_t*)a[0], (int)a[1], (uint32_t)a[2]);
  return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static uint32_t libc_exchange(uint32_t* word, uint32_t value, const void* pc) {
  fibers_access(word, sizeof(*word), CO_LOCKED, pc);
  const uint32_t old = *(volatile uint32_t*)word;
  *(volatile uint32_t*)word = value;
  return old;
}

int co_pthread_mutex_init(pthread_mutex_t* m, const pthread_mutexattr_t* attributes);
int co_pthread_mutex_destroy(pthread_mutex_t* m);
int co_pthread_mutex_trylock(pthread_mutex_t* m);
int co_pthread_mutex_lock(pthread_mutex_t* m);
int co_pthread_mutex_unlock(pthread_mutex_t* m);

int co_pthread_mutex_init(pthread_mutex_t* m, const pthread_mutexattr_t* attributes) {
  (void)attributes;
  *(uint32_t*)(void*)m = 0;
  return 0;
}
int co_pthread_mutex_destroy(pthread_mutex_t* m) { return *(uint32_t*)(void*)m == 0 ? 0 : EBUSY; }
int co_pthread_mutex_trylock(pthread_mutex_t* m) {
  uint32_t* const word = (uint32_t*)(void*)m;
  fibers_access(word, sizeof(*word), CO_LOCKED, PC);
  if (*(volatile uint32_t*)word != 0) return EBUSY;
  *(volatile uint32_t*)word = 1;
  return 0;
}
int co_pthread_mutex_lock(pthread_mutex_t* m) {
  uint32_t* const word = (uint32_t*)(void*)m;
  if (co_pthread_mutex_trylock(m) == 0) return 0;
  while (libc_exchange(word, 2, PC) != 0) {
    fibers_spend(CO_CYCLES_CALL);
    if (*(volatile uint32_t*)word == 2) fibers_sleep(word);
  }
  return 0;
}
int co_pthread_mutex_unlock(pthread_mutex_t* m) {
  uint32_t* const word = (uint32_t*)(void*)m;
  if (libc_exchange(word, 0, PC) == 2) {
    fibers_spend(CO_CYCLES_CALL);
    fibers_wake(word, 1);
  }
  return 0;
}

int co_sched_yield(void);
int co_sched_yield(void) {
  fibers_spend(CO_CYCLES_CALL);
  return 0;
}

// ---- Threads ------------------------------------------------------------------------------------

static struct {
  unsigned count;
  void (*done[CO_KEYS_MAX])(void* value);
  void* main[CO_KEYS_MAX];  // values of the real thread
} keys;

int co_pthread_key_create(pthread_key_t* key, void (*done)(void* value));
int co_pthread_key_delete(pthread_key_t key);
int co_pthread_setspecific(pthread_key_t key, const void* value);
void* co_pthread_getspecific(pthread_key_t key);

int co_pthread_key_create(pthread_key_t* key, void (*done)(void* value)) {
  if (keys.count == CO_KEYS_MAX) return EAGAIN;
  keys.done[keys.count] = done;
  *key = keys.count++;
  return 0;
}
int co_pthread_key_delete(pthread_key_t key) {
  keys.done[key] = NULL;
  return 0;
}
static void** libc_values(void) {
  void** const mine = fibers_specific();
  return mine != NULL ? mine : keys.main;
}
int co_pthread_setspecific(pthread_key_t key, const void* value) {
  libc_values()[key] = (void*)value;
  return 0;
}
void* co_pthread_getspecific(pthread_key_t key) { return libc_values()[key]; }

// As in the C library: again, for a while, when destructors set values.
void libc_thread_ends(void) {
  void** const values = fibers_specific();
  bool again = true;
  for (int round = 0; again && round < 4; round++) {
    again = false;
    for (unsigned i = 0; i < keys.count; i++) {
      void* const value = values[i];
      values[i] = NULL;
      if (value == NULL || keys.done[i] == NULL) continue;
      keys.done[i](value);
      again = true;
    }
  }
}

// ---- The same in each run -----------------------------------------------------------------------

int co_clock_gettime(clockid_t clock, struct timespec* t);
unsigned long co_getauxval(unsigned long type);
ssize_t co_getrandom(void* to, size_t size, unsigned flags);

int co_clock_gettime(clockid_t clock, struct timespec* t) {
  (void)clock;
  const uint64_t us = 1000000 + fibers_clock() / CO_CYCLES_PER_US;
  *t = (struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
  return 0;
}
unsigned long co_getauxval(unsigned long type) {
  static const uint64_t random[2] = {0x123456789ABCDEFu, 0xFEDCBA9876543210u};
  return type == AT_RANDOM ? (unsigned long)(uintptr_t)random : getauxval(type);
}
ssize_t co_getrandom(void* to, size_t size, unsigned flags) {
  (void)flags;
  for (size_t i = 0; i < size; i++)
    ((uint8_t*)to)[i] = (uint8_t)(i * 37 + 11);
  return (ssize_t)size;
}
