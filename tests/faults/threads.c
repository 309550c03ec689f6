// SPDX-License-Identifier: MIT
// threads.c: threads that start, allocate, free each other's blocks, end, and leave pages to
// others, while the calls for thread ends, for the clock, for files and limits fail, and those for
// memory. Destructors that run after the thread's end allocate too.
#include "faults.h"

enum { BLOCKS = 200, THREADS = 4 };

static held_t blocks[THREADS][BLOCKS];
static pthread_key_t late_key;

static void some(held_t* held, size_t size) {
  for (size_t i = 0; i < BLOCKS; i++) {
    errno = 0;
    const size_t n = 1 + (i * size) % 3000;
    hold(&held[i], ri_malloc(n), n, i, false);
  }
}

static void none(held_t* held, size_t first, size_t step) {
  for (size_t i = first; i < BLOCKS; i += step)
    drop(&held[i]);
}

// Runs until the last round of destructors, so that it allocates without a heap of its own too.
static void late(void* value) {
  held_t h;
  errno = 0;
  hold(&h, ri_zalloc(500), 500, 1, true);
  drop(&h);
  errno = 0;
  hold(&h, ri_malloc_aligned_at(5000, 64, 8), 5000, 2, false);
  drop(&h);
  const uintptr_t rounds = (uintptr_t)value;
  if (rounds < 4) pthread_setspecific(late_key, (void*)(rounds + 1));
}

static void* run(void* arg) {
  const size_t t = (size_t)(uintptr_t)arg;
  __real_pthread_setspecific(late_key, (void*)(uintptr_t)1);
  some(blocks[t], 37 + t);
  if (t > 0) none(blocks[t - 1], t % 2, 2);
  ri_collect(false);
  if (t == 2) ri_thread_done();
  return NULL;
}

static void scenario(void) {
  CHECK(__real_pthread_key_create(&late_key, late) == 0);
  for (size_t t = 0; t < THREADS; t++)
    check_in_thread(run, (void*)(uintptr_t)t);
  held_t own[BLOCKS];
  some(own, 37);  // from pages that the threads left
  ri_collect(true);
  for (size_t t = 0; t < THREADS; t++)
    none(blocks[t], 0, 1);
  none(own, 0, 1);
  check_in_thread(run, (void*)(uintptr_t)0);
  none(blocks[0], 0, 1);
  ri_collect(true);
}

int main(int argc, char** argv) {
  static const int kinds[] = {FAULTS_MEMORY, FAULTS_KEY, FAULTS_CLOCK, FAULTS_FILE, -1};
  return faults_main(argc, argv, 40, kinds);
}
