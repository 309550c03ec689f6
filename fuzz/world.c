// SPDX-License-Identifier: MIT
// world.c: see world.h.
#include "world.h"

#include <sys/mman.h>

world_t world;

// ---- Memory of the program ----------------------------------------------------------------------

enum { REGIONS = WORLD_ARENAS - 2, SLICE = 65536, REGION_SLICES = 16 };
static const size_t region_size = (size_t)REGION_SLICES * SLICE;

// Region r becomes arena r; the last arenas are reserved by the allocator.
typedef struct region_s {
  uint8_t* start;
  bool told;     // it has a commit function
  bool as_zero;  // which makes memory zero
  bool refuses;  // and refuses
  bool usable[REGION_SLICES];
} region_t;

static region_t regions[REGIONS];

// Every other one: what the allocator must leave where it is, and as it is.
static bool region_is_shared(const region_t* r) { return (r - regions) % 2 == 1; }

// The memory of a part is gone; it reads as zero.
static bool region_discard(const region_t* r, void* p, size_t size) {
  return madvise(p, size, region_is_shared(r) ? MADV_REMOVE : MADV_DONTNEED) == 0;
}

static void region_map(region_t* r) {
  if (r->start != NULL) return;
  const int flags = (region_is_shared(r) ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS;
  uint8_t* const p = mmap(NULL, region_size + SLICE, PROT_NONE, flags, -1, 0);
  FUZZ_CHECK(p != MAP_FAILED);
  r->start = p + ((0 - (uintptr_t)p) & (SLICE - 1));
}

static void region_close(const region_t* r) {
  FUZZ_CHECK(region_discard(r, r->start, region_size));
  FUZZ_CHECK(mprotect(r->start, region_size, PROT_NONE) == 0);
}

static void region_open(uint8_t* p, size_t size, bool zero) {
  FUZZ_CHECK(mprotect(p, size, PROT_READ | PROT_WRITE) == 0);
  for (size_t at = 0; !zero && at < size; at += 4096)
    memset(p + at, 0xA5, 64);
}

// The commit function of given memory. Nothing is taken back that is not usable.
static bool region_commit(bool commit, void* start, size_t size, bool* is_zero, void* arg) {
  region_t* const r = arg;
  uint8_t* const p = start;
  FUZZ_CHECK(p >= r->start && size <= region_size && (size_t)(p - r->start) <= region_size - size);
  FUZZ_CHECK((uintptr_t)p % SLICE == 0 && size % SLICE == 0 && size > 0);
  if (r->refuses) return false;
  const size_t first = (size_t)(p - r->start) / SLICE;
  for (size_t i = first; i < first + size / SLICE; i++) {
    FUZZ_CHECK(commit || r->usable[i]);
    r->usable[i] = commit;
  }
  if (commit) {
    region_open(p, size, r->as_zero);
    *is_zero = r->as_zero;
  } else {
    FUZZ_CHECK(region_discard(r, p, size) && mprotect(p, size, PROT_NONE) == 0);
  }
  return true;
}

// Gives a region that is closed; op.b says how.
static void region_give(unsigned i, fuzz_op_t op) {
  region_t* const r = &regions[i];
  world_arena_t* const a = &world.arenas[i];
  const bool committed = (op.b & 1) != 0, pinned = (op.b & 2) != 0, zero = (op.b & 4) != 0;
  const bool exclusive = i == 0 || (op.b & 8) != 0;
  region_map(r);
  memset(r->usable, 0, sizeof(r->usable));
  r->refuses = false;
  r->as_zero = zero;
  r->told = !committed && (op.b & 16) != 0;
  if (committed) region_open(r->start, region_size, zero);
  const size_t size = region_size - op.value % 70000;
  errno = SHADOW_ERRNO;
  const bool done = ri_manage_memory(r->start, size, committed, pinned, zero || !committed,
                                     op.a % 8 == 0 ? 0 : -1, exclusive,
                                     r->told ? region_commit : NULL, r, &a->id);
  FUZZ_CHECK(done && a->id != NULL && errno == SHADOW_ERRNO);
  a->subproc = world.thread.subproc;
  a->exclusive = exclusive;
  a->inherited = false;
  size_t area;
  FUZZ_CHECK(ri_arena_area(a->id, &area) == r->start && area <= size);
  errno = SHADOW_ERRNO;  // not twice, nor a part of it
  FUZZ_CHECK(
      !ri_manage_os_memory(r->start + op.value % 10 * SLICE, 4 * SLICE, true, false, true, -1));
  FUZZ_CHECK(errno == EINVAL);
}

void world_give_memory(fuzz_op_t op) {
  const unsigned i = 1 + op.a % (REGIONS - 1);
  if (world.thread.subproc != 0 && world.arenas[i].id == NULL) {
    region_give(i, op);
  } else if (regions[i].told) {
    regions[i].refuses = op.b % 2 == 0;
  }
}

// ---- Arenas -------------------------------------------------------------------------------------

void world_reserve(fuzz_op_t op) {
  const unsigned i = REGIONS + op.a % (WORLD_ARENAS - REGIONS);
  world_arena_t* const a = &world.arenas[i];
  if (world.thread.subproc == 0 || a->id != NULL) return;
  a->subproc = world.thread.subproc;
  a->exclusive = (op.b & 1) != 0;
  a->inherited = false;
  const size_t size = (size_t)2 << 20;
  FUZZ_CHECK(
      ri_reserve_os_memory_ex(size, (op.b & 2) != 0, (op.b & 4) != 0, a->exclusive, &a->id) == 0);
  size_t area;
  FUZZ_CHECK(ri_arena_area(a->id, &area) != NULL && area >= size);
}

void world_check_place(const void* p, unsigned heap) {
  const world_heap_t* const h = &world.heaps[heap];
  for (int i = 0; i < WORLD_ARENAS; i++) {
    const world_arena_t* const a = &world.arenas[i];
    if (a->id == NULL) continue;
    const bool inside = ri_arena_contains(a->id, p);
    FUZZ_CHECK(inside || h->arena != i);
    const bool open = !a->exclusive || (a->inherited && heap == h->subproc);
    FUZZ_CHECK(!inside || h->arena == i || (h->arena == WORLD_ANY && open));
    FUZZ_CHECK(!inside || h->subproc == a->subproc);
  }
}

// ---- Heaps --------------------------------------------------------------------------------------

unsigned world_heap(unsigned choice) {
  const unsigned h = choice % WORLD_HEAPS;
  const bool usable = world.heaps[h].heap != NULL && world.heaps[h].subproc == world.thread.subproc;
  return usable ? h : world.thread.subproc;
}

bool world_may_refuse(unsigned heap) {
  return world.heaps[heap].quota != 0 || world.heaps[heap].arena != WORLD_ANY;
}

bool world_may_end(unsigned heap) {
  return heap >= WORLD_SUBPROCS && world.heaps[heap].heap != NULL && world.waits.chosen != heap;
}

void world_new_heap(fuzz_op_t op) {
  world_heap_t* const h = &world.heaps[op.b % WORLD_HEAPS];
  if (h->heap != NULL || op.b % WORLD_HEAPS < WORLD_SUBPROCS) return;
  h->subproc = world.thread.subproc;
  h->arena = WORLD_ANY;
  h->quota = 0;
  const unsigned i = op.a % (2 * WORLD_ARENAS);
  if (i < WORLD_ARENAS && world.arenas[i].id != NULL && world.arenas[i].subproc == h->subproc) {
    h->arena = (int)i;
    h->heap = ri_heap_new_in_arena(world.arenas[i].id);
  } else {
    h->heap = ri_heap_new();
  }
  FUZZ_CHECK(h->heap != NULL && ri_heap_quota(h->heap) == 0 && ri_heap_held(h->heap) == 0);
}

void world_set_limit(unsigned heap, fuzz_op_t op) {
  world_heap_t* const h = &world.heaps[heap];
  if (h->heap == NULL || heap < WORLD_SUBPROCS) return;
  if (op.value % 5 == 0) {
    ri_heap_set_numa_affinity(h->heap, op.a % 2 == 0 ? 0 : -1);
    return;
  }
  const size_t bytes = op.value % 3 == 0 ? 0 : (size_t)(op.value % 4096) << 12;
  FUZZ_CHECK(ri_heap_set_quota(h->heap, bytes) && ri_heap_quota(h->heap) == bytes);
  h->quota = bytes;
}

void world_ended(unsigned heap) {
  if (world.heaps[heap].arena != WORLD_ANY) world.arenas[world.heaps[heap].arena].inherited = true;
  world.heaps[heap].heap = NULL;
  if (world.thread.chosen == heap) world.thread.chosen = world.thread.subproc;
}

void world_choose(unsigned heap) {
  ri_theap_t* const theap = ri_heap_theap(world.heaps[heap].heap);
  FUZZ_CHECK(theap != NULL);
  ri_theap_t* const before = ri_theap_set_default(theap);
  FUZZ_CHECK(before == ri_heap_theap(world.heaps[world.thread.chosen].heap));
  FUZZ_CHECK(ri_theap_get_default() == theap);
  world.thread.chosen = heap;
}

// ---- Sub-processes ------------------------------------------------------------------------------

static bool note_first(ri_heap_t* heap, void* arg) {
  *(ri_heap_t**)arg = heap;
  return false;
}

void world_new_subproc(fuzz_op_t op) {
  const unsigned s = 1 + op.a % (WORLD_SUBPROCS - 1);
  if (world.subprocs[s]._ri_subproc_id != NULL) return;
  world.subprocs[s] = ri_subproc_new();
  FUZZ_CHECK(world.subprocs[s]._ri_subproc_id != NULL);
  ri_heap_t* main = NULL;
  FUZZ_CHECK(!ri_subproc_visit_heaps(world.subprocs[s], note_first, &main) && main != NULL);
  world.heaps[s] = (world_heap_t){main, s, WORLD_ANY, 0};
}

void world_join(fuzz_op_t op) {
  const unsigned s = 1 + op.a % (WORLD_SUBPROCS - 1);
  if (world.thread.subproc != 0 || world.subprocs[s]._ri_subproc_id == NULL) return;
  ri_subproc_add_current_thread(world.subprocs[s]);
  world.thread = (world_thread_t){s, s};
  FUZZ_CHECK(ri_subproc_current()._ri_subproc_id == world.subprocs[s]._ri_subproc_id);
  FUZZ_CHECK(ri_heap_main() == world.heaps[s].heap);
}

void world_leave(void) {
  ri_thread_done();
  world.thread = (world_thread_t){0, 0};
  FUZZ_CHECK(ri_heap_main() == world.heaps[0].heap);
}

unsigned world_doomed(fuzz_op_t op) {
  const unsigned s = 1 + op.a % (WORLD_SUBPROCS - 1);
  const bool may = world.subprocs[s]._ri_subproc_id != NULL && world.thread.subproc != s &&
                   world.waits.subproc != s;
  return may ? s : 0;
}

void world_end_subproc(unsigned subproc) {
  ri_subproc_destroy(world.subprocs[subproc]);
  world.subprocs[subproc]._ri_subproc_id = NULL;
  for (unsigned h = 0; h < WORLD_HEAPS; h++) {
    if (world.heaps[h].subproc == subproc) world.heaps[h].heap = NULL;
  }
  for (unsigned i = 0; i < WORLD_ARENAS; i++) {
    world_arena_t* const a = &world.arenas[i];
    if (a->id == NULL || a->subproc != subproc) continue;
    a->id = NULL;
    if (i >= REGIONS) continue;
    regions[i].told = false;
    region_close(&regions[i]);
    for (size_t at = 0; at < region_size; at += SLICE)
      FUZZ_CHECK(!ri_any_heap_contains(regions[i].start + at));
  }
}

// ---- The beginning ------------------------------------------------------------------------------

void world_begin(void) {
  if (world.arenas[0].id != NULL) return;
  ri_free(ri_malloc(1));  // the page map begins where it does in other programs
  world.subprocs[0] = ri_subproc_main();
  world.heaps[0] = (world_heap_t){ri_heap_main(), 0, WORLD_ANY, 0};
  region_give(0, (fuzz_op_t){.b = 1 | 4});
}
