// SPDX-License-Identifier: MIT
// mimalloc.c: what the header and the library for mimalloc's programs need besides names: its
// version numbers, and version 2's default heap of a thread as a heap. Options are in
// mimalloc_options.c, statistics in mimalloc_stats.c, all that has to do with arenas, tags and
// sub-processes in mimalloc_arena.c. include/rimalloc/mimalloc/functions.def says which mi_
// function ends where; rix_mi_ is version 3, rix_mi2_ version 2.
#include "api/api.h"
#include "os/os.h"

RI_EXPORT int rix_mi_version(void);
RI_EXPORT int rix_mi2_version(void);

int rix_mi_version(void) { return 30403; }

int rix_mi2_version(void) { return 20401; }

// ---- Functions that differ in their arguments ---------------------------------------------------

RI_EXPORT void rix_mi_free_size_aligned(void* p, size_t size, size_t alignment);
RI_EXPORT void* rix_mi_uzalloc_small(size_t size, size_t* block_size);

void rix_mi_free_size_aligned(void* p, size_t size, size_t alignment) {
  ri_free_aligned_sized(p, alignment, size);
}

void* rix_mi_uzalloc_small(size_t size, size_t* block_size) {
  return ri_ucalloc(1, size, block_size);
}

// ---- The default heap of a thread ---------------------------------------------------------------

RI_EXPORT ri_heap_t* rix_mi_heap_get_default(void);
RI_EXPORT ri_heap_t* rix_mi_heap_set_default(ri_heap_t* heap);

ri_heap_t* rix_mi_heap_get_default(void) {
  const ri_theap_t* const theap = ri_theap_get_default();
  return theap != NULL ? theap->heap : ri_heap_main();
}

// NULL, and nothing set, when the heap is NULL or there is no memory for the thread's part of it.
ri_heap_t* rix_mi_heap_set_default(ri_heap_t* heap) {
  ri_theap_t* const theap = heap != NULL ? ri_heap_theap(heap) : NULL;
  if (theap == NULL) return NULL;
  ri_heap_t* const old = rix_mi_heap_get_default();
  ri_theap_set_default(theap);
  return old;
}
