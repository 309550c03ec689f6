// SPDX-License-Identifier: MIT
// runs.h: where runs of free slices begin and how long they are, so that a claim of several slices
// does not look at each hole that is too short.
//
// A lane of eight bits for each word of `free` has the grade of the longest run that begins in that
// word; above it a tree of lanes, eight to a word, each the largest of the eight below. A run
// begins where the bit before is clear. Grades are lengths up to 64, then one for each further 64.
//
// All of it is advice. A lane that is too high costs a look at one word and is lowered then: claims
// leave lanes as they are, except for the one where the rest of the run begins. A lane that is too
// low hides a run: that happens only when threads change the same place at the same time, and lasts
// until a slice beside it is freed. A search that finds nothing here looks through the bits
// themselves before it asks the OS for more (arena.c), and repairs what it finds.
//
// COST: a search logarithmic in the size of the map, plus one word for each lane that it lowers,
// each of which a claim made too high; plus a bounded number of runs of the right grade that do not
// fit, because of the alignment. CONCURRENCY: any thread; relaxed, since it orders nothing.
#ifndef RIX_ARENA_RUNS_H
#define RIX_ARENA_RUNS_H

#include "arena/bitmap.h"

enum {
  RIX_RUNS_LEVELS = 21,     // of eight to one: any number of words
  RIX_RUNS_WORDS_MIN = 16,  // below this many words of bits, looking at all of them is as fast
  RIX_RUNS_MAX = 4096,      // grades distinguish lengths up to here
};

typedef struct rix_runs_s {
  rix_word_t* lanes;  // all levels, the one of words first; NULL: the map has none
  size_t count;       // words of the bitmap
} rix_runs_t;

// Words of lanes of a map of that many bits; 0: it is small, and has none.
RIX_INTERNAL size_t rix_runs_words(size_t bits);

// Finds `count` bits that are set, at an index that is `phase` modulo `align`. False: none was
// seen, which does not mean that there is none.
RIX_INTERNAL bool rix_runs_find(const rix_runs_t* runs, const rix_bitmap_t* map, size_t count,
                                size_t align, size_t phase, size_t* found);

// To be called for bits [index, index + count) after they were set, and for those after a run that
// was claimed, which begin a run now.
RIX_INTERNAL void rix_runs_freed(const rix_runs_t* runs, const rix_bitmap_t* map, size_t index,
                                 size_t count);

RIX_INLINE void rix_runs_claimed(const rix_runs_t* runs, const rix_bitmap_t* map, size_t index,
                                 size_t count) {
  const size_t end = index + count;
  if (runs->lanes != NULL && end < map->bits && rix_bitmap_count_run(map, end, 1) == 1) {
    rix_runs_freed(runs, map, end, 1);
  }
}

#endif
