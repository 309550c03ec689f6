// SPDX-License-Identifier: MIT
// double_free.c: a block that is freed twice in a row by the thread that made it is reported in
// every build; with the option `check` it is reported whatever happened in between. The second free
// changes nothing. Without the report the block would be handed out twice.
#include "misuse.h"

enum { COUNT = 300 };

static void at_once(size_t size) {
  void* const other = ri_malloc(size);  // the page stays in use
  void* const p = ri_malloc(size);
  ri_free(p);
  misuse_free_again(p);
  misuse_free_again(p);
  void* const q = ri_malloc(size);
  void* const r = ri_malloc(size);
  CHECK(q != r && q != other && r != other);
  ri_free(q);
  ri_free(r);
  ri_free(other);
}

// Other frees in between: the block is somewhere in the list, not its head.
static void later(size_t size) {
  void* blocks[COUNT];
  const size_t count = size > 10000 ? 20 : COUNT;
  for (size_t i = 0; i < count; i++)
    blocks[i] = ri_malloc(size);
  for (size_t i = 0; i + 1 < count; i += 2)
    ri_free(blocks[i]);
  for (size_t i = 0; i + 1 < count; i += 22)
    misuse_free_again(blocks[i]);
  for (size_t i = 1; i < count; i += 2)
    check_fill(blocks[i], size, i);
  void* again[COUNT];
  for (size_t i = 0; i < count; i++) {
    again[i] = ri_malloc(size);
    check_fill(again[i], size, i + 1000);
  }
  for (size_t i = 1; i < count; i += 2)
    CHECK_FILLED(blocks[i], size, i);
  for (size_t i = 0; i < count; i++)
    CHECK_FILLED(again[i], size, i + 1000);
  for (size_t i = 0; i < count; i++)
    ri_free(again[i]);
  for (size_t i = 1; i < count; i += 2)
    ri_free(blocks[i]);
  if (count % 2 == 1) ri_free(blocks[count - 1]);
}

// The last block of a page: the page is empty or gone when the second free comes.
static void of_the_last_block(size_t size) {
  void* const p = ri_malloc(size);
  ri_free(p);
  misuse_free_gone(p);
}

static void by_every_free(void) {
  void* const other = ri_malloc(100);
  void* const p = ri_malloc(100);
  ri_free(p);
  ri_free_sized(misuse_pointer(p), 100);
  check_reported(EAGAIN, "double free", p);
  ri_free_aligned_sized(misuse_pointer(p), 16, 100);
  check_reported(EAGAIN, "double free", p);
  ri_free_aligned(misuse_pointer(p), 16);
  check_reported(EAGAIN, "double free", p);
  ri_cfree(misuse_pointer(p));
  check_reported(EAGAIN, "double free", p);
  ri_free(other);
}

// realloc frees as well: a freed block is none to resize, though it still has room.
static void by_realloc(void) {
  void* const other = ri_malloc(100);
  void* const p = ri_malloc(100);
  ri_free(p);
  CHECK(ri_usable_size(misuse_pointer(p)) == 0);
  const size_t sizes[] = {90, 100, 10, 5000, 100000};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    CHECK(ri_realloc(misuse_pointer(p), sizes[i]) == NULL);
    CHECK_ERRNO(EINVAL);
    check_reported(EINVAL, "realloc of invalid pointer", p);
    CHECK(ri_expand(misuse_pointer(p), sizes[i]) == NULL);
  }
  ri_free(other);
}

static void of_aligned_blocks(void) {
  for (size_t alignment = 32; alignment <= 65536; alignment *= 4) {
    void* const other = ri_malloc_aligned(40, alignment);
    void* const p = ri_malloc_aligned(40, alignment);
    ri_free(p);
    misuse_free_gone(p);
    void* const q = ri_malloc_aligned_at(200, alignment, 8);
    ri_free(q);
    misuse_free_gone(q);
    ri_free(other);
  }
}

int main(void) {
  // Twice in a row is found in every build, without the option.
  misuse_begin(0);
  for (int i = 0; i < MISUSE_SMALL_SIZES; i++)
    at_once(misuse_small_sizes[i]);
  misuse_intact();
  ri_collect(true);  // pages are checked from their beginning or not at all
  misuse_begin(1);
  for (int i = 0; i < MISUSE_SMALL_SIZES; i++) {
    at_once(misuse_small_sizes[i]);
    later(misuse_small_sizes[i]);
    of_the_last_block(misuse_small_sizes[i]);
    misuse_intact();
  }
  by_every_free();
  by_realloc();
  of_aligned_blocks();
  misuse_intact();
  return 0;
}
