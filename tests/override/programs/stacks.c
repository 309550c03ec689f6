// SPDX-License-Identifier: MIT
// stacks.c: every operation of the allocator, its error messages included, in threads that have the
// smallest stack there is.
#include <limits.h>
#include <malloc.h>

#include "ours.h"

enum { THREADS = 40 };

static void misuse(void) {
  static char foreign[64];
  void* const p = malloc(40);
  void* const q = malloc(40);
  free(p);
  free(check_hide_pointer((uintptr_t)p));             // twice
  free(check_hide_pointer((uintptr_t)foreign + 16));  // not ours
  CHECK(realloc(check_hide_pointer((uintptr_t)foreign + 16), 10) == NULL);
  free(q);
}

static void* operations(void* arg) {
  const bool with_errors = arg != NULL;
  uint64_t rng = 7;
  void* blocks[16] = {NULL};
  for (int i = 0; i < 600; i++) {
    void** const slot = &blocks[check_below(&rng, 16)];
    const size_t size = check_any_size(&rng, i % 50 == 0 ? 20 * CHECK_MIB : 100 * CHECK_KIB);
    free(*slot);
    switch (check_below(&rng, 5)) {
      case 0:
        *slot = malloc(size);
        break;
      case 1:
        *slot = calloc(size, 1);
        break;
      case 2:
        *slot = realloc(malloc(10), size + 1);
        break;
      case 3:
        *slot = memalign((size_t)1 << check_below(&rng, 20), size);
        break;
      default:
        *slot = strdup("a string");
        break;
    }
    CHECK(*slot != NULL && ours(*slot));
  }
  for (int i = 0; i < 16; i++)
    free(blocks[i]);
  CHECK(malloc(check_hide(CHECK_LARGEST)) == NULL);
  CHECK(mallinfo2().arena > 0);
  if (with_errors) misuse();
  malloc_trim(0);
  return NULL;
}

int main(void) {
  check_watchdog(60);
  pthread_attr_t attributes;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN) == 0);
  for (size_t i = 0; i < THREADS; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, &attributes, operations, (void*)(uintptr_t)(i % 8 == 0)) == 0);
    check_join(thread);
  }
  return 0;
}
