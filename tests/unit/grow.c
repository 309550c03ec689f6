// SPDX-License-Identifier: MIT
// grow.c: arena/grow.c: little of an arena is mapped at first, and more when it is used, in few
// parts, which are one mapping to the OS; a run may continue into the next part; where others have
// the addresses after it, it stays as it is and the next arena is mapped as a whole.
#include "arena/arena.h"
#include "arena/mapping.h"
#include "options/options.h"
#include "../check.h"

#include <inttypes.h>
#include <sys/mman.h>

static const rix_space_t space = {0, NULL, {RIX_NODE_ANY}};

static rix_slices_t claim(size_t count) {
  rix_slices_t got;
  CHECK(rix_arena_claim(&space, count, RIX_SLICE_SIZE, false, &got) && got.zero);
  memset(rix_arena_address(got.arena, got.index), 1, RIX_SLICE_SIZE);
  return got;
}

// Mappings of the OS that overlap the arena.
static size_t mappings_of(const rix_arena_t* a) {
  FILE* const f = fopen("/proc/self/maps", "r");
  CHECK(f != NULL);
  const uintptr_t from = (uintptr_t)a->start, to = from + a->map_size;
  char line[512];
  size_t n = 0;
  while (fgets(line, sizeof(line), f) != NULL) {
    uintptr_t start, end;
    CHECK(sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2);
    n += start < to && end > from;
  }
  fclose(f);
  return n;
}

static void grows(void) {
  const size_t first_calls = rix_os_calls_of(RIX_OS_CALL_MAP);
  const rix_slices_t first = claim(1);
  rix_arena_t* const a = first.arena;
  CHECK(a->slice_count * RIX_SLICE_SIZE == 64 * CHECK_MIB);
  CHECK_MSG(rix_arena_slices(a) * RIX_SLICE_SIZE == CHECK_MIB, "%zu", rix_arena_slices(a));
  CHECK(rix_bitmap_count_run(&a->free, 0, a->slice_count) == rix_arena_slices(a) - 1);
  const size_t calls = rix_os_calls_of(RIX_OS_CALL_MAP);
  CHECK_MSG(calls - first_calls <= 4, "%zu", calls - first_calls);
  for (size_t i = 1; i < a->slice_count; i++) {
    const rix_slices_t got = claim(1);
    CHECK(got.arena == a && got.index == i);
    CHECK(rix_arena_slices(a) <= 16 || rix_arena_slices(a) <= 2 * (i + 1));
    CHECK(rix_arena_reserved() == ri_load_relaxed(&a->xmapped) + a->apart);
  }
  CHECK(rix_arena_slices(a) == a->slice_count && rix_arena_count() == 1);
  CHECK(ri_load_relaxed(&a->xmapped) == a->map_size);
  const size_t more = rix_os_calls_of(RIX_OS_CALL_MAP) - calls;
  CHECK_MSG(more <= 6 + 4, "%zu calls", more);  // from 4 MiB on, whether it leaves room, before
  CHECK_MSG(mappings_of(a) <= 2, "%zu mappings", mappings_of(a));
  rix_arena_release(a, 0, a->slice_count);
}

static void runs(void) {
  rix_slices_t all;
  CHECK(rix_arena_claim(&space, 1024, RIX_SLICE_SIZE, false, &all));  // all that there is
  const rix_slices_t first = claim(100);
  rix_arena_t* const a = first.arena;
  CHECK(a != all.arena && first.index == 0 && rix_arena_slices(a) == 100);
  bool zero = false;
  CHECK(rix_arena_extend(a, 0, 100, 50, &zero) && zero && rix_arena_slices(a) == 200);
  CHECK(!rix_arena_extend(a, 0, 150, a->slice_count, &zero));
  CHECK(rix_arena_extend(a, 0, 150, a->slice_count - 150, &zero) && zero);
  CHECK(rix_arena_slices(a) == a->slice_count);
  rix_arena_release(a, 0, a->slice_count);
  rix_arena_release(all.arena, all.index, 1024);
}

static void walls(void) {
  rix_slices_t all[2];
  for (int i = 0; i < 2; i++) {
    const size_t count = rix_arena_at((size_t)i)->slice_count;
    CHECK(rix_arena_claim(&space, count, RIX_SLICE_SIZE, false, &all[i]));
  }
  const rix_slices_t first = claim(1);
  rix_arena_t* const a = first.arena;
  const size_t have = rix_arena_slices(a);
  CHECK(have < a->slice_count);
  uint8_t* const end = rix_arena_address(a, have);
  CHECK(mmap(end, check_os_page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == end);
  const rix_slices_t next = claim(have);
  CHECK(next.arena != a && rix_arena_slices(next.arena) == next.arena->slice_count);
  CHECK(rix_arena_slices(a) == have);
  const rix_slices_t rest = claim(have - 1);
  CHECK(rest.arena == a || rest.arena == next.arena);
  rix_arena_release(rest.arena, rest.index, have - 1);
  rix_arena_release(next.arena, next.index, have);
  rix_arena_release(a, 0, 1);
  for (int i = 0; i < 2; i++)
    rix_arena_release(all[i].arena, all[i].index, all[i].arena->slice_count);
  CHECK(munmap(end, check_os_page()) == 0);
}

int main(void) {
  if (CHECK_SIZE_BITS == 32) check_skip("arenas are mapped as a whole");
  if (check_sanitized()) check_skip("a sanitizer chooses the places");
  if (rix_os_address_space_limit() != SIZE_MAX) check_skip("address space is limited");
  ri_option_set(ri_option_arena_reserve, 64 << 10);
  ri_option_set(ri_option_thp, 0);
  grows();
  runs();
  walls();
  CHECK(rix_arena_in_use() == 0);
  return 0;
}
