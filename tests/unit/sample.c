// SPDX-License-Identifier: MIT
// sample.c: which allocations a sampling theap sees (heap/sample.c): those of the
// classes within the bounds, as long as it samples; and how far apart the chosen ones are.
#include "heap/heap.h"

#include "arena/pagemap.h"
#include "heap/sample.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "../check.h"

// For each size up to 64 KiB: its class is marked and has no direct slot, or both are as always.
static void check_marks(rix_theap_t* theap, size_t low, size_t high) {
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++) {
    const size_t smallest = c == 0 ? 0 : rix_class_block_size(c - 1) + 1;
    const bool covered = smallest <= high && rix_class_block_size(c) >= low;
    CHECK_MSG(rix_sample_covers(theap, c) == covered, "class %u", c);
    const ri_page_t* const page = theap->queue[c].first;
    if (page == NULL) continue;
    CHECK(((page->flags & RIX_PAGE_SAMPLED) != 0) == covered);
    const size_t slot = rix_class_block_size(c) / 8;
    if (slot >= RI_DIRECT_SLOTS) continue;
    CHECK(theap->fast.direct[slot] == (covered ? &rix_page_empty : page));
  }
  CHECK(rix_theap_valid(theap));
}

static void marks_follow_the_bounds(void) {
  rix_theap_t* const theap = rix_thread_theap();
  void* blocks[RIX_CLASS_COUNT];
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    blocks[c] = ri_malloc(rix_class_block_size(c));
  check_marks(theap, SIZE_MAX, 0);
  static const size_t bounds[][2] = {{0, SIZE_MAX}, {0, 0},         {8, 8},         {9, 9},
                                     {100, 1000},   {65536, 70000}, {65537, 70000}, {1024, 1025}};
  rix_sample_set_rate(theap, 1000000, 1);
  for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
    rix_sample_set_bounds(theap, bounds[i][0], bounds[i][1]);
    check_marks(theap, bounds[i][0], bounds[i][1]);
  }
  rix_sample_set_bounds(theap, 100, 1000);
  rix_sample_set_rate(theap, 0, 0);
  check_marks(theap, SIZE_MAX, 0);
  // Pages that come and go while it samples.
  rix_sample_set_rate(theap, 1000000, 1);
  static void* many[20000];
  for (size_t i = 0; i < 20000; i++)
    many[i] = ri_malloc(i % 3000);
  check_marks(theap, 100, 1000);
  for (size_t i = 0; i < 20000; i += 2)
    ri_free(many[i]);
  check_marks(theap, 100, 1000);
  rix_sample_set_bounds(theap, 500, 2000);
  check_marks(theap, 500, 2000);
  for (size_t i = 1; i < 20000; i += 2)
    ri_free(many[i]);
  check_marks(theap, 500, 2000);
  rix_sample_set_rate(theap, 0, 0);
  check_marks(theap, SIZE_MAX, 0);
  for (unsigned c = 0; c < RIX_CLASS_COUNT; c++)
    ri_free(blocks[c]);
}

// Pages that change their theap are marked as the new one samples.
static void* adopts(void* arg) {
  rix_theap_t* const theap = rix_thread_theap();
  CHECK(!rix_sample_covers(theap, rix_class_of(200)));
  void* const q = ri_malloc(200);
  CHECK(rix_pagemap_find(q) == rix_pagemap_find(arg));
  check_marks(theap, SIZE_MAX, 0);
  return q;
}

static void* samples_and_ends(void* arg) {
  (void)arg;
  rix_sample_set_rate(rix_thread_theap(), 1000000, 1);
  return ri_malloc(200);
}

static void marks_follow_the_theap(void) {
  ri_collect(true);
  void* const p = check_in_thread(samples_and_ends, NULL);
  CHECK((rix_pagemap_find(p)->flags & RIX_PAGE_SAMPLED) != 0);
  void* const q = check_in_thread(adopts, p);
  ri_free(p);
  ri_free(q);
  // The heap of a theap that samples is deleted: the main theap, which does not, gets its pages.
  ri_heap_t* const heap = ri_heap_new();
  ri_heap_guarded_set_sample_rate(heap, 1000000, 1);
  void* const r = ri_heap_malloc(heap, 200);
  CHECK((rix_pagemap_find(r)->flags & RIX_PAGE_SAMPLED) != 0);
  ri_heap_delete(heap);
  check_marks(rix_thread_theap(), SIZE_MAX, 0);
  ri_free(r);
}

static void distances(void) {
  rix_theap_t* const theap = rix_thread_theap();
  static const size_t rates[] = {1, 2, 3, 10, 1000};
  for (size_t i = 0; i < 5; i++) {
    const size_t rate = rates[i];
    rix_sample_set_rate(theap, rate, 12345);
    rix_sample_set_bounds(theap, 10, 20);
    size_t taken = 0, last = 0, longest = 0, shortest = SIZE_MAX;
    const size_t count = 2000 * rate;
    for (size_t n = 1; n <= count; n++) {
      CHECK(!rix_sample_takes(theap, 9) && !rix_sample_takes(theap, 21));
      if (!rix_sample_takes(theap, 10 + n % 11)) continue;
      CHECK(taken > 0 || n <= rate);
      if (taken > 0 && n - last > longest) longest = n - last;
      if (taken > 0 && n - last < shortest) shortest = n - last;
      last = n;
      taken++;
    }
    CHECK_MSG(taken > 1850 && taken < 2150, "rate %zu: %zu of %zu", rate, taken, count);
    CHECK_MSG(longest < 2 * rate && shortest <= 1 + rate / 100, "%zu to %zu", shortest, longest);
    CHECK(rate > 100 || longest == 2 * rate - 1);
  }
  rix_sample_set_rate(theap, 0, 0);
  CHECK(!rix_sample_takes(theap, 10));
}

int main(void) {
  check_watchdog(30);
  CHECK(rix_thread_theap() != NULL);
  marks_follow_the_bounds();
  marks_follow_the_theap();
  distances();
  CHECK(ri_audit());
  return 0;
}
