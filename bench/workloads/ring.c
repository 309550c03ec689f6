// SPDX-License-Identifier: MIT
// ring: threads in a circle; each frees what its neighbour allocated and allocates for the next.
//
// Stresses: remote frees by threads that allocate as well. Every thread takes a batch from its left
// neighbour, checks and frees its blocks, makes a new batch of its own and passes it to the right.
// So the flow of blocks is balanced: each thread frees as much as it allocates, but never its own.
// An allocator that puts freed blocks in the freeing thread's cache recycles them at once (and
// mixes pages of all threads: false sharing); one that returns them to the owner must do so fast.
//
// Why it is here: work stealing, staged servers, simulations with exchange between neighbours.
//
// Two batches for each thread circulate, so that a thread rarely waits; the number of hops of each
// batch is fixed and so is the work.
//
// A bad result means: remote frees are dear, or are found only when the owner has run out of
// memory.
//
// Arguments: threads (4), batch (200) blocks.
#include "batch.h"
#include "queue.h"

typedef struct member_s {
  bench_rng_t rng;
  queue_t* from;
  queue_t* to;
  uint64_t check;
  char padding[64];
} member_t;

#define RING_MAX 64
#define CIRCULATING 2

static queue_t queues[RING_MAX];
static size_t batch_count;
static size_t hops;

static void* work(void* arg) {
  member_t* const member = (member_t*)arg;
  for (size_t i = 0; i < CIRCULATING; i++)
    queue_put(member->to, batch_make(&member->rng, batch_count));
  for (size_t i = 0; i < hops; i++) {
    member->check += batch_drop((batch_t*)queue_take(member->from));
    queue_put(member->to, batch_make(&member->rng, batch_count));
  }
  for (size_t i = 0; i < CIRCULATING; i++) {
    member->check += batch_drop((batch_t*)queue_take(member->from));
  }
  return NULL;
}

int main(int argc, char** argv) {
  bench_init(argc, argv);
  const size_t threads = bench_arg("threads", 4);
  if (threads < 1 || threads > RING_MAX) bench_fail("threads must be 1..%d", RING_MAX);
  batch_count = bench_arg("batch", 200);
  hops = bench_scaled(16000000 / threads / batch_count);
  static member_t members[RING_MAX];
  for (size_t i = 0; i < threads; i++)
    queue_init(&queues[i], QUEUE_MAX);
  for (size_t i = 0; i < threads; i++) {
    members[i] = (member_t){
        .rng = bench_seed(300 + i), .from = &queues[i], .to = &queues[(i + 1) % threads]};
  }
  bench_run(threads, work, members, sizeof members[0]);
  uint64_t check = 0;
  for (size_t i = 0; i < threads; i++)
    check += members[i].check;
  return bench_finish(2 * (uint64_t)threads * (hops + CIRCULATING) * (batch_count + 1), check);
}
