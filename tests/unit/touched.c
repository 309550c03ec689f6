// SPDX-License-Identifier: MIT
// touched.c: arena/touched.h and page/excess.h. Catches: a value that falls when less is touched or
// stays when the slice was returned; a run of which slices behind the first are forgotten; a claim
// that takes a slice that does not fit although one at hand does; an expectation that never comes
// down or never rises.
#include "arena/touched.h"

#include "page/excess.h"
#include "../check.h"

static const rix_space_t space = {0, NULL, {RIX_NODE_ANY}};
enum { WHOLE = RIX_TOUCHED_SLICE };

static size_t touched(const rix_arena_t* a, size_t index) {
  return ri_load_relaxed(&a->touched[index]);
}

static void values(void) {
  rix_slices_t got;
  CHECK(rix_arena_claim(&space, 4, RIX_SLICE_SIZE, false, &got));
  rix_arena_t* const a = got.arena;
  const size_t i = got.index;
  rix_touched_clear(a, i, 4);
  size_t end = 0;
  CHECK(rix_touched_behind(a, i, 4, 0, &end) == 0);
  rix_touched_raise(a, i, 4, WHOLE + 3);
  CHECK(touched(a, i) == WHOLE && touched(a, i + 1) == 3 && touched(a, i + 2) == 0);
  rix_touched_raise(a, i, 4, 5);  // less than before
  CHECK(touched(a, i) == WHOLE && touched(a, i + 1) == 3);
  rix_touched_raise(a, i + 3, 1, 2);
  CHECK(rix_touched_behind(a, i, 4, 10, &end) == WHOLE - 10 + 3 + 2 && end == 3 * WHOLE + 2);
  CHECK(rix_touched_behind(a, i, 4, WHOLE + 1, &end) == 2 + 2);
  CHECK(rix_touched_behind(a, i, 4, 4 * WHOLE, &end) == 0);
  rix_touched_lower(a, i, 4, WHOLE + 1);
  CHECK(touched(a, i) == WHOLE && touched(a, i + 1) == 1 && touched(a, i + 3) == 0);
  rix_touched_raise(a, i, 4, 4 * WHOLE);
  rix_arena_release(a, i, 4);
  rix_arena_purge(true);
  for (size_t k = 0; k < 4; k++)
    CHECK(touched(a, i + k) == 0);
}

// Six slices of which each second one is held, touched to different places.
static void choices(void) {
  enum { N = 12 };
  rix_slices_t got, one;
  CHECK(rix_arena_claim(&space, N, RIX_SLICE_SIZE, false, &got));
  rix_arena_t* const a = got.arena;
  rix_touched_clear(a, got.index, N);
  for (size_t k = 0; k < N; k += 2) {
    rix_touched_raise(a, got.index + k, 1, k + 1);  // 1, 3, 5, 7, 9, 11
    rix_arena_release(a, got.index + k, 1);
  }
  static const size_t wanted[] = {7, 11, 1, 4, 16};
  static const size_t places[] = {6, 10, 0, 2, 8};
  for (size_t k = 0; k < 5; k++) {
    CHECK(rix_arena_claim_fitting(&space, 1, wanted[k], false, &one));
    CHECK_MSG(one.arena == a && one.index == got.index + places[k], "%zu: %zu", wanted[k],
              one.index - got.index);
  }
  size_t first, found;  // one is left: of two in a row there is none
  CHECK(rix_touched_choose(a, got.index, 1, 5, &first, &found));
  CHECK(found == got.index + 4 && first == found);
  if (rix_touched_choose(a, got.index, 2, 1, &first, &found)) CHECK(found >= got.index + N);
  CHECK(rix_arena_claim_fitting(&space, 1, 5, false, &one) && one.index == got.index + 4);
  rix_arena_release(a, got.index, N);
  rix_arena_purge(true);
}

// A thread with pages of a class makes `bytes` of blocks and frees them.
static void* uses(void* arg) {
  const size_t bytes = (size_t)(uintptr_t)arg, n = bytes / 1024;
  void* blocks[64];
  for (size_t i = 0; i < n; i++)
    CHECK((blocks[i] = ri_malloc(1024)) != NULL);
  for (size_t i = 0; i < n; i++)
    ri_free(blocks[i]);
  return NULL;
}

static void expectations(void) {
  const unsigned c = rix_class_of(1024);
  const size_t least = rix_excess_expected(c, true, 1);
  CHECK(least == rix_touched_units(4096));  // nothing is known
  CHECK(rix_excess_expected(c, false, 1) == WHOLE);
  for (size_t i = 0; i < 100; i++)
    check_in_thread(uses, (void*)(uintptr_t)(8 * 4096));
  CHECK(rix_excess_expected(c, true, 1) == rix_touched_units(8 * 4096));
  for (size_t i = 0; i < 100; i++)
    check_in_thread(uses, (void*)(uintptr_t)(12 * 4096));
  CHECK(rix_excess_expected(c, true, 1) == rix_touched_units(12 * 4096));
  for (size_t i = 0; i < 100; i++)
    check_in_thread(uses, (void*)(uintptr_t)4096);
  CHECK(rix_excess_expected(c, true, 1) == least);
  CHECK(rix_excess_expected(rix_class_of(65536), true, 2) == rix_touched_units(65536));
}

int main(void) {
  ri_option_set(ri_option_purge_delay, 3600000);
  values();
  choices();
  expectations();
  CHECK(ri_audit());
  return 0;
}
