// SPDX-License-Identifier: MIT
// sizeclass.c: the promises of src/base/sizeclass.h and of ri_good_size, for every size.
// subject: rix_class_of, ri_good_size
#include "subject.h"

#include "symbolic.h"

#define MAX RIX_MEDIUM_BLOCK_MAX

void prove_class_fits_and_is_least(void) {
  INPUT(64, size);
  sym_assume(size <= MAX);
  const unsigned c = rix_class_of(size);
  ASSERT(c < RIX_CLASS_COUNT);
  ASSERT(rix_class_block_size(c) >= size);
  if (c > 0) ASSERT(rix_class_block_size(c - 1) < size);
}

void prove_class_monotone(void) {
  INPUT(64, a);
  INPUT(64, b);
  sym_assume(a <= b && b <= MAX);
  ASSERT(rix_class_of(a) <= rix_class_of(b));
}

void prove_class_inverse(void) {
  EACH(c, RIX_CLASS_COUNT);
  const size_t size = rix_class_block_size(c);
  ASSERT(size >= 8 && size <= MAX && (size == 8 || size % 16 == 0));
  ASSERT(rix_class_of(size) == c);
  if (c > 0) ASSERT(rix_class_block_size(c - 1) < size);
}

void prove_class_waste(void) {
  INPUT(64, size);
  sym_assume(size <= MAX);
  const size_t waste = rix_class_block_size(rix_class_of(size)) - size;
  if (size <= 16 * RIX_CLASS_STEPS) {
    ASSERT(size == 0 ? waste == 8 : waste < 16);
  } else {
    ASSERT(waste * RIX_CLASS_STEPS < size);  // 12.5 % with 8 steps
  }
}

// Every alignment that divides a size divides its class's blocks; for 16 from sizes over 8 on.
void prove_class_natural_alignment(void) {
  INPUT(64, size);
  EACH(shift, 17);
  const size_t align = (size_t)1 << shift;
  sym_assume(size >= 1 && size <= MAX && size % align == 0);
  ASSERT(rix_class_block_size(rix_class_of(size)) % align == 0);
}

// What rix_theap_malloc_aligned relies on: the rounded size has a class, whose blocks are aligned
// at every index of a page that starts at a slice, and inside the page.
void prove_block_alignment(void) {
  INPUT(64, size);
  INPUT(64, slice);
  EACH(shift, 17);
  const size_t align = (size_t)1 << shift;
  sym_assume(size <= MAX && slice < (uint64_t)1 << 31);
  const size_t rounded = rix_align_up(size == 0 ? 1 : size, align);
  ASSERT(rounded >= size && rounded <= MAX);
  const size_t block = rix_class_block_size(rix_class_of(rounded));
  ASSERT(block % align == 0);
  const uint64_t start = slice * RIX_SLICE_SIZE;
  ASSERT((start + block) % align == 0);  // and so, by adding again, every index
}

void prove_sixteen(void) {
  INPUT(64, size);
  sym_assume(size > 8 && size <= MAX);
  ASSERT(rix_class_block_size(rix_class_of(size)) % 16 == 0);
}

// A direct slot serves the class of every size that leads to it.
void prove_direct_slots(void) {
  INPUT(64, size);
  sym_assume(size <= RI_DIRECT_MAX);
  const size_t slot = (size + 7) / 8;
  ASSERT(slot < RI_DIRECT_SLOTS);
  ASSERT(rix_class_of(slot * 8) == rix_class_of(size));
}

// ---- ri_good_size ---------------------------------------------------------------------------------

static size_t os_page;
size_t rix_os_page_size(void) { return os_page; }

// Nothing is hardened.
rix_flag_t rix_harden_begun;
rix_heap_t rix_heap_default;

static void good_size_begins(size_t page_size) {
  os_page = page_size;
  ri_store_relaxed(&rix_harden_begun, 1);
  ri_store_relaxed(&rix_heap_default.xhard, 0);
}

void prove_good_size(void) {
  INPUT(64, size);
  good_size_begins((size_t)4096 << sym_each(5, "page shift"));
  const size_t good = ri_good_size(size);
  ASSERT(good >= size);
  ASSERT(good - size < rix_max(os_page, 8192) || good == size);
  if (size > MAX && size <= PTRDIFF_MAX - os_page) {
    ASSERT(good % os_page == 0 && good - size < os_page);
    ASSERT(good <= PTRDIFF_MAX);
  }
  if (size > PTRDIFF_MAX) ASSERT(good == size);
}

void prove_good_size_monotone(void) {
  INPUT(64, a);
  INPUT(64, b);
  sym_assume(a <= b);
  good_size_begins(4096);
  const size_t first = ri_good_size(a), second = ri_good_size(b);
  ASSERT(first <= second);
}

void prove_good_size_is_final(void) {
  INPUT(64, size);
  good_size_begins((size_t)4096 << sym_each(5, "page shift"));
  const size_t good = ri_good_size(size), again = ri_good_size(good);
  ASSERT(again == good);
}
