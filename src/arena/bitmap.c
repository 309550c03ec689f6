// SPDX-License-Identifier: MIT
// bitmap.c: see bitmap.h for the rule that makes claims safe.
#include "arena/bitmap.h"

#include "base/assert.h"

/*@ logic integer bitmap_words{L}(rix_bitmap_t* map) = (map->bits + 63) / 64;
    predicate bitmap_valid{L}(rix_bitmap_t* map) =
      \valid_read(map) && map->bits <= SIZE_MAX - 64 &&
      \valid(map->words + (0 .. bitmap_words(map) - 1)) &&
      \separated(map, map->words + (0 .. bitmap_words(map) - 1));
    // Bit k of word i of the map.
    predicate bitmap_bit{L}(rix_bitmap_t* map, integer i, integer k) =
      bits_bit(map->words[i].v, k);
*/

// The part of a run that lies in one word.
typedef struct bitmap_part_s {
  rix_word_t* word;
  uint64_t mask;
  size_t count;
} bitmap_part_t;

/*@ requires bitmap_valid(map) && 0 < count && index + count <= map->bits;
    assigns \nothing;
    ensures \result.word == map->words + index / 64;
    ensures \result.count == \min(count, 64 - index % 64);
    ensures \forall integer k; 0 <= k < 64 ==> (bits_bit(\result.mask, k) <==>
      index <= index / 64 * 64 + k < index + \result.count);
    ensures \forall integer i, k; 0 <= k < 64 && index <= i * 64 + k < index + \result.count ==>
      i == index / 64; */
static bitmap_part_t bitmap_part(const rix_bitmap_t* map, size_t index, size_t count) {
  const unsigned first = (unsigned)(index % RIX_WORD_BITS);
  const size_t here = rix_min(count, RIX_WORD_BITS - first);
  return (bitmap_part_t){&map->words[index / RIX_WORD_BITS], rix_mask64(first, (unsigned)here),
                         here};
}

// First index in [from, limit) whose bit equals `set`; `limit` when there is none.
/*@ requires bitmap_valid(map) && from <= limit <= map->bits;
    assigns \nothing;
    ensures from <= \result <= limit;
    ensures found: \result < limit ==>
      (bitmap_bit(map, \result / 64, \result % 64) <==> set != 0);
    ensures first: \forall integer i, k; 0 <= k < 64 && from <= i * 64 + k < \result ==>
      (bitmap_bit(map, i, k) <==> set == 0); */
static size_t bitmap_next(const rix_bitmap_t* map, size_t from, size_t limit, bool set) {
  /*@ loop invariant place: \at(from, Pre) <= from <= limit + 63 &&
        (from > \at(from, Pre) ==> from % 64 == 0);
      loop invariant first: \forall integer i, k;
        0 <= k < 64 && \at(from, Pre) <= i * 64 + k < from ==>
        i < bitmap_words(map) && (bitmap_bit(map, i, k) <==> set == 0);
      loop assigns from;
      loop variant limit + 63 - from; */
  while (from < limit) {
    /*@ assert in_range: 0 <= from / 64 < bitmap_words(map); */
    const uint64_t word = ri_load_relaxed(&map->words[from / RIX_WORD_BITS]);
    const uint64_t seen = (set ? word : ~word) & (UINT64_MAX << (from % RIX_WORD_BITS));
    /*@ assert seen: \forall integer k; 0 <= k < 64 ==> (bits_bit(seen, k) <==>
          k >= from % 64 && (bitmap_bit(map, from / 64, k) <==> set != 0)); */
    if (seen != 0) {
      const size_t at = rix_align_down(from, RIX_WORD_BITS) + rix_ctz64(seen);
      /*@ assert here: \forall integer i, k; 0 <= k < 64 && from <= i * 64 + k < at ==>
            i == from / 64; */
      /*@ assert before: \forall integer i, k; 0 <= k < 64 && from <= i * 64 + k < at ==>
            (bitmap_bit(map, i, k) <==> set == 0); */
      return rix_min(limit, at);
    }
    from = rix_align_down(from, RIX_WORD_BITS) + RIX_WORD_BITS;
  }
  return limit;
}

// The bits of `word` at which a run of 1 to 64 set bits begins; `next` is the word after it.
/*@ requires 1 <= count <= 64;
    assigns \nothing;
    ensures \forall integer k; 0 <= k < 64 && bits_bit(\result, k) ==> bits_bit(word, k); */
