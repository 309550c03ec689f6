// SPDX-License-Identifier: MIT
// subproc.c: sub-processes (rimalloc/arena.h): whose memory a block gets, joining, visiting,
// ending, with blocks that other sub-processes free.
// Catches: a page, an arena or a freed mapping that two sub-processes use, blocks that stay after
// the end, a heap list that is not the sub-process's, memory given by the program and used again.
#include "../check.h"

#include <sys/mman.h>
#include <sys/wait.h>

enum { BLOCKS = 2000 };
static void* blocks[BLOCKS];
static ri_subproc_id_t sub;
static uint8_t* region;
static const size_t region_size = (size_t)32 * CHECK_MIB;

static bool same(ri_subproc_id_t a, ri_subproc_id_t b) {
  return a._ri_subproc_id == b._ri_subproc_id;
}

static uintptr_t slice_of(const void* p) { return (uintptr_t)p >> 16; }

typedef struct heaps_s {
  size_t count, stop_after;
  ri_heap_t* seen[10];
} heaps_t;

static bool note_heap(ri_heap_t* heap, void* arg) {
  heaps_t* const h = arg;
  h->seen[h->count++] = heap;
  return h->count != h->stop_after;
}

static void* fill(void* arg) {
  (void)arg;
  CHECK(same(ri_subproc_current(), ri_subproc_main()));
  void* const before = ri_malloc(100);  // stays with the main sub-process
  ri_subproc_add_current_thread(sub);
  CHECK(same(ri_subproc_current(), sub));
  CHECK(ri_heap_of(before) != ri_heap_main());
  uint64_t rng = 1;
  for (size_t i = 0; i < BLOCKS; i++) {
    const size_t size = 1 + check_any_size(&rng, i % 100 == 0 ? 3000000 : 3000);
    blocks[i] = i == 5 ? ri_malloc((size_t)300 * CHECK_MIB) : ri_malloc(size);
    CHECK(blocks[i] != NULL && ri_heap_of(blocks[i]) == ri_heap_main());
    check_fill_sparse(blocks[i], ri_usable_size(blocks[i]), i);
    CHECK(slice_of(blocks[i]) != slice_of(before));
  }
  ri_heap_t* const heap = ri_heap_new();
  for (size_t i = 0; i < 100; i++)
    CHECK(ri_heap_contains(heap, ri_heap_malloc(heap, 1000)));
  ri_free(before);
  check_capture_start();
  ri_subproc_add_current_thread(sub);
  check_nothing_reported();
  ri_subproc_add_current_thread(ri_subproc_main());
  check_reported(EINVAL, "belongs to a sub-process", NULL);
  check_capture_reset();
  ri_subproc_destroy(sub);
  check_reported(EINVAL, "calling thread's", NULL);
  check_capture_stop();
  CHECK(ri_audit());
  return heap;
}

static void life(void) {
  const ri_summary_t before = check_summary();
  sub = ri_subproc_new();
  CHECK(sub._ri_subproc_id != NULL && !same(sub, ri_subproc_main()));
  heaps_t h = {0};
  CHECK(ri_subproc_visit_heaps(sub, note_heap, &h) && h.count == 1);
  ri_heap_t* const heap = check_in_thread(fill, NULL);
  h = (heaps_t){0};
  CHECK(ri_subproc_visit_heaps(sub, note_heap, &h) && h.count == 2 && h.seen[1] == heap);
  CHECK(h.seen[0] == ri_heap_of(blocks[0]) && h.seen[0] != ri_heap_main());
  h = (heaps_t){.stop_after = 1};
  CHECK(!ri_subproc_visit_heaps(sub, note_heap, &h) && h.count == 1);
  // This thread frees blocks of it, and gets none of its pages.
  uintptr_t theirs[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) {
    theirs[i] = slice_of(blocks[i]);
    CHECK(check_differs_sparse(blocks[i], ri_usable_size(blocks[i]), i) == SIZE_MAX);
    if (i % 3 == 0) ri_free(blocks[i]);
  }
  for (size_t i = 0; i < 3000; i++) {
    void* const p = ri_malloc(1 + i);
    for (size_t j = 0; j < BLOCKS; j++)
      CHECK(slice_of(p) != theirs[j]);
    if (i % 2 == 0) ri_free(p);
    if (i % 2 == 1) ri_free(p);
  }
  ri_subproc_destroy(sub);
  CHECK(ri_audit());
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks && after.in_use == before.in_use, "%zu blocks of %zu",
            after.blocks, before.blocks);
  CHECK(ri_heap_of(blocks[1]) == NULL && ri_usable_size(blocks[1]) == 0);
}

