// SPDX-License-Identifier: MIT
// runs.c: arena/runs.h against the bits themselves. A search finds a run whenever there is one, as
// long as only one thread is at work; what it finds is set and aligned; it stays short however many
// runs are too short; and whatever the lanes say, an arena finds what is free before it reserves
// more. Catches: a run that nobody knows of after a claim took its beginning, a lane that is never
// lowered, a tree whose upper lanes say less than the lower ones, a search that looks at each hole.
#include "arena/runs.h"

#include "arena/arena.h"
#include "../check.h"

enum { BITS_MAX = 40000, HELD = 400 };
static rix_word_t words[BITS_MAX / 64 + 1];
static rix_word_t lanes[BITS_MAX / 64];

typedef struct space_s {
  rix_bitmap_t map;
  rix_runs_t runs;
} space_t;

static void give(const space_t* s, size_t index, size_t count) {
  CHECK(rix_bitmap_set_run(&s->map, index, count));
  rix_runs_freed(&s->runs, &s->map, index, count);
}

static void take(const space_t* s, size_t index, size_t count) {
  CHECK(rix_bitmap_claim_run(&s->map, index, count));
  rix_runs_claimed(&s->runs, &s->map, index, count);
}

static space_t fresh(size_t bits) {
  memset(words, 0, sizeof(words));
  memset(lanes, 0, sizeof(lanes));
  CHECK(rix_runs_words(bits) <= sizeof(lanes) / sizeof(lanes[0]));
  const size_t n = rix_runs_words(bits);
  const space_t s = {{words, bits}, {n > 0 ? lanes : NULL, rix_bitmap_words(bits)}};
  give(&s, 0, bits);
  return s;
}

// Whether the search and the bits agree.
static void agrees(const space_t* s, size_t count, size_t align, size_t phase) {
  size_t right = SIZE_MAX, found = SIZE_MAX;
  const bool is = rix_bitmap_find_run(&s->map, 0, count, align, phase, &right);
  const bool seen = rix_runs_find(&s->runs, &s->map, count, align, phase, &found);
  if (seen) {
    CHECK_MSG(found % align == phase && found + count <= s->map.bits &&
                  rix_bitmap_count_run(&s->map, found, count) == count,
              "%zu for %zu bits, align %zu phase %zu", found, count, align, phase);
    return;
  }
  // A run that fits by chance may stay unseen, one in which any such run fits may not.
  size_t sure = count + align - 1;
  if (sure > 64 && align > 1) sure += 64;
  if (count > 64 && sure <= RIX_RUNS_MAX && align == 1) sure += 64;
  const bool must = is &&
                    rix_bitmap_find_run(&s->map, 0, rix_min(sure, s->map.bits), 1, 0, &right) &&
                    sure <= s->map.bits;
  CHECK_MSG(!must, "%zu bits, align %zu phase %zu: there are some at %zu", count, align, phase,
            right);
}

typedef struct held_s {
  size_t index, count;
} held_t;

static void random_claims(size_t bits, size_t largest, uint64_t seed) {
  const space_t s = fresh(bits);
  static held_t held[HELD];
  memset(held, 0, sizeof(held));
  uint64_t rng = seed;
  for (size_t i = 0; i < check_scaled(6000); i++) {
    held_t* const h = &held[check_below(&rng, HELD)];
    if (h->count > 0) give(&s, h->index, h->count);
    h->count = 0;
    const size_t count = 1 + check_below(&rng, check_below(&rng, 4) == 0 ? largest : 9);
    const size_t align = (size_t)1 << (check_below(&rng, 4) == 0 ? check_below(&rng, 7) : 0);
    const size_t phase = check_below(&rng, align);
    agrees(&s, count, align, phase);
    size_t index;
    if (!rix_runs_find(&s.runs, &s.map, count, align, phase, &index)) continue;
    take(&s, index, count);
    *h = (held_t){index, count};
  }
}

