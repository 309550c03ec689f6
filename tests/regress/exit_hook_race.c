// SPDX-License-Identifier: MIT
// exit_hook_race.c: the first use of the process said "started" before it had created the hook that
// reports thread exits. A second thread that came in between did not get one, and when it exited,
// its heap was leaked. Here, before any constructor has run, the first thread is stopped where the
// hook is created until the second has allocated; the exit of the second must be noticed.
#include <dlfcn.h>
#include <stdatomic.h>

#include "heap/heap.h"
#include "heap/thread.h"
#include "../check.h"

static _Atomic(bool) stopped, allocated;
static _Atomic(int) keys;
static size_t threads_left, tested;
static bool begun;

// The run-time of a sanitizer begins after .preinit_array, and makes keys before it can do more.
#if defined(__has_feature)
#define WITH_SANITIZER (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define WITH_SANITIZER 1
#else
#define WITH_SANITIZER 0
#endif

typedef int key_create_fun(pthread_key_t* key, void (*destructor)(void*));

// In place of the C library's.
#if WITH_SANITIZER
#define pthread_key_create unused_key_create
int unused_key_create(pthread_key_t* key, void (*destructor)(void*));
#endif
int pthread_key_create(pthread_key_t* key, void (*destr_function)(void*)) {
  key_create_fun* real;
  *(void**)&real = dlsym(RTLD_NEXT, "pthread_key_create");
  CHECK(real != NULL);
  if (begun && atomic_fetch_add(&keys, 1) == 0) {
    atomic_store(&stopped, true);
    while (!atomic_load(&allocated)) {}
  }
  return real(key, destr_function);
}

static void* second(void* arg) {
  while (!atomic_load(&stopped)) {}
  ri_free(ri_malloc(100));
  CHECK(rix_thread_count() == 1);
  atomic_store(&allocated, true);
  return arg;
}

static void in_preinit(void) {
  begun = true;
  const pthread_t thread = check_start(second, NULL);
  ri_free(ri_malloc(100));
  check_join(thread);
  threads_left = rix_thread_count();
  tested = 1;
}

typedef void(initializer_t)(void);
#if WITH_SANITIZER
__attribute__((used)) static initializer_t* const preinit = in_preinit;
#else
__attribute__((section(".preinit_array"), used)) static initializer_t* const preinit = in_preinit;
#endif

int main(void) {
  check_watchdog(30);
  if (WITH_SANITIZER) check_skip("a sanitizer begins after .preinit_array");
  if (!begun) check_skip("the C library does not run .preinit_array");
  CHECK(tested == 1);
  CHECK_MSG(threads_left == 1, "%zu threads are known, one is there", threads_left);
  CHECK(rix_thread_count() == 1 && ri_audit());
  return 0;
}
