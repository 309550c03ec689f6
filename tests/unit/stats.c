// SPDX-License-Identifier: MIT
// stats.c: what was collected for a part of the process, as a program sees it (observe/stats.c):
// each number in its field, sums that agree, headers of other versions refused.
#include "observe/stats.h"

#include "../check.h"

static void is(const ri_stat_count_t* count, size_t value) {
  CHECK(count->current == (int64_t)value && count->peak == (int64_t)value);
  CHECK(count->total == (int64_t)value);
}

static void headers(void) {
  ri_stats_t_decl(s);
  CHECK(rix_stats_header_valid(&s) && !rix_stats_header_valid(NULL));
  s.size--;
  CHECK(!rix_stats_header_valid(&s));
  s.size += 2;
  CHECK(!rix_stats_header_valid(&s));
  ri_stats_header_init(&s);
  s.version++;
  CHECK(!rix_stats_header_valid(&s));
}

// Each reader refuses what has another header, and leaves it as it is; so for no sub-process.
static void refusals(void) {
  ri_free(ri_malloc(1));
  const ri_subproc_id_t id = ri_subproc_main(), none = {NULL};
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s) && ri_thread_stats_get(&s) && ri_heap_stats_get(NULL, &s));
  CHECK(ri_subproc_stats_get(id, &s) && ri_subproc_stats_get_exclusive(id, &s));
  memset(&s, 0x5A, sizeof(s));
  s.size = sizeof(s);
  s.version = RI_STAT_VERSION - 1;
  const ri_stats_t before = s;
  CHECK(!ri_stats_get(&s) && !ri_thread_stats_get(&s) && !ri_heap_stats_get(NULL, &s));
  CHECK(!ri_subproc_stats_get(id, &s) && !ri_subproc_stats_get_exclusive(id, &s));
  s.version = RI_STAT_VERSION;
  CHECK(!ri_subproc_stats_get(none, &s) && !ri_subproc_stats_get_exclusive(none, &s));
  s.version = before.version;
  CHECK(memcmp(&s, &before, sizeof(s)) == 0);
}

static void every_number_in_its_field(void) {
  rix_count_t c = {0};
  size_t pages = 0, blocks = 0, normal = 0;
  for (unsigned i = 0; i < RIX_COUNT_BINS; i++) {
    c.pages[i] = 2 + i;
    c.blocks[i] = 1000 + 3 * i;
    pages += c.pages[i];
    blocks += c.blocks[i];
    if (i < RIX_CLASS_COUNT) normal += c.blocks[i] * rix_class_block_size(i);
  }
  c.small_pages = 11, c.medium_pages = 12, c.single_pages = 13, c.mapped_pages = 14;
  c.large_bytes = 1234567, c.page_bytes = 7654321;
  ri_stats_t_decl(s);
  rix_stats_fill_part(&s, &c);
  for (unsigned i = 0; i < RIX_CLASS_COUNT; i++) {
    is(&s.page_bins[i], c.pages[i]);
    is(&s.malloc_bins[i], c.blocks[i]);
    CHECK(ri_stats_get_bin_size(i) == rix_class_block_size(i));
  }
  is(&s.page_bins[RI_STAT_BINS - 1], c.pages[RIX_COUNT_LARGE]);
  is(&s.malloc_bins[RI_STAT_BINS - 1], c.blocks[RIX_COUNT_LARGE]);
  CHECK(ri_stats_get_bin_size(RI_STAT_BINS - 1) == 0 && ri_stats_get_bin_size(SIZE_MAX) == 0);
  is(&s.pages, pages);
  is(&s.blocks, blocks);
  is(&s.page_committed, c.page_bytes);
  is(&s.malloc_normal, normal);
  is(&s.malloc_huge, c.large_bytes);
  is(&s.malloc_requested, normal + c.large_bytes);
  is(&s.chunk_bins[RI_CBIN_SMALL], 11);
  is(&s.chunk_bins[RI_CBIN_MEDIUM], 12);
  is(&s.chunk_bins[RI_CBIN_OTHER], 13);
  is(&s.chunk_bins[RI_CBIN_HUGE], 14);
  is(&s.chunk_bins[RI_CBIN_LARGE], 0);
  CHECK(s.malloc_huge_count.total == (int64_t)c.blocks[RIX_COUNT_LARGE]);
  CHECK(s.malloc_normal_count.total + s.malloc_huge_count.total == (int64_t)blocks);
  CHECK(rix_stats_header_valid(&s));
}

// What mallinfo shows besides: room in pages, mappings for one block, what may be resident beside.
static void introspection(void) {
  void* const p = ri_malloc(1000);
  void* const q = ri_malloc(1000);
  CHECK(p != NULL && q != NULL);
  const rix_introspect_t before = rix_introspect();
  ri_free(q);
  CHECK(rix_introspect().free_blocks == before.free_blocks + 1);
  const size_t size = (size_t)257 << 20;  // more than arena_max_object_size
  void* const mapped = ri_malloc(size);
  if (mapped == NULL) check_skip("no room for a mapping");
  const rix_introspect_t with = rix_introspect();
  CHECK(with.mapped_blocks >= before.mapped_blocks + size && with.mapped >= with.mapped_blocks);
  ri_free(mapped);
  const rix_introspect_t after = rix_introspect();
  CHECK(after.mapped_blocks == before.mapped_blocks);
  // A run of slices that is free but not given back yet.
  void* const large = ri_malloc((size_t)1 << 20);
  CHECK(large != NULL);
  memset(large, 1, (size_t)1 << 20);
  const size_t retained = rix_introspect().retained;
  ri_free(large);
  CHECK(rix_introspect().retained >= retained + ((size_t)1 << 20));
  ri_free(p);
}

int main(void) {
  headers();
  refusals();
  every_number_in_its_field();
  introspection();
  return 0;
}
