// SPDX-License-Identifier: MIT
// subproc.c: sub-processes, as programs see them.
#include <errno.h>

#include "api/api.h"

static ri_subproc_id_t subproc_id(rix_subproc_t* s) { return (ri_subproc_id_t){s}; }

ri_subproc_id_t ri_subproc_main(void) { return subproc_id(&rix_subproc_main); }

ri_subproc_id_t ri_subproc_current(void) { return subproc_id(rix_subproc_current()); }

ri_subproc_id_t ri_subproc_new(void) {
  rix_subproc_t* const s = rix_subproc_create();
  if (s == NULL) rix_out_of_memory(sizeof(rix_subproc_t));
  return subproc_id(s);
}

void ri_subproc_add_current_thread(ri_subproc_id_t subproc) {
  rix_subproc_t* const s = subproc._ri_subproc_id;
  if (s == NULL || s == rix_subproc_current() || rix_tls.phase == RIX_THREAD_DEAD) return;
  if (rix_subproc_current() != &rix_subproc_main) {
    rix_error(EINVAL, "the thread belongs to a sub-process already, not added to %p", (void*)s);
    return;
  }
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
  rix_subproc_end(s);
}

bool ri_subproc_visit_heaps(ri_subproc_id_t subproc, ri_heap_visit_fun* visitor, void* arg) {
  rix_subproc_t* const s = subproc._ri_subproc_id;
  if (s == NULL) return true;
  size_t seq = 0;
  rix_heap_t* heap;
  while ((heap = rix_subproc_next_heap(s, &seq)) != NULL) {
    if (!visitor(heap, arg)) return false;
  }
  return true;
}
