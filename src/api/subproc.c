// SPDX-License-Identifier: MIT
// subproc.c: sub-processes, as programs see them.
#include <errno.h>

#include "api/api.h"
#include "base/assert.h"
#include "heap/subproc.h"
#include "heap/thread.h"

static ri_subproc_id_t subproc_id(rix_subproc_t* s) { return (ri_subproc_id_t){s}; }

ri_subproc_id_t ri_subproc_main(void) { return subproc_id(&rix_subproc_main); }

ri_subproc_id_t ri_subproc_current(void) { return subproc_id(rix_subproc_current()); }

ri_subproc_id_t ri_subproc_new(void) {
  rix_process_init();
  rix_subproc_t* const s = rix_subproc_create();
  if (s == NULL) rix_out_of_memory(sizeof(rix_subproc_t));
  return subproc_id(s);
}

// Whether there is such a sub-process; reports one that never was or has ended.
static bool subproc_is_known(const rix_subproc_t* s) {
  if (rix_subproc_exists(s)) return true;
  rix_error(EINVAL, "the sub-process %p has ended or never existed", (const void*)s);
  return false;
}

void ri_subproc_add_current_thread(ri_subproc_id_t subproc) {
  rix_subproc_t* const s = subproc._ri_subproc_id;
  if (s == NULL || s == rix_subproc_current() || rix_tls.phase == RIX_THREAD_DEAD) return;
  if (rix_subproc_current() != &rix_subproc_main) {
    rix_error(EINVAL, "the thread already belongs to a sub-process; not added to %p", (void*)s);
    return;
  }
  if (!subproc_is_known(s)) return;
  ri_thread_done();
  if (!rix_thread_start(s)) rix_out_of_memory(sizeof(rix_tld_t));
}

void ri_subproc_destroy(ri_subproc_id_t subproc) {
  rix_subproc_t* const s = subproc._ri_subproc_id;
  if (s == NULL) return;
  if (s == &rix_subproc_main || s == rix_subproc_current()) {
    rix_error(EINVAL, "the %s sub-process cannot be destroyed",
              s == &rix_subproc_main ? "main" : "calling thread's");
    return;
  }
  if (subproc_is_known(s)) rix_subproc_end(s);
}

bool ri_subproc_visit_heaps(ri_subproc_id_t subproc, ri_heap_visit_fun* visitor, void* arg) {
  rix_subproc_t* const s = subproc._ri_subproc_id;
  if (s == NULL || !rix_subproc_exists(s)) return true;
  rix_heap_walk_t walk;
  rix_heap_walk_begin(&walk, s);
  rix_heap_t* heap;
  while ((heap = rix_heap_walk_next(&walk)) != NULL) {
    RI_ASSERT(!rix_lock_held());
    if (visitor(heap, arg)) continue;
    rix_heap_walk_end(&walk);
    return false;
  }
  return true;
}
