// SPDX-License-Identifier: MIT
// sizes.c: what a block costs and how it lies. Waste is bounded (under 16 bytes up to 128, an
// eighth up to 64 KiB, one OS page or an eighth above), ri_good_size is the truth, monotone and
// idempotent, and a power of two up to the OS page is aligned to itself. Catches: two rounding
// rules for one block, a class table with a gap, a page whose blocks start at an odd address.
#include "../check.h"

static void check_waste(size_t size) {
  void* const p = ri_malloc(size);
  CHECK_MSG(p != NULL, "size %zu", size);
  const size_t usable = ri_usable_size(p);
  const size_t waste = usable - size;
  CHECK_MSG(usable >= size && usable == ri_good_size(size), "size %zu: usable %zu good %zu", size,
            usable, ri_good_size(size));
  CHECK_MSG(ri_good_size(usable) == usable, "size %zu: good_size(%zu) is %zu", size, usable,
            ri_good_size(usable));
  CHECK_MSG(check_aligned(p, size <= 8 ? 8 : 16), "size %zu at %p", size, p);
  if (size <= 128) {
    CHECK_MSG(waste < 16, "size %zu usable %zu", size, usable);
  } else if (size <= 64 * CHECK_KIB) {
    CHECK_MSG(waste * 8 <= size, "size %zu usable %zu", size, usable);
  } else {
    CHECK_MSG(waste <= check_os_page() || waste * 8 <= size, "size %zu usable %zu", size, usable);
  }
  ri_free(p);
}

static void waste_everywhere(void) {
  for (size_t size = 0; size <= 70 * CHECK_KIB; size++)
    check_waste(size);
  uint64_t rng = 1;
  for (int i = 0; i < 2000; i++)
    check_waste(check_any_size(&rng, (size_t)600 * CHECK_MIB));
}

static void good_size_is_monotone(void) {
  size_t last = 0;
  for (size_t size = 0; size <= 300 * CHECK_KIB; size++) {
    const size_t good = ri_good_size(size);
    CHECK_MSG(good >= last && good >= size, "size %zu: %zu after %zu", size, good, last);
    last = good;
  }
  // What cannot be allocated is given back as it is.
  CHECK(ri_good_size(check_hide(SIZE_MAX)) == SIZE_MAX);
  CHECK(ri_good_size(check_hide((size_t)PTRDIFF_MAX + 1)) == (size_t)PTRDIFF_MAX + 1);
  CHECK(ri_good_size(CHECK_HUGE(40)) >= CHECK_HUGE(40));
}

// Several pages of each size, so that first, middle and last blocks of a page are all seen.
static void natural_alignment(void) {
  for (size_t size = 16; size <= 4096; size *= 2) {
    enum { COUNT = 1024 };
    void* blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
      blocks[i] = ri_malloc(size);
      CHECK_MSG(check_aligned(blocks[i], size), "size %zu: block %d at %p", size, i, blocks[i]);
    }
    for (int i = 0; i < COUNT; i++)
      ri_free(blocks[i]);
  }
}

static void free_with_size(void) {
  const ri_summary_t before = check_summary();
  ri_register_output(check_capture_output, check_captured());
  ri_option_set(ri_option_check, 1);  // a wrong size would be reported
  errno = 77;
  for (size_t size = 0; size < 3 * 64 * CHECK_KIB; size += 1 + size / 9) {
    ri_free_sized(ri_malloc(size), size);
    // More than was asked for, as far as the block goes.
    void* const p = ri_malloc(size);
    ri_free_sized(p, ri_usable_size(p));
    void* const q = ri_malloc_aligned(size, 64);
    ri_free_aligned_sized(q, 64, ri_usable_size(q));
    ri_free_aligned(ri_malloc_aligned(size, 256), 256);
    ri_free_aligned_sized(ri_malloc_aligned(size, 64), 64, size);
    ri_cfree(ri_calloc(size, 1));
  }
  ri_free_sized(NULL, 10);
  ri_free_aligned(NULL, 64);
  ri_free_aligned_sized(NULL, 64, 10);
  ri_cfree(NULL);
  CHECK_ERRNO(77);
  check_nothing_reported();
  ri_option_set(ri_option_check, 0);
  ri_register_output(NULL, NULL);
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu, before %zu", after.blocks, before.blocks);
}

int main(void) {
  waste_everywhere();
  good_size_is_monotone();
  natural_alignment();
  free_with_size();
  CHECK(ri_audit());
  return 0;
}