// Sub-processes one after the other use the same address space.
static void again_and_again(void) {
  life();
  life();  // by now more is in use, and large blocks come from an arena of their own
  const ri_summary_t before = check_summary();
  for (int i = 0; i < 20; i++)
    life();
  CHECK_MSG(check_summary().reserved == before.reserved, "%zu, before %zu",
            check_summary().reserved, before.reserved);
  CHECK(check_summary().metadata == before.metadata);
}

static void* use_region(void* arg) {
  (void)arg;
  ri_subproc_add_current_thread(sub);
  CHECK(ri_manage_os_memory(region, region_size, true, false, true, -1));
  size_t inside = 0;
  for (size_t i = 0; i < BLOCKS; i++) {
    uint8_t* const p = ri_malloc(3000);
    memset(p, 1, 3000);
    inside += p >= region && p < region + region_size;
  }
  CHECK_MSG(inside >= BLOCKS / 4, "%zu inside", inside);
  return NULL;
}

// The program has its memory back, and the allocator knows nothing of it any more.
static void given_memory(void) {
  for (int i = 0; i < 5; i++) {
    region = mmap(NULL, region_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(region != MAP_FAILED);
    sub = ri_subproc_new();
    check_in_thread(use_region, NULL);
    ri_subproc_destroy(sub);
    CHECK(munmap(region, region_size) == 0);
    for (size_t at = 0; at < region_size; at += 65536)
      CHECK(ri_heap_of(region + at) == NULL);
    ri_collect(true);
    (void)check_summary();
    check_workload(1000, (uint64_t)i);
  }
}

static pthread_barrier_t barrier;

static void* outlive(void* arg) {
  (void)arg;
  ri_subproc_add_current_thread(sub);
  CHECK(ri_malloc(100) != NULL);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);  // it ends after its sub-process
  return NULL;
}

static void threads_that_end_later(void) {
  CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
  const size_t blocks_before = check_summary().blocks;
  sub = ri_subproc_new();
  const pthread_t thread = check_start(outlive, NULL);
  pthread_barrier_wait(&barrier);
  ri_subproc_destroy(sub);
  const ri_subproc_id_t next = ri_subproc_new();
  CHECK(!same(next, sub));  // not while a thread still refers to the old one
  pthread_barrier_wait(&barrier);
  check_join(thread);
  ri_subproc_destroy(next);
  CHECK(check_summary().blocks == blocks_before);
}

// In the child of a fork only the thread that forked is left, in its sub-process.
static void* fork_inside(void* arg) {
  const ri_subproc_id_t other = *(const ri_subproc_id_t*)arg;
  ri_subproc_add_current_thread(sub);
  void* const p = ri_malloc(100);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(same(ri_subproc_current(), sub) && ri_heap_of(p) == ri_heap_main());
    ri_free(p);
    ri_subproc_destroy(other);
    ri_thread_done();
    ri_subproc_destroy(sub);
    CHECK(same(ri_subproc_new(), sub));  // nobody refers to it any more
    check_workload(500, 3);
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
  return NULL;
}

static void forked(void) {
  sub = ri_subproc_new();
  ri_subproc_id_t other = ri_subproc_new();
  check_in_thread(fork_inside, &other);
  ri_subproc_destroy(sub);
  ri_subproc_destroy(other);
}

// The visitor may make heaps, which are visited too, and end the heap that it was called for.
static bool replace_heap(ri_heap_t* heap, void* arg) {
  heaps_t* const h = arg;
  h->seen[h->count++] = heap;
  if (heap == ri_heap_main()) return true;
  if (h->count == 2) CHECK(ri_heap_new() != NULL);
  ri_heap_destroy(heap);
  return true;
}

static void visitors_change_heaps(void) {
  ri_heap_t* const first = ri_heap_new();
  ri_heap_t* const second = ri_heap_new();
  heaps_t h = {0};
  CHECK(ri_subproc_visit_heaps(ri_subproc_main(), replace_heap, &h));
  CHECK_MSG(h.count == 4 && h.seen[1] == first && h.seen[2] == second, "%zu heaps", h.count);
  h = (heaps_t){0};
  CHECK(ri_subproc_visit_heaps(ri_subproc_main(), note_heap, &h) && h.count == 1);
}

// After its exit hooks a thread belongs to the main sub-process, and to no other any more.
static void late(void* main_heap) {
  CHECK(ri_heap_theap(NULL) == NULL && same(ri_subproc_current(), ri_subproc_main()));
  ri_subproc_add_current_thread(sub);
  CHECK(same(ri_subproc_current(), ri_subproc_main()));
  void* const p = ri_malloc(100);
  CHECK(ri_heap_of(p) == main_heap);
  ri_free(p);
}

