// SPDX-License-Identifier: MIT
// thread.c: the life of threads and of the process.
//
//   first allocation  rix_thread_theap: tld and theap from meta memory, rix_tls set, then the exit
//                     hook registered (which may itself allocate)
//   thread exit       thread_exited, called by the OS layer with the tld as its own argument: it
//                     does not read thread-local storage to find it. rix_tls goes back to the empty
//                     theap with phase DEAD; pages are abandoned one by one; tld and theap are
//                     recycled.
//   afterwards        allocations of late destructors come from the orphan theap under a lock;
//                     frees are remote frees
//   fork              before: all locks are taken in their order; after: released. The child keeps
//                     the theap of the thread that forked; pages of the others stay owned by
//                     threads that no longer exist: their blocks can be freed, their free memory is
//                     not used
//
// Labels: S1 release of xstarted publishes the exit hook; S2 acquire by who finds it started.
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "options/options.h"
#include "options/report.h"

__thread ri_tls_t rix_tls = {&rix_theap_empty.fast, 0, RIX_THREAD_NEW};

rix_lock_t rix_thread_lock = RIX_LOCK_OPEN(RIX_LEVEL_THREAD);
rix_lock_t rix_orphan_lock = RIX_LOCK_OPEN(RIX_LEVEL_ORPHAN);

static rix_meta_pool_t thread_tlds = {sizeof(rix_tld_t), offsetof(rix_tld_t, next), NULL};
static rix_meta_pool_t thread_theaps = {sizeof(rix_theap_t), offsetof(rix_theap_t, next), NULL};

static struct {
  rix_tld_t* all;           // lock rix_thread_lock
  ri_atomic(bool) xforked;  // other threads may have been lost between two steps
  rix_flag_t xstarted;
  ri_atomic(uint64_t) xstarted_ms;
  rix_flag_t xtold;
  uint64_t foreign[RIX_EVENT_COUNT];  // of ended threads of sub-processes: lock rix_thread_lock
  rix_tld_t orphan_tld;               // lock rix_orphan_lock
  rix_theap_t orphan;                 // lock rix_orphan_lock
} thread __attribute__((aligned(RI_CACHE_LINE)));

size_t rix_thread_count(void) { return rix_gauge_now(RIX_GAUGE_THREADS); }

uint64_t rix_process_started_ms(void) { return ri_load_relaxed(&thread.xstarted_ms); }

void rix_thread_events(uint64_t sum[RIX_EVENT_COUNT]) {
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    sum[i] = 0;
  rix_lock(&rix_thread_lock);  // a thread that ends meanwhile is counted once
  for (rix_tld_t* tld = thread.all; tld != NULL; tld = tld->next)
    rix_events_sum(&tld->events, sum);
  rix_events_sum(&rix_events_shared, sum);
  rix_unlock(&rix_thread_lock);
}

void rix_thread_events_of(const rix_subproc_t* subproc, uint64_t sum[RIX_EVENT_COUNT]) {
  const bool main = subproc == &rix_subproc_main;
  rix_lock(&rix_thread_lock);
  for (size_t i = 0; i < RIX_EVENT_COUNT; i++)
    sum[i] = main ? 0 - thread.foreign[i] : subproc->events[i];
  // Modular: the shared ones have the foreign ones too.
  if (main) rix_events_sum(&rix_events_shared, sum);
  for (rix_tld_t* tld = thread.all; tld != NULL; tld = tld->next) {
    if (tld->subproc == subproc) rix_events_sum(&tld->events, sum);
  }
  rix_unlock(&rix_thread_lock);
}

bool rix_thread_is_alone(void) {
  return rix_thread_count() == 1 && !ri_load_relaxed(&thread.xforked);
}

// ---- Threads ------------------------------------------------------------------------------------

