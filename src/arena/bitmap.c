// SPDX-License-Identifier: MIT
// bitmap.c: see bitmap.h for the rule that makes claims safe.
#include "arena/bitmap.h"

#include "base/assert.h"

// The part of a run that lies in one word.
typedef struct bitmap_part_s {
  rix_word_t* word;
  uint64_t mask;
  size_t count;
} bitmap_part_t;

static bitmap_part_t bitmap_part(const rix_bitmap_t* map, size_t index, size_t count) {
  const unsigned first = (unsigned)(index % RIX_WORD_BITS);
  const size_t here = rix_min(count, RIX_WORD_BITS - first);
  return (bitmap_part_t){&map->words[index / RIX_WORD_BITS], rix_mask64(first, (unsigned)here),
                         here};
}

// First index in [from, limit) whose bit equals `set`; `limit` when there is none.
static size_t bitmap_next(const rix_bitmap_t* map, size_t from, size_t limit, bool set) {
  while (from < limit) {
    const uint64_t word = ri_load_relaxed(&map->words[from / RIX_WORD_BITS]);
    const uint64_t seen = (set ? word : ~word) & (UINT64_MAX << (from % RIX_WORD_BITS));
    if (seen != 0) return rix_min(limit, rix_align_down(from, RIX_WORD_BITS) + rix_ctz64(seen));
    from = rix_align_down(from, RIX_WORD_BITS) + RIX_WORD_BITS;
  }
  return limit;
}

// The bits of `word` at which a run of 1 to 64 set bits begins; `next` is the word behind it.
static uint64_t bitmap_starts(uint64_t word, uint64_t next, unsigned count) {
  for (unsigned have = 1, step; have < count && word != 0; have += step) {
    step = count - have < have ? count - have : have;
    word &= word >> step | next << (RIX_WORD_BITS - step);
    next &= next >> step;
  }
  return word;
}

// The bits of word `i` at indices that are `phase` modulo `align`, a power of two.
static uint64_t bitmap_aligned(size_t i, size_t align, size_t phase) {
  if (align == 1) return UINT64_MAX;
  if (align >= RIX_WORD_BITS) {
    const bool has = (i * RIX_WORD_BITS & (align - 1)) == rix_align_down(phase, RIX_WORD_BITS);
    return (uint64_t)has << phase % RIX_WORD_BITS;
  }
  return UINT64_MAX / (((uint64_t)1 << align) - 1) << phase;
}

// First index from `from` on, `phase` modulo `align`, at which so many bits are set, or 64 of more;
// map->bits when there is none. By words: a map may have thousands of runs that are too short.
static size_t bitmap_next_start(const rix_bitmap_t* map, size_t from, size_t count, size_t align,
                                size_t phase) {
  const unsigned few = (unsigned)rix_min(count, RIX_WORD_BITS);
  const size_t words = rix_bitmap_words(map->bits);
  size_t i = from / RIX_WORD_BITS;
  if (i >= words) return map->bits;
  uint64_t word = ri_load_relaxed(&map->words[i]) & UINT64_MAX << (from % RIX_WORD_BITS);
  for (; i < words; i++) {
    const uint64_t next = i + 1 < words ? ri_load_relaxed(&map->words[i + 1]) : 0;
    uint64_t starts = bitmap_starts(word, next, few);
    if (RIX_UNLIKELY(starts != 0)) {
      starts &= bitmap_aligned(i, align, phase);
      if (starts != 0) return i * RIX_WORD_BITS + rix_ctz64(starts);
    }
    word = next;
  }
  return map->bits;
}

bool rix_bitmap_find_run(const rix_bitmap_t* map, size_t from, size_t count, size_t align,
                         size_t phase, size_t* found) {
  if (count == 0 || count > map->bits) return false;
  const size_t last = map->bits - count;  // the last index at which the run fits
  while (true) {
    from = bitmap_next_start(map, from, count, align, phase);
    if (from > last) return false;
    const size_t end = bitmap_next(map, from, from + count, false);
    if (end == from + count) break;
    from = end + 1;
  }
  *found = from;
  return true;
}

bool rix_bitmap_claim_run(const rix_bitmap_t* map, size_t index, size_t count) {
  RI_ASSERT(count > 0 && index + count <= map->bits);
  size_t done = 0;
  while (done < count) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    uint64_t old = ri_load_relaxed(part.word);
    do {
      if ((old & part.mask) != part.mask) {
        if (done > 0) rix_bitmap_set_run(map, index, done);
        return false;
      }
    } while (!ri_cas_weak_acquire(part.word, &old, old & ~part.mask));  // B2: pairs with B1
    done += part.count;
  }
  return true;
}

bool rix_bitmap_set_run(const rix_bitmap_t* map, size_t index, size_t count) {
  RI_ASSERT(count > 0 && index + count <= map->bits);
  bool was_clear = true;
  for (size_t done = 0; done < count;) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    const uint64_t old = ri_fetch_or_release(part.word, part.mask);  // B1: pairs with B2
    was_clear = was_clear && (old & part.mask) == 0;
    done += part.count;
  }
  return was_clear;
}

size_t rix_bitmap_clear_run(const rix_bitmap_t* map, size_t index, size_t count) {
  RI_ASSERT(count > 0 && index + count <= map->bits);
  size_t set = 0;
  for (size_t done = 0; done < count;) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    if ((ri_load_relaxed(part.word) & part.mask) != 0) {
      const uint64_t old = ri_fetch_and_relaxed(part.word, ~part.mask);
      set += rix_popcount64(old & part.mask);
    }
    done += part.count;
  }
  return set;
}

size_t rix_bitmap_count_run(const rix_bitmap_t* map, size_t index, size_t count) {
  size_t set = 0;
  for (size_t done = 0; done < count;) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    set += rix_popcount64(ri_load_relaxed(part.word) & part.mask);
    done += part.count;
  }
  return set;
}

bool rix_bitmap_next_set(const rix_bitmap_t* map, size_t from, size_t* found) {
  *found = bitmap_next(map, from, map->bits, true);
  return *found < map->bits;
}
