// SPDX-License-Identifier: MIT
// orphan.c: see orphan.h.
#include "heap/orphan.h"

#include "heap/sparse.h"
#include "heap/theap.h"

rix_lock_t rix_orphan_lock = RIX_LOCK_OPEN(RIX_LEVEL_ORPHAN);

static struct {
  rix_tld_t tld;      // lock rix_orphan_lock
  rix_theap_t theap;  // lock rix_orphan_lock
} orphan __attribute__((aligned(RI_CACHE_LINE)));

static rix_theap_t* orphan_theap(void) {
  if (orphan.theap.tld == NULL) {
    orphan.tld.id = (uintptr_t)&orphan.tld;
    orphan.tld.exit_known = true;
    orphan.tld.subproc = &rix_subproc_main;
    rix_theap_init(&orphan.theap, &orphan.tld, &rix_heap_default);
  }
  return &orphan.theap;
}

rix_theap_t* rix_orphan_take(void) {
  rix_lock(&rix_orphan_lock);
  return orphan_theap();
}

void rix_orphan_give(void) {
  const size_t damage = orphan.theap.damaged;
  const void* const written = orphan.theap.written;
  orphan.theap.damaged = 0;
  rix_unlock(&rix_orphan_lock);
  if (RIX_UNLIKELY(damage != 0)) rix_theap_damage_error(damage, written);
}

void rix_orphan_collect(bool force) {
  rix_lock(&rix_orphan_lock);
  rix_theap_collect(orphan_theap());
  if (force) rix_sparse_punch(&orphan.theap);
  rix_unlock(&rix_orphan_lock);
}

void rix_orphan_after_fork(void) { rix_theap_wake(&orphan.theap); }
