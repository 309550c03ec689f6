// SPDX-License-Identifier: MIT
// mapped_bytes_in_use.c: the process counted a block with a mapping of its own as large as the
// mapping, which may be more: one that was freed and used again by a smaller block, or one whose
// block shrank where it is. Then the statistics of the process said more than those of its heap,
// and more than all usable sizes. The stress test of heaps and sub-processes found it.
#include "../check.h"

static void check_in_use(const void* p) {
  const size_t usable = ri_usable_size(p);
  ri_stats_t_decl(process);
  ri_stats_t_decl(heap);
  CHECK(ri_stats_get(&process) && ri_heap_stats_get(NULL, &heap));
  CHECK_MSG(check_summary().in_use == usable, "%zu, not %zu", check_summary().in_use, usable);
  CHECK(process.malloc_huge.current == (int64_t)usable);
  CHECK(heap.malloc_huge.current == (int64_t)usable);
  CHECK(process.malloc_requested.current == heap.malloc_requested.current);
  CHECK(process.page_committed.current >= (int64_t)usable);
}

int main(void) {
  check_watchdog(30);
  ri_option_set(ri_option_arena_max_object_size, 1024);
  ri_option_set(ri_option_purge_delay, 3600000);
  void* p = ri_malloc(8 * CHECK_MIB);
  CHECK(check_summary().mappings == 1);
  check_in_use(p);
  ri_free(p);
  CHECK(check_summary().in_use == 0 && check_summary().cached == 8 * CHECK_MIB);
  p = ri_malloc(7 * CHECK_MIB);  // in the mapping of the one before
  CHECK(check_summary().cached == 0);
  check_in_use(p);
  p = ri_realloc(p, 5 * CHECK_MIB);  // shrinks, and keeps the mapping
  check_in_use(p);
  CHECK(ri_expand(p, 6 * CHECK_MIB) == p);
  check_in_use(p);
  p = ri_realloc(p, 100 * CHECK_MIB);
  check_in_use(p);
  ri_theap_guarded_set_sample_rate(NULL, 1, 0);
  ri_option_set(ri_option_guarded_precise, 1);
  ri_free(p);
  p = ri_malloc(3000001);
  CHECK(ri_usable_size(p) == 3000001);
  check_in_use(p);
  ri_free(p);
  CHECK(check_summary().in_use == 0 && check_summary().blocks == 0);
  return 0;
}
