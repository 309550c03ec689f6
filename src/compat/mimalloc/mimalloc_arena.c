// SPDX-License-Identifier: MIT
// mimalloc_arena.c: what version 2 of mimalloc has around heaps and arenas and ours has not: tags,
// heaps that may not be destroyed, sub-processes as pointers, arenas by number. See mimalloc.c.
//
// CONCURRENCY: any thread. Tags are fields of the heaps, so that they live as long; numbers of
// arenas are handed out by compare-and-swap and never change.
#include "api/api.h"
#include "os/os.h"

// ---- Tags ---------------------------------------------------------------------------------------

RI_EXPORT ri_heap_t* rix_mi_heap_new_ex(int tag, bool may_destroy, void* in);
RI_EXPORT void rix_mi_heap_delete(ri_heap_t* heap);
RI_EXPORT void rix_mi_heap_destroy(ri_heap_t* heap);

ri_heap_t* rix_mi_heap_new_ex(int tag, bool may_destroy, void* in) {
  ri_heap_t* const heap = in != NULL ? ri_heap_new_in_arena(in) : ri_heap_new();
  if (heap == NULL) return NULL;
  ri_store_relaxed(&heap->xtag, tag);
  ri_store_relaxed(&heap->xkeeps_blocks, !may_destroy);
  return heap;
}

void rix_mi_heap_delete(ri_heap_t* heap) { ri_heap_delete(heap); }

void rix_mi_heap_destroy(ri_heap_t* heap) {
  if (heap != NULL && ri_load_relaxed(&heap->xkeeps_blocks) != 0) {
    ri_heap_delete(heap);
  } else {
    ri_heap_destroy(heap);
  }
}

// ---- Sub-processes ------------------------------------------------------------------------------

typedef struct mimalloc_visit_s {
  int tag;  // below 0: any
  bool blocks;
  ri_block_visit_fun* visitor;
  void* arg;
} mimalloc_visit_t;

RI_EXPORT bool rix_mi_abandoned_visit_blocks(ri_subproc_id_t subproc, int tag, bool blocks,
                                             ri_block_visit_fun* visitor, void* arg);
RI_EXPORT void rix_mi_subproc_delete(ri_subproc_id_t subproc);

static bool mimalloc_visit_abandoned(ri_heap_t* heap, void* arg) {
  const mimalloc_visit_t* const visit = arg;
  if (visit->tag >= 0 && ri_load_relaxed(&heap->xtag) != visit->tag) return true;
  return ri_heap_visit_abandoned_blocks(heap, visit->blocks, visit->visitor, visit->arg);
}

bool rix_mi_abandoned_visit_blocks(ri_subproc_id_t subproc, int tag, bool blocks,
                                   ri_block_visit_fun* visitor, void* arg) {
  mimalloc_visit_t visit = {tag, blocks, visitor, arg};
  return ri_subproc_visit_heaps(subproc, mimalloc_visit_abandoned, &visit);
}

static bool mimalloc_is_unused(const ri_heap_t* heap, const ri_heap_area_t* area, void* block,
                               size_t block_size, void* arg) {
  RIX_UNUSED(heap);
  RIX_UNUSED(block);
  RIX_UNUSED(block_size);
  RIX_UNUSED(arg);
  return area->used == 0;
}

static bool mimalloc_heap_is_unused(ri_heap_t* heap, void* arg) {
  return ri_heap_visit_blocks(heap, false, mimalloc_is_unused, arg);
}

// Version 2 leaves the memory of a sub-process that still has blocks alone.
void rix_mi_subproc_delete(ri_subproc_id_t subproc) {
  if (ri_subproc_visit_heaps(subproc, mimalloc_heap_is_unused, NULL)) ri_subproc_destroy(subproc);
}

RI_EXPORT void* rix_mi2_subproc_main(void);
RI_EXPORT void* rix_mi2_subproc_new(void);
RI_EXPORT void rix_mi2_subproc_add_current_thread(void* subproc);
RI_EXPORT void rix_mi2_subproc_delete(void* subproc);
RI_EXPORT bool rix_mi2_abandoned_visit_blocks(void* subproc, int tag, bool blocks,
                                              ri_block_visit_fun* visitor, void* arg);

// The pointer that version 2 has, and the structure of one pointer that version 3 has.
static void* mimalloc_subproc_pointer(ri_subproc_id_t subproc) {
  void* pointer;
  __builtin_memcpy(&pointer, &subproc, sizeof(pointer));
  return pointer;
}

static ri_subproc_id_t mimalloc_subproc_id(void* pointer) {
  ri_subproc_id_t subproc;
  __builtin_memcpy(&subproc, &pointer, sizeof(subproc));
  return subproc;
}

