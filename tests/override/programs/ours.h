// SPDX-License-Identifier: MIT
// ours.h: for the programs that the scripts of this folder run in every way there is to replace
// malloc. They call only what a program calls, and ask one function of rimalloc, if it is there,
// whether that was ours: a program that quietly ran on another allocator would prove nothing.
#ifndef RIMALLOC_TESTS_OURS_H
#define RIMALLOC_TESTS_OURS_H

#include "../../check.h"

#pragma weak ri_is_in_heap_region

static inline bool ours(const void* p) {
  CHECK_MSG(ri_is_in_heap_region != NULL, "rimalloc is not in this process");
  return ri_is_in_heap_region(p);
}

// A block of malloc's, of this allocator, written to in whole.
static inline void* ours_malloc(size_t size) {
  void* const p = malloc(size);
  CHECK_MSG(p != NULL, "malloc(%zu)", size);
  CHECK_MSG(ours(p), "malloc(%zu) came from another allocator", size);
  check_fill(p, size, size);
  return p;
}

static inline void ours_free(void* p, size_t size) {
  CHECK_FILLED(p, size, size);
  free(p);
}

#endif
