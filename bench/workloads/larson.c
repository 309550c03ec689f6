// SPDX-License-Identifier: MIT
// larson: a server whose threads end and hand their live blocks to a successor.
//
// Stresses: memory that outlives its thread. Each of `threads` chains owns a table of `slots`
// blocks. A thread of the chain replaces random blocks of the table for a while, then creates the
// next thread of the chain, leaves it the table and ends. So most frees are of blocks that an ended
// thread allocated, and the pages of exited threads must find a new owner or their free space is
// lost. The number of chains may exceed the number of cores.
//
// Where the idea comes from: the behaviour of servers described by P. Larson and M. Krishnan,
// "Memory allocation for long-running server applications", 1998. The program was written for this
// project; it does a fixed amount of work instead of running for a fixed time, and checks what it
// frees.
//
// A bad result means: frees into abandoned pages take the slow remote path for ever, an ended
// thread's pages are not reused (memory grows with the number of generations), or creating and
// ending a thread's heap costs system calls.
//
// Arguments: threads (2), slots (2000), low and high (8 and 1000 bytes), generations (40).
#include <semaphore.h>

#include "bench.h"

typedef struct slot_s {
  void* p;
  uint32_t size;
  uint32_t tag;
} slot_t;

typedef struct chain_s {
  slot_t* slots;
  bench_rng_t rng;
  size_t left;  // generations to come
  uint64_t check;
  char padding[64];
} chain_t;

static size_t slot_count;
static size_t step_count;
static size_t low;
static size_t high;
static sem_t chains_done;

static void fill(slot_t* slot, bench_rng_t* rng) {
  slot->size = (uint32_t)bench_between(rng, low, high);
  slot->tag = bench_next(rng);
  slot->p = bench_malloc(slot->size);
  bench_stamp(slot->p, slot->size, slot->tag);
}

static uint64_t drop(const slot_t* slot) {
  const uint64_t check = bench_verify(slot->p, slot->size, slot->tag);
  free(slot->p);
  return check;
}

static void* generation(void* arg) {
  chain_t* const chain = (chain_t*)arg;
  bench_rng_t rng = chain->rng;
  uint64_t check = 0;
  for (size_t i = 0; i < step_count; i++) {
    slot_t* const slot = &chain->slots[bench_below(&rng, slot_count)];
    check += drop(slot);
    fill(slot, &rng);
  }
  chain->rng = rng;
  chain->check += check;
  if (--chain->left == 0) {
    sem_post(&chains_done);
  } else {
    pthread_detach(bench_thread(generation, chain));
  }
  return NULL;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t threads = bench_arg("threads", 2);
  const size_t generations = bench_arg("generations", 40);
  slot_count = bench_arg("slots", 2000);
  low = bench_arg("low", 8);
  high = bench_arg("high", 1000);
  step_count = bench_scaled(30000000 / threads / generations);
  sem_init(&chains_done, 0, 0);
  chain_t* const chains = (chain_t*)bench_malloc(threads * sizeof *chains);
  for (size_t t = 0; t < threads; t++) {
    chain_t* const chain = &chains[t];
    *chain = (chain_t){.rng = bench_seed(100 + t), .left = generations};
    chain->slots = (slot_t*)bench_malloc(slot_count * sizeof *chain->slots);
    for (size_t i = 0; i < slot_count; i++)
      fill(&chain->slots[i], &chain->rng);
  }
  for (size_t t = 0; t < threads; t++)
    pthread_detach(bench_thread(generation, &chains[t]));
  for (size_t t = 0; t < threads; t++)
    sem_wait(&chains_done);
  uint64_t check = 0;
  for (size_t t = 0; t < threads; t++) {
    for (size_t i = 0; i < slot_count; i++)
      check += drop(&chains[t].slots[i]);
    check += chains[t].check;
    free(chains[t].slots);
  }
  free(chains);
  return bench_finish(2 * (uint64_t)threads * (slot_count + step_count * generations), check);
}
