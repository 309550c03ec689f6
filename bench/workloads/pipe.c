// SPDX-License-Identifier: MIT
// pipe: one thread allocates messages, one other thread frees them, one by one.
//
// Stresses: the latency of a remote free between exactly two threads. Messages pass through a ring
// of 1,024 pointers without locks, so the hand-over costs a few nanoseconds and the allocator's
// share of the time is large. Unlike in `producers` there is one sender and one receiver, so a
// page's remote list is written by one thread only and collected by one other: the best case for
// schemes that batch remote frees by owner, and a fair one for schemes that do not.
//
// Why it is here: actors, channels, pipelines of stages, loggers.
//
// Each side publishes its position after every message and sleeps in sched_yield when the ring is
// full or empty; on a machine with one core this works too, only slower.
//
// A bad result means: an atomic operation per block on a line that the other thread writes, and
// whether freed blocks come back before the sender takes a fresh page (see peak memory).
//
// Arguments: low and high (32 and 256 bytes).
#include <sched.h>
#include <stdatomic.h>

#include "bench.h"

#define RING 1024

typedef struct message_s {
  uint32_t size;
  uint32_t tag;
} message_t;

static message_t* ring[RING];
static _Alignas(128) atomic_size_t sent;
static _Alignas(128) atomic_size_t received;
static size_t message_count;
static size_t low;
static size_t high;

static void* receive(void* arg) {
  uint64_t* const check = (uint64_t*)arg;
  size_t known = 0;
  for (size_t i = 0; i < message_count; i++) {
    while (i == known) {
      known = atomic_load_explicit(&sent, memory_order_acquire);
      if (i == known) sched_yield();
    }
    message_t* const message = ring[i % RING];
    uint32_t tail;
    memcpy(&tail, (char*)message + message->size - 4, 4);
    if (tail != (message->tag ^ message->size)) bench_fail("message %zu was overwritten", i);
    *check += (uint64_t)message->tag * 0x9E3779B1u + message->size;
    free(message);
    atomic_store_explicit(&received, i + 1, memory_order_release);
  }
  return NULL;
}

static void send_all(void) {
  bench_rng_t rng = bench_seed(9);
  size_t known = 0;
  for (size_t i = 0; i < message_count; i++) {
    while (i - known == RING) {
      known = atomic_load_explicit(&received, memory_order_acquire);
      if (i - known == RING) sched_yield();
    }
    const size_t size = bench_between(&rng, low, high);
    message_t* const message = (message_t*)bench_malloc(size);
    message->size = (uint32_t)size;
    message->tag = bench_next(&rng);
    const uint32_t tail = message->tag ^ message->size;
    memcpy((char*)message + size - 4, &tail, 4);
    ring[i % RING] = message;
    atomic_store_explicit(&sent, i + 1, memory_order_release);
  }
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  low = bench_arg("low", 32);
  high = bench_arg("high", 256);
  message_count = bench_scaled(10000000);
  uint64_t check = 0;
  const pthread_t receiver = bench_thread(receive, &check);
  send_all();
  bench_join(receiver);
  return bench_finish(2 * (uint64_t)message_count, check);
}
