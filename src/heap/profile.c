// SPDX-License-Identifier: MIT
// profile.c: see profile.h. Threads that have ended, and the heap that serves them, are not
// profiled.
#include "heap/profile.h"

#include "arena/pagemap.h"
#include "heap/queue.h"
#include "heap/theap.h"
#include "os/file.h"
#include "page/target.h"
#include "profile/draw.h"

// Bytes that the theap has handed out while it was profiled.
static uint64_t profile_mark(const rix_countdown_t* p) { return p->end - (uint64_t)p->left; }

void rix_profile_theap_refresh(rix_theap_t* theap) {
  rix_countdown_t* const p = &theap->profile;
  const bool own = rix_tls.phase == RIX_THREAD_LIVE && rix_tls.self == theap->tld->id;
  const uint64_t now = own ? rix_profile_follow() : 0;
  if (p->interval == now) return;
  const bool marks = (p->interval == 0) != (now == 0);
  const uint64_t mark = profile_mark(p);
  p->interval = now;
  if (p->random == 0) p->random = rix_os_random() ^ (uintptr_t)p;
  p->left = now != 0 ? rix_draw_distance(&p->random, now) : 0;
  p->end = mark + (uint64_t)p->left;
  for (unsigned c = 0; marks && c < RIX_CLASS_COUNT; c++)
    rix_queue_mark_sampled(theap, c);
}

// That of a thread that is about to begin follows when it has begun.
void rix_profile_theap_init(rix_theap_t* theap) {
  theap->profile = (rix_countdown_t){0};
  rix_profile_theap_refresh(theap);
}

static uint32_t profile_heap(const rix_theap_t* theap) {
  return theap == theap->tld->main ? 0 : (uint32_t)theap->seq;
}

void rix_profile_theap_sample(rix_theap_t* theap, ri_page_t* page, const void* block,
                              size_t requested) {
  rix_countdown_t* const p = &theap->profile;
  const uint64_t interval = p->interval;
  const uint64_t mark = profile_mark(p);
  p->left = rix_draw_distance(&p->random, interval);
  p->end = mark + (uint64_t)p->left;
  if (rix_profile_theap_is_stale(theap)) rix_profile_theap_refresh(theap);
  if (p->interval == 0) return;
  const rix_sampled_t sampled = {(uintptr_t)block,   requested, rix_page_block_size(page),
                                 interval,           mark,      rix_os_thread_id(),
                                 profile_heap(theap)};
  rix_trace_t trace;
  rix_profile_trace(&trace);
  rix_page_add_sampled(page, &trace, &sampled);
}

void rix_profile_theap_count_any(rix_theap_t* theap, const void* block, size_t requested) {
  if (block == NULL || theap->profile.interval == 0) return;
  rix_profile_theap_count(theap, rix_pagemap_find(block), block, requested);
}

// The theap that counts blocks of the page, if it is one of the calling thread's.
static rix_theap_t* profile_theap(const ri_page_t* page) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return NULL;
  if (rix_page_is_single(page)) return ((rix_tld_t*)rix_tls.self)->main;
  return ri_load_relaxed(&page->xtheap);
}

void rix_profile_freed(ri_page_t* page, const void* block) {
  const uintptr_t owner = ri_load_relaxed(&page->xowner) & ~RIX_OWNER_FLAGS;
  const bool single = rix_page_is_single(page);
  const bool own = !single && owner == rix_tls.self;
  const rix_theap_t* const theap = own || single ? profile_theap(page) : NULL;
  const uint64_t mark = theap != NULL ? profile_mark(&theap->profile) : UINT64_MAX;
  rix_page_free_sampled(page, block, own, mark);
}

void rix_profile_reallocated(ri_page_t* page, size_t requested) {
  const void* const block = rix_page_first(page);
  if (rix_page_is_profiled(page)) rix_profile_freed(page, block);
  rix_theap_t* const theap = profile_theap(page);
  if (theap != NULL) rix_profile_theap_count_any(theap, block, requested);
}

void rix_profile_wished(const void* p, size_t requested) {
  const rix_target_t t = rix_target(p);
  if (rix_page_is_profiled(t.page)) rix_profile_resize((uintptr_t)t.block, requested);
}