static uint64_t bitmap_starts(uint64_t word, uint64_t next, unsigned count) {
  /*@ loop invariant 1 <= have <= count;
      loop invariant \forall integer k; 0 <= k < 64 && bits_bit(word, k) ==>
        bits_bit(\at(word, Pre), k);
      loop assigns have, step, word, next;
      loop variant count - have; */
  for (unsigned have = 1, step; have < count && word != 0; have += step) {
    step = count - have < have ? count - have : have;
    word &= word >> step | next << (RIX_WORD_BITS - step);
    next &= next >> step;
  }
  return word;
}

// The bits of word `i` at indices that are `phase` modulo `align`, a power of two.
/*@ requires bits_is_power(align) && phase < align;
    assigns \nothing; */
static uint64_t bitmap_aligned(size_t i, size_t align, size_t phase) {
  if (align == 1) return UINT64_MAX;
  if (align >= RIX_WORD_BITS) {
    const bool has = (i * RIX_WORD_BITS & (align - 1)) == rix_align_down(phase, RIX_WORD_BITS);
    return (uint64_t)has << phase % RIX_WORD_BITS;
  }
  return UINT64_MAX / (((uint64_t)1 << align) - 1) << phase;
}

// First index from `from` on, `phase` modulo `align`, at which that many bits are set, or at least
// 64 of them; map->bits when there is none. By words: a map may have thousands of runs that are too
// short.
/*@ requires bitmap_valid(map) && 0 < count && bits_is_power(align) && phase < align;
    assigns \nothing;
    ensures \result >= from || \result == map->bits; */
static size_t bitmap_next_start(const rix_bitmap_t* map, size_t from, size_t count, size_t align,
                                size_t phase) {
  const unsigned few = (unsigned)rix_min(count, RIX_WORD_BITS);
  const size_t words = rix_bitmap_words(map->bits);
  size_t i = from / RIX_WORD_BITS;
  if (i >= words) return map->bits;
  uint64_t word = ri_load_relaxed(&map->words[i]) & UINT64_MAX << (from % RIX_WORD_BITS);
  /*@ loop invariant from / 64 <= i <= words;
      loop invariant \forall integer k; 0 <= k < 64 && bits_bit(word, k) ==> i * 64 + k >= from;
      loop assigns i, word; */
  for (; i < words; i++) {
    const uint64_t next = i + 1 < words ? ri_load_relaxed(&map->words[i + 1]) : 0;
    uint64_t starts = bitmap_starts(word, next, few);
    if (RIX_UNLIKELY(starts != 0)) {
      starts &= bitmap_aligned(i, align, phase);
      /*@ assert starts: \forall integer k; 0 <= k < 64 && bits_bit(starts, k) ==>
            i * 64 + k >= from; */
      if (starts != 0) return i * RIX_WORD_BITS + rix_ctz64(starts);
    }
    word = next;
  }
  return map->bits;
}

/*@ requires bitmap_valid(map) && bits_is_power(align) && phase < align && \valid(found);
    requires \separated(found, map) && \separated(found, map->words + (0 .. bitmap_words(map) - 1));
    assigns *found;
    ensures place: \result ==> from <= *found && *found + count <= map->bits;
    ensures set: \result ==> \forall integer i, k;
      0 <= k < 64 && *found <= i * 64 + k < *found + count ==> bitmap_bit(map, i, k);
    ensures nothing: !\result ==> *found == \old(*found); */
