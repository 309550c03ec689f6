// SPDX-License-Identifier: MIT
// bitmap.h: runs of bits in shared words. A set bit in `free` is a slice that anybody may claim; so
// this is where two threads must never get the same memory.
//
// A claim clears the bits of a run, one compare-and-swap a word, each of which succeeds only when
// all bits of the run in that word are still set. When a later word refuses, the earlier words are
// set again. So whatever a claim returns, it alone cleared those bits. (A scan followed by a blind
// fetch_and would let a claim or a purge of a part of the run fit in between.)
//
// INVARIANTS: bits at and after `bits` in the last word are never set.
// CONCURRENCY: all functions, any thread. Labels:
//   B1 release: set_run publishes what was written to the slices and their descriptors
//   B2 acquire: claim_run by the next user
// clear_run is relaxed: the caller already owns the slices whose bits it clears, or the page that
// they stand for.
#ifndef RIX_ARENA_BITMAP_H
#define RIX_ARENA_BITMAP_H

#include "base/atomic.h"
#include "base/bits.h"

typedef ri_atomic(uint64_t) rix_word_t;

typedef struct rix_bitmap_s {
  rix_word_t* words;
  size_t bits;
} rix_bitmap_t;

/*@ assigns \nothing;
    ensures \result == (bits + 63) / 64; */
RIX_INLINE size_t rix_bitmap_words(size_t bits) { return rix_div_up(bits, RIX_WORD_BITS); }

// Finds count bits that are set, from `from` on, at an index that is `phase` modulo `align` (a
// power of two). Only a hint under concurrency: claim_run decides.
RIX_INTERNAL bool rix_bitmap_find_run(const rix_bitmap_t* map, size_t from, size_t count,
                                      size_t align, size_t phase, size_t* found);

// Clears a run if all of it is set.
RIX_INTERNAL bool rix_bitmap_claim_run(const rix_bitmap_t* map, size_t index, size_t count);

// Sets a run; true when all of it was clear before.
RIX_INTERNAL bool rix_bitmap_set_run(const rix_bitmap_t* map, size_t index, size_t count);

// Clears a run; returns how many bits were set before.
RIX_INTERNAL size_t rix_bitmap_clear_run(const rix_bitmap_t* map, size_t index, size_t count);

RIX_INTERNAL size_t rix_bitmap_count_run(const rix_bitmap_t* map, size_t index, size_t count);

// The first set bit from `from` on; false when there is none.
RIX_INTERNAL bool rix_bitmap_next_set(const rix_bitmap_t* map, size_t from, size_t* found);

#endif
