// SPDX-License-Identifier: MIT
// bitmap.c: the arena's bitmaps against an array of truth values: runs within and over words, all
// alignments and phases, searches from anywhere.
#include "arena/bitmap.h"

#include "fuzz.h"

enum { BITS_MAX = 330 };

static rix_word_t words[(BITS_MAX + 63) / 64];
static bool model[BITS_MAX];
static rix_bitmap_t map = {words, BITS_MAX};

static bool model_find(size_t from, size_t count, size_t align, size_t phase, size_t* found) {
  for (size_t i = from; count > 0 && i + count <= map.bits; i++) {
    if (align > 1 && i % align != phase) continue;
    size_t n = 0;
    while (n < count && model[i + n])
      n++;
    if (n == count) {
      *found = i;
      return true;
    }
  }
  return false;
}

static size_t model_count(size_t at, size_t count) {
  size_t n = 0;
  for (size_t i = at; i < at + count; i++)
    n += model[i];
  return n;
}

static void model_fill(size_t at, size_t count, bool value) {
  for (size_t i = at; i < at + count; i++)
    model[i] = value;
}

static void find(fuzz_op_t op, size_t at) {
  const size_t align = (size_t)1 << op.b % 7;
  const size_t phase = (op.b >> 3) % align;
  const size_t count = op.value % (op.a % 4 == 0 ? BITS_MAX + 3 : 20);
  size_t found = SIZE_MAX, expected = SIZE_MAX;
  const bool has = rix_bitmap_find_run(&map, at, count, align, phase, &found);
  FUZZ_CHECK(has == model_find(at, count, align, phase, &expected));
  FUZZ_CHECK(!has || found == expected);
}

static void next_set(size_t at) {
  size_t found = SIZE_MAX, expected = SIZE_MAX;
  const bool has = rix_bitmap_next_set(&map, at, &found);
  FUZZ_CHECK(has == model_find(at, 1, 1, 0, &expected));
  FUZZ_CHECK(!has || found == expected);
}

static void step(fuzz_op_t op) {
  const size_t at = (op.slot + 256 * (op.a & 1u)) % map.bits;
  const size_t count = 1 + op.value % (map.bits - at);
  const size_t set = model_count(at, count);
  switch (op.code % 8) {
    case 0:
      FUZZ_CHECK(rix_bitmap_set_run(&map, at, count) == (set == 0));
      model_fill(at, count, true);
      break;
    case 1:
      FUZZ_CHECK(rix_bitmap_clear_run(&map, at, count) == set);
      model_fill(at, count, false);
      break;
    case 2:
    case 3:
      FUZZ_CHECK(rix_bitmap_claim_run(&map, at, count) == (set == count));
      if (set == count) model_fill(at, count, false);
      break;
    case 4:
      FUZZ_CHECK(rix_bitmap_count_run(&map, at, count) == set);
      break;
    case 5:
      next_set(at);
      break;
    default:
      find(op, at);
  }
}

static void check_all(void) {
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) * 64; i++) {
    const bool bit = (ri_load_relaxed(&words[i / 64]) >> i % 64 & 1) != 0;
    FUZZ_CHECK(bit == (i < map.bits && model[i]));
  }
}

void fuzz_run(fuzz_input_t in) {
  fuzz_op_t op = {0, 0, 0, 0, 0};
  memset(words, 0, sizeof(words));
  memset(model, 0, sizeof(model));
  if (fuzz_next(&in, &op)) map.bits = 1 + op.value % BITS_MAX;
  while (fuzz_next(&in, &op))
    step(op);
  check_all();
}
