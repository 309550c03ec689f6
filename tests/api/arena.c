// SPDX-License-Identifier: MIT
// arena.c: arenas that a program reserves or gives (rimalloc/arena.h): where blocks come from,
// exclusive arenas, memory with commit functions, what is refused, huge pages where there are none.
// Catches: blocks outside of the arena of a heap, a heap that goes elsewhere when its arena is
// full, memory used before it was committed or after it was taken back, other heaps in an exclusive
// arena.
#include "../check.h"

#include <limits.h>
#include <sys/mman.h>

enum { SLICE = 64 * CHECK_KIB };

static void* map(size_t size, int protection) {
  void* const p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

// Fills the arena through its heap, checks that nothing else does, and that all comes back.
static void use_up(ri_arena_id_t id, size_t at_least) {
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  CHECK(heap != NULL);
  for (int round = 0; round < 3; round++) {
    static void* blocks[20000];
    size_t count = 0, bytes = 0;
    uint64_t rng = 3;
    errno = 0;
    while (count < 20000) {
      static const size_t some[] = {100, 100, 3000, 30000, 150000, 1200000};
      const size_t size = some[check_below(&rng, 6)];
      void* const p = ri_heap_zalloc(heap, size);
      if (p == NULL) break;
      CHECK(ri_arena_contains(id, p) && ri_heap_of(p) == heap);
      CHECK(check_nonzero(p, 0, size) == SIZE_MAX);
      check_fill_sparse(p, size, count);
      memset(p, 0xA5, size < 100 ? size : 100);
      blocks[count++] = p;
      bytes += ri_usable_size(p);
    }
    CHECK_ERRNO(ENOMEM);
    CHECK_MSG(bytes >= at_least, "%zu of %zu in %zu", bytes, at_least, count);
    // So large that no address in the arena is a multiple of it, wherever it lies.
    CHECK(ri_heap_malloc_aligned(heap, 100, check_hide(SIZE_MAX / 16 + 1)) == NULL);
    CHECK(ri_heap_malloc(heap, (size_t)500 * CHECK_MIB) == NULL);
    void* const other = ri_malloc(100);
    CHECK(!ri_arena_contains(id, other));
    ri_free(other);
    for (size_t i = 0; i < count; i++)
      ri_free(blocks[i]);
    ri_heap_collect(heap, round == 1);
    CHECK_MSG(ri_heap_held(heap) == 0, "%zu held", ri_heap_held(heap));
  }
  ri_heap_delete(heap);
}

static void reserved(void) {
  ri_arena_id_t id = NULL;
  for (int i = 0; i < 4; i++) {
    CHECK(ri_reserve_os_memory_ex((size_t)16 * CHECK_MIB, i % 2 == 0, i / 2 == 0, true, &id) == 0);
    size_t size = 0;
    const char* const start = ri_arena_area(id, &size);
    CHECK(start != NULL && size >= (size_t)16 * CHECK_MIB && size < (size_t)20 * CHECK_MIB);
    CHECK(ri_arena_contains(id, start) && ri_arena_contains(id, start + size - 1));
    CHECK(!ri_arena_contains(id, start + size) && !ri_arena_contains(id, start - 1));
    use_up(id, (size_t)12 * CHECK_MIB);
  }
  CHECK(ri_reserve_os_memory((size_t)8 * CHECK_MIB, true, false) == 0);
  id = &id;
  CHECK(ri_reserve_os_memory_ex(0, true, false, false, &id) == EINVAL && id == NULL);
  id = &id;
  CHECK(ri_reserve_os_memory_ex(check_hide(CHECK_HUGE(61)), false, false, false, &id) == ENOMEM);
  CHECK(id == NULL);
  CHECK(ri_arena_area(NULL, NULL) == NULL && !ri_arena_contains(NULL, &id));
  size_t size = 5;
  CHECK(ri_arena_area(NULL, &size) == NULL && size == 0);
}

static void given(void) {
  const size_t size = (size_t)8 * CHECK_MIB + 5000;
  ri_arena_id_t id = NULL;
  for (int i = 0; i < 4; i++) {
    const bool committed = i % 2 == 0, zero = i < 2;
    uint8_t* const p = map(size, committed ? PROT_READ | PROT_WRITE : PROT_NONE);
    if (committed && !zero) memset(p, 0xA5, size);
    CHECK(ri_manage_os_memory_ex(p + 1000, size - 1000, committed, i == 0, zero && committed, -1,
                                 true, &id));
    size_t used = 0;
    uint8_t* const start = ri_arena_area(id, &used);
    CHECK(start >= p && start + used <= p + size && used >= size - 3 * SLICE);
    use_up(id, (size_t)6 * CHECK_MIB);
  }
  // Not exclusive: for everybody; a heap for it still uses nothing else.
  uint8_t* const p = map(size, PROT_READ | PROT_WRITE);
  CHECK(ri_manage_os_memory(p, size, true, false, true, 0));
  CHECK(ri_arena_min_alignment() == SLICE && ri_arena_min_size() >= SLICE);
  errno = 0;
  id = &id;
  CHECK(!ri_manage_os_memory_ex(p, ri_arena_min_size() - 1, true, false, true, -1, true, &id));
  CHECK_ERRNO(EINVAL);
  CHECK(id == NULL);
  errno = 0;
  CHECK(!ri_manage_os_memory(NULL, size, true, false, true, -1));
  CHECK_ERRNO(EINVAL);
  errno = 0;
  CHECK(!ri_manage_os_memory(p, check_hide(SIZE_MAX), true, false, true, -1));
  CHECK_ERRNO(EINVAL);
  // A range that wraps around the end of the address space.
  void* const last = check_hide_pointer((uintptr_t)0 - (uintptr_t)4 * CHECK_MIB);
  errno = 0;
  CHECK(!ri_manage_os_memory(last, (size_t)8 * CHECK_MIB, true, false, true, -1));
  CHECK_ERRNO(ENOMEM);
  // Where there is nothing, nothing can be made accessible.
  uint8_t* const hole = map(size, PROT_NONE);
  CHECK(munmap(hole, size) == 0);
  errno = 0;
  if (!check_emulated()) {  // emulators that reserve addresses make them accessible all the same
    CHECK(!ri_manage_os_memory_ex(hole, size, false, false, true, -1, true, &id) && id == NULL);
    CHECK_ERRNO(ENOMEM);
  }
  uint8_t* const little = map(2 * ri_arena_min_size(), PROT_READ | PROT_WRITE);
  uint8_t* const at = little + ((0 - (uintptr_t)little) & (SLICE - 1));
  CHECK(ri_manage_os_memory_ex(at, ri_arena_min_size(), true, false, true, -1, true, &id));
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  void* const q = ri_heap_malloc(heap, 100);
  CHECK(q != NULL && ri_arena_contains(id, q));
  CHECK(ri_heap_malloc(heap, 5000) == NULL);
  ri_heap_destroy(heap);
}

// Memory with commit functions: a record of what may be touched.
static struct {
  uint8_t* start;
  bool usable[1024];
  size_t commits, decommits;
  bool refuse, keep;
} record;

static bool commit(bool on, void* start, size_t size, bool* is_zero, void* arg) {
  CHECK(arg == &record && size % SLICE == 0 && is_zero != NULL);
  const size_t first = (size_t)((uint8_t*)start - record.start) / SLICE;
  if (on && record.refuse) return false;
  if (!on && record.keep) return false;
  for (size_t i = first; i < first + size / SLICE; i++) {
    CHECK(on || record.usable[i]);
    record.usable[i] = on;
  }
  if (on) {
    CHECK(mprotect(start, size, PROT_READ | PROT_WRITE) == 0);
    memset(start, 0x5A, size);
    record.commits++;
  } else {
    CHECK(mprotect(start, size, PROT_NONE) == 0);
    record.decommits++;
  }
  *is_zero = false;
  return true;
}

static void with_commit_functions(void) {
  const size_t size = (size_t)16 * CHECK_MIB;
  uint8_t* const p = map(size + SLICE, PROT_NONE);
  record.start = p + ((0 - (uintptr_t)p) & (SLICE - 1));
  ri_arena_id_t id = NULL;
  record.refuse = true;
  CHECK(!ri_manage_memory(record.start, size, false, false, false, -1, true, commit, &record, &id));
  CHECK_ERRNO(ENOMEM);
  CHECK(id == NULL);
  record.refuse = false;
  CHECK(ri_manage_memory(record.start, size, false, false, false, -1, true, commit, &record, &id));
  use_up(id, (size_t)12 * CHECK_MIB);
  CHECK(record.commits > 0 && record.decommits > 0);  // the forced collection took it back
  ri_heap_t* const heap = ri_heap_new_in_arena(id);
  ri_collect(true);
  record.keep = true;  // then it stays usable, and is not asked for again
  ri_free(ri_heap_malloc(heap, 3000000));
  ri_collect(true);
  const size_t commits = record.commits;
  record.refuse = true;
  uint8_t* const kept = ri_heap_zalloc(heap, 3000000);
  CHECK(kept != NULL && record.commits == commits);
  CHECK_ZERO(kept, 0, 3000000);
  ri_free(kept);
  record.keep = false;
  ri_collect(true);
  errno = 0;
  CHECK(ri_heap_malloc(heap, 100) == NULL);
  CHECK_ERRNO(ENOMEM);
  record.refuse = false;
  void* const q = ri_heap_malloc(heap, 100);
  CHECK(q != NULL);
  ri_heap_destroy(heap);
}

static void huge_pages(void) {
  ri_arena_id_t id = &id;
  size_t got = 9;
  CHECK(ri_reserve_huge_os_pages_at(0, -1, 0) == EINVAL);
  CHECK(ri_reserve_huge_os_pages_interleave(0, 0, 0) == EINVAL);
  CHECK(ri_reserve_huge_os_pages(0, 1.0, &got) == EINVAL && got == 0);
  CHECK(ri_reserve_huge_os_pages(0, 1.0, NULL) == EINVAL);
  CHECK(ri_reserve_huge_os_pages_at_ex(0, -1, 0, true, &id) == EINVAL && id == NULL);
  id = &id;
  // Whether there are any is the system's business; without, nothing has changed.
  const ri_summary_t before = check_summary();
  const int error = ri_reserve_huge_os_pages_at_ex(1, -1, 100, true, &id);
  CHECK((error == 0 && id != NULL) || (error == ENOMEM && id == NULL));
  if (error != 0) {
    CHECK(check_summary().reserved == before.reserved && check_summary().arenas == before.arenas);
    CHECK(ri_reserve_huge_os_pages_interleave(2, 0, 100) == ENOMEM);
    CHECK(ri_reserve_huge_os_pages(1, 0.1, &got) == ENOMEM && got == 0);
    CHECK(check_summary().reserved == before.reserved);
  } else {
    use_up(id, (size_t)500 * CHECK_MIB);
  }
}

// The arena NULL is none: an ordinary heap.
static void in_no_arena(void) {
  ri_heap_t* const heap = ri_heap_new_in_arena(NULL);
  CHECK(heap != NULL && heap != ri_heap_main() && ri_heap_quota(heap) == 0);
  void* const p = ri_heap_malloc(heap, (size_t)300 * CHECK_MIB);
  CHECK(p != NULL && ri_heap_of(p) == heap);
  ri_heap_destroy(heap);
  CHECK(ri_reserve_os_memory(0, true, false) == EINVAL);
  CHECK(ri_reserve_os_memory(check_hide(CHECK_HUGE(61)), false, false) == ENOMEM);
}

// Memory of the program says where it lies: a heap that is bound to a node takes from there while
// there is room, then from elsewhere.
static void heaps_bound_to_nodes(void) {
  enum { NODES = 3, SIZE = 4 * CHECK_MIB };
  ri_arena_id_t arenas[NODES];
  ri_heap_t* heaps[NODES];
  for (int i = 0; i < NODES; i++) {
    void* const p = map(SIZE, PROT_READ | PROT_WRITE);
    CHECK(ri_manage_os_memory_ex(p, SIZE, true, false, true, 20 + i, false, &arenas[i]));
    heaps[i] = ri_heap_new();
    CHECK(heaps[i] != NULL);
    ri_heap_set_numa_affinity(heaps[i], 20 + i);
  }
  for (int i = NODES - 1; i >= 0; i--) {
    void* const p = ri_heap_malloc(heaps[i], 100);
    void* const q = ri_heap_malloc(heaps[i], 200000);
    CHECK(ri_arena_contains(arenas[i], p) && ri_arena_contains(arenas[i], q));
    ri_free(p);
    ri_free(q);
  }
  // Bound anew: its next pages come from there.
  ri_heap_set_numa_affinity(heaps[0], 21);
  void* const moved = ri_heap_malloc(heaps[0], 300000);
  CHECK(ri_arena_contains(arenas[1], moved));
  ri_free(moved);
  // NULL is the main heap.
  ri_heap_set_numa_affinity(NULL, 22);
  void* const p = ri_malloc(300000);
  CHECK(ri_arena_contains(arenas[2], p) && ri_heap_of(p) == ri_heap_main());
  ri_free(p);
  ri_heap_set_numa_affinity(NULL, -1);
  // More than there is on the node.
  void* blocks[2 * SIZE / 300000];
  const size_t count = sizeof(blocks) / sizeof(blocks[0]);
  size_t there = 0;
  for (size_t i = 0; i < count; i++) {
    blocks[i] = ri_heap_malloc(heaps[2], 300000);
    CHECK(blocks[i] != NULL);
    there += ri_arena_contains(arenas[2], blocks[i]);
  }
  CHECK_MSG(there >= SIZE / 300000 / 2 && there < count, "%zu of %zu", there, count);
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  for (int i = 0; i < NODES; i++)
    ri_heap_destroy(heaps[i]);
}

// The first arena of a sub-process, for a heap that is bound to such a node.
static void* first_on_node(void* arg) {
  const ri_subproc_id_t subproc = ri_subproc_new();
  CHECK(subproc._ri_subproc_id != NULL);
  ri_subproc_add_current_thread(subproc);
  const size_t before = check_summary().arenas;
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  ri_heap_set_numa_affinity(heap, *(const int*)arg);
  void* const p = ri_heap_malloc(heap, 100);
  CHECK(p != NULL && check_summary().arenas == before + 1);
  void* const q = ri_malloc(200000);  // the main heap is bound to none: it uses what is there
  CHECK(q != NULL && check_summary().arenas == before + 1);
  ri_free(q);
  ri_heap_destroy(heap);
  return subproc._ri_subproc_id;
}

// A node that this machine has not, or that no machine can have, is only a wish: what is asked for
// is obtained all the same, in new arenas too, and nothing is reported.
static void nodes_that_are_not_there(void) {
  static const int nodes[] = {0, 1, 7, 63, 64, 1000, 4096, 4097, 65536, INT_MAX, -1, -2, INT_MIN};
  check_capture_start();
  for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
    ri_heap_t* const heap = ri_heap_new();
    errno = 77;
    ri_heap_set_numa_affinity(heap, nodes[i]);
    uint8_t* const p = ri_heap_zalloc(heap, 100);
    uint8_t* const q = ri_heap_zalloc(heap, 3 * CHECK_MIB);
    CHECK_MSG(p != NULL && q != NULL, "node %d", nodes[i]);
    CHECK_ERRNO(77);
    CHECK_ZERO(q, 0, 3 * CHECK_MIB);
    check_fill(q, 3 * CHECK_MIB, i);
    CHECK_FILLED(q, 3 * CHECK_MIB, i);
    CHECK(ri_heap_of(p) == heap && ri_heap_of(q) == heap);
    ri_heap_destroy(heap);
    const size_t size = ri_arena_min_size() + 2 * SLICE;
    void* const given = map(size, PROT_READ | PROT_WRITE);
    ri_arena_id_t id = NULL;
    CHECK(ri_manage_os_memory_ex(given, size, true, false, true, nodes[i], true, &id));
    ri_heap_t* const inside = ri_heap_new_in_arena(id);
    ri_heap_set_numa_affinity(inside, nodes[i] / 2 + 5);  // its arena counts more
    void* const r = ri_heap_malloc(inside, 100);
    CHECK_MSG(ri_arena_contains(id, r), "node %d", nodes[i]);
    ri_heap_destroy(inside);
  }
  CHECK_ERRNO(77);
  for (int node = 1; node < 4096; node += 3000) {
    const ri_subproc_id_t ended = {check_in_thread(first_on_node, &node)};
    ri_subproc_destroy(ended);
  }
  check_nothing_reported();
  check_capture_stop();
}

static void printing(void) {
  check_capture_start();
  ri_arenas_print();
  const char* const text = check_captured()->text;
  CHECK(strstr(text, "arena 0 at") != NULL && strstr(text, "exclusive") != NULL);
  CHECK(strstr(text, "external") != NULL);
  check_capture_reset();
  ri_arenas_print();
  CHECK(strstr(text, "arena 0 at") != NULL);
  check_capture_stop();
}

int main(void) {
  check_watchdog(100);
  reserved();
  given();
  with_commit_functions();
  huge_pages();
  in_no_arena();
  heaps_bound_to_nodes();
  nodes_that_are_not_there();
  printing();
  check_workload(20000, 1);
  CHECK(ri_audit());
  return 0;
}