static void thread_link(rix_tld_t* tld) {
  rix_lock(&rix_thread_lock);
  tld->prev = NULL;
  tld->next = thread.all;
  if (tld->next != NULL) tld->next->prev = tld;
  thread.all = tld;
  rix_events_begin(&tld->events);
  rix_unlock(&rix_thread_lock);
  rix_gauge_up(RIX_GAUGE_THREADS, 1);
}

// With the lock held: a thread of a sub-process ends.
static void thread_leave_events(rix_tld_t* tld) {
  if (tld->subproc == &rix_subproc_main) return;
  rix_events_sum(&tld->events, tld->subproc->events);
  rix_events_sum(&tld->events, thread.foreign);
}

static void thread_unlink(rix_tld_t* tld) {
  rix_lock(&rix_thread_lock);
  if (tld->prev != NULL) {
    tld->prev->next = tld->next;
  } else {
    thread.all = tld->next;
  }
  if (tld->next != NULL) tld->next->prev = tld->prev;
  thread_leave_events(tld);
  rix_events_end(&tld->events);
  rix_unlock(&rix_thread_lock);
  rix_gauge_down(RIX_GAUGE_THREADS, 1);
}

// ---- Theaps -------------------------------------------------------------------------------------

rix_theap_t* rix_thread_new_theap(rix_tld_t* tld, rix_heap_t* heap) {
  rix_theap_t* const theap = rix_meta_take(&thread_theaps);
  if (theap == NULL) return NULL;
  rix_theap_init(theap, tld, heap);
  theap->next = tld->theaps;
  if (theap->next != NULL) theap->next->prev = theap;
  tld->theaps = theap;
  rix_gauge_up(RIX_GAUGE_THEAPS, 1);
  return theap;
}

void rix_thread_drop_theap(rix_tld_t* tld, rix_theap_t* theap) {
  if (theap->prev != NULL) {
    theap->prev->next = theap->next;
  } else {
    tld->theaps = theap->next;
  }
  if (theap->next != NULL) theap->next->prev = theap->prev;
  rix_heap_table_leave(tld, theap);
  if (rix_tls.theap == &theap->fast) rix_tls.theap = &tld->main->fast;
  rix_meta_give(&thread_theaps, theap);
  rix_gauge_down(RIX_GAUGE_THEAPS, 1);
}

// Ends the use of a tld. rix_tls must not lead to it any more.
static void thread_end(rix_tld_t* tld) {
  thread_unlink(tld);
  rix_theap_t* next;
  for (rix_theap_t* theap = tld->theaps; theap != NULL; theap = next) {
    next = theap->next;
    rix_heap_abandon_theap(theap);
    rix_meta_give(&thread_theaps, theap);
    rix_gauge_down(RIX_GAUGE_THEAPS, 1);
  }
  rix_heap_table_close(tld);
  rix_subproc_leave(tld->subproc);
  rix_meta_give(&thread_tlds, tld);
}

static void thread_exited(void* value) {
  rix_tls = (ri_tls_t){&rix_theap_empty.fast, 0, RIX_THREAD_DEAD};
  thread_end(value);
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
  tld->subproc = subproc;
  ri_store_relaxed(&tld->xsettle, 0);
  rix_heap_table_open(tld);
  rix_theap_t* const theap = rix_thread_new_theap(tld, subproc->main);
  if (theap == NULL) {
    rix_meta_give(&thread_tlds, tld);
    return false;
  }
  tld->main = theap;
  rix_heap_table_enter(tld, theap);
  rix_heap_link_theap(subproc->main, theap);
  rix_subproc_join(subproc);
  thread_link(tld);
  rix_tls = (ri_tls_t){&theap->fast, tld->id, RIX_THREAD_LIVE};
  rix_thread_register_exit(tld);
  return true;
}

rix_theap_t* rix_thread_theap(void) {
  if (rix_tls.phase == RIX_THREAD_DEAD) return NULL;
  if (rix_tls.phase == RIX_THREAD_NEW && !rix_thread_start(&rix_subproc_main)) return NULL;
  return (rix_theap_t*)(void*)rix_tls.theap;
}

