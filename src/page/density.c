// SPDX-License-Identifier: MIT
// density.c: see density.h.
#include "page/density.h"

#include "arena/arena.h"
#include "base/atomic.h"
#include "base/config.h"
#include "base/sizeclass.h"
#include "options/options.h"
#include "os/os.h"

enum {
  DENSITY_LARGE = RIX_CLASS_COUNT,     // a kind for each class, then two of blocks with pages of
  DENSITY_ZEROED = DENSITY_LARGE + 2,  // their own, and two of those that are wanted zeroed
  DENSITY_KINDS = DENSITY_ZEROED + 2,
  DENSITY_UNIT = 4096,  // bytes: the smallest OS page
  DENSITY_SAMPLES = 16,
  DENSITY_MISSES = 4,  // units that may be untouched
  DENSITY_UNITS_MAX = (1 << 20) - 1,
};

// For each kind one word:
//   2 bits  the verdict on what was noted last, which is looked for when somebody asks first, and
//           again when it was returned
//  20 bits  how many units that is
//  32 bits  the number of its first slice; 0: it was returned
//   5 bits  how many that go to the program are not noted before the next is
//   5 bits  the same the last time: it doubles with each that was found sparse, since looking costs
//           a few faults
enum { DENSITY_OPEN, DENSITY_SPARSE, DENSITY_DENSE, DENSITY_VERDICT = 3 };
enum { DENSITY_UNITS = 2, DENSITY_FIRST = 22, DENSITY_SKIP = 54, DENSITY_SKIPPED = 59 };
enum { DENSITY_SKIP_MAX = 31 };
typedef ri_atomic(uint64_t) density_word_t;
static density_word_t density_last[DENSITY_KINDS];

static uint64_t density_field(uint64_t word, unsigned at, unsigned bits) {
  return word >> at & (((uint64_t)1 << bits) - 1);
}

static density_word_t* density_of_large(size_t block_size, size_t kind) {
  return &density_last[kind + (block_size >= RIX_DENSE_LARGE)];
}

static density_word_t* density_of(size_t block_size) {
  if (block_size <= RIX_MEDIUM_BLOCK_MAX) return &density_last[rix_class_of(block_size)];
  return density_of_large(block_size, DENSITY_LARGE);
}

static void density_note(density_word_t* word, const void* start, size_t size) {
  const uint64_t last = ri_load_relaxed(word);
  if (density_field(last, DENSITY_SKIP, 5) > 0) {
    ri_store_relaxed(word, last - ((uint64_t)1 << DENSITY_SKIP));
    return;
  }
  const uint64_t first = (uintptr_t)start / RIX_SLICE_SIZE;
  const uint64_t units = rix_min(size / DENSITY_UNIT, DENSITY_UNITS_MAX);
  const uint64_t skipped = density_field(last, DENSITY_SKIPPED, 5);
  ri_store_relaxed(word, skipped << DENSITY_SKIPPED | first << DENSITY_FIRST |
                             units << DENSITY_UNITS | DENSITY_OPEN);
}

void rix_density_note(size_t block_size, const void* start, size_t size) {
  density_note(density_of(block_size), start, size);
}

void rix_density_note_zeroed(size_t block_size, const void* start, size_t size) {
  density_note(density_of_large(block_size, DENSITY_ZEROED), start, size);
}

// Whether the program wrote to the OS page at `p`. No block but one at `p` begins at such a place.
static bool density_is_written(uintptr_t p) {
  static const uint16_t places[] = {0, 1032, 2968};
  for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
    if (rix_os_is_written(p + places[i])) return true;
  }
  return false;
}

static bool density_is_dense(uintptr_t start, size_t size, size_t block_size) {
  if (rix_option_os_forbidden()) return false;  // the OS would be asked
  const size_t part = rix_max(size / DENSITY_SAMPLES, 1);
  size_t misses = 0;
  uint64_t random = start;
  for (size_t i = 0; i < DENSITY_SAMPLES && misses <= DENSITY_MISSES; i++) {
    random = (random + i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = rix_align_down(i * part + (size_t)(random >> 32) % part, DENSITY_UNIT);
    // The first word of a block in a page of blocks may be a link. Blocks are larger than a unit.
    if (block_size <= RIX_MEDIUM_BLOCK_MAX && at % block_size == 0) at += DENSITY_UNIT;
    misses += !density_is_written(start + at);
  }
  return misses <= DENSITY_MISSES;
}

// Looks at what was noted, and records the verdict in the word, which was `last`; `gone`: it was
// returned.
static bool density_decide(density_word_t* word, uint64_t last, size_t size, size_t block_size,
                           bool gone) {
  const uint64_t first = density_field(last, DENSITY_FIRST, 32);
  const bool dense = density_is_dense((uintptr_t)first * RIX_SLICE_SIZE, size, block_size);
  uint64_t known = dense ? DENSITY_DENSE : DENSITY_SPARSE;
  if (!gone) known |= last & (((uint64_t)1 << DENSITY_SKIP) - DENSITY_VERDICT - 1);
  if (!dense) {
    const uint64_t skipped = density_field(last, DENSITY_SKIPPED, 5);
    const uint64_t skip = rix_min(2 * (size_t)skipped + 1, DENSITY_SKIP_MAX);
    known |= skip << DENSITY_SKIPPED | skip << DENSITY_SKIP;
  }
  (void)ri_cas_strong_relaxed(word, &last, known);
  return dense;
}

static bool density_is_proved(density_word_t* word, size_t block_size, bool otherwise) {
  const uint64_t last = ri_load_relaxed(word);
  if (last == 0) return otherwise;
  const uint64_t verdict = last & DENSITY_VERDICT;
  if (verdict != DENSITY_OPEN) return verdict == DENSITY_DENSE;
  const size_t size = (size_t)density_field(last, DENSITY_UNITS, 20) * DENSITY_UNIT;
  return density_decide(word, last, size, block_size, false);
}

bool rix_density_is_proved(size_t block_size, bool otherwise) {
  return density_is_proved(density_of(block_size), block_size, otherwise);
}

bool rix_density_is_proved_zeroed(size_t block_size) {
  return density_is_proved(density_of_large(block_size, DENSITY_ZEROED), block_size, false);
}

void rix_density_refute_zeroed(size_t block_size) {
  density_word_t* const word = density_of_large(block_size, DENSITY_ZEROED);
  uint64_t last = ri_load_relaxed(word);
  if ((last & DENSITY_VERDICT) != DENSITY_DENSE) return;
  (void)ri_cas_strong_relaxed(word, &last, last - DENSITY_DENSE + DENSITY_SPARSE);
}

bool rix_density_is_refuted(size_t block_size) {
  return (ri_load_relaxed(density_of(block_size)) & DENSITY_VERDICT) == DENSITY_SPARSE;
}

static void density_note_freed(density_word_t* word, size_t block_size, const void* start,
                               size_t size) {
  const uint64_t last = ri_load_relaxed(word);
  const uint64_t first = (uintptr_t)start / RIX_SLICE_SIZE;
  if (RIX_LIKELY(density_field(last, DENSITY_FIRST, 32) != first)) return;
  (void)density_decide(word, last, size, block_size, true);
}

void rix_density_note_freed(size_t block_size, const void* start, size_t size) {
  density_note_freed(density_of(block_size), block_size, start, size);
  if (block_size <= RIX_MEDIUM_BLOCK_MAX) return;
  density_note_freed(density_of_large(block_size, DENSITY_ZEROED), block_size, start, size);
}
