// SPDX-License-Identifier: MIT
// audit.c: checks every invariant that one thread can see without stopping the others.
#include <errno.h>

#include "arena/pagemap.h"
#include "heap/heap.h"
#include "options/report.h"

// Every slice of a page leads to it, and none of them is free.
static bool audit_page(const ri_page_t* page) {
  const size_t index = (size_t)(page - page->arena->pages);
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

bool ri_audit(void) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return true;
  const rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL; theap = theap->next) {
    if (!audit_theap(theap)) {
      rix_error(EFAULT, "the audit of heap %zu failed", theap->seq);
      return false;
    }
  }
  return true;
}
