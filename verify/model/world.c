// SPDX-License-Identifier: MIT
// world.c: the files of src/ as they are, except for the OS layer, and what world.h says.
#include "world.h"

#include "sources.h"  // made by `run`: what src/rimalloc.c includes, without src/os

#include "os/process.h"

enum { WORLD_WATCHED = 32 };  // bytes of a block

static struct {
  size_t size;
  void* p;
  ri_tls_t tls;
  rix_arena_t* arena;
} world;

// ---- What of the OS layer comes with atomics ----------------------------------------------------

static rix_exit_key_t world_exit_key;

static bool world_make_key(uint64_t* key, void (*done)(void* value)) {
  os_model_on_exit(done);
  *key = 0;
  return true;
}
static void world_drop_key(uint64_t key) { MODEL_CHECK(key == 0); }

bool rix_os_thread_exit_init(void (*done)(void* value)) {
  return rix_exit_key_open(&world_exit_key, done, world_make_key, world_drop_key);
}
void rix_os_thread_exit_close(void) { rix_exit_key_close(&world_exit_key, world_drop_key); }
bool rix_os_thread_exit_set(void* value) {
  uint64_t key;
  if (!rix_exit_key_get(&world_exit_key, &key)) return false;
  os_model_keep(value);
  return true;
}

// ---- Set-up -------------------------------------------------------------------------------------

static void world_count_thread(void) {
  if (rix_events_mine != NULL) model_statistic(rix_events_mine, sizeof(*rix_events_mine));
}

void world_leave_out_statistics(int n) {
  model_statistic(rix_gauges, sizeof(rix_gauges));
  model_statistic(&rix_levels, sizeof(rix_levels));
  model_statistic(&rix_events_shared, sizeof(rix_events_shared));
  model_statistic(&mapped_pages.xbytes, sizeof(mapped_pages.xbytes));
  for (int t = 0; t < n; t++)
    model_as(t, world_count_thread);
}

static void world_count(int n, bool abandoned) {
  world_leave_out_statistics(n);
  if (abandoned) return;
  rix_arena_t* const a = rix_arena_at(0);
  model_counter(&a->xabandoned, sizeof(a->xabandoned));
  model_counter(&rix_heap_default.xabandoned, sizeof(rix_heap_default.xabandoned));
}

void world_setup(int n, bool abandoned) {
  os_model_init();
  process_load();
  ri_option_set(ri_option_arena_reserve, 1024);
  ri_option_set(ri_option_purge_delay, -1);
  static const rix_space_t space;
  rix_slices_t first;
  const bool claimed = rix_arena_claim(&space, 1, RIX_SLICE_SIZE, false, &first);
  MODEL_CHECK(claimed && rix_arena_count() == 1);
  rix_arena_release(first.arena, first.index, 1);
  MODEL_CHECK(first.arena->slice_count == 16);
  world.arena = first.arena;
  for (int t = 0; t < n; t++)
    model_as(t, ri_thread_init);
  world_count(n, abandoned);
  model_name(first.arena, "arena");
  model_name(first.arena->free.words, "arena.free");
  model_name(first.arena->committed.words, "arena.committed");
  model_name(first.arena->dirty.words, "arena.dirty");
  model_name(first.arena->purge.words, "arena.purge");
  model_name(first.arena->aged.words, "arena.aged");
  model_name(first.arena->abandoned, "arena.abandoned");
  model_name(first.arena->base, "slice 0");
}

// ---- What threads do ----------------------------------------------------------------------------

// A small block lies in a page of blocks that are large enough, which is this thread's.
static void world_check_block(const void* p, size_t size) {
  const size_t index = (size_t)((const uint8_t*)p - world.arena->base) / RIX_SLICE_SIZE;
  const ri_page_t* const page = &world.arena->pages[index];
  if (size > RIX_SMALL_BLOCK_MAX || index >= world.arena->slice_count) return;
  MODEL_CHECK(page->kind == RIX_PAGE_SMALL && rix_class_block_size(page->class_index) >= size);
}

