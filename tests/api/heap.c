// SPDX-License-Identifier: MIT
// heap.c: the life of first-class heaps (rimalloc/heap.h): what belongs to a heap, deleting and
// destroying with blocks of all kinds in all states, quota, the main heap as a special case.
// Catches: blocks of a destroyed heap that stay, blocks of a deleted heap that go or keep the old
// heap, a quota that forgets to count back, a theap that is found by a recycled heap.
#include "../check.h"

enum { BLOCKS = 3000 };
static void* blocks[BLOCKS];
static size_t sizes[BLOCKS];

// Blocks of every kind: small, medium, single pages, mappings of their own, aligned at offsets.
static void allocate(ri_heap_t* heap, size_t count, uint64_t seed) {
  uint64_t rng = seed;
  for (size_t i = 0; i < count; i++) {
    sizes[i] = 1 + check_any_size(&rng, i % 100 == 0 ? (size_t)4 * CHECK_MIB : 60000);
    if (i == 7) sizes[i] = (size_t)300 * CHECK_MIB;
    blocks[i] = i % 50 == 3 ? ri_heap_malloc_aligned_at(heap, sizes[i], 256, 24)
                            : ri_heap_malloc(heap, sizes[i]);
    CHECK(blocks[i] != NULL && ri_usable_size(blocks[i]) >= sizes[i]);
    check_fill_sparse(blocks[i], sizes[i], i);
  }
}

static void verify_and_free(size_t from, size_t count, size_t step) {
  for (size_t i = from; i < count; i += step) {
    CHECK(check_differs_sparse(blocks[i], sizes[i], i) == SIZE_MAX);
    ri_free(blocks[i]);
    blocks[i] = NULL;
  }
}

static void belonging(void) {
  ri_heap_t* const main_heap = ri_heap_main();
  ri_heap_t* const a = ri_heap_new();
  ri_heap_t* const b = ri_heap_new();
  CHECK(main_heap != NULL && a != NULL && b != NULL && a != b && a != main_heap);
  void* const p = ri_heap_malloc(a, 100);
  void* const q = ri_heap_malloc(b, 100);
  void* const m = ri_malloc(100);
  void* const n = ri_heap_malloc(NULL, 100);
  void* const large = ri_heap_malloc(b, 5000000);
  CHECK(ri_heap_of(p) == a && ri_heap_of(q) == b && ri_heap_of(m) == main_heap);
  CHECK(ri_heap_of(n) == main_heap && ri_heap_of(large) == b);
  CHECK(ri_heap_of((char*)p + 50) == a);
  CHECK(ri_heap_contains(a, p) && !ri_heap_contains(a, q) && !ri_heap_contains(a, m));
  CHECK(ri_heap_contains(NULL, m) && !ri_heap_contains(NULL, p));
  int on_stack = 0;
  CHECK(ri_heap_of(&on_stack) == NULL && ri_heap_of(NULL) == NULL);
  CHECK(!ri_heap_contains(a, NULL) && !ri_any_heap_contains(&on_stack));
  CHECK(ri_any_heap_contains(p) && ri_any_heap_contains(m));
  ri_free(p);
  ri_free(q);
  ri_free(m);
  ri_free(n);
  ri_free(large);
  CHECK(ri_audit());
  ri_heap_delete(a);
  ri_heap_delete(b);
  CHECK(ri_audit());
}

static void delete_keeps_blocks(void) {
  const ri_summary_t before = check_summary();
  ri_heap_t* const heap = ri_heap_new();
  allocate(heap, BLOCKS, 1);
  verify_and_free(0, BLOCKS, 3);
  ri_heap_delete(heap);
  CHECK(ri_audit());
  for (size_t i = 1; i < BLOCKS; i += 3)
    CHECK(ri_heap_of(blocks[i]) == ri_heap_main());
  verify_and_free(1, BLOCKS, 3);
  CHECK(ri_audit());
  // The free room in its pages is the main heap's now.
  for (size_t i = 0; i < BLOCKS; i += 3) {
    sizes[i] = 100;
    blocks[i] = ri_malloc(100);
    check_fill_sparse(blocks[i], 100, i);
  }
  verify_and_free(2, BLOCKS, 3);
  verify_and_free(0, BLOCKS, 3);
  CHECK(ri_audit());
  CHECK(check_summary().blocks == before.blocks);
}

