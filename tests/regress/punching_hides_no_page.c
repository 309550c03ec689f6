// SPDX-License-Identifier: MIT
// punching_hides_no_page.c: a thread that returns parts of pages without owner to the OS claims
// each for a moment. Meanwhile a walk over pages without owner left the page out, a walk over a
// heap that nobody used found blocks that were free, and an allocation from a heap at its quota,
// all of whose memory was in such pages, got none.
#include "../check.h"

enum { PAGES = 60, SIZE = 1000, EACH = 64, ROUNDS = 400, HEAPS = 60 };
static _Atomic bool ends;

static void* collects(void* arg) {
  (void)arg;
  while (!ends)
    ri_collect(true);
  return NULL;
}

// Leaves pages of which most is free.
static void* leaves(void* arg) {
  static void* p[PAGES * EACH];
  for (size_t i = 0; i < PAGES * EACH; i++)
    CHECK((p[i] = ri_heap_malloc(arg, SIZE)) != NULL);
  for (size_t i = 0; i < PAGES * EACH; i++)
    if (i % 8 != 0) ri_free(p[i]);
  return NULL;
}

static bool count(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                  void* arg) {
  (void)heap, (void)size;
  if (block == NULL) *(size_t*)arg += area->used;
  return true;
}

static size_t visited(ri_heap_t* heap) {
  size_t blocks = 0;
  CHECK(ri_heap_visit_abandoned_blocks(heap, false, count, &blocks));
  return blocks;
}

static void walks(ri_heap_t* heap) {
  check_in_thread(leaves, heap);
  const size_t right = visited(heap);
  CHECK(right >= PAGES * EACH / 8);
  ends = false;
  const pthread_t other = check_start(collects, NULL);
  for (size_t i = 0; i < ROUNDS; i++) {
    const size_t now = visited(heap);
    CHECK_MSG(now == right, "round %zu: %zu of %zu blocks", i, now, right);
  }
  ends = true;
  check_join(other);
}

static bool count_live(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                       void* arg) {
  (void)heap, (void)area, (void)size;
  *(size_t*)arg += block != NULL;
  return true;
}

// The pages of a heap that nobody uses are looked at while they are punched for the first time.
static void looks(void) {
  ends = false;
  const pthread_t other = check_start(collects, NULL);
  for (size_t round = 0; round < HEAPS; round++) {
    ri_heap_t* const heap = ri_heap_new();
    check_in_thread(leaves, heap);
    for (size_t i = 0; i < 4; i++) {
      size_t now = 0;
      CHECK(ri_heap_visit_blocks(heap, true, count_live, &now));
      CHECK_MSG(now == PAGES * EACH / 8, "round %zu: %zu blocks", round, now);
    }
    ri_heap_destroy(heap);
  }
  ends = true;
  check_join(other);
}

static void* takes(void* arg) {
  void* const p = ri_heap_malloc(arg, SIZE);
  CHECK_MSG(p != NULL, "the heap's page has free blocks");
  ri_free(p);
  return NULL;
}

static void* keeps_one(void* arg) { return ri_heap_malloc(arg, SIZE); }

static void allocates(void) {
  ri_heap_t* const heap = ri_heap_new();
  CHECK(check_in_thread(keeps_one, heap) != NULL);
  CHECK(ri_heap_set_quota(heap, 64 * CHECK_KIB));
  ends = false;
  const pthread_t other = check_start(collects, NULL);
  for (size_t i = 0; i < 10 * ROUNDS; i++)
    check_in_thread(takes, heap);
  ends = true;
  check_join(other);
  ri_heap_destroy(heap);
}

int main(void) {
  check_watchdog(60);
  ri_option_set(ri_option_purge_delay, 3600000);
  walks(ri_heap_main());
  ri_heap_t* const heap = ri_heap_new();
  walks(heap);
  ri_heap_destroy(heap);
  looks();
  allocates();
  return 0;
}
