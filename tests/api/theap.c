// SPDX-License-Identifier: MIT
// theap.c: a thread's part of a heap (rimalloc/heap.h): its allocating functions, the default theap
// of a thread and what becomes of it when its heap ends, theaps of other threads.
// Catches: a default that other threads get too, a default that leads to a heap that is gone,
// blocks of the wrong heap.
#include "../check.h"

static ri_heap_t* heap;

static void refused(const void* p) {
  CHECK(p == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
}

static void refusals(ri_theap_t* theap) {
  const size_t n = check_hide((size_t)PTRDIFF_MAX + 1);
  void* const p = ri_theap_malloc(theap, 100);
  check_fill(p, 100, 3);
  errno = 0;
  refused(ri_theap_zalloc(theap, n));
  refused(ri_theap_malloc_aligned(theap, n, 64));
  refused(ri_theap_realloc(theap, p, n));
  CHECK_FILLED(p, 100, 3);
  ri_free(p);
}

static void functions(void) {
  ri_theap_t* const theap = ri_heap_theap(heap);
  CHECK(theap != NULL && ri_heap_theap(heap) == theap);
  void* p = ri_theap_malloc(theap, 100);
  CHECK(ri_heap_of(p) == heap && ri_usable_size(p) >= 100);
  memset(p, 0xA5, 100);
  p = ri_theap_realloc(theap, p, 5000);
  CHECK(ri_heap_of(p) == heap && ((uint8_t*)p)[99] == 0xA5);
  ri_free(p);
  for (int i = 0; i < 3; i++) {
    p = ri_theap_zalloc(theap, 100);
    CHECK(ri_heap_of(p) == heap && check_nonzero(p, 0, 100) == SIZE_MAX);
    memset(p, 0xA5, 100);
    ri_free(p);
    p = ri_theap_calloc(theap, 10, 10);
    CHECK(ri_heap_of(p) == heap && check_nonzero(p, 0, 100) == SIZE_MAX);
    memset(p, 0xA5, 100);
    ri_free(p);
    p = ri_theap_zalloc(theap, 100);
    CHECK(ri_heap_of(p) == heap && check_nonzero(p, 0, 100) == SIZE_MAX);
    memset(p, 0xA5, 100);
    ri_free(p);
  }
  p = ri_theap_malloc(theap, 10);
  CHECK(ri_heap_of(p) == heap);
  ri_free(p);
  p = ri_theap_malloc_aligned(theap, 100, 4096);
  CHECK(ri_heap_of(p) == heap && check_aligned(p, 4096));
  ri_free(p);
  p = ri_theap_realloc(theap, NULL, 300000);
  CHECK(ri_heap_of(p) == heap);
  ri_free(p);
  errno = 0;
  CHECK(ri_theap_calloc(theap, check_hide(SIZE_MAX / 2), 3) == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
  CHECK(ri_theap_malloc(theap, check_hide(PTRDIFF_MAX) + 1) == NULL);
  CHECK_ERRNO(ENOMEM);
  errno = 0;
  CHECK(ri_theap_malloc_aligned(theap, 10, check_hide(12)) == NULL);
  CHECK_ERRNO(EINVAL);
  refusals(theap);
  ri_theap_collect(theap, false);
  ri_theap_collect(NULL, true);
  CHECK_MSG(ri_heap_held(heap) == 0, "%zu held", ri_heap_held(heap));
}

static void* others_have_their_own(void* theap) {
  CHECK(ri_theap_get_default() == ri_heap_theap(NULL) && ri_theap_get_default() != theap);
  CHECK(ri_heap_theap(heap) != theap);
  void* const p = ri_malloc(100);
  CHECK(ri_heap_of(p) == ri_heap_main());
  ri_free(p);
  check_capture_start();
  CHECK(ri_theap_set_default(theap) == ri_heap_theap(NULL));
  check_reported(EINVAL, "another thread", theap);
  check_capture_stop();
  CHECK(ri_theap_get_default() == ri_heap_theap(NULL));
  CHECK(ri_theap_set_default(ri_heap_theap(heap)) == ri_heap_theap(NULL));
  return ri_malloc(100);  // and the thread ends with this default
}

static void defaults(void) {
  ri_theap_t* const main_theap = ri_theap_get_default();
  CHECK(main_theap != NULL && main_theap == ri_heap_theap(NULL));
  CHECK(main_theap == ri_heap_theap(ri_heap_main()));
  ri_theap_t* const theap = ri_heap_theap(heap);
  CHECK(ri_theap_set_default(theap) == main_theap && ri_theap_get_default() == theap);
  CHECK(ri_heap_main() != heap);
  void* p[6] = {ri_malloc(10),
                ri_zalloc(3000),
                ri_realloc(NULL, 70000),
                ri_malloc_aligned(100, 64),
                ri_malloc_aligned_at(100, 64, 8),
                ri_strdup("x")};
  for (size_t i = 0; i < 6; i++) {
    CHECK(ri_heap_of(p[i]) == heap);
    ri_free(p[i]);
  }
  void* const m = ri_heap_malloc(NULL, 10);
  CHECK(ri_heap_of(m) == ri_heap_main());
  ri_free(m);
  void* const theirs = check_in_thread(others_have_their_own, theap);
  CHECK(ri_heap_of(theirs) == heap);
  CHECK(ri_theap_set_default(NULL) == theap && ri_theap_get_default() == main_theap);
  // The heap ends while it is this thread's default.
  for (int destroy = 0; destroy < 2; destroy++) {
    CHECK(ri_theap_set_default(ri_heap_theap(heap)) == main_theap);
    void* const kept = ri_malloc(100);
    CHECK(ri_heap_of(kept) == heap);
    if (destroy == 0) {
      ri_heap_delete(heap);
      CHECK(ri_heap_of(kept) == ri_heap_main() && ri_heap_of(theirs) == ri_heap_main());
      ri_free(kept);
      ri_free(theirs);
    } else {
      ri_heap_destroy(heap);
    }
    CHECK(ri_theap_get_default() == main_theap);
    void* const q = ri_malloc(100);
    CHECK(ri_heap_of(q) == ri_heap_main());
    ri_free(q);
    heap = ri_heap_new();
  }
  CHECK(ri_audit());
}

static void* allocates(void* arg) {
  (void)arg;
  ri_free(ri_malloc(10));
  return NULL;
}

static void late(void* arg) {
  (void)arg;
  CHECK(ri_heap_theap(heap) == NULL && ri_heap_theap(NULL) == NULL);
  CHECK(ri_theap_get_default() == NULL && ri_theap_set_default(NULL) == NULL);
  CHECK(ri_theap_visit_blocks(NULL, true, NULL, NULL));
  // Without a theap a block of a heap has a page of its own.
  uint8_t* p = ri_heap_malloc_aligned(heap, 100, (size_t)1 << 20);
  CHECK(ri_heap_of(p) == heap && check_aligned(p, (size_t)1 << 20));
  memset(p, 0xA5, 100);
  p = ri_heap_rezalloc(heap, p, 300000);
  CHECK(ri_heap_of(p) == heap && p[99] == 0xA5);
  ri_free(p);
  ri_free(ri_heap_zalloc(NULL, 10));
  ri_free(ri_heap_malloc_aligned_at(NULL, 1000, 64, 8));
}

int main(void) {
  check_watchdog(100);
  heap = ri_heap_new();
  functions();
  defaults();
  check_late(allocates, late, NULL);
  ri_heap_destroy(heap);
  CHECK(ri_audit());
  return 0;
}