rix_theap_t* rix_thread_find_theap(const rix_heap_t* heap) {
  if (rix_tls.phase != RIX_THREAD_LIVE || heap == NULL) return NULL;
  const rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  const size_t seq = ri_load_relaxed(&heap->xseq);
  if (seq == 0) return NULL;  // it was ended a moment ago
  rix_theap_t* theap = tld->table[heap->slot & tld->table_mask];
  if (theap->seq == seq) return theap;
  theap = tld->theaps;
  while (theap != NULL && theap->seq != seq)
    theap = theap->next;
  return theap;
}

void ri_thread_init(void) { (void)rix_thread_theap(); }

void ri_thread_set_in_threadpool(void) {
  if (rix_thread_theap() != NULL) ((rix_tld_t*)rix_tls.self)->in_pool = true;
}

void rix_thread_reduce(size_t most) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_heap_settle();
  rix_lock(&rix_heap_lock);  // a theap is given up (heap.h)
  rix_theap_t* theap = ((rix_tld_t*)rix_tls.self)->theaps;
  for (; theap != NULL; theap = theap->next) {
    if (theap->state != RIX_THEAP_DESTROYED) most -= rix_theap_reduce(theap, most);
  }
  rix_unlock(&rix_heap_lock);
}

void ri_thread_done(void) {
  if (rix_tls.phase != RIX_THREAD_LIVE) return;
  rix_tld_t* const tld = (rix_tld_t*)rix_tls.self;
  // Where the hook cannot be taken back it comes, so the end of the thread is left to it.
  if (tld->exit_known && !rix_os_thread_exit_set(NULL)) return;
  rix_tls = (ri_tls_t){&rix_theap_empty.fast, 0, RIX_THREAD_NEW};
  thread_end(tld);
}

// ---- The orphan theap ---------------------------------------------------------------------------

static rix_theap_t* thread_orphan(void) {
  if (thread.orphan.tld == NULL) {
    thread.orphan_tld.id = (uintptr_t)&thread.orphan_tld;
    thread.orphan_tld.exit_known = true;
    thread.orphan_tld.subproc = &rix_subproc_main;
    rix_theap_init(&thread.orphan, &thread.orphan_tld, &rix_heap_default);
  }
  return &thread.orphan;
}

void* rix_orphan_malloc(size_t size, size_t align, bool zero) {
  rix_lock(&rix_orphan_lock);
  void* const p = rix_theap_malloc_bare(thread_orphan(), size, align, zero);
  rix_unlock(&rix_orphan_lock);
  return p;
}

void rix_orphan_collect(void) {
  rix_lock(&rix_orphan_lock);
  rix_theap_collect(thread_orphan());
  rix_unlock(&rix_orphan_lock);
}

// ---- Process ------------------------------------------------------------------------------------

static rix_lock_t* const thread_locks[] = {
    &rix_orphan_lock,  &rix_heap_lock,    &rix_thread_lock, &rix_purge_lock, &rix_arena_lock,
    &rix_mapping_lock, &rix_pagemap_lock, &rix_roster_lock, &rix_meta_lock,  &rix_report_lock};

enum { THREAD_LOCKS = sizeof(thread_locks) / sizeof(thread_locks[0]) };

static void thread_before_fork(void) {
  for (size_t i = 0; i < THREAD_LOCKS; i++)
    rix_lock(thread_locks[i]);
  rix_lock_pass(true);  // handlers of other libraries may come after this one, and allocate
}

static void thread_after_fork(void) {
  rix_lock_pass(false);
  for (size_t i = THREAD_LOCKS; i-- > 0;)
    rix_unlock(thread_locks[i]);
}

