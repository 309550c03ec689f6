// SPDX-License-Identifier: MIT
// wrapped.c: a program for libraries that wrap functions of the C library: it allocates in threads
// over all slow paths, calls wrapped functions itself meanwhile, and forks.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 2000, ROUNDS = 3 };

static void need(int holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "wrapped: %s\n", what);
  _exit(3);
}

static void blocks(void) {
  static __thread char* block[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) {
    const size_t size = i % 40 == 0 ? i * 200 + 1 : i * 3 + 1;
    need((block[i] = malloc(size)) != NULL, "malloc");
    block[i][size - 1] = 1;
  }
  for (size_t i = 0; i < BLOCKS; i++)
    free(block[i]);
  char* grows = NULL;
  for (size_t size = 100000; size < 100000000; size *= 4) {
    need((grows = realloc(grows, size)) != NULL, "realloc");
    grows[size - 1] = 1;
  }
  free(grows);
  void* const aligned = memalign((size_t)2 << 20, 5000000);
  need(aligned != NULL, "memalign");
  free(aligned);
}

// Time passes, so that memory is given back.
static void calls(void) {
  struct timespec start, now;
  need(clock_gettime(CLOCK_MONOTONIC, &start) == 0, "clock_gettime");
  do {
    need(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "clock_gettime");
    free(malloc(70000));
  } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 30);
  need(syscall(SYS_getppid) > 0, "syscall");
  char* const p = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  need(p != MAP_FAILED && mprotect(p, 65536, PROT_READ | PROT_WRITE) == 0, "mmap, mprotect");
  p[0] = 1;
  need(madvise(p, 65536, MADV_DONTNEED) == 0 && p[0] == 0 && munmap(p, 65536) == 0, "madvise");
}

static void* thread(void* arg) {
  for (int i = 0; i < ROUNDS; i++) {
    blocks();
    calls();
  }
  return arg;
}

int main(void) {
  (void)alarm(20);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    need(pthread_create(&threads[i], NULL, thread, NULL) == 0, "pthread_create");
  thread(NULL);
  const pid_t child = fork();
  need(child >= 0, "fork");
  if (child == 0) {
    blocks();
    _exit(0);
  }
  int status = 0;
  need(waitpid(child, &status, 0) == child && status == 0, "the child");
  for (int i = 0; i < 2; i++)
    need(pthread_join(threads[i], NULL) == 0, "pthread_join");
  malloc_trim(0);
  puts("done");
  return 0;
}
