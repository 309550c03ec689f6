// SPDX-License-Identifier: MIT
// portable.c: what every C program does, with no name that only one C library has: blocks of all
// sizes from several threads, resized, aligned, freed by others; strings that the C library
// allocates; a child after fork. All of them are rimalloc's.
#include <sys/wait.h>

#include "ours.h"

enum { THREADS = 4, SLOTS = 64, MARK = 0x5A5A };

static uintptr_t* slots[SLOTS];

static void put(uintptr_t* p, size_t at) {
  CHECK(p != NULL && ours(p));
  p[0] = (uintptr_t)p ^ MARK;
  uintptr_t* const old = __atomic_exchange_n(&slots[at], p, __ATOMIC_ACQ_REL);
  if (old == NULL) return;
  CHECK(ours(old) && old[0] == ((uintptr_t)old ^ MARK));
  free(old);
}

static void* work(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  const size_t rounds = check_scaled(3000);
  for (size_t i = 0; i < rounds; i++) {
    const size_t size = 8 + check_any_size(&rng, 200 * CHECK_KIB);
    uintptr_t* p = NULL;
    switch (i % 4) {
      case 0:
        p = malloc(size);
        break;
      case 1:
        p = calloc(1, size);
        CHECK(p != NULL);
        CHECK_ZERO(p, 0, size);
        break;
      case 2:
        p = realloc(malloc(8), size);
        break;
      default:
        CHECK(posix_memalign((void**)&p, 256, size) == 0 && check_aligned(p, 256));
        break;
    }
    put(p, check_below(&rng, SLOTS));
  }
  return arg;
}

static void strings(void) {
  char* const copy = strdup("a string that strdup allocates");
  CHECK(copy != NULL && ours(copy));
  free(copy);
  errno = 0;
  CHECK(malloc(check_hide(CHECK_LARGEST)) == NULL && errno == ENOMEM);
}

int main(void) {
  check_watchdog(60);
  pthread_t threads[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    threads[t] = check_start(work, (void*)(t + 1));
  strings();
  for (size_t t = 0; t < THREADS; t++)
    check_join(threads[t]);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    (void)work((void*)(uintptr_t)THREADS);
    strings();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(status == 0, "status %x", (unsigned)status);
  for (size_t i = 0; i < SLOTS; i++)
    free(slots[i]);
  return 0;
}
