// SPDX-License-Identifier: MIT
// subproc.c: sub-processes. Each has heaps and arenas that no other uses: an arena names the one it
// serves, and a claim looks only at arenas of the heap's sub-process; abandoned pages are found by
// their heap. A sub-process's main heap is a listed one (page/roster.h), so that all pages can be
// found at its end; then its arenas are free as a whole, their memory goes back, and they wait for
// the next sub-process. Freed mappings are not kept for reuse but by the main one.
//
// CONCURRENCY: any thread; lock rix_heap_lock.
#include "arena/meta.h"
#include "heap/heap.h"

rix_subproc_t rix_subproc_main = {.main = &rix_heap_default};

static rix_meta_pool_t subproc_pool = {sizeof(rix_subproc_t), offsetof(rix_subproc_t, next), NULL};

static struct {
  rix_subproc_t* all;  // but the main one; lock rix_heap_lock
  uint32_t ids;        // given so far; lock rix_heap_lock
} subprocs;

rix_subproc_t* rix_subproc_create(void) {
  rix_process_init();
  rix_subproc_t* const s = rix_meta_take(&subproc_pool);
  if (s == NULL) return NULL;
  rix_lock(&rix_heap_lock);
  s->id = ++subprocs.ids;
  s->first = s->last = NULL;
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

// With the lock held: nobody refers to it any more.
static void subproc_forget(rix_subproc_t* s) {
  rix_subproc_t** link = &subprocs.all;
  while (*link != s)
    link = &(*link)->next;
  *link = s->next;
  rix_meta_give(&subproc_pool, s);
}

void rix_subproc_end(rix_subproc_t* s) {
  rix_lock(&rix_heap_lock);
  while (s->first != NULL)
    rix_heap_destroy_locked(s->first);
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

rix_heap_t* rix_subproc_next_heap(rix_subproc_t* s, size_t* seq) {
  const size_t main_seq = ri_load_relaxed(&s->main->xseq);
  rix_heap_t* heap = NULL;
  if (s == &rix_subproc_main && *seq < main_seq) {
    heap = s->main;  // it is in no list, and the oldest
  } else {
    rix_lock(&rix_heap_lock);
    heap = s->first;
    while (heap != NULL && ri_load_relaxed(&heap->xseq) <= *seq)
      heap = heap->next;
    rix_unlock(&rix_heap_lock);
  }
  if (heap != NULL) *seq = ri_load_relaxed(&heap->xseq);
  return heap;
}

size_t rix_subproc_threads(const rix_subproc_t* s) {
  size_t others = 0;
  rix_lock(&rix_heap_lock);
  for (const rix_subproc_t* other = subprocs.all; other != NULL; other = other->next)
    others += other->threads;
  const size_t all = rix_thread_count();
  const size_t own = s == &rix_subproc_main ? all - rix_min(all, others) : s->threads;
  rix_unlock(&rix_heap_lock);
  return own;
}

// In the child only the thread that forked is left. The locks are held.
void rix_subproc_after_fork(void) {
  for (rix_subproc_t* s = subprocs.all; s != NULL; s = s->next)
    s->threads = s == rix_subproc_current() ? 1 : 0;
}