_Static_assert(sizeof(ri_subproc_id_t) == sizeof(void*), "one is the other");

void* rix_mi2_subproc_main(void) { return mimalloc_subproc_pointer(ri_subproc_main()); }

void* rix_mi2_subproc_new(void) { return mimalloc_subproc_pointer(ri_subproc_new()); }

void rix_mi2_subproc_add_current_thread(void* subproc) {
  ri_subproc_add_current_thread(mimalloc_subproc_id(subproc));
}

void rix_mi2_subproc_delete(void* subproc) { rix_mi_subproc_delete(mimalloc_subproc_id(subproc)); }

bool rix_mi2_abandoned_visit_blocks(void* subproc, int tag, bool blocks,
                                    ri_block_visit_fun* visitor, void* arg) {
  return rix_mi_abandoned_visit_blocks(mimalloc_subproc_id(subproc), tag, blocks, visitor, arg);
}

// ---- Arenas by number ---------------------------------------------------------------------------

enum { MIMALLOC_ARENAS = 1024 };

// Arenas in the order in which version 2's programs got them; the number of one is its index + 1.
// An identity is only compared with those of the arenas that are there (rix_arena_serves), so no
// order is needed.
static ri_atomic(void*) mimalloc_arenas[MIMALLOC_ARENAS];

RI_EXPORT void* rix_mi2_arena_area(int number, size_t* size);
RI_EXPORT int rix_mi2_reserve_huge_os_pages_at_ex(size_t pages, int numa_node, size_t timeout_msecs,
                                                  bool exclusive, int* number);
RI_EXPORT int rix_mi2_reserve_os_memory_ex(size_t size, bool commit, bool allow_large,
                                           bool exclusive, int* number);
RI_EXPORT bool rix_mi2_manage_os_memory_ex(void* start, size_t size, bool is_committed,
                                           bool is_large, bool is_zero, int numa_node,
                                           bool exclusive, int* number);
RI_EXPORT ri_heap_t* rix_mi2_heap_new_in_arena(int number);
RI_EXPORT ri_heap_t* rix_mi2_heap_new_ex(int tag, bool may_destroy, int number);

static void* mimalloc_arena(int number) {
  if (number <= 0 || number > MIMALLOC_ARENAS) return NULL;
  return ri_load_relaxed(&mimalloc_arenas[number - 1]);
}

// The number of an arena, a new one when it has none; 0 for NULL and when there are no more.
static int mimalloc_arena_number(void* in) {
  for (int i = 0; in != NULL && i < MIMALLOC_ARENAS; i++) {
    void* seen = ri_load_relaxed(&mimalloc_arenas[i]);
    if (seen == NULL && ri_cas_strong_relaxed(&mimalloc_arenas[i], &seen, in)) return i + 1;
    if (seen == in) return i + 1;
  }
  return 0;
}

void* rix_mi2_arena_area(int number, size_t* size) {
  return ri_arena_area(mimalloc_arena(number), size);
}

int rix_mi2_reserve_huge_os_pages_at_ex(size_t pages, int numa_node, size_t timeout_msecs,
                                        bool exclusive, int* number) {
  void* id = NULL;
  const int error = ri_reserve_huge_os_pages_at_ex(pages, numa_node, timeout_msecs, exclusive, &id);
  if (number != NULL) *number = mimalloc_arena_number(id);
  return error;
}

int rix_mi2_reserve_os_memory_ex(size_t size, bool commit, bool allow_large, bool exclusive,
                                 int* number) {
  void* id = NULL;
  const int error = ri_reserve_os_memory_ex(size, commit, allow_large, exclusive, &id);
  if (number != NULL) *number = mimalloc_arena_number(id);
  return error;
}

bool rix_mi2_manage_os_memory_ex(void* start, size_t size, bool is_committed, bool is_large,
                                 bool is_zero, int numa_node, bool exclusive, int* number) {
  void* id = NULL;
  const bool done = ri_manage_os_memory_ex(start, size, is_committed, is_large, is_zero, numa_node,
                                           exclusive, &id);
  if (number != NULL) *number = mimalloc_arena_number(id);
  return done;
}

// 0 is no arena in particular; a number that no arena has gives no heap.
ri_heap_t* rix_mi2_heap_new_in_arena(int number) {
  if (number == 0) return ri_heap_new();
  return mimalloc_arena(number) != NULL ? ri_heap_new_in_arena(mimalloc_arena(number)) : NULL;
}

ri_heap_t* rix_mi2_heap_new_ex(int tag, bool may_destroy, int number) {
  if (number != 0 && mimalloc_arena(number) == NULL) return NULL;
  return rix_mi_heap_new_ex(tag, may_destroy, mimalloc_arena(number));
}