static void* joins(void* main_heap) {
  ri_subproc_add_current_thread(sub);
  CHECK(same(ri_subproc_current(), sub) && ri_heap_main() != main_heap);
  return NULL;
}

static void after_exit_hooks(void) {
  sub = ri_subproc_new();
  check_late(joins, late, ri_heap_main());
  ri_subproc_destroy(sub);
}

static void the_main_one(void) {
  ri_heap_t* const heap = ri_heap_new();
  heaps_t h = {0};
  CHECK(ri_subproc_visit_heaps(ri_subproc_main(), note_heap, &h));
  CHECK(h.count == 2 && h.seen[0] == ri_heap_main() && h.seen[1] == heap);
  ri_heap_destroy(heap);
  check_capture_start();
  ri_subproc_destroy(ri_subproc_main());
  check_reported(EINVAL, "main sub-process", NULL);
  check_capture_stop();
  const ri_subproc_id_t none = {NULL};
  ri_subproc_destroy(none);
  ri_subproc_add_current_thread(none);
  CHECK(ri_subproc_visit_heaps(none, note_heap, &h));
  CHECK(same(ri_subproc_current(), ri_subproc_main()));
}

// What has ended is none any more: it is reported, and nothing happens.
static void ended(void) {
  sub = ri_subproc_new();
  ri_subproc_destroy(sub);
  heaps_t h = {0};
  check_capture_start();
  ri_subproc_destroy(sub);
  check_reported(EINVAL, "has ended", NULL);
  check_capture_reset();
  ri_subproc_add_current_thread(sub);
  check_reported(EINVAL, "has ended", NULL);
  CHECK(same(ri_subproc_current(), ri_subproc_main()));
  check_capture_reset();
  CHECK(ri_subproc_visit_heaps(sub, note_heap, &h) && h.count == 0);
  check_nothing_reported();
  const ri_subproc_id_t odd = {&h};  // an address that was never one
  ri_subproc_destroy(odd);
  check_reported(EINVAL, "never existed", &h);
  check_capture_stop();
}

// A thread that is still one of it may end later.
static void* ended_while_used(void* arg) {
  (void)arg;
  ri_subproc_add_current_thread(sub);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return NULL;
}
static void ended_twice_while_used(void) {
  sub = ri_subproc_new();
  const pthread_t thread = check_start(ended_while_used, NULL);
  pthread_barrier_wait(&barrier);
  ri_subproc_destroy(sub);
  check_capture_start();
  ri_subproc_destroy(sub);
  check_reported(EINVAL, "has ended", NULL);
  check_capture_stop();
  pthread_barrier_wait(&barrier);
  check_join(thread);
}

// The arena of another sub-process, or of none any more, gives no heap.
static void* gives_region(void* id) {
  ri_subproc_add_current_thread(sub);
  CHECK(ri_manage_os_memory_ex(region, region_size, true, false, true, -1, true, id));
  ri_heap_t* const heap = ri_heap_new_in_arena(*(ri_arena_id_t*)id);
  CHECK(heap != NULL && ri_arena_contains(*(ri_arena_id_t*)id, ri_heap_malloc(heap, 100)));
  return NULL;
}
static void no_heap(ri_arena_id_t id) {
  errno = 0;
  CHECK(ri_heap_new_in_arena(id) == NULL);
  CHECK_ERRNO(EINVAL);
}
static void arenas_of_others(void) {
  region = mmap(NULL, region_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(region != MAP_FAILED);
  ri_arena_id_t id = NULL;
  sub = ri_subproc_new();
  check_in_thread(gives_region, &id);
  no_heap(id);
  no_heap(&id);  // an address that was never one
  size_t size = 0;
  CHECK(ri_arena_area(id, &size) != NULL && ri_arena_contains(id, region + region_size / 2));
  ri_subproc_destroy(sub);
  no_heap(id);
  CHECK(ri_arena_area(id, &size) == NULL && size == 0);
  CHECK(!ri_arena_contains(id, region + region_size / 2));
  CHECK(munmap(region, region_size) == 0);
}

int main(void) {
  check_watchdog(100);
  ri_option_set(ri_option_max_errors, 1000);
  ri_free(ri_malloc(1));
  again_and_again();
  given_memory();
  threads_that_end_later();
  if (!check_sanitized()) forked();
  after_exit_hooks();
  ended();
  ended_twice_while_used();
  arenas_of_others();
  visitors_change_heaps();
  the_main_one();
  check_workload(5000, 2);
  CHECK(ri_audit());
  return 0;
}
