// SPDX-License-Identifier: MIT
// reserve.c: memory that a program provides becomes an arena or nothing has happened; the program's
// function is asked before memory is used; arenas of a sub-process that ends are reused.
#include <sys/mman.h>

#include "arena/arena.h"
#include "arena/pagemap.h"
#include "../check.h"

enum { SUBPROC = 77 };
static const size_t size = (size_t)8 << 20;

static uint8_t* room(int access) {
  void* const p = mmap(NULL, size, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

static rix_arena_t* manage(rix_external_memory_t given) {
  bool taken = true;
  rix_arena_t* const a = rix_arena_manage(given, SUBPROC, &taken);
  CHECK(!taken);
  return a;
}

static bool claim(rix_arena_t* a, size_t count, rix_slices_t* got) {
  const rix_space_t space = {SUBPROC, a, {0}};
  return rix_arena_claim(&space, count, RIX_SLICE_SIZE, false, got);
}

// All slices that fit, within the memory, wherever that begins.
static void as_many_as_fit(void) {
  for (size_t shift = 0; shift < 3; shift++) {
    uint8_t* const p = room(PROT_READ | PROT_WRITE);
    const size_t lost = shift * 12345;
    rix_arena_t* const a =
        manage((rix_external_memory_t){p + lost, size - lost, .committed = true});
    CHECK(a != NULL && a->external && !a->dense && ri_load_relaxed(&a->xsubproc) == SUBPROC);
    CHECK(check_aligned(a->base, RIX_SLICE_SIZE) && (uint8_t*)a->start >= p + lost);
    CHECK(a->base + a->slice_count * RIX_SLICE_SIZE <= p + size);
    const size_t more = rix_arena_layout(a->slice_count + 1, RIX_SLICE_SIZE).bytes;
    CHECK((uint8_t*)a->start + more + (a->slice_count + 1) * RIX_SLICE_SIZE > p + size);
    rix_slices_t got;
    CHECK(claim(a, a->slice_count, &got) && got.arena == a && got.index == 0 && !got.zero);
    memset(rix_arena_address(a, 0), 1, a->slice_count * RIX_SLICE_SIZE);
    CHECK(!claim(a, 1, &got));
    rix_arena_release(a, 0, a->slice_count);
    rix_arena_retire(SUBPROC);
    CHECK(munmap(p, size) == 0);
  }
}

static void too_little_memory(void) {
  const size_t arenas = rix_arena_count(), reserved = rix_arena_reserved();
  uint8_t* const p = room(PROT_READ | PROT_WRITE);
  uint8_t* const start = (uint8_t*)rix_align_up((uintptr_t)p, RIX_SLICE_SIZE);
  CHECK(manage((rix_external_memory_t){start, 0, .committed = true}) == NULL);
  CHECK(manage((rix_external_memory_t){start, RIX_SLICE_SIZE, .committed = true}) == NULL);
  CHECK(manage((rix_external_memory_t){start + 1, 2 * RIX_SLICE_SIZE, .committed = true}) == NULL);
  CHECK(rix_arena_count() == arenas && rix_arena_reserved() == reserved);
  CHECK(munmap(p, size) == 0);
}

// ---- The program's function ---------------------------------------------------------------------

static size_t asked, taken_back;
static bool refuses, says_zero;

static bool makes_usable(bool commit, void* start, size_t bytes, bool* is_zero, void* arg) {
  CHECK(arg == &asked && check_aligned(start, 4096));
  if (refuses) return false;
  if (commit) {
    asked += bytes;
    CHECK(mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0);
    if (says_zero) *is_zero = true;
  } else {
    taken_back += bytes;
    CHECK(madvise(start, bytes, MADV_DONTNEED) == 0 && mprotect(start, bytes, PROT_NONE) == 0);
  }
  return true;
}

static void the_function_decides(void) {
  const size_t arenas = rix_arena_count(), reserved = rix_arena_reserved();
  uint8_t* const p = room(PROT_NONE);
  const rix_external_memory_t given = {p, size, .commit = makes_usable, .commit_arg = &asked};
  refuses = true;
  CHECK(manage(given) == NULL);
  CHECK(rix_arena_count() == arenas && rix_arena_reserved() == reserved && asked == 0);
  refuses = false;
  rix_arena_t* const a = manage(given);
  CHECK(a != NULL && asked == (size_t)(a->base - (uint8_t*)a->start));
  CHECK(rix_bitmap_count_run(&a->committed, 0, a->slice_count) == 0 && !rix_arena_can_purge(a));
  refuses = true;
  rix_slices_t got;
  CHECK(!claim(a, 3, &got));
  CHECK(rix_bitmap_count_run(&a->free, 0, a->slice_count) == a->slice_count);
  refuses = false;
  for (size_t i = 0; i < 2; i++) {
    says_zero = i == 1;
    asked = taken_back = 0;
    CHECK(claim(a, 3, &got) && got.zero == says_zero && asked == 3 * RIX_SLICE_SIZE);
    memset(rix_arena_address(a, got.index), 1, 3 * RIX_SLICE_SIZE);
    rix_arena_release(a, got.index, 3);
    refuses = true;
    rix_arena_purge(true);
    CHECK(taken_back == 0 && rix_bitmap_count_run(&a->committed, 0, a->slice_count) == 3);
    refuses = false;
    rix_arena_purge(true);
    CHECK(taken_back == 3 * RIX_SLICE_SIZE);
    CHECK(rix_bitmap_count_run(&a->committed, 0, a->slice_count) == 0);
  }
  rix_arena_retire(SUBPROC);
  CHECK(munmap(p, size) == 0);
}

// ---- Serving again ------------------------------------------------------------------------------

static void headers_serve_again(void) {
  uint8_t* const p = room(PROT_READ | PROT_WRITE);
  const rix_external_memory_t given = {p, size, .committed = true, .zero = true};
  const size_t before = rix_arena_reserved();
  rix_arena_t* const a = manage(given);
  const size_t arenas = rix_arena_count();
  rix_slices_t got;
  CHECK(a != NULL && rix_arena_reserved() == before + a->map_size);
  CHECK(claim(a, 1, &got) && got.zero);
  rix_arena_release(a, got.index, 1);
  rix_arena_retire(SUBPROC);
  CHECK(ri_load_relaxed(&a->xsubproc) == RIX_SUBPROC_NONE && a->slice_count == 0);
  CHECK(rix_arena_reserved() == before && !claim(a, 1, &got));
  memset(p, 0, size);
  CHECK(manage(given) == a && rix_arena_count() == arenas && a->slice_count > 0);
  CHECK(claim(a, 1, &got) && got.arena == a);
  rix_arena_release(a, got.index, 1);
  rix_arena_retire(SUBPROC);
  CHECK(munmap(p, size) == 0);
}

static void reserved_arenas_serve_again(void) {
  const rix_arena_request_t request = {SUBPROC, .exclusive = true};
  CHECK(rix_arena_reserve(0, request) == NULL && rix_arena_reserve(SIZE_MAX, request) == NULL);
  CHECK(rix_arena_reserve((size_t)PTRDIFF_MAX / 2 + 1, request) == NULL);
  rix_arena_t* const a = rix_arena_reserve(size, request);
  CHECK(a != NULL && a->exclusive && a->slice_count == size / RIX_SLICE_SIZE && !a->external);
  CHECK(rix_bitmap_count_run(&a->committed, 0, a->slice_count) == 0);
  const size_t arenas = rix_arena_count(), reserved = rix_arena_reserved();
  rix_arena_retire(SUBPROC);
  CHECK(!a->exclusive && rix_arena_reserved() == reserved);
  rix_arena_t* const larger = rix_arena_reserve(2 * size, request);
  CHECK(larger != NULL && larger != a);
  CHECK(rix_arena_reserve(size, (rix_arena_request_t){SUBPROC + 1, .commit = true}) == a);
  CHECK(rix_arena_count() == arenas + 1 && ri_load_relaxed(&a->xsubproc) == SUBPROC + 1);
  CHECK(!a->exclusive && rix_bitmap_count_run(&a->committed, 0, a->slice_count) == a->slice_count);
  rix_arena_retire(SUBPROC);
  CHECK(ri_load_relaxed(&a->xsubproc) == SUBPROC + 1);  // of another one
  rix_arena_retire(SUBPROC + 1);
  CHECK(rix_arena_reserve(size, request) == a && a->exclusive);
  rix_arena_retire(SUBPROC);
}

int main(void) {
  check_watchdog(30);
  as_many_as_fit();
  too_little_memory();
  the_function_decides();
  headers_serve_again();
  reserved_arenas_serve_again();
  ri_free(ri_malloc(100));
  CHECK(ri_audit());
  return 0;
}
