// SPDX-License-Identifier: MIT
// runs.c: see runs.h.
#include "arena/runs.h"

#include "base/assert.h"

enum {
  RUNS_FAN = 8,    // lanes in a word
  RUNS_TOP = 127,  // the highest grade: a lane's upper bit is for comparing
  RUNS_TRIES = 4,  // runs that may turn out not to fit; after that, only those that must fit
};

// 1 in each lane.
#define RUNS_ONES UINT64_C(0x0101010101010101)
#define RUNS_HIGH (RUNS_ONES << 7)

size_t rix_runs_words(size_t bits) {
  size_t n = rix_bitmap_words(bits);
  if (n < RIX_RUNS_WORDS_MIN) return 0;
  size_t words = 0;
  do {
    n = rix_div_up(n, RUNS_FAN);
    words += n;
  } while (n > 1);
  return words;
}

// The grade of a run of `count` bits, which is the minimum of all runs of at least that many.
static size_t runs_grade(size_t count) {
  if (count <= RIX_WORD_BITS) return count;
  return rix_min(RIX_WORD_BITS + (count - RIX_WORD_BITS) / RIX_WORD_BITS, RUNS_TOP);
}

// The grade from which on a run certainly has `count` bits, as far as grades can say.
static size_t runs_sure(size_t count) {
  return count <= RIX_WORD_BITS ? count : rix_min(runs_grade(count) + 1, RUNS_TOP);
}

// Index of the highest set bit; x is not 0.
static size_t runs_top(uint64_t x) { return RIX_WORD_BITS - 1 - (unsigned)__builtin_clzll(x); }

// How many bits are set directly before `index`, and from `index` on; to RIX_RUNS_MAX and a word.
static size_t runs_before(const rix_bitmap_t* map, size_t index) {
  size_t n = 0;
  while (n < index && n < RIX_RUNS_MAX) {
    const size_t last = index - n - 1;
    const unsigned unused = RIX_WORD_BITS - 1 - (unsigned)(last % RIX_WORD_BITS);
    const uint64_t clear = ~(ri_load_relaxed(&map->words[last / RIX_WORD_BITS]) << unused);
    const size_t here = clear == 0 ? RIX_WORD_BITS : RIX_WORD_BITS - 1 - runs_top(clear);
    n += here;
    if (here + unused < RIX_WORD_BITS) break;
  }
  return n;
}

static size_t runs_from(const rix_bitmap_t* map, size_t index) {
  size_t n = 0;
  while (index + n < map->bits && n < RIX_RUNS_MAX) {
    const unsigned first = (unsigned)((index + n) % RIX_WORD_BITS);
    const uint64_t clear = ~(ri_load_relaxed(&map->words[(index + n) / RIX_WORD_BITS]) >> first);
    const size_t here = clear == 0 ? RIX_WORD_BITS : rix_ctz64(clear);
    n += here;
    if (here + first < RIX_WORD_BITS) break;
  }
  return n;
}

// ---- Lanes --------------------------------------------------------------------------------------

// One level of the tree: its lanes and how many.
typedef struct runs_level_s {
  rix_word_t* words;
  size_t lanes;
} runs_level_t;

static runs_level_t runs_above(runs_level_t level) {
  const size_t words = rix_div_up(level.lanes, RUNS_FAN);
  return (runs_level_t){level.words + words, words};
}

static runs_level_t runs_level(const rix_runs_t* runs, unsigned height) {
  runs_level_t level = {runs->lanes, runs->count};
  for (; height > 0; height--)
    level = runs_above(level);
  return level;
}

static unsigned runs_shift(size_t lane) { return (unsigned)(lane % RUNS_FAN * 8); }

// The upper bit of each lane of the word that is at least `grade`.
static uint64_t runs_at_least(uint64_t word, size_t grade) {
  return ((word | RUNS_HIGH) - RUNS_ONES * grade) & RUNS_HIGH;
}

static size_t runs_largest(uint64_t word) {
  size_t largest = 0;
  for (; word != 0; word >>= 8)
    largest = rix_max(largest, word & RUNS_TOP);
  return largest;
}

// Raises a lane and those above it to a grade.
static void runs_raise(const rix_runs_t* runs, size_t lane, size_t grade) {
  runs_level_t level = {runs->lanes, runs->count};
  while (true) {
    rix_word_t* const word = &level.words[lane / RUNS_FAN];
    const unsigned shift = runs_shift(lane);
    uint64_t old = ri_load_relaxed(word);
    uint64_t new;
    do {
      if ((old >> shift & RUNS_TOP) >= grade) return;
      new = (old & ~((uint64_t)RUNS_TOP << shift)) | (uint64_t)grade << shift;
    } while (!ri_cas_weak_relaxed(word, &old, new));
    if (level.lanes <= RUNS_FAN) return;
    lane /= RUNS_FAN;
    level = runs_above(level);
  }
}

