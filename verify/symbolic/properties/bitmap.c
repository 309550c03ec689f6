// SPDX-License-Identifier: MIT
// bitmap.c: runs of bits in a map of three words, for every content, place and length, against the
// meaning of each single bit. One thread at a time; the interleavings are explored elsewhere.
// subject: rix_bitmap_claim_run
#include "subject.h"

#include "symbolic.h"

enum { WORDS = 3, BITS = WORDS * RIX_WORD_BITS };

static rix_word_t words[WORDS], before[WORDS];
static const rix_bitmap_t map = {words, BITS};

// Any content, and a run inside the map.
#define ANY_RUN()                                          \
  for (unsigned i = 0; i < WORDS; i++) {                   \
    const uint64_t word = sym_u64("word");                 \
    ri_store_relaxed(&words[i], word);                     \
    ri_store_relaxed(&before[i], word);                    \
  }                                                        \
  INPUT(64, index);                                        \
  INPUT(64, count);                                        \
  sym_assume(count >= 1 && count <= BITS && index < BITS); \
  sym_assume(index + count <= BITS)

static bool bit(const rix_word_t* w, uint64_t i) {
  return (ri_load_relaxed(&w[i / RIX_WORD_BITS]) >> i % RIX_WORD_BITS & 1) != 0;
}

void prove_set_run(void) {
  ANY_RUN();
  INPUT(64, any);
  sym_assume(any < BITS);
  const bool was_clear = rix_bitmap_set_run(&map, index, count);
  const bool inside = any >= index && any < index + count;
  ASSERT(bit(words, any) == (inside || bit(before, any)));
  ASSERT(!(was_clear && inside && bit(before, any)));
}

void prove_set_run_tells_when_clear(void) {
  ANY_RUN();
  for (unsigned i = 0; i < WORDS; i++)
    ri_store_relaxed(&words[i], 0);
  const bool was_clear = rix_bitmap_set_run(&map, index, count);
  ASSERT(was_clear);
}

void prove_clear_run(void) {
  ANY_RUN();
  INPUT(64, any);
  sym_assume(any < BITS);
  const size_t cleared = rix_bitmap_clear_run(&map, index, count);
  const bool inside = any >= index && any < index + count;
  ASSERT(bit(words, any) == (!inside && bit(before, any)));
  ASSERT(cleared <= BITS);
}

// A claim takes all of a run that is set, or nothing.
void prove_claim_run(void) {
  ANY_RUN();
  INPUT(64, any);
  sym_assume(any < BITS);
  const bool claimed = rix_bitmap_claim_run(&map, index, count);
  const bool inside = any >= index && any < index + count;
  ASSERT(!(claimed && inside) || bit(before, any));
  ASSERT(bit(words, any) == (bit(before, any) && !(claimed && inside)));
}

void prove_claim_run_takes_what_is_set(void) {
  ANY_RUN();
  for (unsigned i = 0; i < WORDS; i++)
    ri_store_relaxed(&words[i], UINT64_MAX);
  const bool claimed = rix_bitmap_claim_run(&map, index, count);
  ASSERT(claimed);
}

void prove_next_set(void) {
  ANY_RUN();
  RIX_UNUSED(count);
  INPUT(64, any);
  sym_assume(any < BITS);
  size_t found = 0;
  const bool is = rix_bitmap_next_set(&map, index, &found);
  ASSERT(is == (found < BITS));
  ASSERT(!is || (found >= index && bit(words, found)));
  ASSERT(any < index || any >= found || !bit(words, any));
}

// What find_run is made of, in both directions.
void prove_next(void) {
  ANY_RUN();
  INPUT(64, any);
  INPUT(8, set);
  sym_assume(any < BITS && set <= 1);
  const size_t limit = index + count;
  const size_t found = bitmap_next(&map, index, limit, set != 0);
  ASSERT(found >= index && found <= limit);
  ASSERT(found == limit || bit(words, found) == (set != 0));
  ASSERT(any < index || any >= found || bit(words, any) != (set != 0));
}

// What its steps over words are made of.
void prove_starts(void) {
  INPUT(64, word);
  INPUT(64, next);
  INPUT(64, at);
  sym_assume(at < RIX_WORD_BITS);
  const unsigned count = 1 + (unsigned)sym_each(RIX_WORD_BITS, "count");
  const bool begins = (bitmap_starts(word, next, count) >> at & 1) != 0;
  const uint64_t from_at = word >> at | next << 1 << (RIX_WORD_BITS - 1 - at);
  const uint64_t run = rix_mask64(0, count);
  ASSERT(begins == ((from_at & run) == run));
}

void prove_aligned(void) {
  INPUT(64, at);
  INPUT(64, phase);
  const uint64_t align = (uint64_t)1 << sym_each(12, "log2 of the alignment");
  sym_assume(phase < align && at < (uint64_t)1 << 32);
  const uint64_t bits = bitmap_aligned(at / RIX_WORD_BITS, align, phase);
  ASSERT((bits >> at % RIX_WORD_BITS & 1) == ((at & (align - 1)) == phase));
}

void prove_part(void) {
  ANY_RUN();
  INPUT(64, any);
  sym_assume(any < BITS);
  const bitmap_part_t part = bitmap_part(&map, index, count);
  ASSERT(part.word == &words[index / RIX_WORD_BITS]);
  ASSERT(part.count >= 1 && part.count <= count && part.count <= RIX_WORD_BITS);
  const bool covered = any >= index && any < index + part.count;
  const bool masked =
      any / RIX_WORD_BITS == index / RIX_WORD_BITS && (part.mask >> any % RIX_WORD_BITS & 1) != 0;
  ASSERT(covered == masked);
}
