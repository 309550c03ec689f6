// SPDX-License-Identifier: MIT
// queue.h: bounded queues of pointers for workloads that hand blocks from thread to thread.
//
// A mutex and two conditions: simple, fair enough, and no thread spins (the machines that run this
// have as few as two cores). The cost of an operation is well above that of an allocation, so
// workloads put batches through it, not single blocks; the storage is static, so that the queue
// itself never allocates.
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include "bench.h"

#define QUEUE_MAX 1024

typedef struct queue_s {
  pthread_mutex_t mutex;
  pthread_cond_t filled;
  pthread_cond_t drained;
  size_t head;
  size_t count;
  size_t limit;
  void* items[QUEUE_MAX];
} queue_t;

static inline void queue_init(queue_t* queue, size_t limit) {
  if (limit < 1 || limit > QUEUE_MAX) bench_fail("queue limit must be 1..%d", QUEUE_MAX);
  memset(queue, 0, sizeof *queue);
  pthread_mutex_init(&queue->mutex, NULL);
  pthread_cond_init(&queue->filled, NULL);
  pthread_cond_init(&queue->drained, NULL);
  queue->limit = limit;
}

static inline void queue_put(queue_t* queue, void* item) {
  pthread_mutex_lock(&queue->mutex);
  while (queue->count == queue->limit)
    pthread_cond_wait(&queue->drained, &queue->mutex);
  queue->items[(queue->head + queue->count) % QUEUE_MAX] = item;
  queue->count++;
  pthread_mutex_unlock(&queue->mutex);
  pthread_cond_signal(&queue->filled);
}

static inline void* queue_take(queue_t* queue) {
  pthread_mutex_lock(&queue->mutex);
  while (queue->count == 0)
    pthread_cond_wait(&queue->filled, &queue->mutex);
  void* const item = queue->items[queue->head];
  queue->head = (queue->head + 1) % QUEUE_MAX;
  queue->count--;
  pthread_mutex_unlock(&queue->mutex);
  pthread_cond_signal(&queue->drained);
  return item;
}

#endif
