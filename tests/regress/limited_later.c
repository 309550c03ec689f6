// SPDX-License-Identifier: MIT
// limited_later.c: a program limits its own address space (RLIMIT_AS) after its first allocation,
// and allocates until there is no more. New arenas left some of it for others, but those that grew
// took everything: then no thread could start any more, and no file could be mapped. Each limit in
// a child.
#include "../check.h"

#include <sys/mman.h>
#include <sys/wait.h>

enum { STACK = 2 * CHECK_MIB };

static void* nothing(void* arg) { return arg; }

static void others_have_some(void) {
  void* const p = mmap(NULL, STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(p != MAP_FAILED && munmap(p, STACK) == 0);
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
  const int error = pthread_create(&thread, &attributes, nothing, NULL);
  CHECK_MSG(error == 0, "%s", strerror(error));
  check_join(thread);
  CHECK(pthread_attr_destroy(&attributes) == 0);
}

// With so much more than there is.
static void limited(size_t mib) {
  const size_t bytes = check_address_space() + mib * CHECK_MIB;
  const struct rlimit limit = {bytes, RLIM_INFINITY};
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  size_t count = 0;
  check_capture_start();
  while (ri_malloc(8000) != NULL)
    count++;
  check_capture_stop();
  CHECK_MSG(count * 8000 > mib * CHECK_MIB / 4, "%zu blocks of %zu MiB", count, mib);
  others_have_some();
}

int main(void) {
  check_watchdog(60);
  if (!check_measurable()) check_skip("the address space is not the program's alone");
  if (CHECK_SIZE_BITS == 32) check_skip("arenas are mapped as a whole");
  for (size_t i = 0; i < 300; i++)
    CHECK(ri_malloc(60000) != NULL);
  for (size_t mib = 25; mib <= 200; mib += 25) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      limited(mib);
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_MSG(status == 0, "%zu MiB: status %x", mib, (unsigned)status);
  }
  return 0;
}