bool rix_bitmap_find_run(const rix_bitmap_t* map, size_t from, size_t count, size_t align,
                         size_t phase, size_t* found) {
  if (count == 0 || count > map->bits) return false;
  const size_t last = map->bits - count;  // the last index at which the run fits
  /*@ loop invariant from >= \at(from, Pre);
      loop assigns from;
      loop variant map->bits - from; */
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

/*@ requires bitmap_valid(map) && 0 < count && index + count <= map->bits;
    assigns map->words[index / 64 .. (index + count - 1) / 64];
    ensures all: \result ==> \forall integer i, k;
      0 <= k < 64 && index <= i * 64 + k < index + count ==> \old(bitmap_bit(map, i, k));
    ensures taken: \result ==> \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
      (bitmap_bit(map, i, k) <==>
       !(index <= i * 64 + k < index + count) && \old(bitmap_bit(map, i, k)));
    ensures nothing: !\result ==> \forall integer i, k;
      0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
      (bitmap_bit(map, i, k) <==> \old(bitmap_bit(map, i, k)));
    ensures refused: !\result ==> \exists integer i, k;
      0 <= k < 64 && index <= i * 64 + k < index + count && !\old(bitmap_bit(map, i, k)); */
bool rix_bitmap_claim_run(const rix_bitmap_t* map, size_t index, size_t count) {
  RI_ASSERT(count > 0 && index + count <= map->bits);
  size_t done = 0;
  /*@ loop invariant place: 0 <= done <= count &&
        (0 < done < count ==> (index + done) % 64 == 0);
      loop invariant all: \forall integer i, k;
        0 <= k < 64 && index <= i * 64 + k < index + done ==> \at(bitmap_bit(map, i, k), Pre);
      loop invariant taken: \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
        (bitmap_bit(map, i, k) <==>
         !(index <= i * 64 + k < index + done) && \at(bitmap_bit(map, i, k), Pre));
      loop assigns done, map->words[index / 64 .. (index + count - 1) / 64]; */
  while (done < count) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    /*@ assert word: part.word == map->words + (index + done) / 64; */
    /*@ assert in_range: index / 64 <= (index + done) / 64 <= (index + count - 1) / 64 <
          bitmap_words(map); */
    /*@ assert where: \forall integer i, k; 0 <= k < 64 ==>
          (index <= i * 64 + k < index + done + part.count <==>
           index <= i * 64 + k < index + done ||
           (i == (index + done) / 64 && bits_bit(part.mask, k))); */
    uint64_t old = ri_load_relaxed(part.word);
    /*@ loop invariant old: old == map->words[(index + done) / 64].v;
        loop invariant taken: \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
          (bitmap_bit(map, i, k) <==>
           !(index <= i * 64 + k < index + done) && \at(bitmap_bit(map, i, k), Pre));
        loop assigns old, map->words[(index + done) / 64]; */
    do {
      if ((old & part.mask) != part.mask) {
        /*@ assert clear: \exists integer k; 0 <= k < 64 && bits_bit(part.mask, k) &&
              !bitmap_bit(map, (index + done) / 64, k); */
        if (done > 0) rix_bitmap_set_run(map, index, done);
        return false;
      }
      /*@ assert full: \forall integer k; 0 <= k < 64 && bits_bit(part.mask, k) ==>
            bitmap_bit(map, (index + done) / 64, k); */
      /*@ assert held: \let i = (index + done) / 64; \forall integer k;
            0 <= k < 64 && bits_bit(part.mask, k) ==> \at(bitmap_bit(map, i, k), Pre); */
      /*@ assert before: \forall integer i, k;
            0 <= k < 64 && index + done <= i * 64 + k < index + done + part.count ==>
            i == (index + done) / 64 && \at(bitmap_bit(map, i, k), Pre); */
    } while (!ri_cas_weak_acquire(part.word, &old, old & ~part.mask));  // B2: pairs with B1
    done += part.count;
  }
  return true;
}

/*@ requires bitmap_valid(map) && 0 < count && index + count <= map->bits;
    assigns map->words[index / 64 .. (index + count - 1) / 64];
    ensures set: \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
      (bitmap_bit(map, i, k) <==>
       index <= i * 64 + k < index + count || \old(bitmap_bit(map, i, k)));
    ensures was_clear: \result <==> \forall integer i, k;
      0 <= k < 64 && index <= i * 64 + k < index + count ==> !\old(bitmap_bit(map, i, k)); */
bool rix_bitmap_set_run(const rix_bitmap_t* map, size_t index, size_t count) {
  RI_ASSERT(count > 0 && index + count <= map->bits);
  bool was_clear = true;
  /*@ loop invariant place: 0 <= done <= count &&
        (0 < done < count ==> (index + done) % 64 == 0);
      loop invariant set: \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
        (bitmap_bit(map, i, k) <==>
         index <= i * 64 + k < index + done || \at(bitmap_bit(map, i, k), Pre));
      loop invariant was_clear: was_clear <==> \forall integer i, k;
        0 <= k < 64 && index <= i * 64 + k < index + done ==> !\at(bitmap_bit(map, i, k), Pre);
      loop assigns done, was_clear, map->words[index / 64 .. (index + count - 1) / 64];
      loop variant count - done; */
  for (size_t done = 0; done < count;) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    /*@ assert word: part.word == map->words + (index + done) / 64; */
    /*@ assert in_range: index / 64 <= (index + done) / 64 <= (index + count - 1) / 64 <
          bitmap_words(map); */
    /*@ assert where: \forall integer i, k; 0 <= k < 64 ==>
          (index <= i * 64 + k < index + done + part.count <==>
           index <= i * 64 + k < index + done ||
           (i == (index + done) / 64 && bits_bit(part.mask, k))); */
    const uint64_t old = ri_fetch_or_release(part.word, part.mask);  // B1: pairs with B2
    /*@ assert others: \forall integer i; 0 <= i < bitmap_words(map) && i != (index + done) / 64 ==>
          map->words[i].v == \at(map->words[i].v, LoopCurrent); */
    /*@ assert here: \forall integer k; 0 <= k < 64 ==>
          (bitmap_bit(map, (index + done) / 64, k) <==>
           bits_bit(old, k) || bits_bit(part.mask, k)); */
    /*@ assert old_bits: \forall integer k; 0 <= k < 64 ==>
          (bits_bit(old, k) <==> \at(bitmap_bit(map, (index + done) / 64, k), LoopCurrent)); */
    was_clear = was_clear && (old & part.mask) == 0;
    done += part.count;
  }
  return was_clear;
}

