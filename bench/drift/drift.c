// SPDX-License-Identifier: MIT
// drift.c: a changing mixture for a given time: the memory that an allocator retains beyond what is
// live must not grow over time. Every phase (some seconds) has a different distribution of sizes,
// number of live bytes and ratio of short to long lifetimes; blocks that are freed late come from
// all earlier phases; threads come and go and leave their blocks to others; blocks are resized.
//
// usage: drift SECONDS [MIB]       MIB: live bytes on average, 48 by default
// Each second it prints: seconds, live bytes as asked for, resident bytes beyond those at start.
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 200000, PHASE_SECONDS = 7, BATCH = 2000 };

typedef struct slot_s {
  uint8_t* p;
  size_t size;
  uint8_t mark;
} slot_t;

static slot_t slots[SLOTS];
static size_t live;
static uint64_t rng = 88172645463325252u;

static uint64_t next(void) {
  rng ^= rng << 13;
  rng ^= rng >> 7;
  rng ^= rng << 17;
  return rng;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t resident(void) {
  char text[128] = "";
  const int fd = open("/proc/self/statm", O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) exit(2);
  close(fd);
  char* at = text;
  (void)strtoul(at, &at, 10);
  return strtoul(at, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

// ---- The mixture --------------------------------------------------------------------------------

typedef struct phase_s {
  unsigned low, spread;  // sizes: 2^low to 2^(low + spread), evenly over the doublings
  size_t target;         // live bytes
  unsigned old;          // of 16 frees so many take the oldest blocks, the others the youngest
} phase_t;

static phase_t new_phase(size_t average) {
  const phase_t p = {3 + (unsigned)(next() % 6), 2 + (unsigned)(next() % 9),
                     average / 2 + next() % average, (unsigned)(next() % 17)};
  return p;
}

static size_t any_size(phase_t p) {
  const size_t base = (size_t)1 << (p.low + next() % p.spread);
  return base + next() % base;
}

static void check(const slot_t* s) {
  if (s->p[0] == s->mark && s->p[s->size - 1] == s->mark) return;
  fprintf(stderr, "drift: a block of %zu bytes changed\n", s->size);
  exit(1);
}

static void fill(slot_t* s, size_t size) {
  if (s->p == NULL) {
    fprintf(stderr, "drift: no memory for %zu bytes\n", size);
    exit(1);
  }
  s->size = size;
  s->mark = (uint8_t)next();
  memset(s->p, s->mark, size);
  live += size;
}

static void drop(slot_t* s) {
  check(s);
  live -= s->size;
  free(s->p);
  s->p = NULL;
}

static size_t head, tail;  // the young are put at head, the oldest lie after tail

static void allocate(phase_t p) {
  for (int tries = 0; tries < 8; tries++) {
    slot_t* const s = &slots[head++ % SLOTS];
    if (s->p != NULL) continue;
    const size_t size = any_size(p);
    s->p = malloc(size);
    fill(s, size);
    return;
  }
}

static void release(phase_t p) {
  const bool old = next() % 16 < p.old;
  const size_t at = old ? tail++ : head - 1 - next() % 5000;
  slot_t* const s = &slots[at % SLOTS];
  if (s->p != NULL) drop(s);
}

static void resize(phase_t p) {
  slot_t* const s = &slots[next() % SLOTS];
  if (s->p == NULL) return;
  check(s);
  const size_t size = any_size(p);
  live -= s->size;
  s->p = realloc(s->p, size);
  fill(s, size);
}

static void work(phase_t p) {
  for (int i = 0; i < BATCH; i++) {
    if (i % 16 == 0) resize(p);
    if (live < p.target) {
      allocate(p);
    } else {
      release(p);
    }
    if (i % 4 == 0) release(p);
    if (i % 4 == 2) allocate(p);
  }
}

static void* in_thread(void* arg) {
  work(*(const phase_t*)arg);
  return NULL;
}

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? strtod(argv[1], NULL) : 10;
  const size_t average = (argc > 2 ? strtoul(argv[2], NULL, 10) : 48) << 20;
  const size_t base = resident();
  const double begin = now();
  double next_print = 1, next_phase = 0;
  phase_t p = new_phase(average);
  for (unsigned round = 0; now() - begin < seconds; round++) {
    const double t = now() - begin;
    if (t >= next_phase) {
      p = new_phase(average);
      next_phase += PHASE_SECONDS;
    }
    if (round % 4 == 3) {  // a thread that ends and leaves its blocks
      pthread_t thread;
      if (pthread_create(&thread, NULL, in_thread, &p) != 0) return 2;
      pthread_join(thread, NULL);
    } else {
      work(p);
    }
    if (t >= next_print) {
      printf("%.0f %zu %zu\n", t, live, resident() - base);
      fflush(stdout);
      next_print += 1;
    }
  }
  for (size_t i = 0; i < SLOTS; i++) {
    if (slots[i].p != NULL) drop(&slots[i]);
  }
  return 0;
}
