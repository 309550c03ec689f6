// SPDX-License-Identifier: MIT
// realloc_smaller_without_memory.c: realloc to a smaller size wants a smaller block, and failed
// when there was no memory for one, although the old block would have served. It returns the old
// block then, with errno as it was, and a large one gives back what it can. And ri_xallocx to a
// size below 64 KiB left a large block as it was, although it shrinks blocks to that. When the old
// block serves, the program was told all the same that there is no memory, and could ask to abort.
// And a realloc that grows, which likes to have a quarter more, failed where the size asked for
// fits.
#include "../check.h"

enum { OTHER = 65536 };
static ri_heap_t* heap;
static size_t wants;

static ri_oom_t no_memory(size_t size, unsigned attempt, void* arg) {
  (void)size, (void)attempt, (void)arg;
  wants++;
  return RI_OOM_FAIL;
}

static void deferred(bool force, unsigned long long heartbeat, void* arg) {
  (void)heartbeat, (void)arg;
  if (force) wants++;
}

// From here on nobody is told of anything.
static void quiet_start(void) {
  wants = 0;
  check_capture_start();
  ri_register_out_of_memory(no_memory, NULL);
  ri_register_deferred_free(deferred, NULL);
}

static void quiet_end(void) {
  CHECK_MSG(wants == 0, "%zu calls", wants);
  check_nothing_reported();
  ri_register_deferred_free(NULL, NULL);
  ri_register_out_of_memory(NULL, NULL);
  check_capture_stop();
}

// A block of the heap, which has no quota for another page.
static void* only_block(size_t size) {
  heap = ri_heap_new();
  CHECK(heap != NULL);
  void* const p = ri_heap_malloc(heap, size);
  CHECK(p != NULL && ri_heap_set_quota(heap, ri_heap_held(heap)));
  check_capture_start();
  CHECK(ri_heap_malloc(heap, 100) == NULL);
  check_capture_stop();
  check_fill(p, size, size);
  return p;
}

static void smaller(size_t size, size_t to) {
  void* const p = only_block(size);
  errno = 4711;
  quiet_start();
  CHECK_MSG(ri_heap_realloc(heap, p, to) == p, "%zu to %zu", size, to);
  CHECK_ERRNO(4711);
  quiet_end();
  CHECK_FILLED(p, to, size);
  CHECK_MSG(size <= OTHER || ri_usable_size(p) == OTHER, "%zu: %zu", size, ri_usable_size(p));
  CHECK_MSG(size <= OTHER || ri_heap_held(heap) < size, "%zu: %zu", size, ri_heap_held(heap));
  if (size <= OTHER) CHECK(ri_heap_reallocf(heap, p, to) == p);  // which is not freed either
  ri_heap_destroy(heap);
  CHECK(ri_audit());
}

// A block that must move, or grow, fails as ever.
static void elsewhere(void) {
  void* const p = only_block(60000);
  for (size_t i = 0; i < 2; i++) {
    wants = 0;
    check_capture_start();
    ri_register_out_of_memory(no_memory, NULL);
    errno = 0;
    CHECK(ri_heap_realloc_aligned_at(heap, p, i == 0 ? 100 : 200000, 64, 8) == NULL);
    CHECK_ERRNO(ENOMEM);
    CHECK_MSG(wants == 1 && check_captured()->errors == 1, "%zu calls, %zu errors", wants,
              check_captured()->errors);
    ri_register_out_of_memory(NULL, NULL);
    check_capture_stop();
  }
  CHECK_FILLED(p, 60000, 60000);
  ri_heap_destroy(heap);
}

// There is a block of the size asked for, but no page for blocks of a quarter more.
static void grows_as_asked(void) {
  heap = ri_heap_new();
  CHECK(heap != NULL);
  char* const p = ri_heap_malloc(heap, 20000);
  const size_t usable = ri_usable_size(p), size = usable + 1;
  CHECK(ri_good_size(size) < ri_good_size(usable + usable / 4));
  void* blocks[2] = {ri_heap_malloc(heap, size), ri_heap_malloc(heap, size)};
  CHECK(blocks[0] != NULL && blocks[1] != NULL && ri_heap_set_quota(heap, ri_heap_held(heap)));
  ri_free(blocks[1]);
  check_fill(p, usable, 5);
  errno = 4711;
  quiet_start();
  void* const q = ri_heap_realloc(heap, p, size);
  CHECK(q != NULL && q != p);
  CHECK_ERRNO(4711);
  quiet_end();
  CHECK_FILLED(q, usable, 5);
  ri_heap_destroy(heap);
  CHECK(ri_audit());
}

static void shrinks_in_place(void) {
  for (size_t size = 2 * OTHER; size <= ((size_t)300 << 20); size *= 7) {
    uint8_t* const p = ri_malloc(size);
    CHECK(p != NULL);
    check_fill_range(p, 0, OTHER, 3);
    errno = 4711;
    CHECK_MSG(ri_xallocx(p, 1, 0) == OTHER && ri_usable_size(p) == OTHER, "%zu: %zu", size,
              ri_usable_size(p));
    CHECK(ri_xallocx(p, 1, 0) == OTHER && ri_xallocx(p, 0, 0) == OTHER);
    CHECK_ERRNO(4711);
    CHECK_FILLED(p, OTHER, 3);
    ri_free(p);
  }
  void* const small = ri_malloc(1000);
  CHECK(ri_xallocx(small, 1, 0) == ri_good_size(1000));  // as it was
  ri_free(small);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(60);
  if (check_sanitized()) return 0;  // a tool shall see who goes on using the old block
  smaller(60000, 100);
  smaller(60000, 0);
  smaller(1000000, 100);
  smaller(1000000, 40000);
  elsewhere();
  grows_as_asked();
  shrinks_in_place();
  return 0;
}