// A thread that is gone may have freed into a full page, and not have told of it.
static void thread_wake(rix_theap_t* theap) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    if (theap->full[c].first != NULL) ri_store_relaxed(&theap->xwoken[c], 1);
  }
}

static void thread_after_fork_in_child(void) {
  ri_store_relaxed(&thread.xforked, true);
  const bool live = rix_tls.phase == RIX_THREAD_LIVE;
  rix_theap_t* theap = live ? ((rix_tld_t*)rix_tls.self)->theaps : NULL;
  size_t theaps = 0;
  for (; theap != NULL; theap = theap->next) {
    thread_wake(theap);
    theaps++;
  }
  thread_wake(&thread.orphan);
  ri_store_relaxed(&rix_gauges[RIX_GAUGE_THREADS].xnow, live ? 1 : 0);
  ri_store_relaxed(&rix_gauges[RIX_GAUGE_THEAPS].xnow, theaps);
  rix_subproc_after_fork();
  thread_after_fork();
  rix_purge_at(1);  // another thread may have been about to note what is due
}

void rix_process_init(void) {
  if (ri_load_acquire(&thread.xstarted)) return;  // S2 pairs S1
  // Before it says so: a thread that finds it started relies on its exit being noticed.
  rix_os_thread_exit_init(thread_exited);
  if (ri_exchange_release(&thread.xstarted, 1)) return;  // S1 pairs S2
  rix_options_read();
  ri_store_relaxed(&thread.xstarted_ms, rix_os_clock_ms());
  rix_event(RIX_EVENT_GAUGE + RIX_GAUGE_HEAPS);  // the main heap
}

void ri_process_init(void) { rix_process_init(); }

// What the options want reserved at the start.
static void thread_reserve(void) {
  const size_t bytes = ri_option_get_size(ri_option_reserve_os_memory);
  const bool large = rix_option(ri_option_allow_large_os_pages) != 0;
  if (bytes > 0 && ri_reserve_os_memory(bytes, true, large) != 0) {
    rix_warning("there is no memory to reserve as the option reserve_os_memory says");
  }
  const size_t pages = (size_t)rix_option(ri_option_reserve_huge_os_pages);
  if (pages == 0) return;
  const int node = (int)rix_option(ri_option_reserve_huge_os_pages_at);
  const size_t nodes = (size_t)rix_option(ri_option_use_numa_nodes);
  const size_t timeout = pages * 500;  // the kernel clears each page
  const int error = node >= 0 ? ri_reserve_huge_os_pages_at(pages, node, timeout)
                              : ri_reserve_huge_os_pages_interleave(pages, nodes, timeout);
  if (error != 0) rix_warning("the system has no huge pages of 1 GiB for reserve_huge_os_pages");
}

// At load time: everything that must be there before the program's own code can fork.
__attribute__((constructor(101))) static void thread_process_load(void) {
  rix_process_init();
  rix_options_read();
  if (rix_option(ri_option_allow_thp) == 0 && !rix_os_disable_huge()) {
    rix_warning("the OS does not let this process do without transparent huge pages");
  }
  (void)rix_os_strict_commit();  // reads a file once: here rather than under a lock
  rix_os_fork_init(thread_before_fork, thread_after_fork, thread_after_fork_in_child);
  if (rix_option(ri_option_verbose) >= 1) ri_options_print();
  thread_reserve();
}

// What is told at the end of the process, once.
static void thread_process_tell(void) {
  if (ri_exchange_relaxed(&thread.xtold, 1)) return;
  if (rix_option(ri_option_show_stats) != 0) ri_stats_print_out(NULL, NULL);
}

void ri_process_done(void) {
  ri_collect(true);
  thread_process_tell();
}

// When the process ends, or the library that contains this code is closed.
__attribute__((destructor(101))) static void thread_process_unload(void) {
  thread_process_tell();
  if (rix_option(ri_option_destroy_on_exit) != 0) ri_collect(true);
  rix_os_thread_exit_close();
}
