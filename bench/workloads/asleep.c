// SPDX-License-Identifier: MIT
// asleep: free nearly everything, then sleep for two seconds without any call.
//
// Stresses: memory that must go back by itself. `idle` makes a few small calls while it is idle,
// which an allocator can use to return memory; here nobody calls. 256 Ki blocks of 1,000 bytes are
// allocated and freed in the same order: all of them, or all but one in `keep`, which leaves a live
// block in every page of the allocator and in one of five pages of the OS. With threads=N the
// blocks belong to N threads, which allocate them one thread after the other and then sleep for
// good: with by=main the first thread has freed them, with by=self their owners have. Nobody
// returns what a sleeping thread's heap holds but a stranger.
//
// Why it is here: this is how services, desktops and pools of threads spend most of their time, and
// what their users complain of: the memory of the last peak stays until something happens.
//
// The number that counts is `final`: resident memory after the sleep, with `trim=1` after
// malloc_trim(0) as well (allocators that have no malloc_trim of their own: glibc's runs, and finds
// nothing). Then a quarter of the blocks are allocated again and all are checked in every byte:
// what was given back must come back into use, and what lives must not have gone with it. Compare
// CPU, not wall time.
//
// A bad result means: 260 MiB, the peak, or a second of CPU. The least possible is a page of the OS
// for each block that lives, 51 MiB with keep=20 and 10 MiB with keep=100, and 4 MiB for the
// program.
//
// Arguments: count (262144), size (1000), keep (0), threads (0), by (main), sleep (2 seconds),
// touch (0; 1: reads the kept blocks once a second), trim (0).
#include <malloc.h>
#include <semaphore.h>

#include "whole.h"

typedef struct part_s {
  size_t from;
  size_t to;
  uint64_t check;
  sem_t wake;
} part_t;

static void** blocks;
static size_t size;
static size_t keep;
static bool self;
static sem_t asleep;

static void fill(const part_t* part) {
  for (size_t i = part->from; i < part->to; i++) {
    blocks[i] = bench_malloc(size);
    whole_write(blocks[i], size, (uint32_t)i);
  }
}

static void drop(part_t* part) {
  for (size_t i = part->from; i < part->to; i++) {
    if (keep != 0 && i % keep == 0) continue;
    part->check += whole_read(blocks[i], size, (uint32_t)i);
    free(blocks[i]);
    blocks[i] = NULL;
  }
}

static uint64_t look(const part_t* part) {
  uint64_t check = 0;
  for (size_t i = part->from; i < part->to; i++) {
    if (blocks[i] != NULL) check += whole_read(blocks[i], size, (uint32_t)i);
  }
  return check;
}

// A quarter of the places is filled again; then everything is looked at and freed.
static void use_again(part_t* part) {
  for (size_t i = part->from; i < part->to; i += 4) {
    if (blocks[i] != NULL) continue;
    blocks[i] = bench_malloc(size);
    whole_write(blocks[i], size, (uint32_t)i);
  }
  part->check += look(part);
  for (size_t i = part->from; i < part->to; i++)
    free(blocks[i]);
}

static void* sleeper(void* arg) {
  part_t* const part = (part_t*)arg;
  fill(part);
  if (self) drop(part);
  sem_post(&asleep);
  while (sem_wait(&part->wake) != 0) {}
  use_again(part);
  return NULL;
}

// Sleeps, or wakes once a second to read what lives.
static uint64_t rest(size_t seconds, bool touch, const part_t* all) {
  uint64_t check = 0;
  if (!touch) bench_rest((double)seconds);
  for (size_t i = 0; touch && i < seconds; i++) {
    bench_rest(1);
    check += look(all);
  }
  return check;
}

// Everything from the peak on that the main thread does: the resident KiB at the end of the sleep.
static size_t give_back(part_t* all) {
  bench_phase("peak");
  if (!self) drop(all);
  bench_phase("freed");
  all->check += rest(bench_arg("sleep", 2), bench_arg("touch", 0) != 0, all);
  bench_phase("asleep");
  if (bench_arg("trim", 0) != 0) {
    malloc_trim(0);
    bench_phase("trimmed");
  }
  return bench_resident();
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t count = bench_scaled(bench_arg("count", 262144));
  const size_t threads = bench_arg("threads", 0);
  size = bench_arg("size", 1000);
  keep = bench_arg("keep", 0);
  self = threads != 0 && strcmp(bench_arg_text("by", "main"), "self") == 0;
  if (threads > BENCH_MAX_THREADS || size < 16) bench_fail("too many threads or too small blocks");
  blocks = (void**)bench_table(count * sizeof *blocks);
  static part_t parts[BENCH_MAX_THREADS];
  pthread_t ids[BENCH_MAX_THREADS];
  char* const stacks = (char*)bench_table((threads + 1) * BENCH_STACK);
  part_t all = {.to = count};
  sem_init(&asleep, 0, 0);
  for (size_t i = 0; i < threads; i++) {
    parts[i].from = count * i / threads;
    parts[i].to = count * (i + 1) / threads;
    sem_init(&parts[i].wake, 0, 0);
    ids[i] = bench_thread_on(stacks + i * BENCH_STACK, sleeper, &parts[i]);
    while (sem_wait(&asleep) != 0) {}
  }
  if (threads == 0) fill(&all);
  const size_t final = give_back(&all);
  if (threads == 0) use_again(&all);
  for (size_t i = 0; i < threads; i++) {
    sem_post(&parts[i].wake);
    bench_join(ids[i]);
    all.check += parts[i].check;
  }
  return bench_finish_at(2 * (uint64_t)count, all.check, final);
}
