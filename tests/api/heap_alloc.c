// SPDX-License-Identifier: MIT
// heap_alloc.c: each allocating function that takes a heap: its result belongs to the heap, has the
// size, the alignment, the zeroes and the contents that it should have, and errors are as without a
// heap. Also before anything else in a thread, and after the thread's exit hooks.
#include "../check.h"

#include <limits.h>
#include <stdatomic.h>

static ri_heap_t* heap;

static void* mine(void* p, size_t size) {
  CHECK(p != NULL && ri_heap_of(p) == heap && ri_usable_size(p) >= size);
  memset(p, 0xA5, size);
  return p;
}

static void* zeroed(void* p, size_t size) {
  CHECK(p != NULL && check_nonzero(p, 0, size) == SIZE_MAX);
  return mine(p, size);
}

static void plain(void) {
  static const size_t some[] = {0, 1, 8, 9, 100, 1024, 1025, 9000, 65536, 65537, 3000000};
  for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
    const size_t n = some[i];
    for (int again = 0; again < 3; again++) {  // recycled memory is zeroed too
      ri_free(mine(ri_heap_malloc(heap, n), n));
      ri_free(zeroed(ri_heap_zalloc(heap, n), n));
      ri_free(zeroed(ri_heap_calloc(heap, 3, n), 3 * n));
      ri_free(mine(ri_heap_mallocn(heap, 3, n), 3 * n));
    }
  }
  errno = 0;
  CHECK(ri_heap_calloc(heap, check_hide(SIZE_MAX / 2), 3) == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
  CHECK(ri_heap_mallocn(heap, check_hide(SIZE_MAX / 2), 3) == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
  CHECK(ri_heap_malloc(heap, check_hide(PTRDIFF_MAX) + 1) == NULL);
  CHECK_ERRNO(ENOMEM);
}

static void reallocation(void) {
  // A block of another heap stays in its heap while it fits, and comes into this one when it moves.
  char* p = ri_malloc(100);
  check_fill(p, 100, 5);
  p = ri_heap_realloc(heap, p, 90);
  CHECK(ri_heap_of(p) == ri_heap_main());
  p = ri_heap_realloc(heap, p, 5000);
  CHECK(ri_heap_of(p) == heap && check_differs(p, 0, 96, 5) == SIZE_MAX);
  p = ri_heap_reallocn(heap, p, 50, 1000);
  CHECK(ri_heap_of(p) == heap && check_differs(p, 0, 96, 5) == SIZE_MAX);
  p = ri_realloc(p, 200000);  // without a heap: the main heap
  CHECK(ri_heap_of(p) == ri_heap_main() && check_differs(p, 0, 96, 5) == SIZE_MAX);
  p = ri_heap_realloc(heap, p, (size_t)30 * CHECK_MIB);
  CHECK(check_differs(p, 0, 96, 5) == SIZE_MAX);
  ri_free(p);
  errno = 0;
  p = ri_heap_malloc(heap, 100);
  CHECK(ri_heap_reallocn(heap, p, check_hide(SIZE_MAX / 2), 3) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(ri_heap_realloc(heap, p, check_hide(PTRDIFF_MAX) + 1) == NULL && ri_usable_size(p) >= 100);
  const size_t blocks = check_summary().blocks;
  CHECK(ri_heap_reallocf(heap, p, check_hide(PTRDIFF_MAX) + 1) == NULL);
  CHECK(check_summary().blocks == blocks - 1);
  ri_free(mine(ri_heap_reallocf(heap, NULL, 40), 40));
  ri_free(mine(ri_heap_realloc(heap, NULL, 40), 40));
  p = ri_heap_zalloc(heap, 50);
  p = ri_heap_rezalloc(heap, p, 70000);
  p = ri_heap_recalloc(heap, p, 3, 100000);
  ri_free(zeroed(p, 300000));
  p = ri_heap_rezalloc_aligned(heap, ri_heap_zalloc_aligned(heap, 50, 64), 5000, 64);
  CHECK(check_aligned(p, 64));
  p = ri_heap_recalloc_aligned(heap, p, 2, 5000, 128);
  CHECK(check_aligned(p, 128));
  ri_free(zeroed(p, 10000));
  p = ri_heap_rezalloc_aligned_at(heap, NULL, 5000, 64, 8);
  CHECK(check_aligned(p + 8, 64));
  p = ri_heap_recalloc_aligned_at(heap, p, 2, 5000, 64, 16);
  CHECK(check_aligned(p + 16, 64));
  ri_free(zeroed(p, 10000));
  errno = 0;
  CHECK(ri_heap_recalloc(heap, NULL, check_hide(SIZE_MAX / 2), 3) == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
  CHECK(ri_heap_recalloc_aligned(heap, NULL, check_hide(SIZE_MAX / 2), 3, 64) == NULL);
  CHECK_ERRNO(ENOMEM);
}

static void strings(void) {
  char* p = ri_heap_strdup(heap, "hello");
  CHECK(ri_heap_of(p) == heap && strcmp(p, "hello") == 0);
  ri_free(p);
  p = ri_heap_strndup(heap, "hello", 3);
  CHECK(ri_heap_of(p) == heap && strcmp(p, "hel") == 0);
  ri_free(p);
  p = ri_heap_strndup(heap, "hello", 30);
  CHECK(strcmp(p, "hello") == 0);
  ri_free(p);
  CHECK(ri_heap_strdup(heap, NULL) == NULL && ri_heap_strndup(heap, NULL, 3) == NULL);
  p = ri_heap_realpath(heap, "/../", NULL);
  CHECK(ri_heap_of(p) == heap && strcmp(p, "/") == 0);
  ri_free(p);
  char buffer[PATH_MAX];
  CHECK(ri_heap_realpath(heap, "/..", buffer) == buffer && strcmp(buffer, "/") == 0);
  errno = 0;
  CHECK(ri_heap_realpath(heap, "/does not exist/x", NULL) == NULL);
  CHECK_ERRNO(ENOENT);
}

static void aligned(void) {
  for (size_t alignment = 1; alignment <= (size_t)4 * CHECK_MIB; alignment *= 4) {
    for (size_t size = 1; size <= 200000; size = size * 7 + 1) {
      void* p = mine(ri_heap_malloc_aligned(heap, size, alignment), size);
      CHECK(check_aligned(p, alignment));
      p = ri_heap_realloc_aligned(heap, p, 2 * size, alignment);
      CHECK(p != NULL && check_aligned(p, alignment));
      ri_free(p);
      p = zeroed(ri_heap_zalloc_aligned(heap, size, alignment), size);
      CHECK(check_aligned(p, alignment));
      ri_free(p);
      p = zeroed(ri_heap_calloc_aligned(heap, 2, size, alignment), 2 * size);
      CHECK(check_aligned(p, alignment));
      ri_free(p);
      char* q = mine(ri_heap_malloc_aligned_at(heap, size, alignment, 8), size);
      CHECK(check_aligned(q + 8, alignment));
      q = ri_heap_realloc_aligned_at(heap, q, 2 * size, alignment, 8);
      CHECK(q != NULL && check_aligned(q + 8, alignment));
      ri_free(q);
      q = zeroed(ri_heap_zalloc_aligned_at(heap, size, alignment, 24), size);
      CHECK(check_aligned(q + 24, alignment));
      ri_free(q);
      q = zeroed(ri_heap_calloc_aligned_at(heap, 2, size, alignment, 24), 2 * size);
      CHECK(check_aligned(q + 24, alignment));
      ri_free(q);
    }
  }
  errno = 0;
  CHECK(ri_heap_malloc_aligned(heap, 10, check_hide(24)) == NULL);
  CHECK_ERRNO(EINVAL);
  errno = 0;
  CHECK(ri_heap_calloc_aligned(heap, check_hide(SIZE_MAX / 2), 3, 64) == NULL);
  CHECK_ERRNO(ENOMEM);
}

#define FAILS(call, code)         \
  do {                            \
    errno = 0;                    \
    void* const r_ = (call);      \
    CHECK_MSG(r_ == NULL, #call); \
    CHECK_ERRNO(code);            \
  } while (0)

// Every function refuses what its relative without a heap refuses, and p stays as it was.
static void bad_alignments(void) {
  static const size_t bad[] = {0, 3, 24, 4097, SIZE_MAX};
  char* const p = ri_heap_malloc(heap, 100);
  check_fill(p, 100, 7);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    const size_t a = check_hide(bad[i]);
    FAILS(ri_heap_malloc_aligned(heap, 100, a), EINVAL);
    FAILS(ri_heap_malloc_aligned_at(heap, 100, a, 8), EINVAL);
    FAILS(ri_heap_zalloc_aligned(heap, 100, a), EINVAL);
    FAILS(ri_heap_zalloc_aligned_at(heap, 100, a, 8), EINVAL);
    FAILS(ri_heap_calloc_aligned(heap, 10, 10, a), EINVAL);
    FAILS(ri_heap_calloc_aligned_at(heap, 10, 10, a, 8), EINVAL);
    FAILS(ri_heap_realloc_aligned(heap, p, 200, a), EINVAL);
    FAILS(ri_heap_realloc_aligned_at(heap, p, 200, a, 8), EINVAL);
    FAILS(ri_heap_rezalloc_aligned(heap, p, 200, a), EINVAL);
    FAILS(ri_heap_rezalloc_aligned_at(heap, p, 200, a, 8), EINVAL);
    FAILS(ri_heap_recalloc_aligned(heap, p, 20, 10, a), EINVAL);
    FAILS(ri_heap_recalloc_aligned_at(heap, p, 20, 10, a, 8), EINVAL);
  }
  CHECK_FILLED(p, 100, 7);
  CHECK(ri_heap_of(p) == heap);
  ri_free(p);
}

static void too_large(void) {
  const size_t n = check_hide((size_t)PTRDIFF_MAX + 1);
  const size_t half = check_hide(SIZE_MAX / 2);
  char* const p = ri_heap_malloc(heap, 100);
  check_fill(p, 100, 7);
  FAILS(ri_heap_zalloc(heap, n), ENOMEM);
  FAILS(ri_heap_rezalloc(heap, p, n), ENOMEM);
  FAILS(ri_heap_recalloc(heap, p, half, 3), ENOMEM);
  FAILS(ri_heap_malloc_aligned(heap, n, 64), ENOMEM);
  FAILS(ri_heap_malloc_aligned_at(heap, n, 64, 8), ENOMEM);
  FAILS(ri_heap_zalloc_aligned(heap, n, 64), ENOMEM);
  FAILS(ri_heap_zalloc_aligned_at(heap, n, 64, 8), ENOMEM);
  FAILS(ri_heap_calloc_aligned_at(heap, half, 3, 64, 8), ENOMEM);
  FAILS(ri_heap_realloc_aligned(heap, p, n, 64), ENOMEM);
  FAILS(ri_heap_realloc_aligned_at(heap, p, n, 64, 8), ENOMEM);
  FAILS(ri_heap_rezalloc_aligned(heap, p, n, 64), ENOMEM);
  FAILS(ri_heap_rezalloc_aligned_at(heap, p, n, 64, 8), ENOMEM);
  FAILS(ri_heap_recalloc_aligned(heap, p, half, 3, 64), ENOMEM);
  FAILS(ri_heap_recalloc_aligned_at(heap, p, half, 3, 64, 8), ENOMEM);
  CHECK_FILLED(p, 100, 7);
  ri_free(p);
}

// NULL is the main heap for each of them, whichever theap is the thread's default.
static void without_heap(void) {
  CHECK(ri_theap_set_default(ri_heap_theap(heap)) == ri_heap_theap(NULL));
  void* const all[] = {ri_heap_malloc(NULL, 100),
                       ri_heap_zalloc(NULL, 100),
                       ri_heap_calloc(NULL, 10, 10),
                       ri_heap_mallocn(NULL, 10, 10),
                       ri_heap_realloc(NULL, NULL, 100),
                       ri_heap_reallocn(NULL, NULL, 10, 10),
                       ri_heap_reallocf(NULL, NULL, 100),
                       ri_heap_rezalloc(NULL, NULL, 100),
                       ri_heap_recalloc(NULL, NULL, 10, 10),
                       ri_heap_strdup(NULL, "x"),
                       ri_heap_strndup(NULL, "x", 1),
                       ri_heap_realpath(NULL, "/", NULL),
                       ri_heap_malloc_aligned(NULL, 100, 64),
                       ri_heap_malloc_aligned_at(NULL, 100, 64, 8),
                       ri_heap_zalloc_aligned(NULL, 100, 64),
                       ri_heap_zalloc_aligned_at(NULL, 100, 64, 8),
                       ri_heap_calloc_aligned(NULL, 10, 10, 64),
                       ri_heap_calloc_aligned_at(NULL, 10, 10, 64, 8),
                       ri_heap_realloc_aligned(NULL, NULL, 100, 64),
                       ri_heap_realloc_aligned_at(NULL, NULL, 100, 64, 8),
                       ri_heap_rezalloc_aligned(NULL, NULL, 100, 64),
                       ri_heap_rezalloc_aligned_at(NULL, NULL, 100, 64, 8),
                       ri_heap_recalloc_aligned(NULL, NULL, 10, 10, 64),
                       ri_heap_recalloc_aligned_at(NULL, NULL, 10, 10, 64, 8)};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    CHECK_MSG(ri_heap_of(all[i]) == ri_heap_main(), "function %zu", i);
    ri_free(all[i]);
  }
  CHECK(ri_theap_set_default(NULL) == ri_heap_theap(heap));
}

static void* first_thing(void* arg) {
  (void)arg;
  ri_free(mine(ri_heap_malloc(heap, 100), 100));
  ri_free(mine(ri_heap_malloc_aligned(heap, 100, 4096), 100));
  return NULL;
}

static pthread_key_t late_key;
static atomic_int late_calls;

// Runs again and again, until the allocator's own exit hook has run before it. In the last round
// ThreadSanitizer ends, so it is not used.
enum { LATE_ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - 1 };
static void late(void* value) {
  static void* kept[3];
  if (atomic_fetch_add(&late_calls, 1) + 1 < LATE_ROUNDS) pthread_setspecific(late_key, value);
  kept[0] = mine(ri_heap_malloc(heap, 100), 100);
  kept[1] = mine(ri_heap_malloc_aligned_at(heap, 100, 64, 8), 100);
  kept[2] = zeroed(ri_heap_calloc(heap, 10, 10), 100);
  kept[2] = ri_heap_realloc(heap, kept[2], 70000);
  CHECK(ri_heap_of(kept[2]) == heap && check_aligned((char*)kept[1] + 8, 64));
  for (size_t i = 0; i < 3; i++)
    ri_free(kept[i]);
}

static void* with_late_destructor(void* arg) {
  CHECK(pthread_setspecific(late_key, arg) == 0);
  return first_thing(arg);
}

int main(void) {
  check_watchdog(100);
  heap = ri_heap_new();
  CHECK(heap != NULL);
  const size_t before = check_summary().blocks;
  plain();
  reallocation();
  strings();
  aligned();
  bad_alignments();
  too_large();
  without_heap();
  check_in_thread(first_thing, NULL);
  CHECK(pthread_key_create(&late_key, late) == 0);
  check_in_thread(with_late_destructor, &late_key);
  CHECK(atomic_load(&late_calls) == LATE_ROUNDS);
  CHECK_MSG(check_summary().blocks == before, "%zu blocks, before %zu", check_summary().blocks,
            before);
  CHECK(ri_audit());
  ri_heap_destroy(heap);
  CHECK(ri_audit());
  return 0;
}
