// SPDX-License-Identifier: MIT
// heap.c: making, ending and querying heaps.
#include <errno.h>

#include "api/api.h"
#include "heap/sparse.h"
#include "heap/subproc.h"
#include "heap/thread.h"
#include "heap/tld.h"
#include "page/harden.h"
#include "page/mapped.h"

ri_heap_t* ri_heap_new(void) {
  rix_process_init();
  rix_heap_t* const heap = rix_heap_create(rix_subproc_current(), NULL);
  return heap != NULL ? heap : rix_out_of_memory(sizeof(rix_heap_t));
}

ri_heap_t* ri_heap_new_hardened(int level) {
  if (level < 0 || level > 3) return rix_bad_argument();
  ri_heap_t* const heap = ri_heap_new();
  if (heap == NULL) return NULL;
  ri_store_relaxed(&heap->xhard, rix_harden_features(level));
  rix_arena_track_all();  // later, the program may let nothing more come from the OS
  return heap;
}

static void heap_end_checked(rix_heap_t* heap, bool destroy) {
  if (heap == NULL) return;
  if (heap == heap->subproc->main) {
    rix_error(EINVAL, "the main heap cannot be %s", destroy ? "destroyed" : "deleted");
    return;
  }
  rix_heap_end(heap, destroy);
}

void ri_heap_delete(ri_heap_t* heap) { heap_end_checked(heap, false); }

void ri_heap_destroy(ri_heap_t* heap) { heap_end_checked(heap, true); }

void ri_heap_collect(ri_heap_t* heap, bool force) {
  if (heap == NULL) heap = ri_heap_main();
  if (rix_tls.phase == RIX_THREAD_LIVE) rix_heap_settle();
  rix_theap_t* const theap = rix_tld_find_theap(heap);
  if (theap != NULL) rix_heap_collect_theap(theap);
  if (theap != NULL && force) rix_sparse_punch(theap);
  rix_arena_purge(force);
}

ri_heap_t* ri_heap_main(void) { return rix_subproc_current()->main; }

ri_heap_t* ri_heap_of(const void* p) {
  const ri_page_t* const page = rix_page_find(p);
  return page != NULL ? ri_load_relaxed(&page->xheap) : NULL;
}

bool ri_heap_contains(const ri_heap_t* heap, const void* p) {
  if (heap == NULL) heap = ri_heap_main();
  return ri_heap_of(p) == heap;
}

bool ri_any_heap_contains(const void* p) { return ri_heap_of(p) != NULL; }

bool ri_heap_set_quota(ri_heap_t* heap, size_t bytes) {
  if (heap == NULL) heap = ri_heap_main();
  if (!heap->listed) {
    rix_os_set_errno(EINVAL);
    return false;
  }
  ri_store_relaxed(&heap->xquota, bytes);
  return true;
}

size_t ri_heap_quota(const ri_heap_t* heap) {
  if (heap == NULL) heap = ri_heap_main();
  return ri_load_relaxed(&heap->xquota);
}

size_t ri_heap_held(const ri_heap_t* heap) {
  if (heap == NULL) heap = ri_heap_main();
  return heap->listed ? ri_load_relaxed(&heap->xbytes) : 0;
}
