// SPDX-License-Identifier: MIT
// collect.c: a walk over the descriptors of all pages, or over the lists of a thread. Nothing is
// counted on the fast paths: `used` and `xremote` of a page are exact at any time.
#include "observe/collect.h"

#include "arena/mapping.h"
#include "arena/pagemap.h"
#include "page/remote.h"

// Bytes of a page of a class, which begins at `start` and has at most so many slices.
static size_t collect_entered(const ri_page_t* page, const uint8_t* start, size_t most) {
  size_t n = 1;
  while (n < most && rix_pagemap_find(start + n * RIX_SLICE_SIZE) == page)
    n++;
  return n * RIX_SLICE_SIZE;
}

// Only atomic fields are read: the page may just be becoming another.
static void collect_page(rix_collected_t* c, const ri_page_t* page, const uint8_t* start,
                         bool mapped) {
  const size_t live = rix_page_live(page);
  const size_t blocks = live - rix_min(rix_remote_count(page), live);
  const size_t block_size = rix_page_block_size(page);
  const size_t span = ri_load_relaxed(&page->xspan);  // 0: a page of a class
  const bool small = span == 0 && block_size <= RIX_SMALL_BLOCK_MAX;
  const bool large = span != 0 || block_size > RIX_MEDIUM_BLOCK_MAX;
  const unsigned bin = large ? RIX_COLLECT_LARGE : rix_class_of(block_size);
  c->pages[bin]++;
  c->blocks[bin] += blocks;
  c->small_pages += small;
  c->medium_pages += !small && !large;
  c->single_pages += large && !mapped;
  c->mapped_pages += mapped;
  c->mapped_bytes += mapped ? span : 0;
  c->page_bytes += large ? span : collect_entered(page, start, small ? 1 : RIX_MEDIUM_SLICES);
  if (large) c->large_bytes += blocks * block_size;
}

// The sub-process that an arena serves; what it says of itself is not older.
static uint32_t collect_serves(const rix_arena_t* a) {
  return ri_load_acquire(&a->xsubproc);  // N4: pairs with N3
}

// heap == NULL: pages of all heaps. An arena that serves nobody may just become other memory.
static void collect_arena(rix_collected_t* c, const rix_arena_t* a, const rix_heap_t* heap) {
  if (collect_serves(a) == RIX_SUBPROC_NONE) return;
  for (size_t i = 0; i < a->slice_count; i++) {
    const ri_page_t* const page = &a->pages[i];
    if (rix_pagemap_find(rix_arena_address(a, i)) != page) continue;
    if (heap != NULL && ri_load_relaxed(&page->xheap) != heap) continue;
    collect_page(c, page, rix_arena_address(a, i), false);
  }
}

static void collect_arenas(rix_collected_t* c, const rix_heap_t* heap) {
  const size_t arenas = rix_arena_count();
  rix_lock(&rix_purge_lock);  // no arena goes back to the program meanwhile
  for (size_t i = 0; i < arenas; i++)
    collect_arena(c, rix_arena_at(i), heap);
  rix_unlock(&rix_purge_lock);
}

// The default heap lists only its pages that lie in no arena.
void rix_collect_heap(rix_collected_t* c, rix_heap_t* heap) {
  rix_lock(&rix_roster_lock);
  for (const ri_page_t* page = heap->pages; page != NULL; page = page->heap_next)
    collect_page(c, page, page->start, page->arena == NULL);
  rix_unlock(&rix_roster_lock);
  if (!heap->listed) collect_arenas(c, heap);
}

void rix_collect_space(rix_collected_space_t* c, uint32_t subproc) {
  const size_t arenas = rix_arena_count();
  rix_lock(&rix_purge_lock);  // no arena goes back to the program meanwhile
  for (size_t i = 0; i < arenas; i++) {
    const rix_arena_t* const a = rix_arena_at(i);
    if (collect_serves(a) != subproc) continue;
    c->arenas++;
    c->reserved += a->map_size;
    c->committed += rix_bitmap_count_run(&a->dirty, 0, a->slice_count) * RIX_SLICE_SIZE;
  }
  rix_unlock(&rix_purge_lock);
}

void rix_collect_process(rix_collected_t* c) {
  collect_arenas(c, NULL);
  const size_t mappings = rix_mapping_count();
  const size_t bytes = rix_mapping_reserved();
  c->pages[RIX_COLLECT_LARGE] += mappings;
  c->blocks[RIX_COLLECT_LARGE] += mappings;
  c->mapped_pages += mappings;
  c->large_bytes += rix_page_mapped_bytes();
  c->page_bytes += bytes;
}

static void collect_list(rix_collected_t* c, const rix_page_list_t* list) {
  for (const ri_page_t* page = list->first; page != NULL; page = page->next)
    collect_page(c, page, page->start, false);
}

void rix_collect_thread(rix_collected_t* c) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_lock(&rix_heap_lock);  // no heap ends meanwhile
  const rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL; theap = theap->next) {
    if (theap->state == RIX_THEAP_DESTROYED) continue;  // its pages are gone
    for (unsigned i = 0; i < RIX_CLASS_COUNT; i++) {
      collect_list(c, &theap->queue[i]);
      collect_list(c, &theap->full[i]);
    }
  }
  rix_unlock(&rix_heap_lock);
}

size_t rix_collected_pages(const rix_collected_t* c) {
  size_t n = 0;
  for (unsigned i = 0; i < RIX_COLLECT_BINS; i++)
    n += c->pages[i];
  return n;
}

size_t rix_collected_blocks(const rix_collected_t* c) {
  size_t n = 0;
  for (unsigned i = 0; i < RIX_COLLECT_BINS; i++)
    n += c->blocks[i];
  return n;
}

size_t rix_collected_normal_bytes(const rix_collected_t* c) {
  size_t n = 0;
  for (unsigned i = 0; i < RIX_CLASS_COUNT; i++)
    n += c->blocks[i] * rix_class_block_size(i);
  return n;
}
