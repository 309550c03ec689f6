// SPDX-License-Identifier: MIT
// subproc.c: sub-processes. Each has heaps and arenas that no other uses: an arena names the one it
// serves, and a claim looks only at arenas of the heap's sub-process; abandoned pages are found by
// their heap. A sub-process's main heap is a listed one (page/heap_pages.h), so that all pages can
// be found at its end; then its arenas are free as a whole, their memory goes back, and they wait
// for the next sub-process. Only the main one keeps freed mappings for reuse.
//
// CONCURRENCY: any thread; lock rix_heap_lock.
#include "heap/subproc.h"

#include "arena/meta.h"
#include "heap/heap.h"

static rix_meta_pool_t subproc_pool = {sizeof(rix_subproc_t), offsetof(rix_subproc_t, next), NULL};

static struct {
  rix_subproc_t* all;  // but the main one; lock rix_heap_lock
  uint32_t ids;        // given so far; lock rix_heap_lock
} subprocs;

rix_subproc_t* rix_subproc_create(void) {
  rix_subproc_t* const s = rix_meta_take(&subproc_pool);
  if (s == NULL) return NULL;
  rix_lock(&rix_heap_lock);
  s->id = ++subprocs.ids;
  s->heaps = (rix_heap_list_t){NULL, NULL};
  s->threads = 0;
  s->ended = false;
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    s->events[i] = 0;
  rix_unlock(&rix_heap_lock);
  s->main = rix_heap_create(s, NULL);
  if (s->main == NULL) {
    rix_meta_give(&subproc_pool, s);
    return NULL;
  }
  rix_lock(&rix_heap_lock);
  s->next = subprocs.all;
  subprocs.all = s;
  rix_unlock(&rix_heap_lock);
  return s;
}

// With the lock held: nothing refers to it any more.
static void subproc_forget(rix_subproc_t* s) {
  rix_subproc_t** link = &subprocs.all;
  while (*link != s)
    link = &(*link)->next;
  *link = s->next;
  rix_meta_give(&subproc_pool, s);
}

bool rix_subproc_exists(const void* subproc) {
  if (subproc == &rix_subproc_main) return true;
  rix_lock(&rix_heap_lock);
  const rix_subproc_t* s = subprocs.all;
  while (s != NULL && s != subproc)
    s = s->next;
  const bool exists = s != NULL && !s->ended;
  rix_unlock(&rix_heap_lock);
  return exists;
}

void rix_subproc_end(rix_subproc_t* s) {
  rix_lock(&rix_heap_lock);
  rix_heap_destroy_all(s);
  rix_arena_retire(s->id);
  s->ended = true;
  if (s->threads == 0) subproc_forget(s);
  rix_unlock(&rix_heap_lock);
}

void rix_subproc_join(rix_subproc_t* s) {
  if (s == &rix_subproc_main) return;
  rix_lock(&rix_heap_lock);
  s->threads++;
  rix_unlock(&rix_heap_lock);
}

void rix_subproc_leave(rix_subproc_t* s) {
  if (s == &rix_subproc_main) return;
  rix_lock(&rix_heap_lock);
  if (--s->threads == 0 && s->ended) subproc_forget(s);
  rix_unlock(&rix_heap_lock);
}

rix_subproc_t* rix_subproc_current(void) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return &rix_subproc_main;
  return ((rix_tld_t*)rix_tls.self)->subproc;
}

size_t rix_subproc_threads(const rix_subproc_t* s) {
  size_t others = 0;
  rix_lock(&rix_heap_lock);
  for (const rix_subproc_t* other = subprocs.all; other != NULL; other = other->next)
    others += other->threads;
  const size_t all = rix_gauge_now(RIX_GAUGE_THREADS);
  const size_t own = s == &rix_subproc_main ? all - rix_min(all, others) : s->threads;
  rix_unlock(&rix_heap_lock);
  return own;
}

// In the child only the thread that forked is left. The locks are held.
void rix_subproc_after_fork(void) {
  for (rix_subproc_t* s = subprocs.all; s != NULL; s = s->next)
    s->threads = s == rix_subproc_current() ? 1 : 0;
}