/*@ requires bitmap_valid(map) && 0 < count && index + count <= map->bits;
    assigns map->words[index / 64 .. (index + count - 1) / 64];
    ensures clear: \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
      (bitmap_bit(map, i, k) <==>
       !(index <= i * 64 + k < index + count) && \old(bitmap_bit(map, i, k))); */
size_t rix_bitmap_clear_run(const rix_bitmap_t* map, size_t index, size_t count) {
  RI_ASSERT(count > 0 && index + count <= map->bits);
  size_t set = 0;
  /*@ loop invariant place: 0 <= done <= count &&
        (0 < done < count ==> (index + done) % 64 == 0);
      loop invariant clear: \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
        (bitmap_bit(map, i, k) <==>
         !(index <= i * 64 + k < index + done) && \at(bitmap_bit(map, i, k), Pre));
      loop assigns done, set, map->words[index / 64 .. (index + count - 1) / 64];
      loop variant count - done; */
  for (size_t done = 0; done < count;) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    /*@ assert word: part.word == map->words + (index + done) / 64; */
    /*@ assert in_range: index / 64 <= (index + done) / 64 <= (index + count - 1) / 64 <
          bitmap_words(map); */
    /*@ assert where: \forall integer i, k; 0 <= k < 64 ==>
          (index <= i * 64 + k < index + done + part.count <==>
           index <= i * 64 + k < index + done ||
           (i == (index + done) / 64 && bits_bit(part.mask, k))); */
    if ((ri_load_relaxed(part.word) & part.mask) != 0) {
      const uint64_t old = ri_fetch_and_relaxed(part.word, ~part.mask);
      /*@ assert here: \forall integer k; 0 <= k < 64 ==>
            (bitmap_bit(map, (index + done) / 64, k) <==>
             bits_bit(old, k) && !bits_bit(part.mask, k)); */
      set += rix_popcount64(old & part.mask);
    }
    /*@ assert others: \forall integer i; 0 <= i < bitmap_words(map) && i != (index + done) / 64 ==>
          map->words[i].v == \at(map->words[i].v, LoopCurrent); */
    /*@ assert now: \forall integer k; 0 <= k < 64 ==>
          (bitmap_bit(map, (index + done) / 64, k) <==>
           !bits_bit(part.mask, k) && \at(bitmap_bit(map, (index + done) / 64, k), LoopCurrent)); */
    /*@ assert all_now: \forall integer i, k; 0 <= i < bitmap_words(map) && 0 <= k < 64 ==>
          (bitmap_bit(map, i, k) <==> !(i == (index + done) / 64 && bits_bit(part.mask, k)) &&
           \at(bitmap_bit(map, i, k), LoopCurrent)); */
    done += part.count;
  }
  return set;
}

/*@ requires bitmap_valid(map) && index + count <= map->bits;
    assigns \nothing; */
size_t rix_bitmap_count_run(const rix_bitmap_t* map, size_t index, size_t count) {
  size_t set = 0;
  /*@ loop invariant 0 <= done <= count;
      loop assigns done, set;
      loop variant count - done; */
  for (size_t done = 0; done < count;) {
    const bitmap_part_t part = bitmap_part(map, index + done, count - done);
    set += rix_popcount64(ri_load_relaxed(part.word) & part.mask);
    done += part.count;
  }
  return set;
}

/*@ requires bitmap_valid(map) && \valid(found) && from <= map->bits;
    requires \separated(found, map) && \separated(found, map->words + (0 .. bitmap_words(map) - 1));
    assigns *found;
    ensures from <= *found <= map->bits;
    ensures is: \result <==> *found < map->bits;
    ensures set: \result ==> bitmap_bit(map, *found / 64, *found % 64);
    ensures first: \forall integer i, k; 0 <= k < 64 && from <= i * 64 + k < *found ==>
      !bitmap_bit(map, i, k); */
bool rix_bitmap_next_set(const rix_bitmap_t* map, size_t from, size_t* found) {
  *found = bitmap_next(map, from, map->bits, true);
  return *found < map->bits;
}
