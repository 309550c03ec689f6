// SPDX-License-Identifier: MIT
// full_pages_change_hands.c: pages that were full when they changed hands were moved without their
// accounting, and a counter fell below zero much later. (Then it was the deletion of a heap; here
// pages change hands when threads end.) Threads fill pages exactly, end, and others free the blocks
// in many orders; blocks and bytes must be exact after every step. On that bug they drift.
#include "../check.h"

enum { COUNT = 3000 };
static void* blocks[COUNT];
static size_t block_size;
static size_t block_count;

static void* fills_pages(void* arg) {
  (void)arg;
  for (size_t i = 0; i < block_count; i++) {
    blocks[i] = ri_malloc(block_size);
    CHECK(blocks[i] != NULL);
    check_fill_sparse(blocks[i], block_size, i);
  }
  return NULL;
}

static void exact(const ri_summary_t* start, size_t live) {
  const ri_summary_t s = check_summary();
  CHECK_MSG(s.blocks == start->blocks + live, "size %zu: %zu + %zu: %zu", block_size, start->blocks,
            live, s.blocks);
  CHECK_MSG(s.in_use == start->in_use + live * ri_good_size(block_size), "size %zu: %zu bytes",
            block_size, s.in_use - start->in_use);
  CHECK(s.abandoned <= s.pages);
}

static size_t order_of(size_t i, int order) {
  switch (order) {
    case 0:
      return i;
    case 1:
      return block_count - 1 - i;
    default:
      return i * 1009 % block_count;  // a permutation: 1009 is prime and no divisor
  }
}

static void round_of(size_t size, int order, bool reclaim) {
  block_size = size;
  block_count = size > 4096 ? 64 : COUNT;
  ri_option_set(ri_option_page_reclaim_on_free, reclaim);
  const ri_summary_t start = check_summary();
  check_in_thread(fills_pages, NULL);
  exact(&start, block_count);
  for (size_t i = 0; i < block_count; i++) {
    void* const p = blocks[order_of(i, order)];
    CHECK_FILLED_SPARSE(p, size, order_of(i, order));
    ri_free(p);
    if (i % 100 == 0) exact(&start, block_count - i - 1);
  }
  exact(&start, 0);
  CHECK(check_summary().abandoned == 0);
  CHECK(ri_audit());
}

static void* frees_half(void* arg) {
  (void)arg;
  for (size_t i = 0; i < block_count; i += 2)
    ri_free(blocks[i]);
  return NULL;
}

// The owner lives and collects what another freed, many blocks of a page at a time.
static void owner_collects(size_t size) {
  block_size = size;
  block_count = size > 4096 ? 64 : COUNT;
  const ri_summary_t start = check_summary();
  fills_pages(NULL);
  exact(&start, block_count);
  check_in_thread(frees_half, NULL);
  exact(&start, block_count / 2);
  ri_collect(false);
  exact(&start, block_count / 2);
  for (size_t i = 0; i < block_count; i += 2)
    blocks[i] = ri_malloc(size);
  exact(&start, block_count);
  for (size_t i = 0; i < block_count; i++)
    ri_free(blocks[i]);
  exact(&start, 0);
  CHECK(ri_audit());
}

int main(void) {
  check_watchdog(60);
  ri_free(ri_malloc(1));
  static const size_t sizes[] = {8, 16, 64, 512, 1024, 4096, 8192, 16384, 65536, 100000};
  for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
    owner_collects(sizes[s]);
    for (int order = 0; order < 3; order++) {
      round_of(sizes[s], order, true);
      round_of(sizes[s], order, false);
    }
  }
  return 0;
}
