// SPDX-License-Identifier: MIT
// thread.c: the life of threads, and the first use of the process.
//
//   first allocation  rix_thread_theap: tld and theap from meta memory, rix_tls set, then the exit
//                     hook registered (which may itself allocate)
//   thread exit       thread_exited, called by the OS layer with the tld as its own argument: it
//                     does not read thread-local storage to find it. rix_tls goes back to the empty
//                     theap with phase DEAD; pages are abandoned one by one; tld and theap are
//                     recycled.
//   afterwards        allocations of late destructors come from the orphan theap (orphan.c); frees
//                     are remote frees
//
// Labels: S1 release of xstarted publishes the exit hook; S2 acquire by who finds it started.
#include "heap/thread.h"

#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "heap/profile.h"
#include "heap/quarantine.h"
#include "heap/scavenge.h"
#include "heap/subproc.h"
#include "heap/theap.h"
#include "heap/tld.h"
#include "options/options.h"
#include "options/report.h"

static rix_meta_pool_t thread_tlds = {sizeof(rix_tld_t), offsetof(rix_tld_t, next), NULL};

static struct {
  rix_flag_t xstarted;
  ri_atomic(uint64_t) xstarted_ms;
} thread __attribute__((aligned(RI_CACHE_LINE)));

size_t rix_thread_count(void) { return rix_gauge_now(RIX_GAUGE_THREADS); }

uint64_t rix_process_started_ms(void) { return ri_load_relaxed(&thread.xstarted_ms); }

// Ends the use of a tld. rix_tls must not lead to it any more.
static void thread_end(rix_tld_t* tld) {
  if (rix_free_waiting(tld)) rix_quarantine_close(tld);
  rix_tld_unlink(tld);
  rix_theap_t* next;
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = next) {
    next = theap->next;
    rix_heap_abandon_theap(theap);
    rix_tld_forget_theap(theap);
  }
  rix_tld_table_close(tld);
  // Not before: the audit looks at pages of nobody (rix_tld_is_alone).
  rix_gauge_down(RIX_GAUGE_THREADS, 1);
  rix_subproc_leave(tld->subproc);
  rix_meta_give(&thread_tlds, tld);
}

static void thread_exited(void* value) {
  rix_tls = (ri_tls_t)RIX_TLS_OF_NOBODY(RIX_THREAD_DEAD);
  thread_end(value);
  rix_scavenge_thread_ended();
}

void rix_thread_register_exit(rix_tld_t* tld) {
  tld->exit_known = true;  // first: registering may allocate and come back here
  tld->exit_known = rix_os_thread_exit_set(tld);
}

bool rix_thread_start(rix_subproc_t* subproc) {
  rix_process_init();
  rix_tld_t* const tld = rix_meta_take(&thread_tlds);
  if (tld == NULL) return false;
  tld->id = (uintptr_t)tld;
  tld->theaps = NULL;
  tld->in_pool = false;
  tld->ended = NULL;
  tld->relieving = false;
  tld->relief_calls = 0;
  tld->relief_began = 0;
  tld->relief_due = 0;
  tld->quarantine = NULL;
  tld->subproc = subproc;
  ri_store_relaxed(&tld->xstale_theaps, 0);
  rix_tld_table_open(tld);
  rix_theap_t* const theap = rix_tld_new_theap(tld, subproc->main);
  if (theap == NULL) {
    rix_meta_give(&thread_tlds, tld);
    return false;
  }
  tld->main = theap;
  rix_tld_table_enter(tld, theap);
  rix_heap_link_theap(subproc->main, theap);
  rix_subproc_join(subproc);
  rix_tld_link(tld);
  rix_tls = (ri_tls_t){
      .theap = &theap->fast,
      .self = tld->id,
      .phase = RIX_THREAD_LIVE,
      .key = ri_load_relaxed(&rix_link_xkey),
  };
  rix_profile_theap_refresh(theap);
  rix_thread_register_exit(tld);
  return true;
}

rix_theap_t* rix_thread_theap(void) {
  if (rix_tls.phase == RIX_THREAD_DEAD) return NULL;
  if (rix_tls.phase == RIX_THREAD_NEW) {
    rix_process_init();  // functions of other libraries that it calls may allocate, and come here
    if (rix_tls.phase == RIX_THREAD_NEW && !rix_thread_start(&rix_subproc_main)) return NULL;
  }
  return (rix_theap_t*)(void*)rix_tls.theap;
}

rix_theap_t* rix_thread_theap_of_slow(rix_heap_t* heap) {
  if (rix_tls.phase != RIX_THREAD_LIVE && rix_thread_theap() == NULL) return NULL;
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  if (heap == NULL) return tld->main;
  if (ri_load_relaxed(&tld->xstale_theaps) != 0) rix_heap_settle();
  if (heap->subproc != tld->subproc) return NULL;  // its pages must not become this one's
  rix_theap_t* theap = rix_tld_find_theap(heap);
  if (theap == NULL) {
    theap = rix_tld_new_theap(tld, heap);
    if (theap == NULL) return NULL;
    rix_heap_link_theap(heap, theap);
  }
  rix_tld_table_enter(tld, theap);
  return theap;
}

void rix_thread_done(void) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  // Where the hook cannot be cancelled it will run, so the end of the thread is left to it.
  if (tld->exit_known && !rix_os_thread_exit_set(NULL)) return;
  rix_tls = (ri_tls_t)RIX_TLS_OF_NOBODY(RIX_THREAD_NEW);
  thread_end(tld);
}

void rix_thread_reduce(size_t max) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_heap_settle();
  rix_lock(&rix_heap_lock);  // a theap is given up (heap.h)
  rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL; theap = theap->next) {
    if (theap->state != RIX_THEAP_DESTROYED) max -= rix_theap_reduce(theap, max);
  }
  rix_unlock(&rix_heap_lock);
}

// ---- Process ------------------------------------------------------------------------------------

// Brings the file with the constructor into programs that link the archive.
__attribute__((used)) static const bool* const thread_process = &rix_process_comes_along;

void rix_process_init(void) {
  if (ri_load_acquire(&thread.xstarted)) return;  // S2 pairs S1
  rix_os_start();
  rix_link_draw_key();
  // Before the flag is set: a thread that finds it set relies on its exit being noticed.
  rix_os_thread_exit_init(thread_exited);
  if (ri_exchange_release(&thread.xstarted, 1)) return;  // S1 pairs S2
  rix_options_read();
  ri_store_relaxed(&thread.xstarted_ms, rix_os_clock_ms());
  rix_event(RIX_EVENT_GAUGE + RIX_GAUGE_HEAPS);  // the main heap
}

void rix_thread_after_fork(void) {
  rix_tld_note_fork();
  const bool live = rix_tls.phase == RIX_THREAD_LIVE;
  rix_theap_t* theap = live ? ((rix_tld_t*)rix_tls.self)->theaps : NULL;
  size_t theaps = 0;
  for (; theap != NULL; theap = theap->next) {
    rix_theap_wake(theap);
    theaps++;
  }
  ri_store_relaxed(&rix_gauges[RIX_GAUGE_THREADS].xnow, live ? 1 : 0);
  ri_store_relaxed(&rix_gauges[RIX_GAUGE_THEAPS].xnow, theaps);
}
