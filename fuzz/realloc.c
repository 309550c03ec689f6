// SPDX-License-Identifier: MIT
// realloc.c: long chains of resizes of a few blocks, around the sizes where the method changes: in
// place, by copying, by moving page tables, into and out of mappings; between blocks that take the
// room behind them.
#include "shadow.h"

static shadow_t shadow;

// Relative to what the block has, or around a boundary.
static size_t next_size(const shadow_block_t* b, fuzz_op_t op) {
  static const size_t boundaries[] = {0,      8,      1024,   8192,   65536,
                                      131072, 262144, 300000, 524288, 1 << 20};
  const size_t delta = op.value % 4097;
  const size_t most = (size_t)(op.value % 64 == 0 ? 2500 : 600) << 10;
  switch (op.a % 8) {
    case 0:
      return b->size + delta % 64;
    case 1:
      return b->size + b->size / 2 < most ? b->size + b->size / 2 : b->size;
    case 2:
      return b->size * 2 < most ? b->size * 2 : delta;
    case 3:
      return b->size / 2;
    case 4:
      return b->size - (delta < b->size ? delta : b->size);
    case 5:
      return fuzz_size(op.b % 16 == 12 ? 11 : op.b, op.value);
    default: {
      const size_t at = boundaries[op.b % 10];
      return op.b >= 128 ? at + delta % 70 : at - (delta % 70 < at ? delta % 70 : at);
    }
  }
}

// A block of hundreds of megabytes is never asked for what only a copy can give.
static void* resize(const shadow_block_t* b, fuzz_op_t op, shadow_wish_t* wish) {
  switch (b->size > FUZZ_SURE_MAX ? 4 : op.code % 8) {
    case 0:
    case 1:
      wish->zero = true;
      return ri_rezalloc(b->p, wish->size);
    case 2:
      wish->align = (size_t)1 << op.slot % 18;
      return ri_realloc_aligned(b->p, wish->size, wish->align);
    case 3:
      wish->align = (size_t)16 << op.slot % 10;
      wish->offset = op.value % 100;
      wish->zero = true;
      return ri_rezalloc_aligned_at(b->p, wish->size, wish->align, wish->offset);
    default:
      return ri_realloc(b->p, wish->size);
  }
}

static void step(fuzz_op_t op) {
  shadow_block_t* const b = shadow_at(&shadow, op.slot % 6);
  if (op.code >= 250) {
    fuzz_clock_forward(op.value % 2000);
    return;
  }
  if (op.code >= 240 && b->p != NULL) {
    shadow_check(b);
    ri_free(b->p);
    shadow_freed(&shadow, b);
    return;
  }
  shadow_wish_t wish = {b->p != NULL ? next_size(b, op) : fuzz_size(op.a, op.value), 1, 0, false};
  if (!shadow_has_room(&shadow, wish.size)) return;
  if (b->p != NULL && b->size > FUZZ_SURE_MAX && wish.size < FUZZ_SURE_MAX) {  // a long copy
    ri_free(b->p);
    shadow_freed(&shadow, b);
  }
  errno = SHADOW_ERRNO;
  if (b->p == NULL) {
    wish.zero = op.code % 2 == 0;
    void* const p = wish.zero ? ri_zalloc(wish.size) : ri_malloc(wish.size);
    shadow_allocated(&shadow, b, p, wish);
    return;
  }
  const size_t old_usable = ri_usable_size(b->p);
  void* const q = resize(b, op, &wish);
  shadow_resized(&shadow, b, q, old_usable, wish);
}

void fuzz_run(fuzz_input_t in) {
  fuzz_op_t op;
  while (fuzz_next(&in, &op))
    step(op);
  shadow_clear(&shadow);
}