void* world_malloc(size_t size) {
  void* const p = ri_malloc(size);
  MODEL_CHECK(p != NULL);
  world_check_block(p, size);
  model_take(p, rix_min(size, WORLD_WATCHED));
  return p;
}

void world_free(void* p) {
  model_give(p);
  ri_free(p);
}

void world_free_remote(void* p) {
  model_give(p);
  free_remote(world_page(p), p, p);
}

void world_thread_exit(void) { os_model_thread_exit(); }

static void world_do_malloc(void) { world.p = world_malloc(world.size); }
static void world_do_free(void) { world_free(world.p); }
static void world_do_collect(void) {
  if (rix_tls.phase == RIX_THREAD_LIVE) rix_theap_collect((rix_theap_t*)(void*)rix_tls.theap);
}
static void world_do_look(void) { world.tls = rix_tls; }

void* world_malloc_as(int t, size_t size) {
  world.size = size;
  model_as(t, world_do_malloc);
  return world.p;
}

void world_free_as(int t, void* p) {
  world.p = p;
  model_as(t, world_do_free);
}

void world_collect_as(int t) { model_as(t, world_do_collect); }
void world_thread_exit_as(int t) { model_as(t, world_thread_exit); }

void world_cut_table(size_t entries) {
  rix_lock(&rix_pagemap_lock);
  pagemap.reserved = entries;
  rix_unlock(&rix_pagemap_lock);
}

void world_small_table(size_t entries) {
  pagemap.reserved = pagemap.writable = entries;
  ri_store_relaxed(&rix_pagemap.xcount, entries);
  ri_store_relaxed(&rix_fast_pagemap.xcount, entries);
}

ri_page_t* world_page(const void* p) {
  ri_page_t* const page = rix_pagemap_find(p);
  MODEL_CHECK(page != NULL);
  return page;
}

void world_name_page(const void* p) {
  ri_page_t* const page = world_page(p);
  model_name(page, "page");
  model_name(&page->xowner, "page.xowner");
  model_name(&page->xtheap, "page.xtheap");
  model_name(&page->free, "page.free");
  model_name(&page->used, "page.used");
  model_name(&page->capacity, "page.capacity");
  model_name(&page->xremote, "page.xremote");
}

rix_theap_t* world_theap(int t) {
  model_as(t, world_do_look);
  return (rix_theap_t*)(void*)world.tls.theap;
}

size_t world_slices_in_use(void) {
  const rix_arena_t* const a = rix_arena_at(0);
  return a->slice_count - rix_bitmap_count_run(&a->free, 0, a->slice_count);
}

// ---- Checks -------------------------------------------------------------------------------------

static size_t world_count_in(const rix_page_list_t* list, const ri_page_t* page) {
  size_t n = 0;
  for (const ri_page_t* p = list->first; p != NULL; p = p->next)
    n += p == page;
  return n;
}

static size_t world_count_in_theap(const rix_theap_t* theap, const ri_page_t* page) {
  return world_count_in(&theap->queue[page->class_index], page) +
         world_count_in(&theap->full[page->class_index], page);
}

// How often a page is in the lists of living threads, and of the ended ones together.
static size_t world_owners(const ri_page_t* page) {
  size_t n = world_count_in_theap(&orphan.theap, page);
  for (const rix_tld_t* tld = tlds.all; tld != NULL; tld = tld->next) {
    for (const rix_theap_t* theap = tld->theaps; theap != NULL; theap = theap->next)
      n += world_count_in_theap(theap, page);
  }
  return n;
}

// A full page with blocks that others freed: its owner has been told.
static void world_check_full(const ri_page_t* page, uintptr_t word) {
  const rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  const unsigned c = page->class_index;
  MODEL_CHECK((ri_load_relaxed(&page->xowner) & RIX_OWNER_FULL) != 0);
  if (rix_remote_count_of(word) == 0) {
    MODEL_CHECK((word & RIX_REMOTE_NOTIFY) != 0);
  } else {
    MODEL_CHECK(ri_load_relaxed(&theap->xwoken[c]) != 0 || theap->sweep[c] != 0);
  }
}

