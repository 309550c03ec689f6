// SPDX-License-Identifier: MIT
// bitmap.c: arena/bitmap.h against a model with one byte per bit, over random operations on maps of
// all awkward lengths; then claims by several threads, which must never share a bit. Catches: a run
// over a word border, the bits after the last, an alignment with a phase, a claim that fails
// half-way and leaves bits behind.
#include "arena/bitmap.h"

#include "../check.h"

#include <stdatomic.h>

enum { BITS_MAX = 400 };
static rix_word_t words[BITS_MAX / 64 + 1];
static bool model[BITS_MAX];

static rix_bitmap_t fresh(size_t bits) {
  memset(words, 0, sizeof(words));
  memset(model, 0, sizeof(model));
  return (rix_bitmap_t){words, bits};
}

static size_t model_count(size_t from, size_t count) {
  size_t set = 0;
  for (size_t i = from; i < from + count; i++)
    set += model[i];
  return set;
}

static bool model_find(size_t bits, size_t from, size_t count, size_t align, size_t phase,
                       size_t* found) {
  for (size_t i = from; i + count <= bits; i++) {
    if (i % align == phase % align && model_count(i, count) == count) {
      *found = i;
      return true;
    }
  }
  return false;
}

static void agrees(const rix_bitmap_t* map) {
  for (size_t i = 0; i < map->bits; i++) {
    CHECK_MSG((rix_bitmap_count_run(map, i, 1) == 1) == model[i], "bit %zu of %zu", i, map->bits);
  }
  for (size_t i = map->bits; i < rix_bitmap_words(map->bits) * 64; i++) {
    CHECK_MSG(((words[i / 64].v >> (i % 64)) & 1) == 0, "bit %zu after the last is set", i);
  }
}

static void finds(const rix_bitmap_t* map, uint64_t* rng) {
  for (int i = 0; i < 20; i++) {
    const size_t align = (size_t)1 << check_below(rng, 9);
    const size_t phase = check_below(rng, align);
    const size_t count = 1 + check_below(rng, i < 10 ? 8 : map->bits);
    const size_t from = check_below(rng, map->bits + 1);
    size_t expected = SIZE_MAX, found = SIZE_MAX;
    const bool there = model_find(map->bits, from, count, align, phase, &expected);
    CHECK_MSG(rix_bitmap_find_run(map, from, count, align, phase, &found) == there,
              "%zu bits, from %zu, count %zu, align %zu phase %zu", map->bits, from, count, align,
              phase);
    CHECK_MSG(!there || found == expected, "found %zu, expected %zu", found, expected);
    const bool any = model_find(map->bits, from, 1, 1, 0, &expected);
    CHECK(rix_bitmap_next_set(map, from, &found) == any);
    CHECK(!any || found == expected);
  }
}

static void operations(size_t bits, uint64_t seed) {
  const rix_bitmap_t map = fresh(bits);
  uint64_t rng = seed;
  for (int step = 0; step < 400; step++) {
    const size_t index = check_below(&rng, bits);
    const size_t count = 1 + check_below(&rng, rix_min(bits - index, 1 + check_below(&rng, 200)));
    const size_t set = model_count(index, count);
    switch (check_below(&rng, 4)) {
      case 0:
        CHECK(rix_bitmap_set_run(&map, index, count) == (set == 0));
        memset(&model[index], 1, count);
        break;
      case 1:
        CHECK(rix_bitmap_clear_run(&map, index, count) == set);
        memset(&model[index], 0, count);
        break;
      case 2:
        CHECK(rix_bitmap_claim_run(&map, index, count) == (set == count));
        if (set == count) memset(&model[index], 0, count);
        break;
      default:
        CHECK(rix_bitmap_count_run(&map, index, count) == set);
        break;
    }
    if (step % 10 == 0) {
      agrees(&map);
      finds(&map, &rng);
    }
  }
  size_t found;
  CHECK(!rix_bitmap_find_run(&map, 0, bits + 1, 1, 0, &found));
  CHECK(!rix_bitmap_find_run(&map, 0, 0, 1, 0, &found));
}

// ---- Several threads ----------------------------------------------------------------------------

enum { THREADS = 4, SHARED_BITS = 200 };
static rix_bitmap_t shared;
static _Atomic(int) owner[SHARED_BITS];
static size_t rounds;

static void* claims(void* arg) {
  const int self = (int)(uintptr_t)arg;
  uint64_t rng = (uint64_t)self;
  for (size_t i = 0; i < rounds; i++) {
    const size_t count = 1 + check_below(&rng, i % 5 == 0 ? 90 : 6);
    size_t at = check_below(&rng, SHARED_BITS);
    if (!rix_bitmap_find_run(&shared, at, count, 1, 0, &at)) continue;
    if (!rix_bitmap_claim_run(&shared, at, count)) continue;
    for (size_t b = at; b < at + count; b++) {
      const int before = atomic_exchange_explicit(&owner[b], self, memory_order_relaxed);
      CHECK_MSG(before == 0, "bit %zu of %d was taken by %d", b, before, self);
    }
    for (size_t b = at; b < at + count; b++) {
      CHECK(atomic_exchange_explicit(&owner[b], 0, memory_order_relaxed) == self);
    }
    CHECK(rix_bitmap_set_run(&shared, at, count));
  }
  return NULL;
}

static void threads(void) {
  rounds = check_scaled(100000);
  shared = fresh(SHARED_BITS);
  rix_bitmap_set_run(&shared, 0, SHARED_BITS);
  pthread_t all[THREADS];
  for (size_t t = 0; t < THREADS; t++)
    all[t] = check_start(claims, (void*)(t + 1));
  for (size_t t = 0; t < THREADS; t++)
    check_join(all[t]);
  CHECK(rix_bitmap_count_run(&shared, 0, SHARED_BITS) == SHARED_BITS);
}

int main(void) {
  static const size_t lengths[] = {1, 2, 63, 64, 65, 127, 128, 129, 191, 200, 320, 400};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    for (uint64_t seed = 0; seed < 10; seed++)
      operations(lengths[i], seed);
  }
  threads();
  return 0;
}
