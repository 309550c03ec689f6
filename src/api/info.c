// SPDX-License-Identifier: MIT
// info.c: what a pointer or a size is, and what a thread can give back.
#include "api/api.h"
#include "page/remote.h"
#include "options/hooks.h"

size_t ri_usable_size(const void* p) {
  const rix_target_t t = rix_target(p);
  return t.block != NULL ? rix_target_usable(t, p) : 0;
}

size_t ri_good_size(size_t size) {
  if (size <= RIX_MEDIUM_BLOCK_MAX) return rix_class_block_size(rix_class_of(size));
  if (size > PTRDIFF_MAX - rix_os_page_size()) return size;
  return rix_align_up(size, rix_os_page_size());
}

size_t ri_malloc_size(const void* p) { return ri_usable_size(p); }

size_t ri_malloc_usable_size(const void* p) { return ri_usable_size(p); }

size_t ri_malloc_good_size(size_t size) { return ri_good_size(size); }

size_t ri_nallocx(size_t size, size_t alignment) {
  if (!rix_is_pow2(alignment) || alignment > PTRDIFF_MAX) return 0;
  if (size > PTRDIFF_MAX - rix_os_page_size()) return 0;
  if (alignment <= 8 || (alignment == 16 && size > 8)) return ri_good_size(size);
  if (size <= RIX_MEDIUM_BLOCK_MAX && alignment <= RIX_SLICE_SIZE) {
    return ri_good_size(rix_align_up(rix_max(size, 1), alignment));
  }
  return rix_align_up(rix_max(size, 1), rix_os_page_size());
}

bool ri_is_in_heap_region(const void* p) { return rix_pagemap_find(p) != NULL; }

bool ri_check_owned(const void* p) { return rix_pagemap_find(p) != NULL; }

bool ri_unsafe_heap_page_is_under_utilized(ri_heap_t* heap, void* p, size_t percent) {
  const ri_page_t* const page = rix_pagemap_find(p);
  if (page == NULL || (ri_load_relaxed(&page->xowner) & ~RIX_OWNER_FLAGS) != rix_tls.self) {
    return false;
  }
  if (heap != NULL && ri_heap_of(p) != heap) return false;
  if (page->prev == NULL && page->place == RIX_PLACE_QUEUE) return false;  // allocated from
  const size_t live = rix_page_live(page) - rix_remote_count(page);
  if (page->capacity < page->reserved || live == page->capacity) return false;
  return 100 * live <= rix_min(percent, 100) * page->capacity;
}

void ri_collect(bool force) {
  if (rix_hook_is_deferred() && rix_tls.phase == RIX_THREAD_LIVE) rix_hook_run_deferred(force);
  if (rix_tls.phase == RIX_THREAD_LIVE) {
    rix_heap_settle();
    rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
    for (; theap != NULL; theap = theap->next)
      rix_heap_collect_theap(theap);
  }
  rix_orphan_collect();
  rix_arena_purge(force);
}

void ri_collect_reduce(size_t most) {
  ri_collect(true);
  rix_thread_reduce(most);
}

int ri_version(void) { return RI_VERSION; }
