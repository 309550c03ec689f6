// SPDX-License-Identifier: MIT
// exit_hook_stays.c: ri_thread_done ended the thread although the OS refused to remove the hook for
// its exit. The hook ran all the same, and ended a thread that was recycled by then, or by chance
// somebody else's. Found by tests/faults/threads when different calls failed.
#include <dlfcn.h>

#include "heap/heap.h"
#include "heap/thread.h"
#include "../check.h"

static __thread bool refuses;
static bool refused;

typedef int set_fun(pthread_key_t key, const void* value);

// In place of the C library's.
int pthread_setspecific(pthread_key_t key, const void* pointer) {
  set_fun* real;
  *(void**)&real = dlsym(RTLD_NEXT, "pthread_setspecific");
  CHECK(real != NULL);
  if (!refuses) return real(key, pointer);
  refused = true;
  return ENOMEM;
}

static void* done_in_vain(void* arg) {
  void* const p = ri_malloc(100);
  CHECK(p != NULL);
  refuses = true;
  ri_thread_done();
  refuses = false;
  CHECK(rix_thread_count() == 2);  // until the hook comes
  void* const q = ri_malloc(100);
  CHECK(q != NULL);
  ri_free(p);
  ri_free(q);
  return arg;
}

static void* allocates(void* arg) {
  void* const p = ri_malloc(100);
  CHECK(p != NULL && rix_thread_count() == 2);
  return arg == NULL ? p : arg;
}

int main(void) {
  // Its threads begin with a call of the function above, before code that it watches may run.
  if (__tsan_init != NULL) check_skip("ThreadSanitizer calls pthread_setspecific too early");
  check_watchdog(30);
  ri_free(ri_malloc(100));
  CHECK(rix_thread_count() == 1);
  for (int i = 0; i < 3; i++) {
    check_in_thread(done_in_vain, NULL);
    CHECK(refused);
    CHECK_MSG(rix_thread_count() == 1, "%zu threads are known, one is there", rix_thread_count());
    ri_free(check_in_thread(allocates, NULL));
    CHECK(rix_thread_count() == 1 && ri_audit());
  }
  check_heap_intact();
  return 0;
}
