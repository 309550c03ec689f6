// SPDX-License-Identifier: MIT
// realloc.c: resizing keeps contents; a block stays where it is exactly when the new size fits and
// at most half would be wasted, or 5/16 from 1 KiB on, and shrinks otherwise; size 0 gives a
// smallest block; chains of growth to 300 MiB keep every byte; what fails leaves the block alone.
// Catches: a copy of too few or too many bytes, memory kept for ever by a small rest, a moved page
// whose content was lost.
#include "../check.h"

static const size_t sizes[] = {1,      8,       16,      24,      100,    128,    129,
                               500,    1000,    1024,    1025,    4000,   8192,   8193,
                               20000,  65536,   65537,   90000,   131072, 200000, 262144,
                               300001, 1048576, 3000000, 10000000};
enum { SIZE_COUNT = sizeof(sizes) / sizeof(sizes[0]) };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static void check_rules(size_t from, size_t to) {
  void* const p = ri_malloc(from);
  CHECK(p != NULL);
  const size_t usable = ri_usable_size(p);
  check_fill(p, usable, from);
  const size_t waste = usable < 1024 ? usable / 2 : usable / 16 * 5;
  const bool large = usable > CHECK_KIB * 64 && to > CHECK_KIB * 64;  // shrinks in place
  const bool stays = to <= usable && to > 0 && (usable - to <= waste || large);
  errno = 12345;
  void* const q = ri_realloc(p, to);
  CHECK(q != NULL);
  CHECK_ERRNO(12345);
  CHECK_MSG(!stays || q == p, "%zu (%zu usable) to %zu moved", from, usable, to);
  const size_t now = ri_usable_size(q);
  CHECK_MSG(now >= to, "%zu to %zu: usable %zu", from, to, now);
  CHECK_MSG(stays || now <= 2 * to || now == ri_good_size(to), "%zu to %zu keeps %zu", from, to,
            now);
  CHECK_FILLED(q, least(usable, to), from);
  ri_free(q);
}

static void rules(void) {
  const size_t step = check_stride(4);
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    for (size_t j = i % step; j < SIZE_COUNT; j += step) {
      check_rules(sizes[i], sizes[j]);
      check_rules(sizes[i], sizes[j] / 2 + 1);
    }
  }
  for (size_t size = 1; size <= 2048; size++) {
    const size_t usable = ri_good_size(size);
    check_rules(size, usable);
    check_rules(size, usable + 1);
    check_rules(size, (usable + 1) / 2);
    check_rules(size, usable / 2 > 0 ? usable / 2 - 1 : 0);
  }
}

// What grows gets up to a quarter more than it had, so that it need not move at the next byte.
static void grows_with_room(void) {
  for (size_t size = 16; size <= 32 * CHECK_KIB; size += 1 + size / 7) {
    void* p = ri_malloc(size);
    const size_t had = ri_usable_size(p);
    p = ri_realloc(p, had + 1);
    const size_t room = had + had / 4 > had + 1 ? had + had / 4 : had + 1;
    CHECK_MSG(ri_usable_size(p) == ri_good_size(room), "%zu to %zu: %zu", had, had + 1,
              ri_usable_size(p));
    ri_free(p);
    p = ri_malloc(size);
    p = ri_realloc(p, 2 * had);  // which is more
    CHECK_MSG(ri_usable_size(p) == ri_good_size(2 * had), "%zu doubled: %zu", had,
              ri_usable_size(p));
    ri_free(p);
  }
}

// A product of 0 is a size of 0: a smallest block, for all but ri_reallocarr.
static void product_of_zero(size_t count, size_t size) {
  void* p = ri_malloc(1000);
  p = ri_reallocn(p, count, size);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(0));
  ri_free(p);
  p = ri_reallocarray(ri_malloc(1000), count, size);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(0));
  ri_free(p);
  p = ri_recalloc(ri_zalloc(1000), count, size);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(0));
  ri_free(p);
  p = ri_recalloc_aligned(ri_zalloc(1000), count, size, 64);
  CHECK(p != NULL && check_aligned(p, 64));
  ri_free(p);
  p = ri_calloc(count, size);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(0));
  ri_free(p);
  p = ri_mallocn(count, size);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(0));
  ri_free(p);
}

