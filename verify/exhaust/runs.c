// SPDX-License-Identifier: MIT
// runs.c: searching and counting runs of bits across a word boundary, for every content of a
// window of bits, every start, length, alignment and phase, against loops over single bits; and
// what the lanes of arena/runs.h say about each content, whether its bits were freed one by one in
// either order or what is missing was claimed.
#include "arena/bitmap.h"
#include "arena/runs.h"
#include "decide.h"

enum { FIRST = 58, WINDOW = 13, END = FIRST + WINDOW };  // bits 58 .. 70 of two words

static rix_word_t words[2];
static size_t decided;

static bool bit(size_t i) {
  return (ri_load_relaxed(&words[i / RIX_WORD_BITS]) >> i % RIX_WORD_BITS & 1) != 0;
}

static bool all_set(size_t from, size_t count) {
  for (size_t i = from; i < from + count; i++) {
    if (!bit(i)) return false;
  }
  return true;
}

// The specification of rix_bitmap_find_run.
static size_t first_run(size_t bits, size_t from, size_t count, size_t align, size_t phase) {
  for (size_t i = from; i + count <= bits; i++) {
    if (i % align == phase && all_set(i, count)) return i;
  }
  return SIZE_MAX;
}

static void find(const rix_bitmap_t* map, size_t from, size_t count, size_t align, size_t phase) {
  size_t found = SIZE_MAX;
  const bool is = rix_bitmap_find_run(map, from, count, align, phase, &found);
  const size_t right = first_run(map->bits, from, count, align, phase);
  HOLDS(is == (right != SIZE_MAX) && found == right,
        "words %llx %llx from %zu count %zu align %zu phase %zu: %zu, not %zu",
        (unsigned long long)ri_load_relaxed(&words[0]),
        (unsigned long long)ri_load_relaxed(&words[1]), from, count, align, phase, found, right);
  decided++;
}

static void count_and_clear(const rix_bitmap_t* map, size_t index, size_t count) {
  size_t right = 0;
  for (size_t i = index; i < index + count; i++)
    right += bit(i);
  HOLDS(rix_bitmap_count_run(map, index, count) == right, "index %zu count %zu", index, count);
  const uint64_t low = ri_load_relaxed(&words[0]), high = ri_load_relaxed(&words[1]);
  HOLDS(rix_bitmap_clear_run(map, index, count) == right, "index %zu count %zu", index, count);
  HOLDS(rix_bitmap_count_run(map, index, count) == 0, "index %zu count %zu", index, count);
  ri_store_relaxed(&words[0], low);
  ri_store_relaxed(&words[1], high);
  decided++;
}

// ---- Lanes --------------------------------------------------------------------------------------

static rix_word_t lanes[1];
static const rix_runs_t known = {lanes, 2};

static void runs_find(const rix_bitmap_t* map, size_t count, size_t align, size_t phase) {
  size_t found = SIZE_MAX, sure = count + align - 1;
  const bool is = rix_runs_find(&known, map, count, align, phase, &found);
  const size_t right = first_run(map->bits, 0, count, align, phase);
  HOLDS(!is || (found % align == phase && found + count <= END && all_set(found, count)),
        "count %zu align %zu phase %zu: %zu", count, align, phase, found);
  HOLDS(is || right == SIZE_MAX || first_run(map->bits, 0, sure, 1, 0) == SIZE_MAX,
        "count %zu align %zu phase %zu: not %zu", count, align, phase, right);
  decided++;
}

static void know(const rix_bitmap_t* map) {
  for (size_t count = 1; count <= WINDOW + 1; count++) {
    runs_find(map, count, 1, 0);
    runs_find(map, count, 4, count % 4);
  }
}

// The runs of the content are freed one by one, upwards or downwards.
static void freed(const rix_bitmap_t* map, uint64_t content, bool downwards) {
  ri_store_relaxed(&words[0], 0);
  ri_store_relaxed(&words[1], 0);
  ri_store_relaxed(&lanes[0], 0);
  for (size_t i = 0; i < WINDOW; i++) {
    const size_t at = downwards ? WINDOW - 1 - i : i;
    if ((content >> at & 1) == 0) continue;
    rix_bitmap_set_run(map, FIRST + at, 1);
    rix_runs_freed(&known, map, FIRST + at, 1);
  }
  know(map);
}

// The rest is claimed, out of a window that is free as a whole.
static void claimed(const rix_bitmap_t* map, uint64_t content) {
  freed(map, UINT64_MAX, false);
  for (size_t i = 0; i < WINDOW; i++) {
    if ((content >> i & 1) != 0) continue;
    rix_bitmap_claim_run(map, FIRST + i, 1);
    rix_runs_claimed(&known, map, FIRST + i, 1);
  }
  know(map);
}

static void searches(const rix_bitmap_t* map) {
  for (size_t count = 1; count <= WINDOW + 1; count++) {
    for (size_t align = 1; align <= 8; align *= 2) {
      for (size_t phase = 0; phase < align; phase++) {
        find(map, 0, count, align, phase);
        find(map, FIRST + count % 7, count, align, phase);
      }
    }
  }
}

int main(void) {
  const rix_bitmap_t map = {words, END};
  for (uint64_t content = 0; content < (uint64_t)1 << WINDOW; content++) {
    ri_store_relaxed(&words[0], content << FIRST);
    ri_store_relaxed(&words[1], content >> (RIX_WORD_BITS - FIRST));
    searches(&map);
    freed(&map, content, false);
    freed(&map, content, true);
    claimed(&map, content);
    ri_store_relaxed(&words[0], content << FIRST);
    ri_store_relaxed(&words[1], content >> (RIX_WORD_BITS - FIRST));
    for (size_t index = FIRST; index < END; index++) {
      for (size_t count = 1; index + count <= END; count++)
        count_and_clear(&map, index, count);
    }
  }
  printf("runs: %zu cases\n", decided);
  return 0;
}
