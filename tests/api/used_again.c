// SPDX-License-Identifier: MIT
// used_again.c: large blocks that come and go use the same memory again, counted in page faults.
// Zeroed ones of 1 MiB and more were given back to the OS to be zeroed, each time, though the
// program went on to write to all of them; vectors that grow moved to mappings that nobody used
// again. Where zeroed blocks are hardly touched it is right to give them back, and they stay
// sparse.
#include <sys/resource.h>

#include "../check.h"

enum { MIB = 1024 * 1024, ROUNDS = 12 };
static size_t unit;

static size_t faults(void) {
  struct rusage used;
  CHECK(getrusage(RUSAGE_SELF, &used) == 0);
  return (size_t)used.ru_minflt;
}

static void touch(uint8_t* p, size_t from, size_t to) {
  for (size_t at = from; at < to; at += unit)
    ((volatile uint8_t*)p)[at] = 1;
}

// A zeroed block, checked to be so by its words at the begin of OS pages, or wholly.
static uint8_t* zeroed(size_t size, bool sparse) {
  uint8_t* const p = ri_calloc(1, size);
  CHECK(p != NULL);
  if (!sparse) CHECK_ZERO(p, 0, size);
  return p;
}

static void written_to(size_t size, size_t live) {
  uint8_t* blocks[4] = {NULL};
  size_t before = 0;
  for (size_t round = 0; round < ROUNDS; round++) {
    if (round == ROUNDS / 2) before = faults();
    for (size_t i = 0; i < live; i++) {
      ri_free(blocks[i]);
      blocks[i] = zeroed(size, false);
      touch(blocks[i], 0, size);
    }
  }
  const size_t each = (faults() - before) / (ROUNDS / 2 * live);
  CHECK_MSG(each < size / unit / 8, "%zu bytes, %zu live: %zu faults a block", size, live, each);
  for (size_t i = 0; i < live; i++)
    ri_free(blocks[i]);
}

// After the ones above, whose memory is dirty: hardly touched, freed at once and kept.
static void hardly_touched(size_t size) {
  for (size_t round = 0; round < 2 * ROUNDS; round++) {
    uint8_t* const p = zeroed(size, true);
    p[size / 2] = 1;
    ri_free(p);
  }
  enum { KEPT = 64 };
  uint8_t* kept[KEPT];
  const size_t before = check_resident();
  for (size_t i = 0; i < KEPT; i++) {
    kept[i] = zeroed(size, true);
    kept[i][0] = 1;
  }
  const size_t more = check_resident() - before;
  CHECK_MSG((ptrdiff_t)more < (ptrdiff_t)(KEPT * size / 16), "%zu KiB resident", more / 1024);
  for (size_t i = 0; i < KEPT; i++) {
    CHECK(kept[i][0] == 1 && kept[i][size / 3] == 0);
    ri_free(kept[i]);
  }
}

// Some vectors grow in turn, and are freed; again and again.
static size_t growing(size_t count, size_t limit) {
  uint8_t* v[8];
  const size_t before = faults();
  for (size_t i = 0; i < count; i++) {
    CHECK((v[i] = ri_malloc(65536)) != NULL);
    check_fill(v[i], 65536, i);
  }
  for (size_t size = 65536; size < limit; size *= 2) {
    for (size_t i = 0; i < count; i++) {
      v[i] = ri_realloc(v[i], 2 * size);
      CHECK(v[i] != NULL);
      touch(v[i], size, 2 * size);
    }
  }
  for (size_t i = 0; i < count; i++) {
    CHECK_FILLED(v[i], 65536, i);
    ri_free(v[i]);
  }
  return (faults() - before) / count;
}

static void vectors(size_t count, size_t limit) {
  size_t each = 0;
  for (size_t round = 0; round < ROUNDS; round++)
    each = growing(count, limit);
  CHECK_MSG(each < limit / unit / 4, "%zu to %zu KiB: %zu faults each", count, limit / 1024, each);
}

int main(void) {
  check_watchdog(120);
  unit = (size_t)sysconf(_SC_PAGESIZE);
  ri_option_set(ri_option_purge_delay, -1);  // not by the clock
  if (check_sanitized()) return 0;           // a tool that is told of each block has the memory
  for (size_t size = MIB; size <= (size_t)16 * MIB; size *= 4) {
    written_to(size, 1);
    written_to(size, 4);
  }
  hardly_touched(MIB);
  hardly_touched((size_t)4 * MIB);
  vectors(4, MIB);
  vectors(2, (size_t)4 * MIB);
  CHECK(ri_audit());
  return 0;
}