// Without alignment, and up to the length that lanes tell exactly, a search is never wrong.
static void exact(void) {
  const space_t s = fresh(4096);
  uint64_t rng = 5;
  for (size_t i = 0; i < check_scaled(3000); i++) {
    const size_t index = check_below(&rng, 4096), count = 1 + check_below(&rng, 70);
    const size_t inside = rix_min(count, 4096 - index);
    if (rix_bitmap_count_run(&s.map, index, inside) == inside) {
      take(&s, index, inside);
    } else if (rix_bitmap_count_run(&s.map, index, inside) == 0) {
      give(&s, index, inside);
    }
    for (size_t n = 1; n <= 64; n += 7) {
      size_t right, found;
      const bool is = rix_bitmap_find_run(&s.map, 0, n, 1, 0, &right);
      CHECK_MSG(rix_runs_find(&s.runs, &s.map, n, 1, 0, &found) == is, "%zu bits", n);
    }
  }
}

// Holes of two bits throughout, and three wanted: after the first search, which lowers the lanes,
// no word of them is looked at: they could be taken away.
static void short_holes(void) {
  const space_t s = fresh(BITS_MAX);
  take(&s, 0, BITS_MAX);
  for (size_t i = 0; i + 8 < BITS_MAX - 64; i += 4)
    give(&s, i, 2);
  give(&s, BITS_MAX - 16, 10);
  size_t found = 0;
  CHECK(rix_runs_find(&s.runs, &s.map, 3, 1, 0, &found) && found == BITS_MAX - 16);
  memset(words, 0xFF, BITS_MAX / 64 * 8 - 64);  // would be found by who looks
  CHECK(rix_runs_find(&s.runs, &s.map, 3, 1, 0, &found) && found == BITS_MAX - 16);
}

// Holes that are long enough and lie wrongly: after some of them only such count as have any
// alignment, so that one that fits by chance behind all of them is left to who looks at all bits.
static void wrong_holes(void) {
  const space_t s = fresh(BITS_MAX);
  take(&s, 0, BITS_MAX);
  for (size_t i = 0; i + 8 < BITS_MAX - 192; i += 8)
    give(&s, i, 3);
  give(&s, BITS_MAX - 127, 3);  // 1 modulo 8
  size_t found = 0;
  CHECK(rix_bitmap_find_run(&s.map, 0, 3, 8, 1, &found) && found == BITS_MAX - 127);
  CHECK(!rix_runs_find(&s.runs, &s.map, 3, 8, 1, &found));
  give(&s, BITS_MAX - 32, 10);
  CHECK(rix_runs_find(&s.runs, &s.map, 3, 8, 1, &found) && found == BITS_MAX - 31);
}

// An arena finds what is free whatever its lanes say, and has no false idea of what is not.
static void advice(const rix_space_t* space) {
  rix_slices_t first, got;
  CHECK(rix_arena_claim(space, 200, RIX_SLICE_SIZE, false, &first));
  rix_arena_t* const a = first.arena;
  if (a->runs.lanes == NULL) return;  // where address space is short
  const size_t arenas = rix_arena_count();
  for (int high = 0; high < 2; high++) {
    memset(a->runs.lanes, high ? 0x7F : 0, rix_runs_words(a->slice_count) * sizeof(rix_word_t));
    CHECK(rix_arena_claim(space, 300, RIX_SLICE_SIZE, false, &got));
    CHECK(rix_arena_count() == arenas && got.arena == a);
    rix_arena_release(a, got.index, 300);
    CHECK(rix_arena_claim(space, 2, RIX_SLICE_SIZE * 2, false, &got));
    CHECK(rix_arena_count() == arenas && got.arena == a);
    rix_arena_release(a, got.index, 2);
  }
  rix_arena_release(a, first.index, 200);
}

int main(void) {
  CHECK(rix_runs_words(1) == 0 && rix_runs_words(15 * 64) == 0);
  CHECK(rix_runs_words(15 * 64 + 1) == 2 + 1 && rix_runs_words(64 * 64) == 8 + 1);
  for (uint64_t seed = 1; seed <= 4; seed++) {
    random_claims(15 * 64 + 1, 300, seed);
    random_claims(10007, 500, seed);
    random_claims(BITS_MAX, 6000, seed);
  }
  exact();
  short_holes();
  wrong_holes();
  static rix_space_t space;
  advice(&space);
  const rix_arena_request_t request = {0, RIX_NODE_ANY, false, false, true};
  space.only = rix_arena_reserve((size_t)80 << 20, request);
  CHECK(space.only != NULL);
  advice(&space);
  return 0;
}
