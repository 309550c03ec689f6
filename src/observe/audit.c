// SPDX-License-Identifier: MIT
// audit.c: checks every invariant that one thread can see: the pages of its own theaps and the
// lists of their heaps always, during which no heap can end; when it is the only thread that
// allocates, also all slices of all arenas, and that the counters agree with what is counted.
#include <errno.h>

#include "arena/limit.h"
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "heap/scavenge.h"
#include "heap/heap.h"
#include "heap/theap.h"
#include "heap/tld.h"
#include "observe/stats.h"
#include "options/report.h"
#include "page/abandon.h"
#include "page/excess.h"
#include "page/holes.h"
#include "page/remote.h"
#include "page/trap.h"

enum { AUDIT_TRIES = 100 };

// ---- What belongs to this thread ----------------------------------------------------------------

// Every slice of a page leads to it, and none of them is free.
static bool audit_page(const ri_page_t* page) {
  const size_t index = (size_t)(page - page->arena->pages);
  if (rix_arena_address(page->arena, index) != page->start) return false;
  for (size_t i = 0; i < page->slice_count; i++) {
    if (rix_pagemap_find(page->start + i * RIX_SLICE_SIZE) != page) return false;
  }
  return rix_bitmap_count_run(&page->arena->free, index, page->slice_count) == 0;
}

static bool audit_pages(const ri_page_t* page) {
  for (; page != NULL; page = page->next) {
    if (!audit_page(page)) return false;
  }
  return true;
}

static bool audit_theap(const rix_theap_t* theap) {
  if (!rix_theap_valid(theap)) return false;
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (!audit_pages(theap->queue[c].first) || !audit_pages(theap->full[c].first)) return false;
  }
  return true;
}

// The list of a heap's pages: linked both ways, as long as counted, all of this heap.
static bool audit_heap_pages(const rix_heap_t* heap) {
  rix_lock(&rix_heap_pages_lock);
  size_t left = heap->page_count, bytes = 0;
  const ri_page_t* prev = NULL;
  bool valid = true;
  for (const ri_page_t* page = heap->pages; page != NULL && valid; page = page->heap_next) {
    valid = left > 0 && page->heap_prev == prev && ri_load_relaxed(&page->xheap) == heap &&
            rix_heap_pages_lists(heap, page);
    bytes += rix_heap_pages_bytes(page);
    prev = page;
    left--;
  }
  rix_unlock(&rix_heap_pages_lock);
  return valid && left == 0 && (!heap->listed || bytes <= ri_load_relaxed(&heap->xbytes));
}

// ---- Everything ---------------------------------------------------------------------------------

// What a walk over the arenas counts, to be compared with what is kept.
typedef struct audit_count_s {
  size_t slices, own_pages, listed, listed_default;
  size_t holes, excess;  // bytes
  size_t dirty;          // slices
  size_t meta;           // slices of the allocator's own structures
} audit_count_t;

// Either a search finds this page, or the next free takes it: then NOTIFY is set.
static bool audit_unowned(const ri_page_t* page, uintptr_t remote) {
  const bool listed = (page->flags & RIX_PAGE_LISTED) != 0;
  if (page->place != RIX_PLACE_NONE) return false;
  if ((remote & RIX_REMOTE_STATE) != (listed ? RIX_REMOTE_ABANDONED : RIX_REMOTE_STATE))
    return false;
  return listed ? rix_remote_count(page) < rix_page_live(page) : rix_remote_count(page) == 0;
}

// A page has an owner, or can be claimed; otherwise nothing would ever find it again.
static bool audit_owner(const ri_page_t* page) {
  const uintptr_t owner = ri_load_relaxed(&page->xowner) & ~RIX_OWNER_FLAGS;
  const uintptr_t remote = ri_load_relaxed(&page->xremote);
  const bool abandoned = (remote & RIX_REMOTE_ABANDONED) != 0;
  if (owner == RIX_OWNER_NONE) return audit_unowned(page, remote);
  if (abandoned || rix_page_is_single(page)) return false;
  return page->place != RIX_PLACE_NONE && ri_load_relaxed(&page->xtheap) != NULL;
}

// The page that begins at a claimed slice, with all that arenas know about it.
static bool audit_slices(const rix_arena_t* a, size_t index, audit_count_t* count) {
  const ri_page_t* const page = &a->pages[index];
  const size_t n = page->slice_count;
  if (rix_pagemap_find(rix_arena_address(a, index)) != page) return false;
  if (page->arena != a || n == 0 || n > rix_arena_slices(a) - index || !audit_page(page))
    return false;
  if (rix_bitmap_count_run(&a->dirty, index, n) != n) return false;
  if (rix_bitmap_count_run(&a->committed, index, n) != n) return false;
  if (!rix_page_valid(page) || !audit_owner(page)) return false;
  if ((ri_load_relaxed(&page->xowner) & ~RIX_OWNER_FLAGS) == rix_tls.self) count->own_pages++;
  count->holes += rix_holes_bytes(page, rix_page_bytes(page));
  count->excess += rix_excess_bytes(page);
  count->slices += n;
  return true;
}

