// SPDX-License-Identifier: MIT
// zero.c: memory that must be zero is zero, above all when the memory was used before: each case
// first dirties blocks of the same size, frees them in several orders, and asks again. Catches: a
// page taken for fresh that is not, a free-list link left in a zeroed block, the tail between the
// size asked for and the usable size, memory that was only partly given back.
#include "../check.h"

enum { BATCH_MAX = 512 };

static const size_t sizes[] = {
    0,      1,      7,      8,       9,       15,      16,      17,       24,     31,
    48,     64,     65,     100,     127,     128,     129,     200,      256,    500,
    1000,   1024,   1025,   2000,    4000,    4096,    4097,    8000,     8192,   8193,
    12000,  20000,  32768,  50000,   65535,   65536,   65537,   100000,   131072, 200000,
    262144, 262145, 500000, 1048576, 1500000, 4194304, 5000000, 30000000,
};

static size_t batch_of(size_t size) {
  const size_t count = (size_t)8 * CHECK_MIB / (size + 64);
  return count > BATCH_MAX ? BATCH_MAX : count < 2 ? 2 : count;
}

// Leaves free memory for `size` full of ones behind, freed in the order that `variant` says.
static void dirty(size_t size, size_t alignment, int variant) {
  void* blocks[BATCH_MAX];
  const size_t count = batch_of(size);
  for (size_t i = 0; i < count; i++) {
    blocks[i] = ri_malloc_aligned(size, alignment);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], 0xFF, ri_usable_size(blocks[i]));
  }
  for (size_t i = 0; i < count; i++) {
    const size_t at = variant == 0 ? i : variant == 1 ? count - 1 - i : (i * 2) % (count | 1);
    ri_free(variant == 2 ? NULL : blocks[at]);
  }
  if (variant != 2) return;
  for (size_t i = 0; i < count; i += 2)
    ri_free(blocks[i]);
  for (size_t i = 1; i < count; i += 2)
    ri_free(blocks[i]);
}

typedef void* zero_fun(size_t size, size_t alignment);
static void* by_calloc(size_t size, size_t alignment) {
  (void)alignment;
  return size % 4 == 0 ? ri_calloc(size / 4, 4) : ri_calloc(1, size);
}
static void* by_zalloc(size_t size, size_t alignment) {
  (void)alignment;
  return ri_zalloc(size);
}
static void* by_rezalloc_null(size_t size, size_t alignment) {
  (void)alignment;
  return ri_rezalloc(NULL, size);
}
static void* by_recalloc_null(size_t size, size_t alignment) {
  (void)alignment;
  return ri_recalloc(NULL, 1, size);
}
static void* by_zalloc_aligned(size_t size, size_t alignment) {
  return ri_zalloc_aligned(size, alignment);
}
static void* by_calloc_aligned(size_t size, size_t alignment) {
  return ri_calloc_aligned(1, size, alignment);
}
static void* by_rezalloc_aligned_null(size_t size, size_t alignment) {
  return ri_rezalloc_aligned(NULL, size, alignment);
}
static void* by_recalloc_aligned_null(size_t size, size_t alignment) {
  return ri_recalloc_aligned(NULL, size, 1, alignment);
}
static zero_fun* const makers[] = {
    by_calloc,         by_zalloc,         by_rezalloc_null,         by_recalloc_null,
    by_zalloc_aligned, by_calloc_aligned, by_rezalloc_aligned_null, by_recalloc_aligned_null,
};

static void zeroed(zero_fun* make, size_t size, size_t alignment, int variant) {
  void* blocks[BATCH_MAX];
  dirty(size, alignment, variant);
  const size_t count = batch_of(size);
  for (size_t i = 0; i < count; i++) {
    blocks[i] = make(size, alignment);
    CHECK_MSG(blocks[i] != NULL, "size %zu", size);
    CHECK_ZERO(blocks[i], 0, ri_usable_size(blocks[i]));
  }
  for (size_t i = 0; i < count; i++)
    ri_free(blocks[i]);
}

