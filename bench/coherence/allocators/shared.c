// SPDX-License-Identifier: MIT
// For tests of the simulator: one counter hands out all memory, 16 bytes at a time, and nothing is
// freed. So each malloc is one locked operation on a line that all share, and blocks of different
// threads lie in the same lines.
#include <stdatomic.h>
#include <sys/mman.h>

#include "../coherence.h"

static char* memory;
static _Alignas(64) atomic_size_t used;

static __attribute__((constructor)) void shared_init(void) {
  const size_t size = (size_t)4 << 30;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) co_fail("no memory");
}

void* allocator_malloc(size_t size) {
  return memory + atomic_fetch_add_explicit(&used, (size + 15) & ~(size_t)15, memory_order_relaxed);
}
void allocator_free(void* p) { (void)p; }
