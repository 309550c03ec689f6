// SPDX-License-Identifier: MIT
// touched.c: see touched.h.
#include "arena/touched.h"

enum {
  TOUCHED_LOOK = 24,  // free slices that a claim chooses from,
  TOUCHED_WORDS = 8,  // in so many words of the bitmap,
  TOUCHED_NEAR = 8    // until one fits but for a unit or one in N
};

// Of the first `units` of a run those in its slice `i`.
static size_t touched_part(size_t units, size_t i) {
  const size_t before = i * RIX_TOUCHED_SLICE;
  return units > before ? rix_min(units - before, RIX_TOUCHED_SLICE) : 0;
}

void rix_touched_raise(rix_arena_t* a, size_t index, size_t count, size_t units) {
  for (size_t i = 0; i < count; i++) {
    const size_t part = touched_part(units, i);
    if (part > ri_load_relaxed(&a->touched[index + i]))
      ri_store_relaxed(&a->touched[index + i], (uint8_t)part);
  }
}

void rix_touched_lower(rix_arena_t* a, size_t index, size_t count, size_t units) {
  for (size_t i = 0; i < count; i++) {
    const size_t part = touched_part(units, i);
    if (part < ri_load_relaxed(&a->touched[index + i]))
      ri_store_relaxed(&a->touched[index + i], (uint8_t)part);
  }
}

size_t rix_touched_behind(const rix_arena_t* a, size_t index, size_t count, size_t units,
                          size_t* end) {
  size_t behind = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t part = touched_part(units, i), touched = ri_load_relaxed(&a->touched[index + i]);
    if (touched <= part) continue;
    behind += touched - part;
    *end = i * RIX_TOUCHED_SLICE + touched;
  }
  return behind;
}

// How many units of a run are to be touched that were not, or were and are not to be.
static size_t touched_off(const rix_arena_t* a, size_t index, size_t count, size_t units) {
  size_t off = 0;
  for (size_t i = 0; i < count; i++) {
    const size_t part = touched_part(units, i), touched = ri_load_relaxed(&a->touched[index + i]);
    off += touched > part ? touched - part : part - touched;
  }
  return off;
}

// The bits of a word at which so many that are set begin.
static uint64_t touched_runs(uint64_t word, size_t count) {
  for (; count > 1; count--)
    word &= word >> 1;
  return word;
}

bool rix_touched_choose(const rix_arena_t* a, size_t from, size_t count, size_t units,
                        size_t* first, size_t* found) {
  size_t look = TOUCHED_LOOK, least = SIZE_MAX;
  const size_t near = rix_max(units / TOUCHED_NEAR, (size_t)1);
  const size_t begin = from / RIX_WORD_BITS;
  const size_t end = rix_min(rix_bitmap_words(a->slice_count), begin + TOUCHED_WORDS);
  uint64_t mask = UINT64_MAX << from % RIX_WORD_BITS;
  for (size_t w = begin; w < end && look > 0 && least > near; w++, mask = UINT64_MAX) {
    uint64_t word = touched_runs(ri_load_relaxed(&a->free.words[w]) & mask, count);
    for (; word != 0 && look > 0 && least > near; word &= word - 1, look--) {
      const size_t index = w * RIX_WORD_BITS + rix_ctz64(word);
      const size_t off = touched_off(a, index, count, units);
      if (least == SIZE_MAX) *first = index;
      if (off >= least) continue;
      least = off;
      *found = index;
    }
  }
  return least != SIZE_MAX;
}