static void at_offsets(size_t size, int variant) {
  static const size_t alignments[] = {8, 32, 256, 4096, 65536};
  for (size_t a = 0; a < sizeof(alignments) / sizeof(alignments[0]); a++) {
    const size_t alignment = alignments[a];
    const size_t offsets[] = {0, 1, 8, alignment / 2, alignment - 8, alignment + 24};
    dirty(size + alignment, 16, variant);
    for (size_t o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++) {
      uint8_t* const p = ri_zalloc_aligned_at(size, alignment, offsets[o]);
      uint8_t* const q = ri_calloc_aligned_at(size, 1, alignment, offsets[o]);
      CHECK(p != NULL && check_aligned(p + offsets[o], alignment));
      CHECK(q != NULL && check_aligned(q + offsets[o], alignment));
      CHECK_ZERO(p, 0, ri_usable_size(p));
      CHECK_ZERO(q, 0, ri_usable_size(q));
      memset(p, 0xFF, ri_usable_size(p));
      memset(q, 0xFF, ri_usable_size(q));
      ri_free(p);
      ri_free(q);
    }
  }
}

// A call of the functions that resize with zeroes; `form` chooses which.
static void* resize(void* p, size_t size, int form) {
  switch (form) {
    case 0:
      return ri_rezalloc(p, size);
    case 1:
      return ri_recalloc(p, 1, size);
    case 2:
      return ri_rezalloc_aligned(p, size, 64);
    case 3:
      return ri_recalloc_aligned(p, size, 1, 64);
    case 4:
      return ri_rezalloc_aligned_at(p, size, 64, 16);
    default:
      return ri_recalloc_aligned_at(p, 1, size, 64, 16);
  }
}

// Grows from `from` to `to`: old bytes stay, all beyond the old usable size are zero.
static void grows(size_t from, size_t to, int form) {
  dirty(to, 16, 0);
  uint8_t* p = resize(NULL, from, form);
  CHECK(p != NULL);
  const size_t usable = ri_usable_size(p);
  check_fill(p, usable, from);
  p = resize(p, to, form);
  CHECK(p != NULL && ri_usable_size(p) >= to);
  CHECK_FILLED(p, usable < to ? usable : to, from);
  if (ri_usable_size(p) > usable) CHECK_ZERO(p, usable, ri_usable_size(p));
  ri_free(p);
}

// Shrinks and grows again: what the shrunk block did not hold must not come back.
static void shrinks_and_grows(size_t big, size_t small, int form) {
  uint8_t* p = resize(NULL, big, form);
  CHECK(p != NULL);
  check_fill(p, ri_usable_size(p), big);
  p = resize(p, small, form);
  CHECK(p != NULL);
  CHECK_FILLED(p, small, big);
  const size_t usable = ri_usable_size(p);
  p = resize(p, big, form);
  CHECK(p != NULL);
  CHECK_FILLED(p, small, big);
  if (ri_usable_size(p) > usable) CHECK_ZERO(p, usable, ri_usable_size(p));
  ri_free(p);
}

// A block never written stays zero through any chain of sizes.
static void never_written(int form, uint64_t seed) {
  uint64_t rng = seed;
  void* p = NULL;
  const int steps = (int)check_scaled(60);
  for (int i = 0; i < steps; i++) {
    const size_t size = check_any_size(&rng, (size_t)2 * CHECK_MIB);
    dirty(size, 16, i % 3);
    p = resize(p, size, form);
    CHECK(p != NULL);
    CHECK_ZERO(p, 0, ri_usable_size(p));
  }
  ri_free(p);
}

int main(void) {
  const size_t count = sizeof(sizes) / sizeof(sizes[0]);
  const size_t step = check_stride(4);
  for (size_t s = 0; s < count; s += step) {
    for (size_t m = 0; m < sizeof(makers) / sizeof(makers[0]); m++) {
      if (sizes[s] > CHECK_MIB && m % 3 != s % 3) continue;
      zeroed(makers[m], sizes[s], 16, (int)(m + s) % 3);
      if (m >= 5 && sizes[s] < CHECK_MIB) zeroed(makers[m], sizes[s], 512, (int)m % 3);
    }
    if (sizes[s] < CHECK_MIB) at_offsets(sizes[s], (int)s % 3);
    for (int form = 0; form < 6; form++) {
      if (sizes[s] > (size_t)5 * CHECK_MIB) continue;
      grows(sizes[s], sizes[s] + 1 + sizes[s] / 3, form);
      grows(sizes[s], 3 * sizes[s] + 40, form);
      shrinks_and_grows(sizes[s], sizes[s] / 3, form);
      shrinks_and_grows(sizes[s], sizes[s] / 17, form);
    }
  }
  for (int form = 0; form < 6; form++)
    never_written(form, 77 + (uint64_t)form);
  CHECK(ri_audit());
  return 0;
}
