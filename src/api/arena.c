// SPDX-License-Identifier: MIT
// arena.c: arenas that the program reserves, provides, and asks about.
#include <errno.h>

#include "api/api.h"
#include "heap/subproc.h"
#include "heap/thread.h"
#include "page/mapped.h"

static int arena_node(int node) { return node < 0 || node > 4096 ? RIX_NODE_ANY : node + 1; }

static int arena_result(const rix_arena_t* a, ri_arena_id_t* id) {
  if (id != NULL) *id = (void*)(uintptr_t)a;
  return a != NULL ? 0 : ENOMEM;
}

int ri_reserve_os_memory(size_t size, bool commit, bool allow_large) {
  return ri_reserve_os_memory_ex(size, commit, allow_large, false, NULL);
}

int ri_reserve_os_memory_ex(size_t size, bool commit, bool allow_large, bool exclusive,
                            ri_arena_id_t* id) {
  rix_process_init();
  const rix_arena_request_t request = {rix_subproc_current()->id, RIX_NODE_ANY, commit, allow_large,
                                       exclusive};
  const int result = arena_result(rix_arena_reserve(size, request), id);
  return size == 0 ? EINVAL : result;
}

static int arena_reserve_pages(size_t pages, int node, size_t timeout, bool exclusive,
                               ri_arena_id_t* id, size_t* got) {
  rix_process_init();
  const rix_arena_request_t request = {rix_subproc_current()->id, arena_node(node), true, true,
                                       exclusive};
  const int result = arena_result(rix_arena_reserve_huge(pages, timeout, request, got), id);
  return pages == 0 ? EINVAL : result;
}

int ri_reserve_huge_os_pages_at(size_t pages, int node, size_t timeout) {
  return ri_reserve_huge_os_pages_at_ex(pages, node, timeout, false, NULL);
}

int ri_reserve_huge_os_pages_at_ex(size_t pages, int node, size_t timeout, bool exclusive,
                                   ri_arena_id_t* id) {
  size_t got;
  return arena_reserve_pages(pages, node, timeout, exclusive, id, &got);
}

int ri_reserve_huge_os_pages_interleave(size_t pages, size_t nodes, size_t timeout) {
  if (pages == 0) return EINVAL;
  const size_t all = rix_os_nodes();
  nodes = nodes == 0 ? all : rix_min(nodes, all);
  for (size_t i = 0; i < nodes && pages > 0; i++) {
    const size_t share = rix_div_up(pages, nodes - i);
    const size_t time = timeout == 0 ? 0 : timeout / nodes + 50;
    const int error = ri_reserve_huge_os_pages_at(share, (int)i, time);
    if (error != 0) return error;
    pages -= share;
  }
  return 0;
}

int ri_reserve_huge_os_pages(size_t pages, double max_seconds, size_t* reserved) {
  const size_t timeout = max_seconds > 0 && max_seconds < 1e6 ? (size_t)(max_seconds * 1000) : 0;
  size_t got = 0;
  const int error = arena_reserve_pages(pages, -1, timeout, false, NULL, &got);
  if (reserved != NULL) *reserved = got;
  return error;
}

bool ri_manage_os_memory(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                         int node) {
  return ri_manage_os_memory_ex(start, size, is_committed, is_pinned, is_zero, node, false, NULL);
}

bool ri_manage_os_memory_ex(void* start, size_t size, bool is_committed, bool is_pinned,
                            bool is_zero, int node, bool exclusive, ri_arena_id_t* id) {
  return ri_manage_memory(start, size, is_committed, is_pinned, is_zero, node, exclusive, NULL,
                          NULL, id);
}