// Lowers a lane to a grade, and those above it to what is below them. Gives up where another thread
// is at work.
static void runs_lower(const rix_runs_t* runs, unsigned height, size_t lane, size_t grade) {
  for (runs_level_t level = runs_level(runs, height);; level = runs_above(level)) {
    rix_word_t* const word = &level.words[lane / RUNS_FAN];
    const unsigned shift = runs_shift(lane);
    uint64_t old = ri_load_relaxed(word);
    if ((old >> shift & RUNS_TOP) <= grade) return;
    const uint64_t new = (old & ~((uint64_t)RUNS_TOP << shift)) | (uint64_t)grade << shift;
    if (!ri_cas_strong_relaxed(word, &old, new) || level.lanes <= RUNS_FAN) return;
    grade = runs_largest(new);
    lane /= RUNS_FAN;
  }
}

// The first word from `lane` on whose lane is at least `grade`; `count` of the tree: none.
static size_t runs_next(const rix_runs_t* runs, size_t lane, size_t grade) {
  unsigned height = 0;
  while (true) {
    const runs_level_t level = runs_level(runs, height);
    if (lane < level.lanes) {
      const size_t at = lane / RUNS_FAN;
      const uint64_t word = ri_load_relaxed(&level.words[at]);
      const uint64_t seen = runs_at_least(word, grade) & UINT64_MAX << runs_shift(lane);
      if (seen != 0) {
        lane = at * RUNS_FAN + rix_ctz64(seen) / 8;
        if (height == 0) return lane;
        height--;
        lane *= RUNS_FAN;
        continue;
      }
      // The lane above promised one, but there is none: it is out of date.
      if (lane % RUNS_FAN == 0 && level.lanes > RUNS_FAN) {
        runs_lower(runs, height + 1, at, runs_largest(word));
      }
    }
    if (level.lanes <= RUNS_FAN) return runs->count;
    lane = lane / RUNS_FAN + 1;
    height++;
  }
}

// ---- Runs ---------------------------------------------------------------------------------------

void rix_runs_freed(const rix_runs_t* runs, const rix_bitmap_t* map, size_t index, size_t count) {
  if (runs->lanes == NULL) return;
  const size_t before = runs_before(map, index);
  const size_t lane = (index - before) / RIX_WORD_BITS;
  const uint64_t word = ri_load_relaxed(&runs->lanes[lane / RUNS_FAN]);
  if ((word >> runs_shift(lane) & RUNS_TOP) == RUNS_TOP) return;
  const size_t length = before + count + runs_from(map, index + count);
  runs_raise(runs, lane, runs_grade(length));
}

// The grade of the longest run that begins in word i.
static size_t runs_grade_of(const rix_bitmap_t* map, size_t i) {
  uint64_t word = ri_load_relaxed(&map->words[i]);
  if (i > 0 && ri_load_relaxed(&map->words[i - 1]) >> (RIX_WORD_BITS - 1) != 0) {
    word &= word + 1;  // without the end of a run that began before
  }
  size_t longest = 0;
  for (uint64_t rest = word; rest != 0;) {
    rest >>= rix_ctz64(rest);
    const size_t length = ~rest == 0 ? RIX_WORD_BITS : rix_ctz64(~rest);
    longest = rix_max(longest, length);
    rest = length < RIX_WORD_BITS ? rest >> length : 0;
  }
  if (word >> (RIX_WORD_BITS - 1) != 0) {
    const size_t end = (i + 1) * RIX_WORD_BITS;
    const size_t first = ~word == 0 ? RIX_WORD_BITS : RIX_WORD_BITS - 1 - runs_top(~word);
    longest = rix_max(longest, first + (end < map->bits ? runs_from(map, end) : 0));
  }
  return runs_grade(longest);
}

bool rix_runs_find(const rix_runs_t* runs, const rix_bitmap_t* map, size_t count, size_t align,
                   size_t phase, size_t* found) {
  size_t grade = runs_grade(count);
  unsigned tries = RUNS_TRIES;
  for (size_t i = runs_next(runs, 0, grade); i < runs->count;) {
    // Runs that begin in this word, and following ones as far as they come into sight.
    const size_t reach = i * RIX_WORD_BITS + RIX_WORD_BITS + align - 1;
    const size_t limit = count > map->bits - rix_min(reach, map->bits) ? map->bits : reach + count;
    const rix_bitmap_t part = {map->words, limit};
    if (rix_bitmap_find_run(&part, i * RIX_WORD_BITS, count, align, phase, found)) return true;
    const size_t is = runs_grade_of(map, i);
    runs_lower(runs, 0, i, is);
    i++;
    if (is >= grade && --tries == 0) {
      // Long enough, and it does not fit: from now on only runs that contain the alignment for
      // certain.
      grade = runs_sure(count + align - 1);
      i = 0;
    }
    i = runs_next(runs, i, grade);
  }
  return false;
}
