// SPDX-License-Identifier: MIT
// For tests of the simulator: each thread has memory of its own, and nothing is ever given back to
// another. So threads that share no blocks must be seen to share nothing.
#include <sys/mman.h>

#include "../coherence.h"

enum { CLASSES = 32, CHUNK = 1 << 20 };

typedef struct block_s {
  struct block_s* next;
  size_t class_index;
} block_t;

static __thread block_t* lists[CLASSES];
static __thread char* chunk;
static __thread size_t left;

// The header has a line of its own, so that blocks of a size have none in common.
static block_t* private_fresh(size_t class_index) {
  const size_t size = 64 + ((size_t)64 << class_index);
  if (left < size) {
    left = size > CHUNK ? size : CHUNK;
    chunk = mmap(NULL, left, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) co_fail("no memory");
  }
  block_t* const b = (block_t*)(void*)chunk;
  chunk += size;
  left -= size;
  b->class_index = class_index;
  return b;
}

void* allocator_malloc(size_t size) {
  size_t class_index = 0;
  while (((size_t)64 << class_index) < size)
    class_index++;
  block_t* b = lists[class_index];
  if (b != NULL) {
    lists[class_index] = b->next;
  } else {
    b = private_fresh(class_index);
  }
  return (char*)b + 64;
}

void allocator_free(void* p) {
  block_t* const b = (block_t*)(void*)((char*)p - 64);
  b->next = lists[b->class_index];
  lists[b->class_index] = b;
}
