// SPDX-License-Identifier: MIT
// huge.c: arena/huge.h by what the kernel says of the memory. A unit of a dense arena of which a
// part was returned no longer asks for huge pages, lest the kernel's thread fill it again; it asks
// again once all of it was returned or is in use. Catches: a unit that goes on asking, neighbours
// that stop, a unit that never asks again, one at the end of the arena.
#include "arena/huge.h"

#include "../check.h"

#include <inttypes.h>

static const rix_space_t space;

// What the mapping at p asks for: 'h' huge pages, 'n' none, '-' nothing; '?': unknown.
static char advice(const void* p) {
  FILE* const f = fopen("/proc/self/smaps", "r");
  if (f == NULL) return '?';
  char line[512], found = '?';
  bool here = false;
  while (fgets(line, sizeof(line), f) != NULL) {
    uintptr_t from, to;
    char rest;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR "%c", &from, &to, &rest) == 3) {
      here = from <= (uintptr_t)p && (uintptr_t)p < to;
    } else if (here && strncmp(line, "VmFlags:", 8) == 0) {
      found = strstr(line, " hg") != NULL ? 'h' : strstr(line, " nh") != NULL ? 'n' : '-';
    }
  }
  fclose(f);
  return found;
}

static rix_slices_t claim(size_t count) {
  rix_slices_t got;
  CHECK(rix_arena_claim(&space, count, RIX_OS_HUGE_SIZE, true, &got));
  CHECK(got.arena->dense);
  memset(rix_arena_address(got.arena, got.index), 1, count * RIX_SLICE_SIZE);
  return got;
}

static void is(const rix_slices_t* got, size_t slice, char right) {
  const char flag = advice(rix_arena_address(got->arena, got->index + slice));
  CHECK_MSG(flag == right, "slice %zu: %c, not %c", slice, flag, right);
}

static void give(const rix_slices_t* got, size_t first, size_t count) {
  rix_arena_release(got->arena, got->index + first, count);
  rix_arena_purge(true);
}

static void use_again(const rix_slices_t* got, size_t slice) {
  rix_slices_t again;
  rix_arena_release(got->arena, got->index + slice, 1);
  CHECK(rix_arena_claim(&space, 1, RIX_SLICE_SIZE, true, &again));
  CHECK(again.arena == got->arena && again.index == got->index + slice);
}

// OS pages of slices that stay in use, on both sides of a boundary of units.
static void discards(void) {
  enum { UNIT = RIX_UNIT_SLICES };
  const rix_slices_t got = claim(3 * UNIT);
  uint8_t* const p = rix_arena_address(got.arena, got.index);
  is(&got, 0, 'h');
  CHECK(rix_arena_discard(got.arena, p + (UNIT - 1) * RIX_SLICE_SIZE, 2 * RIX_SLICE_SIZE));
  is(&got, 0, 'n');
  is(&got, UNIT, 'n');
  is(&got, 2 * UNIT, 'h');
  // A page with holes: the unit does not ask because a slice comes into use, until they are filled.
  ri_page_t* const page = &got.arena->pages[got.index + UNIT - 1];
  ri_store_relaxed(&page->xholes[1], 1);
  use_again(&got, 0);
  is(&got, 0, 'n');
  ri_store_relaxed(&page->xholes[1], 0);
  use_again(&got, 0);
  is(&got, 0, 'h');
  give(&got, 0, 3 * UNIT);
  is(&got, UNIT, 'h');
}

int main(void) {
  enum { UNIT = RIX_UNIT_SLICES, N = 5 * UNIT };
  const rix_slices_t got = claim(N);
  if (advice(rix_arena_address(got.arena, got.index)) != 'h') {
    check_skip("the kernel does not tell who asks for huge pages, or has none");
  }
  give(&got, UNIT + 3, 1);  // a slice of the second unit
  is(&got, UNIT - 1, 'h');
  is(&got, UNIT, 'n');
  is(&got, 2 * UNIT - 1, 'n');
  is(&got, 2 * UNIT, 'h');
  give(&got, 2 * UNIT + 30, UNIT + 4);  // the end of the third, the fourth, a part of the fifth
  is(&got, 2 * UNIT, 'n');
  is(&got, 3 * UNIT, 'h');
  is(&got, 4 * UNIT, 'n');
  // What was given back is in use again, and so is the whole unit.
  rix_slices_t again;
  CHECK(rix_arena_claim(&space, 1, RIX_SLICE_SIZE, true, &again));
  CHECK(again.index == got.index + UNIT + 3 && again.zero);
  is(&got, UNIT, 'h');
  is(&got, 2 * UNIT, 'n');
  // The rest of the third unit: it was given back as a whole.
  give(&got, 2 * UNIT, 30);
  is(&got, 2 * UNIT, 'h');
  is(&got, 4 * UNIT, 'n');
  give(&got, 0, 2 * UNIT);
  give(&got, 4 * UNIT + 2, UNIT - 2);
  for (size_t i = 0; i < N; i += 8)
    is(&got, i, 'h');
  discards();
  return 0;
}
