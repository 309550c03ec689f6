// SPDX-License-Identifier: MIT
// grid.c: every size from 0 to 4,096 and the three sizes around every class boundary up to 64 MiB,
// at every alignment from 1 to 4 MiB. For each block: the address is aligned, the usable size is
// at least what was asked, and all its usable bytes keep their content while its neighbours are
// written, so blocks that overlap are seen. Catches: size classes that are too small, alignment
// that takes the plain path, a page whose last block hangs over its end.
#include "../check.h"

enum {
  SMALL_MAX = 4096,
  SIZES_MAX = 8192,
  LIVE_MAX = 4096,
  ALIGNMENT_BITS = 22,
};
static const size_t live_bytes_max = (size_t)96 * CHECK_MIB;

static size_t sizes[SIZES_MAX];
static size_t size_count;

typedef struct block_s {
  void* p;
  size_t size;    // asked for
  size_t usable;  // filled
} block_t;
static block_t live[LIVE_MAX];
static size_t live_count;
static size_t live_bytes;

static void add_size(size_t size) {
  CHECK(size_count < SIZES_MAX);
  sizes[size_count++] = size;
}

static void make_sizes(void) {
  for (size_t size = 0; size <= SMALL_MAX; size++)
    add_size(size);
  // Class boundaries up to 64 KiB as the allocator tells them; eight steps a doubling above.
  size_t good = ri_good_size(SMALL_MAX);
  for (; good <= 64 * CHECK_KIB; good = ri_good_size(good + 1)) {
    add_size(good - 1);
    add_size(good);
    add_size(good + 1);
  }
  for (size_t base = 64 * CHECK_KIB; base < (size_t)64 * CHECK_MIB; base *= 2) {
    for (size_t step = 1; step <= 8; step++) {
      const size_t size = base + base / 8 * step;
      add_size(size - 1);
      add_size(size);
      add_size(size + 1);
    }
  }
}

static void free_all(void) {
  // Every second block first, so that frees do not follow the order of allocation.
  for (size_t start = 0; start < 2; start++) {
    for (size_t i = start; i < live_count; i += 2) {
      const block_t* const b = &live[i];
      CHECK_FILLED_SPARSE(b->p, b->usable, b->size ^ (uintptr_t)b->p);
      ri_free(b->p);
    }
  }
  live_count = 0;
  live_bytes = 0;
}

static void hold(void* p, size_t size, size_t alignment) {
  CHECK_MSG(p != NULL, "size %zu alignment %zu: errno %d", size, alignment, errno);
  CHECK_MSG(check_aligned(p, alignment), "size %zu alignment %zu: %p", size, alignment, p);
  const size_t usable = ri_usable_size(p);
  CHECK_MSG(usable >= size, "size %zu alignment %zu: usable %zu", size, alignment, usable);
  check_fill_sparse(p, usable, size ^ (uintptr_t)p);
  live[live_count++] = (block_t){p, size, usable};
  live_bytes += usable + alignment;
  if (live_count == LIVE_MAX || live_bytes > live_bytes_max) free_all();
}

static void plain(void) {
  for (size_t i = 0; i < size_count; i++) {
    const size_t size = sizes[i];
    void* const p = ri_malloc(size);
    CHECK_MSG(p == NULL || ri_good_size(size) == ri_usable_size(p), "size %zu: good %zu usable %zu",
              size, ri_good_size(size), ri_usable_size(p));
    hold(p, size, size <= 8 ? 8 : 16);
  }
  free_all();
}

// Alignments above a page cost address space for every block: sizes are sampled there.
static void aligned(size_t alignment, size_t stride) {
  const size_t step = alignment > SMALL_MAX ? stride * 16 : stride;
  for (size_t i = alignment % 7; i < size_count; i += (i < SMALL_MAX ? step : 1)) {
    hold(ri_malloc_aligned(sizes[i], alignment), sizes[i], alignment);
  }
  free_all();
}

static void aligned_at(size_t alignment, size_t stride) {
  uint64_t rng = alignment;
  for (size_t i = 0; i < size_count; i += stride * 29) {
    const size_t offset = check_below(&rng, 2 * alignment + 3);
    uint8_t* const p = ri_malloc_aligned_at(sizes[i], alignment, offset);
    CHECK_MSG(p != NULL, "size %zu alignment %zu offset %zu", sizes[i], alignment, offset);
    CHECK_MSG(check_aligned(p + offset, alignment), "size %zu alignment %zu offset %zu: %p",
              sizes[i], alignment, offset, (void*)p);
    hold(p, sizes[i], 1);
  }
  free_all();
}

int main(void) {
  const size_t stride = check_stride(64);
  make_sizes();
  plain();
  for (unsigned bit = 0; bit <= ALIGNMENT_BITS; bit++) {
    aligned((size_t)1 << bit, stride);
    aligned_at((size_t)1 << bit, stride);
  }
  CHECK(ri_audit());
  return 0;
}
