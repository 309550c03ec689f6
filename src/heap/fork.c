// SPDX-License-Identifier: MIT
// fork.c: before a fork all locks are taken, in their order; after it they are released. The child
// keeps the theap of the thread that forked; pages of the others stay owned by threads that no
// longer exist: their blocks can be freed, their free memory is not used.
#include "heap/fork.h"

#include "arena/arena.h"
#include "arena/due.h"
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "heap/hard.h"
#include "heap/orphan.h"
#include "heap/scavenge.h"
#include "heap/subproc.h"
#include "heap/thread.h"
#include "heap/tld.h"
#include "options/sealed.h"
#include "page/harden.h"
#include "page/heap_pages.h"
#include "profile/profile.h"
#include "page/trap.h"

static rix_lock_t* const fork_locks[] = {
    &rix_orphan_lock, &rix_heap_lock,    &rix_thread_lock,  &rix_purge_lock,
    &rix_arena_lock,  &rix_mapping_lock, &rix_pagemap_lock, &rix_heap_pages_lock,
    &rix_meta_lock,   &rix_trap_lock,    &rix_sealed_lock,  &rix_profile_lock};

enum { FORK_LOCKS = sizeof(fork_locks) / sizeof(fork_locks[0]) };

static void fork_before(void) {
  rix_scavenge_dismiss();
  for (size_t i = 0; i < FORK_LOCKS; i++)
    rix_lock(fork_locks[i]);
  rix_lock_pass(true);  // handlers of other libraries may come after this one, and allocate
}

static void fork_after(void) {
  rix_lock_pass(false);
  for (size_t i = FORK_LOCKS; i-- > 0;)
    rix_unlock(fork_locks[i]);
}

static void fork_after_in_parent(void) {
  fork_after();
  rix_scavenge_after_fork(false);
}

// What is random in the child is not what it is in the parent, or in another child.
static void fork_reseed(void) {
  if (ri_load_relaxed(&rix_sealed.hardens) == 0) return;
  rix_os_random_after_fork();
  rix_harden_reseed();
  if (rix_tls.phase == RIX_THREAD_LIVE) rix_hard_reseed((rix_tld_t*)rix_tls.self);
}

static void fork_after_in_child(void) {
  rix_thread_after_fork();
  rix_orphan_after_fork();
  rix_subproc_after_fork();
  rix_arena_reserve_after_fork();
  rix_profile_after_fork();
  fork_reseed();
  fork_after();
  rix_scavenge_after_fork(true);
  rix_due_at(1);  // another thread may have been about to note what is due
}

void rix_fork_init(void) {
  rix_os_fork_init(fork_before, fork_after_in_parent, fork_after_in_child);
}