// The abandoned bits of a class are exactly those of pages that are marked as listed.
static bool audit_abandoned(const rix_arena_t* a, unsigned c, audit_count_t* count) {
  const rix_bitmap_t map = rix_arena_abandoned(a, c);
  size_t listed = 0;
  for (size_t i = 0; rix_bitmap_next_set(&map, i, &i); i++, listed++) {
    const ri_page_t* const page = &a->pages[i];
    if ((page->flags & RIX_PAGE_LISTED) == 0 || page->class_index != c) return false;
    if (rix_bitmap_count_run(&a->free, i, 1) != 0) return false;
    if (ri_load_relaxed(&page->xheap) == &rix_heap_default) count->listed_default++;
  }
  count->listed += listed;
  return listed == ri_load_relaxed(&a->xabandoned[c]);
}

// How many slices from `index` on are free, as far as one look at the bitmap tells.
static size_t audit_free(const rix_arena_t* a, size_t index) {
  const size_t max = rix_min(RIX_WORD_BITS, rix_arena_slices(a) - index);
  if (rix_bitmap_count_run(&a->free, index, max) == max) return max;
  return rix_bitmap_count_run(&a->free, index, 1);
}

static bool audit_leads_nowhere(const rix_arena_t* a, size_t index, size_t count) {
  for (size_t i = index; i < index + count; i++) {
    if (rix_pagemap_find(rix_arena_address(a, i)) != NULL) return false;
  }
  return true;
}

// Each slice is free, and then leads nowhere; or is part of exactly one page; or of none: those are
// counted, and must be as many as meta.c took and freed watched blocks hold.
static bool audit_arena(const rix_arena_t* a, audit_count_t* count) {
  for (size_t i = 0; i < rix_arena_slices(a);) {
    const size_t n = audit_free(a, i);
    if (n > 0) {
      if (!audit_leads_nowhere(a, i, n)) return false;
      i += n;
    } else if (audit_leads_nowhere(a, i, 1)) {
      count->meta++;
      i++;
    } else {
      if (!audit_slices(a, i, count)) return false;
      i += a->pages[i].slice_count;
    }
  }
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (!audit_abandoned(a, c, count)) return false;
  }
  count->dirty += rix_bitmap_count_run(&a->dirty, 0, a->slice_count);
  return true;
}

// The pages in the lists of this thread.
static size_t audit_own_pages(void) {
  size_t own = 0;
  rix_lock(&rix_heap_lock);
  const rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL; theap = theap->next) {
    if (theap->state == RIX_THEAP_DESTROYED) continue;  // its pages are gone
    for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
      own += theap->pages[c];
  }
  rix_unlock(&rix_heap_lock);
  return own;
}

// The number of pages without owner that the default heap counts.
static size_t audit_default(void) {
  size_t listed = 0;
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    listed += ri_load_relaxed(&rix_heap_default.xabandoned[c]);
  return listed;
}

static bool audit_arenas(void) {
  audit_count_t count = {0};
  for (size_t i = 0; i < rix_arena_count(); i++) {
    if (!audit_arena(rix_arena_at(i), &count)) return false;
  }
  const size_t own = audit_own_pages();
  const size_t mapped = rix_mapping_reserved() + rix_mapping_cached();
  const size_t used = count.dirty * RIX_SLICE_SIZE - count.holes + mapped;
  return used == rix_limit_used() && used == rix_gauge_now(RIX_GAUGE_COMMITTED) &&
         (count.slices + count.meta) * RIX_SLICE_SIZE == rix_arena_in_use() &&
         count.meta == rix_meta_slices() + rix_trap_counts().freed_slices &&
         count.holes == rix_gauge_now(RIX_GAUGE_HOLES) &&
         count.excess == rix_gauge_now(RIX_GAUGE_EXCESS) && count.own_pages == own &&
         count.listed == rix_page_abandoned_count() && count.listed_default == audit_default();
}

// Threads that are beginning or ending are not counted, and may be between two steps: then another
// look finds nothing wrong.
static bool audit_process(void) {
  for (int i = 0; i < AUDIT_TRIES && rix_tld_is_alone(); i++) {
    if (audit_arenas()) return true;
  }
  return !rix_tld_is_alone();
}

// Which part of a theap of this thread is wrong; NULL: none. If another thread destroyed its heap,
// its lists lead to pages that are gone; it is forgotten at the thread's next look.
static const char* audit_own(const rix_theap_t* theap) {
  if (theap->state == RIX_THEAP_DESTROYED) return NULL;
  if (!audit_theap(theap)) return "heap";
  const bool listed = theap->state == RIX_THEAP_LIVE;
  return listed && !audit_heap_pages(theap->heap) ? "the pages of heap" : NULL;
}

// The same for all of them, and the number of the first that has something wrong.
static const char* audit_thread(size_t* seq) {
  const char* wrong = NULL;
  rix_lock(&rix_heap_lock);  // no heap ends meanwhile
  const rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL && wrong == NULL; theap = theap->next) {
    wrong = audit_own(theap);
    *seq = theap->seq;
  }
  rix_unlock(&rix_heap_lock);
  return wrong;
}

bool rix_audit(void) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return true;
  size_t seq = 0;
  const char* const wrong = audit_thread(&seq);
  if (wrong != NULL) {
    rix_error(EFAULT, "the audit of %s %zu failed", wrong, seq);
    return false;
  }
  rix_scavenge_hold();  // as if there were another thread
  const bool right = audit_process();
  rix_scavenge_release();
  if (!right) {
    rix_error(EFAULT, "the audit of the arenas failed");
    return false;
  }
  return true;
}