bool ri_manage_memory(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                      int node, bool exclusive, ri_commit_fun_t* commit_fun, void* commit_arg,
                      ri_arena_id_t* id) {
  rix_process_init();
  const size_t lost = (0 - (uintptr_t)start) & (RIX_SLICE_SIZE - 1);
  const bool fits = start != NULL && size <= PTRDIFF_MAX / 2 && size >= lost &&
                    size - lost >= ri_arena_min_size();
  const rix_external_memory_t memory = {start,     size,      is_committed,     is_pinned,
                                        is_zero,   exclusive, arena_node(node), commit_fun,
                                        commit_arg};
  // A block of many GiB has few entries in the page map: a region inside one may meet none of them.
  bool taken = !fits || rix_page_find(start) != NULL;
  const rix_arena_t* const a =
      taken ? NULL : rix_arena_manage(memory, rix_subproc_current()->id, &taken);
  arena_result(a, id);
  if (a == NULL) rix_os_set_errno(taken ? EINVAL : ENOMEM);
  return a != NULL;
}

void* ri_arena_area(ri_arena_id_t id, size_t* size) {
  const rix_arena_t* const a = rix_arena_serves(id) != RIX_SUBPROC_NONE ? id : NULL;
  if (size != NULL) *size = a != NULL ? ri_load_relaxed(&a->xmapped) : 0;
  return a != NULL ? a->start : NULL;
}

bool ri_arena_contains(ri_arena_id_t id, const void* p) {
  const rix_arena_t* const a = rix_arena_serves(id) != RIX_SUBPROC_NONE ? id : NULL;
  return a != NULL && (uintptr_t)p - (uintptr_t)a->start < ri_load_relaxed(&a->xmapped);
}

size_t ri_arena_min_alignment(void) { return RIX_SLICE_SIZE; }

// One slice and its descriptors, which with OS pages of 64 KiB take more than another slice.
size_t ri_arena_min_size(void) {
  return rix_arena_layout(1, RIX_SLICE_SIZE).bytes + RIX_SLICE_SIZE;
}

typedef struct arena_shown_s {
  const void* start;
  size_t mib, slices, in_use, touched;
  bool dense, exclusive, pinned, external;
} arena_shown_t;

// False: it serves nobody.
static bool arena_look(rix_arena_t* a, arena_shown_t* shown) {
  rix_lock(&rix_purge_lock);  // it must not be returned to the program meanwhile
  const bool serves = ri_load_acquire(&a->xsubproc) != RIX_SUBPROC_NONE;  // N4: pairs with N3
  if (serves) {
    const size_t n = rix_arena_slices(a);
    *shown = (arena_shown_t){a->start,
                             ri_load_relaxed(&a->xmapped) >> 20,
                             n,
                             n - rix_bitmap_count_run(&a->free, 0, n),
                             rix_bitmap_count_run(&a->dirty, 0, n),
                             a->dense,
                             a->exclusive,
                             a->pinned,
                             a->external};
  }
  rix_unlock(&rix_purge_lock);
  return serves;
}

void ri_arenas_print(void) {
  for (size_t i = 0; i < rix_arena_count(); i++) {
    arena_shown_t a;
    if (!arena_look(rix_arena_at(i), &a)) continue;
    rix_message("rimalloc: arena %zu at %p: %zu MiB, %zu slices, %zu in use, %zu touched%s%s%s%s\n",
                i, a.start, a.mib, a.slices, a.in_use, a.touched, a.dense ? ", dense" : "",
                a.exclusive ? ", exclusive" : "", a.pinned ? ", pinned" : "",
                a.external ? ", external" : "");
  }
}

ri_heap_t* ri_heap_new_in_arena(ri_arena_id_t id) {
  rix_subproc_t* const subproc = rix_subproc_current();
  if (id != NULL && rix_arena_serves(id) != subproc->id) return rix_bad_argument();
  rix_process_init();
  rix_heap_t* const heap = rix_heap_create(subproc, id);
  return heap != NULL ? heap : rix_out_of_memory(sizeof(rix_heap_t));
}

void ri_heap_set_numa_affinity(ri_heap_t* heap, int node) {
  if (heap == NULL) heap = ri_heap_main();
  ri_store_relaxed(&heap->space.xnode, arena_node(node));
}
