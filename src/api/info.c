// SPDX-License-Identifier: MIT
// info.c: what a pointer or a size is, and what a thread and the process can release.
#include "api/api.h"
#include "heap/orphan.h"
#include "heap/quarantine.h"
#include "heap/sparse.h"
#include "heap/thread.h"
#include "page/holes.h"
#include "page/mapped.h"
#include "page/remote.h"
#include "page/trap.h"
#include "options/hooks.h"
#include "options/options.h"

size_t ri_usable_size(const void* p) {
  const rix_target_t t = rix_target(p);
  return t.block != NULL ? rix_target_usable(t, p) : 0;
}

// What a block of the main heap has for `size` bytes at a multiple of `align`, if it is of a class;
// 0: it is not.
static size_t info_class_size(size_t size, size_t align) {
  rix_harden_begin(&rix_heap_default);
  const size_t tail = rix_harden_tail_of(ri_load_relaxed(&rix_heap_default.xhard));
  const size_t whole = tail == 0 ? size : rix_max(size, 1) + tail;
  if (size > RIX_MEDIUM_BLOCK_MAX || rix_align_up(whole, align) > RIX_MEDIUM_BLOCK_MAX) return 0;
  return rix_class_block_size(rix_class_of(rix_align_up(whole, align))) - tail;
}

// What a block that is alone in its page has at least.
static size_t info_alone_size(size_t size) {
  const bool watched = (ri_load_relaxed(&rix_heap_default.xhard) & RIX_HARD_LARGE) != 0;
  return rix_align_up(size, watched && size <= RIX_HARD_LARGE_MAX ? 16 : rix_os_page_size());
}

size_t ri_good_size(size_t size) {
  const size_t in_class = info_class_size(size, 1);
  if (in_class != 0) return in_class;
  if (size > PTRDIFF_MAX - rix_os_page_size()) return size;
  return info_alone_size(size);
}

size_t ri_nallocx(size_t size, size_t alignment) {
  if (!rix_is_pow2(alignment) || alignment > PTRDIFF_MAX) return 0;
  if (size > PTRDIFF_MAX - rix_os_page_size()) return 0;
  if (alignment <= 8 || (alignment == 16 && size > 8)) return ri_good_size(size);
  if (alignment <= RIX_SLICE_SIZE) {
    const size_t in_class = info_class_size(rix_max(size, 1), alignment);
    if (in_class != 0) return in_class;
  }
  return info_alone_size(rix_max(size, 1));
}

bool ri_is_in_heap_region(const void* p) { return rix_page_find(p) != NULL; }

bool ri_unsafe_heap_page_is_under_utilized(ri_heap_t* heap, void* p, size_t percent) {
  const ri_page_t* const page = rix_pagemap_find(p);
  if (page == NULL || (ri_load_relaxed(&page->xowner) & ~RIX_OWNER_FLAGS) != rix_tls.self) {
    return false;
  }
  if (heap != NULL && ri_heap_of(p) != heap) return false;
  const rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  const bool used = theap->shown[page->class_index] == page;
  if (used || (page->prev == NULL && page->place == RIX_PLACE_QUEUE)) return false;
  const size_t live = rix_page_live(page) - rix_remote_count(page);
  // What was cut once is room, whatever became of it.
  const size_t room = rix_holes_any(page) ? page->reserved : page->capacity;
  if (room < page->reserved || live == room) return false;
  return 100 * live <= rix_min(percent, 100) * room;
}

void ri_thread_init(void) { (void)rix_thread_theap(); }

void ri_thread_done(void) { rix_thread_done(); }

void ri_thread_set_in_threadpool(void) {
  if (rix_thread_theap() != NULL) ((rix_tld_t*)rix_tls.self)->in_pool = true;
}

void ri_process_init(void) { rix_process_init(); }

void ri_collect(bool force) {
  if (rix_hook_is_deferred() && rix_tls.phase == RIX_THREAD_LIVE) rix_hook_run_deferred(force);
  if (rix_tls.phase == RIX_THREAD_LIVE) {
    rix_heap_settle();
    if (force) (void)rix_free_waiting((rix_tld_t*)rix_tls.self);
    rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
    for (; theap != NULL; theap = theap->next)
      rix_heap_collect_theap(theap);
  }
  rix_orphan_collect(force);
  if (force) (void)rix_trap_drain();
  if (force) rix_sparse_punch_all();
  rix_arena_purge(force);
}

void ri_collect_reduce(size_t bytes) {
  ri_collect(true);
  rix_thread_reduce(bytes);
}

static rix_flag_t info_xreported;

void rix_api_report_end(void) {
  if (ri_exchange_relaxed(&info_xreported, 1)) return;
  if (rix_option(ri_option_show_stats) != 0) ri_stats_print_out(NULL, NULL);
}

void ri_process_done(void) {
  ri_collect(true);
  rix_api_report_end();
}

int ri_version(void) { return RI_VERSION; }
