// SPDX-License-Identifier: MIT
// subproc_memory_back.c: a thread that looked for an abandoned page looked into the arenas of all
// sub-processes, also of one that was just ending; the program had its memory back and unmapped it,
// and the thread read on there. So did statistics when the arena's descriptor was used again, and a
// visit of the main heap. (Found by verify/model: end_and_allocate and others.)
#include "../check.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum { SIZE = 8000, BLOCKS = 40, ROOM = 16 * CHECK_MIB, PAGES = ROOM / 65536 };
static uint8_t* region;
static ri_subproc_id_t sub;
static _Atomic(bool) stop;

// Ends with a page without owner, and with a free block, in each slice of the region: so that the
// others' searches take long.
static void* leaves_pages(void* arg) {
  (void)arg;
  ri_subproc_add_current_thread(sub);
  CHECK(ri_manage_os_memory(region, ROOM, true, false, true, -1));
  void* of_page[PAGES] = {NULL};
  uint8_t* p;
  while ((p = ri_malloc(SIZE)) >= region && p < region + ROOM)
    of_page[(size_t)(p - region) / 65536] = p;
  for (size_t i = 0; i < PAGES; i++)
    ri_free(of_page[i]);
  return NULL;
}

static bool counts(const ri_heap_t* heap, const ri_heap_area_t* area, void* block, size_t size,
                   void* arg) {
  (void)heap, (void)area, (void)block, (void)size;
  ++*(size_t*)arg;
  return true;
}

// New pages all the time, each after a search for an abandoned one.
static void* allocates(void* arg) {
  (void)arg;
  void* blocks[BLOCKS];
  while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
    for (size_t i = 0; i < BLOCKS; i++)
      blocks[i] = ri_malloc(SIZE);
    size_t pages = 0;
    CHECK(ri_heap_visit_blocks(NULL, false, counts, &pages) && pages > 0);
    for (size_t i = 0; i < BLOCKS; i++)
      ri_free(blocks[i]);
  }
  return NULL;
}

static void* looks(void* arg) {
  (void)arg;
  while (!atomic_load_explicit(&stop, memory_order_relaxed))
    CHECK(check_summary().arenas >= 1);
  return NULL;
}

static void life(void) {
  region = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(region != MAP_FAILED);
  sub = ri_subproc_new();
  check_in_thread(leaves_pages, NULL);
  ri_subproc_destroy(sub);
  CHECK(munmap(region, ROOM) == 0);
}

int main(void) {
  check_watchdog(60);
  ri_free(ri_malloc(1));
  const pthread_t allocator = check_start(allocates, NULL), looker = check_start(looks, NULL);
  const uint64_t end = check_now_ms() + (uint64_t)check_scaled(1000);
  size_t lives = 0;
  for (; check_now_ms() < end || lives < 3; lives++)
    life();
  atomic_store_explicit(&stop, true, memory_order_relaxed);
  check_join(allocator);
  check_join(looker);
  CHECK(ri_audit());
  return 0;
}
