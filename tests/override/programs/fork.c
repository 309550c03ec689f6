// SPDX-License-Identifier: MIT
// fork.c COUNT: forks under load. Threads allocate, free, and hand blocks to each other all the
// time; a child must be able to do everything that its parent could, although the other threads
// vanished in the middle of whatever they did. A child that hangs is ended by its alarm.
#include <malloc.h>
#include <sys/wait.h>

#include "ours.h"

enum { THREADS = 3, SLOTS = 64, CHILD_SECONDS = 20 };

static void* shared_slots[SLOTS];  // exchanged by all threads
static int stop;

static size_t a_size(uint64_t* rng) {
  const size_t size = check_any_size(rng, 300 * CHECK_KIB);
  return size < sizeof(size_t) ? sizeof(size_t) : size;
}

// A block that carries its size, so that anyone can check it.
static void* sized_block(size_t size) {
  void* const p = malloc(size);
  CHECK(p != NULL && ours(p));
  memset(p, (int)(size & 0x7F), size);
  memcpy(p, &size, sizeof(size));
  return p;
}

static void sized_free(void* p) {
  if (p == NULL) return;
  size_t size = 0;
  memcpy(&size, p, sizeof(size));
  CHECK(malloc_usable_size(p) >= size);
  if (size > sizeof(size)) CHECK(((char*)p)[size - 1] == (char)(size & 0x7F));
  free(p);
}

static void* load(void* arg) {
  uint64_t rng = (uint64_t)(uintptr_t)arg;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    const size_t slot = check_below(&rng, SLOTS);
    sized_free(
        __atomic_exchange_n(&shared_slots[slot], sized_block(a_size(&rng)), __ATOMIC_ACQ_REL));
    free(calloc(1, check_below(&rng, 100)));
    free(realloc(malloc(10), 1 + check_below(&rng, 5000)));
  }
  return NULL;
}

// Threads that come and go, so that forks also meet a thread that starts or ends.
static void* short_life(void* arg) {
  void* const p = malloc(100);
  __asm__ volatile("" : : "r"(p) : "memory");
  free(p);
  return arg;
}
static void* churn(void* arg) {
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
    check_in_thread(short_life, NULL);
  return arg;
}

static void* child_thread(void* arg) {
  for (size_t i = 0; i < SLOTS; i += 2) {
    sized_free(shared_slots[i]);
    shared_slots[i] = sized_block(100 + i);
  }
  return arg;
}

static void child(uint64_t seed) {
  check_watchdog(CHILD_SECONDS);
  uint64_t rng = seed;
  void* blocks[32];
  for (int i = 0; i < 32; i++)
    blocks[i] = sized_block(a_size(&rng));
  // Blocks of the parent's other threads, which do not exist here.
  for (size_t i = 1; i < SLOTS; i += 2) {
    sized_free(shared_slots[i]);
    shared_slots[i] = NULL;
  }
  check_in_thread(child_thread, NULL);
  for (int i = 0; i < 32; i++)
    sized_free(blocks[i]);
  if (seed % 16 == 0) {  // and it may fork too
    const pid_t pid = fork();
    if (pid == 0) {
      sized_free(sized_block(1000));
      _exit(0);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  }
  _exit(0);
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  const size_t count = check_scaled((size_t)atoi(argv[1]));
  pthread_t threads[THREADS + 1];
  for (size_t i = 0; i < THREADS; i++)
    threads[i] = check_start(load, (void*)(i + 1));
  threads[THREADS] = check_start(churn, NULL);
  for (size_t i = 0; i < count; i++) {
    check_watchdog(3 * CHILD_SECONDS);
    const pid_t pid = fork();
    CHECK_MSG(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0) child(i);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_MSG(status == 0, "child %zu of %zu: %s %d", i, count,
              WIFSIGNALED(status) ? "signal" : "exit code",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i <= THREADS; i++)
    check_join(threads[i]);
  for (size_t i = 0; i < SLOTS; i++)
    sized_free(shared_slots[i]);
  return 0;
}