// It is given room when it grows: small steps then neither move it nor take the room away.
static void grows_by_small_steps(size_t step) {
  uint8_t* p = ri_malloc(step);
  size_t moves = 0, size = step, copied = 0;
  for (; size < 60 * CHECK_KIB; size += step) {
    uint8_t* const q = ri_realloc(p, size);
    CHECK(q != NULL);
    if (q != p) copied += size;
    moves += q != p;
    p = q;
  }
  CHECK_MSG(moves <= 40 && copied <= 6 * size, "%zu moves, %zu bytes by %zu", moves, copied, step);
  ri_free(p);
}

static void size_zero_and_null(void) {
  if (!check_sanitized()) {
    grows_by_small_steps(8);
    grows_by_small_steps(24);
    grows_by_small_steps(100);
  }
  product_of_zero(0, 10);
  product_of_zero(10, 0);
  product_of_zero(0, 0);
  product_of_zero(check_hide(SIZE_MAX), 0);
  void* const zero = ri_reallocf(ri_malloc(1000), 0);
  CHECK(zero != NULL && ri_usable_size(zero) == ri_good_size(0));
  ri_free(zero);
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    void* p = ri_malloc(sizes[i]);
    p = ri_realloc(p, 0);
    CHECK(p != NULL);
    CHECK(ri_usable_size(p) == ri_good_size(0));
    p = ri_realloc_aligned(p, 0, 64);
    CHECK(p != NULL && check_aligned(p, 64));
    ri_free(p);
  }
  void* p = ri_realloc(NULL, 100);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(100));
  ri_free(p);
  p = ri_realloc(NULL, 0);
  CHECK(p != NULL);
  ri_free(p);
  p = ri_reallocn(NULL, 10, 10);
  CHECK(p != NULL && ri_usable_size(p) == ri_good_size(100));
  p = ri_reallocf(p, 300);
  CHECK(p != NULL && ri_usable_size(p) >= 300);
  p = ri_reallocarray(p, 70, 9);
  CHECK(p != NULL && ri_usable_size(p) >= 630);
  ri_free(p);
}

// Grows and shrinks by random steps with the content checked wholly, or sparsely when large.
static void chain(size_t max, size_t steps, size_t alignment, size_t offset, uint64_t seed) {
  uint64_t rng = seed;
  size_t size = 0;
  uint8_t* p = NULL;
  for (size_t i = 0; i < steps; i++) {
    const size_t next = check_any_size(&rng, max);
    uint8_t* const q = alignment == 1 ? ri_realloc(p, next)
                       : offset == 0  ? ri_realloc_aligned(p, next, alignment)
                                      : ri_realloc_aligned_at(p, next, alignment, offset);
    CHECK_MSG(q != NULL, "%zu to %zu", size, next);
    CHECK_MSG(check_aligned(q + offset, alignment), "%p not aligned to %zu", (void*)q, alignment);
    CHECK_FILLED(q, least(size, next), 5);
    check_fill(q, next, 5);
    CHECK_MSG(ri_usable_size(q) <= 2 * next + 2 * alignment + 64, "%zu keeps %zu", next,
              ri_usable_size(q));
    p = q;
    size = next;
  }
  ri_free(p);
}

static void to_300_mib(size_t limit) {
  size_t size = 16;
  uint8_t* p = ri_malloc(size);
  check_fill(p, size, 9);
  while (size < limit) {
    const size_t next = size + size / 2;
    uint8_t* const q = ri_realloc(p, next);
    CHECK_MSG(q != NULL, "%zu to %zu", size, next);
    // All old content, then fill the new part only: the whole history is checked at each step.
    CHECK_FILLED(q, size & ~(size_t)7, 9);
    check_fill_range(q, size & ~(size_t)7, next, 9);
    p = q;
    size = next;
  }
  // And down again by halves: memory must not stay behind.
  while (size > 1000) {
    size /= 3;
    p = ri_realloc(p, size);
    CHECK(p != NULL);
    CHECK_FILLED(p, size, 9);
    CHECK_MSG(ri_usable_size(p) <= 2 * size + 4096, "%zu keeps %zu", size, ri_usable_size(p));
  }
  ri_free(p);
}

