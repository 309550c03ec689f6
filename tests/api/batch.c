// SPDX-License-Identifier: MIT
// batch.c: many blocks of one size at once, and many frees. Catches: a block given twice, a count
// that is off by the run that was cut, blocks of another page put on this page's list, a page that
// a batch empties and nobody releases, a free of a foreign thread's block taken for the own one's.
#include "../check.h"

enum { MOST = 5000 };

static void* blocks[MOST];

static void fill(size_t size, size_t count) {
  errno = 77;
  CHECK(ri_malloc_batch(size, count, blocks) == count);
  CHECK_ERRNO(77);
  for (size_t i = 0; i < count; i++) {
    CHECK_MSG(ri_usable_size(blocks[i]) == ri_good_size(size), "block %zu of %zu", i, size);
    CHECK(check_aligned(blocks[i], size > 8 ? 16 : 8));
    check_fill(blocks[i], size, i);
  }
  for (size_t i = 0; i < count; i++)
    CHECK_FILLED(blocks[i], size, i);
}

static void shuffle(size_t count, uint64_t seed) {
  for (size_t i = count; i > 1; i--) {
    const size_t at = check_below(&seed, i);
    void* const p = blocks[at];
    blocks[at] = blocks[i - 1];
    blocks[i - 1] = p;
  }
}

static void round_trips(size_t size) {
  const ri_summary_t before = check_summary();
  for (size_t count = 0; count <= MOST && count * size <= (size_t)8 << 20; count = count * 3 + 1) {
    fill(size, count);
    const ri_summary_t full = check_summary();
    CHECK_MSG(full.blocks == before.blocks + count, "%zu blocks of %zu", full.blocks, size);
    if (count % 2 == 0) shuffle(count, count);
    ri_free_batch(blocks, count);
    const ri_summary_t after = check_summary();
    CHECK_MSG(after.blocks == before.blocks && after.in_use == before.in_use, "%zu blocks of %zu",
              after.blocks, size);
    CHECK(ri_audit());
  }
}

static void mixed(void) {
  const ri_summary_t before = check_summary();
  uint64_t rng = 3;
  for (size_t i = 0; i < MOST; i++) {
    const size_t size = check_any_size(&rng, 200000);
    blocks[i] = i % 10 == 0  ? NULL
                : i % 7 == 0 ? ri_malloc_aligned_at(size, 64, 8)
                             : ri_malloc(size);
  }
  errno = 77;
  ri_free_batch(blocks, MOST);
  CHECK_ERRNO(77);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu, before %zu", after.blocks, before.blocks);
  CHECK(ri_audit());
}

static void* give_all(void* arg) {
  ri_free_batch(blocks, *(size_t*)arg);
  return NULL;
}

static void by_another_thread(size_t size) {
  size_t count = 3000;
  const ri_summary_t before = check_summary();
  fill(size, count);
  check_in_thread(give_all, &count);
  ri_collect(false);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu, before %zu", after.blocks, before.blocks);
  CHECK(ri_audit());
}

static void no_memory(void) {
  errno = 0;
  CHECK(ri_malloc_batch(check_hide(SIZE_MAX), 3, blocks) == 0);
  CHECK_ERRNO(ENOMEM);
}

// Memory for some only: those are there, are told, and are the caller's.
static void memory_for_some(size_t size) {
  ri_heap_t* const heap = ri_heap_new();
  CHECK(ri_heap_set_quota(heap, 256 * CHECK_KIB));
  CHECK(ri_theap_set_default(ri_heap_theap(heap)) != NULL);
  memset(blocks, 0, sizeof(blocks));
  errno = 0;
  const size_t count = ri_malloc_batch(size, MOST, blocks);
  CHECK_ERRNO(ENOMEM);
  CHECK_MSG(count > 0 && count < MOST, "%zu of %zu", count, size);
  for (size_t i = 0; i < MOST; i++)
    CHECK_MSG((blocks[i] != NULL) == (i < count), "block %zu of %zu", i, count);
  for (size_t i = 0; i < count; i++) {
    CHECK(ri_usable_size(blocks[i]) >= size && ri_heap_of(blocks[i]) == heap);
    check_fill(blocks[i], size, i);
  }
  for (size_t i = 0; i < count; i++)
    CHECK_FILLED(blocks[i], size, i);
  ri_free_batch(blocks, count);
  errno = 77;
  CHECK(ri_malloc_batch(size, 1, blocks) == 1);  // and once they are back there is some again
  CHECK_ERRNO(77);
  ri_free(blocks[0]);
  ri_heap_destroy(heap);
}

int main(void) {
  for (size_t size = 0; size < 200000; size = size * 2 + 7)
    round_trips(size);
  mixed();
  by_another_thread(40);
  by_another_thread(2000);
  no_memory();
  memory_for_some(200);
  memory_for_some(3000);
  memory_for_some(70000);
  ri_option_set(ri_option_check, 1);
  round_trips(100);
  round_trips(3000);
  check_heap_intact();
  return 0;
}
