// SPDX-License-Identifier: MIT
// count.c: a walk over the descriptors of all pages, or over the lists of a thread. Nothing is
// counted on the fast paths: `used` and `xremote` of a page are exact at any time.
#include "observe/count.h"

#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "page/excess.h"
#include "page/holes.h"
#include "page/mapped.h"
#include "page/remote.h"

// Bytes of a page of a class, which begins at `start` and has at most `max` slices.
static size_t count_entered(const ri_page_t* page, const uint8_t* start, size_t max) {
  size_t n = 1;
  while (n < max && rix_pagemap_find(start + n * RIX_SLICE_SIZE) == page)
    n++;
  return n * RIX_SLICE_SIZE;
}

// Only atomic fields are read: the page may be turning into another.
static void count_page(rix_count_t* c, const ri_page_t* page, const uint8_t* start, bool mapped) {
  const size_t live = rix_page_live(page);
  const size_t blocks = live - rix_min(rix_remote_count(page), live);
  const size_t block_size = rix_page_block_size(page);
  const size_t span = ri_load_relaxed(&page->xspan);  // 0: a page of a class
  const bool small = span == 0 && block_size <= RIX_SMALL_BLOCK_MAX;
  const bool large = span != 0 || block_size > RIX_MEDIUM_BLOCK_MAX;
  const unsigned bin = large ? RIX_COUNT_LARGE : rix_class_of(block_size);
  c->pages[bin]++;
  c->blocks[bin] += blocks;
  const size_t seen = ri_load_relaxed(&page->xseen) + rix_page_low(page);
  if (!large && live > seen) c->unseen[bin] += live - seen;
  c->small_pages += small;
  c->medium_pages += !small && !large;
  c->single_pages += large && !mapped;
  c->mapped_pages += mapped;
  c->mapped_bytes += mapped ? span : 0;
  const size_t bytes = large ? span : count_entered(page, start, small ? 1 : RIX_MEDIUM_SLICES);
  c->page_bytes += bytes;
  if (!large) c->free_blocks += bytes / block_size - rix_min(blocks, bytes / block_size);
  if (large) c->large_bytes += blocks * block_size;
  if (!large) c->holes += rix_holes_bytes(page, bytes);
  if (!large) c->excess += rix_excess_bytes(page);
}

// The sub-process that an arena serves; what is read of the arena afterwards is not older.
static uint32_t count_serves(const rix_arena_t* a) {
  return ri_load_acquire(&a->xsubproc);  // N4: pairs with N3
}

// heap == NULL: pages of all heaps. An arena that serves nobody may be turning into other memory.
static void count_arena(rix_count_t* c, const rix_arena_t* a, const rix_heap_t* heap) {
  if (count_serves(a) == RIX_SUBPROC_NONE) return;
  for (size_t i = 0; i < rix_arena_slices(a); i++) {
    const ri_page_t* const page = &a->pages[i];
    if (rix_pagemap_find(rix_arena_address(a, i)) != page) continue;
    if (heap != NULL && ri_load_relaxed(&page->xheap) != heap) continue;
    count_page(c, page, rix_arena_address(a, i), false);
  }
}

static void count_arenas(rix_count_t* c, const rix_heap_t* heap) {
  const size_t arenas = rix_arena_count();
  rix_lock(&rix_purge_lock);  // no arena is returned to the program meanwhile
  for (size_t i = 0; i < arenas; i++)
    count_arena(c, rix_arena_at(i), heap);
  rix_unlock(&rix_purge_lock);
}

// The default heap lists only its pages that lie in no arena.
void rix_count_heap(rix_count_t* c, rix_heap_t* heap) {
  rix_lock(&rix_heap_pages_lock);
  for (const ri_page_t* page = heap->pages; page != NULL; page = page->heap_next)
    count_page(c, page, page->start, page->arena == NULL);
  rix_unlock(&rix_heap_pages_lock);
  if (!heap->listed) count_arenas(c, heap);
}

size_t rix_count_subproc(rix_count_t* c, rix_subproc_t* subproc) {
  size_t count = 0;
  rix_lock(&rix_heap_lock);
  if (!subproc->main->listed) {
    rix_count_heap(c, subproc->main);
    count++;
  }
  for (rix_heap_t* heap = subproc->heaps.first; heap != NULL; heap = heap->next) {
    if (ri_load_relaxed(&heap->xseq) == 0) continue;  // it has ended
    rix_count_heap(c, heap);
    count++;
  }
  rix_unlock(&rix_heap_lock);
  return count;
}

void rix_count_space(rix_count_space_t* c, uint32_t subproc) {
  const size_t arenas = rix_arena_count();
  rix_lock(&rix_purge_lock);  // no arena is returned to the program meanwhile
  for (size_t i = 0; i < arenas; i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    if (count_serves(a) != subproc) continue;
    c->arenas++;
    c->reserved += ri_load_relaxed(&a->xmapped) + a->apart;
    c->committed += rix_bitmap_count_run(&a->dirty, 0, a->slice_count) * RIX_SLICE_SIZE;
  }
  rix_unlock(&rix_purge_lock);
}

void rix_count_process(rix_count_t* c) {
  count_arenas(c, NULL);
  const size_t mappings = rix_mapping_count();
  const size_t bytes = rix_mapping_reserved();
  c->pages[RIX_COUNT_LARGE] += mappings;
  c->blocks[RIX_COUNT_LARGE] += mappings;
  c->mapped_pages += mappings;
  c->large_bytes += rix_mapped_bytes();
  c->page_bytes += bytes;
}

static void count_list(rix_count_t* c, const rix_page_list_t* list) {
  for (const ri_page_t* page = list->first; page != NULL; page = page->next)
    count_page(c, page, page->start, false);
}

void rix_count_thread(rix_count_t* c) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_lock(&rix_heap_lock);  // no heap ends meanwhile
  const rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL; theap = theap->next) {
    if (theap->state == RIX_THEAP_DESTROYED) continue;  // its pages are gone
    for (unsigned i = 0; i < RIX_CLASS_COUNT; i++) {
      count_list(c, &theap->queue[i]);
      count_list(c, &theap->full[i]);
    }
  }
  rix_unlock(&rix_heap_lock);
}

size_t rix_count_pages(const rix_count_t* c) {
  size_t n = 0;
  for (unsigned i = 0; i < RIX_COUNT_BINS; i++)
    n += c->pages[i];
  return n;
}

size_t rix_count_blocks(const rix_count_t* c) {
  size_t n = 0;
  for (unsigned i = 0; i < RIX_COUNT_BINS; i++)
    n += c->blocks[i];
  return n;
}

size_t rix_count_normal_bytes(const rix_count_t* c) {
  size_t n = 0;
  for (unsigned i = 0; i < RIX_CLASS_COUNT; i++)
    n += c->blocks[i] * rix_class_block_size(i);
  return n;
}