static void destroy_frees_all(void) {
  const ri_summary_t before = check_summary();
  for (uint64_t round = 0; round < 5; round++) {
    ri_heap_t* const heap = ri_heap_new();
    allocate(heap, BLOCKS, round);
    verify_and_free(0, BLOCKS, 2);
    CHECK(ri_heap_held(heap) > 0);
    ri_heap_destroy(heap);
    CHECK(ri_audit());
    const ri_summary_t after = check_summary();
    CHECK_MSG(after.blocks == before.blocks && after.in_use == before.in_use, "%zu blocks, %zu",
              after.blocks, before.blocks);
    CHECK(ri_heap_of(blocks[1]) == NULL);
  }
  check_workload(5000, 3);
}

static void* allocate_and_end(void* heap) {
  allocate(heap, BLOCKS, 9);
  verify_and_free(0, BLOCKS, 2);
  return NULL;
}

// The thread that allocated has ended: all pages of the heap are without owner.
static void ends_with_orphans(void) {
  const ri_summary_t before = check_summary();
  ri_heap_t* heap = ri_heap_new();
  check_in_thread(allocate_and_end, heap);
  CHECK(check_summary().abandoned > 0);
  ri_heap_destroy(heap);
  CHECK(check_summary().blocks == before.blocks && check_summary().abandoned == 0);
  heap = ri_heap_new();
  check_in_thread(allocate_and_end, heap);
  // This thread uses what is left of the other's pages, but only for this heap.
  void* const m = ri_malloc(64);
  CHECK(ri_heap_of(m) == ri_heap_main());
  const size_t held = ri_heap_held(heap);
  void* const p = ri_heap_malloc(heap, 64);
  CHECK(ri_heap_of(p) == heap && ri_heap_held(heap) == held);
  ri_heap_delete(heap);
  CHECK(ri_heap_of(p) == ri_heap_main());
  verify_and_free(1, BLOCKS, 2);
  ri_free(p);
  ri_free(m);
  CHECK(ri_audit() && check_summary().blocks == before.blocks);
}

// Many heaps at a time and one after the other: each thread's theap is the heap's own.
static void many_heaps(void) {
  enum { HEAPS = 300 };
  static ri_heap_t* heaps[HEAPS];
  static void* in[HEAPS];
  const size_t metadata = check_summary().metadata;
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < HEAPS; i++) {
      heaps[i] = ri_heap_new();
      CHECK(heaps[i] != NULL);
    }
    if (round == 0) {
      CHECK_MSG(check_summary().metadata - metadata <= HEAPS * 1024 + 65536, "%zu bytes",
                check_summary().metadata - metadata);
    }
    for (size_t i = 0; i < HEAPS; i++)
      in[i] = ri_heap_malloc(heaps[i], 48);
    for (size_t i = 0; i < HEAPS; i++) {
      CHECK(ri_heap_of(in[i]) == heaps[i]);
      CHECK(ri_heap_contains(heaps[i], ri_heap_malloc(heaps[i], 48)));
    }
    CHECK(ri_audit());
    for (size_t i = 0; i < HEAPS; i++) {
      if (i % 2 == 0) {
        ri_heap_destroy(heaps[i]);
      } else {
        ri_free(in[i]);
        ri_heap_destroy(heaps[i]);
      }
    }
  }
  CHECK(ri_audit());
}