// Many small steps, as a string that is appended to: every byte is checked at the end.
static void appending(size_t step, size_t limit) {
  uint8_t* p = NULL;
  size_t moves = 0;
  for (size_t size = step; size < limit; size += step) {
    uint8_t* const q = ri_realloc(p, size);
    CHECK(q != NULL);
    moves += q != p;
    memset(q + size - step, (int)(size / step % 251), step);
    p = q;
  }
  CHECK(p != NULL);
  for (size_t i = 0, n = (limit - 1) / step; i < n; i++) {
    CHECK_MSG(p[i * step] == (i + 1) % 251 && p[i * step + step - 1] == (i + 1) % 251, "piece %zu",
              i);
  }
  // A move at each class boundary at most: 8 a doubling, a few more where pages are moved.
  CHECK_MSG(moves < limit / step && moves <= 16 * 24, "%zu moves", moves);
  ri_free(p);
}

// Blocks made by one function are resized by the others.
static void mixed_makers(void) {
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    const size_t size = sizes[i];
    void* p = ri_malloc_aligned(size, 4096);
    check_fill(p, size, i);
    p = ri_realloc(p, size * 2);
    CHECK(p != NULL);
    CHECK_FILLED(p, size, i);
    p = ri_realloc_aligned(p, size * 2, 1024);
    CHECK(p != NULL && check_aligned(p, 1024));
    CHECK_FILLED(p, size, i);
    p = ri_realloc_aligned_at(p, size * 3, 256, 8);
    CHECK(p != NULL && check_aligned((uint8_t*)p + 8, 256));
    CHECK_FILLED(p, size, i);
    p = ri_rezalloc(p, size * 4);
    CHECK_FILLED(p, size, i);
    ri_free(p);
  }
}

static void failure_changes_nothing(void) {
  for (size_t i = 0; i < SIZE_COUNT; i++) {
    void* const p = ri_malloc(sizes[i]);
    const size_t usable = ri_usable_size(p);
    check_fill(p, usable, i);
    errno = 0;
    CHECK(ri_realloc(p, check_hide(SIZE_MAX - 4096)) == NULL);
    CHECK_ERRNO(ENOMEM);
    errno = 0;
    CHECK(ri_realloc_aligned(p, check_hide(CHECK_LARGEST - 4096), 64) == NULL);
    CHECK_ERRNO(ENOMEM);
    errno = 0;
    CHECK(ri_realloc_aligned(p, 100, check_hide(24)) == NULL);
    CHECK_ERRNO(EINVAL);
    CHECK(ri_usable_size(p) == usable);
    CHECK_FILLED(p, usable, i);
    ri_free(p);
  }
}

int main(void) {
  ri_register_output(check_capture_output, check_captured());  // failures are asked for above
  const ri_summary_t before = check_summary();
  rules();
  grows_with_room();
  size_zero_and_null();
  for (uint64_t seed = 0; seed < 8; seed++) {
    chain(20000, check_scaled(400), 1, 0, seed);
    chain((size_t)4 * CHECK_MIB, check_scaled(200), 1, 0, seed);
    chain(200000, check_scaled(200), (size_t)16 << seed, 0, seed);
    chain(200000, check_scaled(200), (size_t)16 << seed, 8, seed);
  }
  to_300_mib(check_scaled((size_t)300 * CHECK_MIB));
  appending(13, 50000);
  appending(4096, (size_t)2 * CHECK_MIB);
  appending(100000, (size_t)20 * CHECK_MIB);
  mixed_makers();
  failure_changes_nothing();
  const ri_summary_t after = check_summary();
  CHECK_MSG(after.blocks == before.blocks, "%zu blocks, before %zu", after.blocks, before.blocks);
  CHECK(ri_audit());
  return 0;
}