static void world_check_page(const ri_page_t* page) {
  const uintptr_t word = ri_load_relaxed(&page->xremote);
  const rix_bitmap_t map = rix_arena_abandoned(page->arena, page->class_index);
  const size_t index = (size_t)(page - page->arena->pages);
  const bool listed = rix_bitmap_count_run(&map, index, 1) == 1;
  MODEL_CHECK(rix_page_valid(page));
  MODEL_CHECK(rix_bitmap_count_run(&page->arena->free, index, page->slice_count) == 0);
  MODEL_CHECK(listed == ((page->flags & RIX_PAGE_LISTED) != 0));
  if ((word & RIX_REMOTE_ABANDONED) != 0) {
    MODEL_CHECK(world_owners(page) == 0 && page->place == RIX_PLACE_NONE);
    MODEL_CHECK(rix_remote_count_of(word) < rix_page_live(page));
    MODEL_CHECK(listed || rix_remote_count_of(word) == 0);
    MODEL_CHECK(listed == ((word & RIX_REMOTE_NOTIFY) == 0));
    MODEL_CHECK((ri_load_relaxed(&page->xowner) & ~RIX_OWNER_FLAGS) == RIX_OWNER_NONE);
    const bool usable = page->free != NULL || rix_page_can_extend(page);
    MODEL_CHECK(rix_page_is_single(page) || listed == usable);
  } else {
    MODEL_CHECK(world_owners(page) == 1 && !listed && !rix_page_is_single(page));
    if (page->place == RIX_PLACE_FULL) world_check_full(page, word);
  }
}

// A heap counts its pages that an allocation finds.
static void world_check_counts(const rix_heap_t* heap) {
  const rix_arena_t* const a = rix_arena_at(0);
  size_t listed[RIX_CLASS_COUNT] = {0};
  for (size_t i = 0; i < a->slice_count; i++) {
    const ri_page_t* const page = &a->pages[i];
    if (rix_pagemap_find(rix_arena_address(a, i)) != page) continue;
    if (ri_load_relaxed(&page->xheap) != heap || (page->flags & RIX_PAGE_LISTED) == 0) continue;
    listed[page->class_index]++;
  }
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    MODEL_CHECK(ri_load_relaxed(&heap->xabandoned[c]) == listed[c]);
}

void world_check(void) {
  world_check_counts(&rix_heap_default);
  for (const rix_heap_t* h = rix_subproc_main.heaps.first; h != NULL; h = h->next)
    world_check_counts(h);
  const rix_arena_t* const a = rix_arena_at(0);
  size_t in_use = 0, live = 0;
  for (size_t i = 0; i < a->slice_count;) {
    const ri_page_t* const page = rix_pagemap_find(rix_arena_address(a, i));
    if (page == NULL) {
      i++;
      continue;
    }
    MODEL_CHECK(page == &a->pages[i]);
    world_check_page(page);
    in_use += page->slice_count;
    live += rix_page_live(page) - rix_remote_count(page);
    i += page->slice_count;
  }
  for (const rix_tld_t* tld = tlds.all; tld != NULL; tld = tld->next) {
    for (const rix_theap_t* theap = tld->theaps; theap != NULL; theap = theap->next)
      MODEL_CHECK(rix_theap_valid(theap));
  }
  MODEL_CHECK(in_use == world_slices_in_use());
  MODEL_CHECK(live == model_taken());
}

// ---- After a fork -------------------------------------------------------------------------------

static void world_do_audit(void) { MODEL_CHECK(ri_audit()); }

void world_check_child(int t) {
  model_as(t, world_do_audit);
  model_as(t, world_do_look);
  const rix_theap_t* theap = ((rix_tld_t*)world.tls.self)->theaps;
  for (; theap != NULL; theap = theap->next) {
    for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
      for (const ri_page_t* page = theap->full[c].first; page != NULL; page = page->next)
        world_check_full(page, ri_load_relaxed(&page->xremote));
    }
  }
}
