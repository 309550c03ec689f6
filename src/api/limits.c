// SPDX-License-Identifier: MIT
// limits.c: setting limits. Those of the process are options (arena/limit.h), those of a heap are
// in its descriptor (page/heap_pages.h).
#include "api/api.h"
#include "arena/limit.h"
#include "heap/subproc.h"
#include "options/hooks.h"
#include "options/options.h"

// Rounded down, so that the limit is kept; but not to none.
static long limits_units(size_t bytes) {
  const size_t units = bytes >> 10;
  const size_t most = (size_t)1 << 30;
  return bytes == 0 ? 0 : (long)rix_min(rix_max(units, 1), most);
}

void ri_limit_set(size_t soft, size_t hard) {
  rix_options_read();
  ri_option_set(ri_option_limit_soft, limits_units(soft));
  ri_option_set(ri_option_limit_hard, limits_units(hard));
  rix_limit_look();
}

void ri_limit_get(size_t* soft, size_t* hard) {
  if (soft != NULL) *soft = ri_option_get_size(ri_option_limit_soft);
  if (hard != NULL) *hard = ri_option_get_size(ri_option_limit_hard);
}

size_t ri_limit_used(void) { return rix_limit_used(); }

int ri_limit_level(void) {
  rix_options_read();
  rix_limit_find_group();
  rix_limit_look();
  return (int)rix_limit_level();
}

bool ri_heap_limit_set(ri_heap_t* heap, size_t soft, size_t hard) {
  if (heap == NULL) heap = ri_heap_main();
  if (!ri_heap_set_quota(heap, hard)) return false;
  ri_store_relaxed(&heap->xsoft, soft);
  return true;
}

void ri_heap_limit_get(const ri_heap_t* heap, size_t* soft, size_t* hard) {
  if (heap == NULL) heap = ri_heap_main();
  if (soft != NULL) *soft = ri_load_relaxed(&heap->xsoft);
  if (hard != NULL) *hard = ri_load_relaxed(&heap->xquota);
}

ri_heap_t* ri_heap_new_with_limit(size_t soft, size_t hard) {
  ri_heap_t* const heap = ri_heap_new();
  if (heap == NULL) return NULL;
  const bool done = ri_heap_limit_set(heap, soft, hard);
  RI_ASSERT(done);
  RIX_UNUSED(done);
  return heap;
}

void ri_register_pressure(ri_pressure_fun* fun, void* arg) { rix_hook_set_pressure(fun, arg); }