static void quota(void) {
  ri_heap_t* const heap = ri_heap_new();
  CHECK(ri_heap_quota(heap) == 0 && ri_heap_held(heap) == 0);
  CHECK(ri_heap_set_quota(heap, CHECK_MIB) && ri_heap_quota(heap) == CHECK_MIB);
  errno = 0;
  CHECK(ri_heap_malloc(heap, check_hide(2 * CHECK_MIB)) == NULL);
  CHECK_ERRNO(ENOMEM);
  size_t count = 0;
  while (count < BLOCKS && (blocks[count] = ri_heap_malloc(heap, 4000)) != NULL)
    count++;
  CHECK_ERRNO(ENOMEM);
  CHECK_MSG(count >= 240 && count <= 262, "%zu blocks", count);
  CHECK(ri_heap_held(heap) <= CHECK_MIB);
  // Others are not limited by it; what is freed can be had again.
  ri_free(ri_malloc(3 * CHECK_MIB));
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
  ri_heap_collect(heap, false);
  CHECK_MSG(ri_heap_held(heap) == 0, "%zu held", ri_heap_held(heap));
  char* p = ri_heap_malloc(heap, 400000);
  const size_t held = ri_heap_held(heap);
  CHECK(p != NULL && held >= 400000 && held < 500000);
  errno = 0;
  CHECK(ri_heap_realloc(heap, p, check_hide(1200000)) == NULL);
  CHECK_ERRNO(ENOMEM);
  CHECK(ri_heap_held(heap) == held && ri_usable_size(p) >= 400000);
  p = ri_heap_realloc(heap, p, 150000);
  CHECK(p != NULL && ri_heap_held(heap) < held && ri_heap_held(heap) >= 150000);
  CHECK(ri_heap_set_quota(heap, 0));
  p = ri_heap_realloc(heap, p, (size_t)20 * CHECK_MIB);
  CHECK(p != NULL && ri_heap_contains(heap, p));
  CHECK(ri_heap_held(heap) >= (size_t)20 * CHECK_MIB);
  ri_free(p);
  CHECK_MSG(ri_heap_held(heap) == 0, "%zu held", ri_heap_held(heap));
  ri_heap_destroy(heap);
  errno = 0;
  CHECK(!ri_heap_set_quota(ri_heap_main(), 1));
  CHECK_ERRNO(EINVAL);
  errno = 0;
  CHECK(!ri_heap_set_quota(NULL, 1));
  CHECK_ERRNO(EINVAL);
  CHECK(ri_heap_quota(NULL) == 0 && ri_heap_held(NULL) == 0 && ri_heap_held(ri_heap_main()) == 0);
}

// A limit below what the heap holds: blocks stay, pages that exist serve, new ones are refused.
static void quota_below_held(void) {
  ri_heap_t* const heap = ri_heap_new();
  char* const p = ri_heap_malloc(heap, 100);
  char* const large = ri_heap_malloc(heap, 300000);
  check_fill(p, 100, 1);
  check_fill(large, 300000, 2);
  const size_t held = ri_heap_held(heap);
  CHECK(ri_heap_set_quota(heap, 1) && ri_heap_quota(heap) == 1 && ri_heap_held(heap) == held);
  errno = 0;
  CHECK(ri_heap_malloc(heap, 300000) == NULL);
  CHECK_ERRNO(ENOMEM);
  void* const q = ri_heap_malloc(heap, 100);
  CHECK(q != NULL && ri_heap_held(heap) == held);
  CHECK_FILLED(p, 100, 1);
  CHECK_FILLED(large, 300000, 2);
  ri_heap_destroy(heap);
}

static void the_main_heap(void) {
  check_capture_start();
  void* const p = ri_malloc(10);
  ri_heap_delete(NULL);
  ri_heap_destroy(NULL);
  check_nothing_reported();
  ri_heap_delete(ri_heap_main());
  check_reported(EINVAL, "main heap", NULL);
  check_capture_reset();
  ri_heap_destroy(ri_heap_main());
  check_reported(EINVAL, "main heap", NULL);
  check_capture_stop();
  CHECK(ri_heap_of(p) == ri_heap_main());
  ri_free(p);
  ri_heap_collect(NULL, false);
  ri_heap_collect(ri_heap_main(), true);
}

int main(void) {
  check_watchdog(100);
  belonging();
  delete_keeps_blocks();
  destroy_frees_all();
  ends_with_orphans();
  many_heaps();
  quota();
  quota_below_held();
  the_main_heap();
  return 0;
}
