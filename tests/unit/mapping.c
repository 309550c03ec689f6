// SPDX-License-Identifier: MIT
// mapping.c: mappings of their own and their cache: sizes and alignments hold, zero is said only
// when it is true, the cache keeps its limit, gives back what fits without much waste and nothing
// that was asked for fresh, and the counters return to where they were.
#include "arena/mapping.h"

#include "arena/pagemap.h"
#include "options/options.h"
#include "../check.h"

static const size_t mib = CHECK_MIB;

static rix_mapping_t claim(size_t size, size_t align, bool fresh) {
  rix_mapping_t m = {0};
  CHECK(rix_mapping_claim(size, align, fresh, true, &m));
  CHECK(m.start != NULL && check_aligned(m.start, align) && m.size >= size);
  uint8_t* const p = m.start;
  if (m.zero) CHECK(p[0] == 0 && p[m.size / 2] == 0 && p[m.size - 1] == 0);
  p[0] = p[m.size / 2] = p[m.size - 1] = 0xFF;
  CHECK(rix_pagemap_find(p) == NULL);
  return m;
}

static void cache(void) {
  ri_option_set(ri_option_purge_delay, 3600000);
  ri_option_set(ri_option_mapping_cache, 100);
  rix_mapping_t a = claim(40 * mib, RIX_SLICE_SIZE, false);
  CHECK(a.zero && rix_mapping_count() == 1 && rix_mapping_reserved() >= 40 * mib);
  rix_mapping_release(a.start, a.size, 0, true);
  CHECK(rix_mapping_count() == 0 && rix_mapping_reserved() == 0);
  CHECK(rix_mapping_cached() == a.size);
  // Too wasteful, misaligned or wanted fresh: not from the cache.
  rix_mapping_t b = claim(10 * mib, RIX_SLICE_SIZE, false);
  rix_mapping_t c = claim(40 * mib, RIX_SLICE_SIZE, true);
  CHECK(b.start != a.start && c.start != a.start && c.zero);
  CHECK(rix_mapping_cached() == a.size);
  rix_mapping_t d = claim(38 * mib, RIX_SLICE_SIZE, false);
  CHECK(d.start == a.start && !d.zero && rix_mapping_cached() == 0);
  // The limit: 10 + 40 fit, another 60 do not.
  rix_mapping_t e = claim(60 * mib, RIX_SLICE_SIZE, false);
  rix_mapping_release(b.start, b.size, 0, true);
  rix_mapping_release(d.start, d.size, 0, true);
  rix_mapping_release(e.start, e.size, 0, true);
  CHECK_MSG(rix_mapping_cached() <= 100 * mib, "%zu cached", rix_mapping_cached());
  CHECK(rix_mapping_cached() == b.size + d.size);
  rix_mapping_purge(false);
  CHECK(rix_mapping_cached() == b.size + d.size);  // nothing is due
  rix_mapping_purge(true);
  CHECK(rix_mapping_cached() == 0);
  rix_mapping_release(c.start, c.size, 0, true);
  rix_mapping_purge(true);
  ri_option_set(ri_option_purge_delay, 0);
  a = claim(20 * mib, RIX_SLICE_SIZE, false);
  rix_mapping_release(a.start, a.size, 0, true);
  CHECK(rix_mapping_cached() == 0);  // at once
  ri_option_set(ri_option_purge_delay, 5);
}

static void due(void) {
  ri_option_set(ri_option_purge_delay, 5);
  const rix_mapping_t a = claim(20 * mib, RIX_SLICE_SIZE, false);
  rix_mapping_release(a.start, a.size, 0, true);
  CHECK(rix_mapping_cached() == a.size);
  const uint64_t deadline = check_now_ms() + 5000;
  while (rix_mapping_cached() != 0 && check_now_ms() < deadline)
    rix_mapping_purge(false);
  CHECK(rix_mapping_cached() == 0);
}

static void sizes_and_alignments(void) {
  uint64_t rng = 2;
  rix_mapping_t held[16] = {{0}};
  const rix_mapping_t first = claim(mib, RIX_SLICE_SIZE, true);  // with it the page map is reserved
  rix_mapping_release(first.start, first.size, 0, true);
  rix_mapping_purge(true);
  const size_t space = check_address_space();
  for (int i = 0; i < 500; i++) {
    rix_mapping_t* const m = &held[check_below(&rng, 16)];
    if (m->start != NULL) {
      const uint8_t* const p = m->start;
      CHECK(p[0] == 0xFF && p[m->size / 2] == 0xFF && p[m->size - 1] == 0xFF);
      rix_mapping_release(m->start, m->size, 0, true);
    }
    const size_t size = (1 + check_below(&rng, 5000)) * check_os_page();
    *m = claim(size, (size_t)RIX_SLICE_SIZE << check_below(&rng, 12), i % 4 == 0);
  }
  for (int i = 0; i < 16; i++) {
    if (held[i].start != NULL) rix_mapping_release(held[i].start, held[i].size, 0, true);
  }
  rix_mapping_purge(true);
  CHECK(rix_mapping_count() == 0 && rix_mapping_reserved() == 0 && rix_mapping_cached() == 0);
  CHECK_MSG(!check_measurable() || check_address_space() <= space + 2 * mib, "%zu KiB stay mapped",
            (check_address_space() - space) / 1024);
}

static void resizes(void) {
  rix_mapping_t m = claim(8 * mib, RIX_SLICE_SIZE, true);
  check_fill(m.start, 8 * mib, 1);
  CHECK(rix_mapping_resize(m.start, m.size, 2 * mib));
  CHECK(rix_mapping_reserved() == 2 * mib);
  CHECK_FILLED(m.start, 2 * mib, 1);
  if (rix_mapping_resize(m.start, 2 * mib, 3 * mib)) {
    CHECK_ZERO(m.start, 2 * mib, 3 * mib);
    CHECK(rix_mapping_reserved() == 3 * mib);
    rix_mapping_release(m.start, 3 * mib, 0, true);
  } else {
    CHECK(rix_mapping_reserved() == 2 * mib);
    rix_mapping_release(m.start, 2 * mib, 0, true);
  }
  rix_mapping_purge(true);
  CHECK(rix_mapping_reserved() == 0);
}

static void cached_ranges(void) {
  ri_option_set(ri_option_purge_delay, -1);
  const rix_mapping_t m = claim(2 * mib, RIX_SLICE_SIZE, true);
  uint8_t* const start = m.start;
  CHECK(!rix_mapping_is_cached(start, 2 * mib));
  rix_mapping_release(start, m.size, m.room, true);
  CHECK(rix_mapping_is_cached(start, 1) && rix_mapping_is_cached(start - mib, 4 * mib));
  CHECK(!rix_mapping_is_cached(start - mib, mib) && !rix_mapping_is_cached(start + m.size, mib));
  rix_mapping_purge(true);
  CHECK(!rix_mapping_is_cached(start, 2 * mib));
}

static void limits(void) {
  rix_mapping_t m;
  CHECK(!rix_mapping_claim(check_hide(SIZE_MAX - 65535), RIX_SLICE_SIZE, false, true, &m));
  CHECK(!rix_mapping_claim(CHECK_HUGE(60), RIX_SLICE_SIZE, false, true, &m));
  CHECK(!rix_mapping_claim(mib, CHECK_HUGE(63), false, true, &m));
  ri_option_set(ri_option_limit_address_space, 10 * 1024);
  CHECK(!rix_mapping_claim(11 * mib, RIX_SLICE_SIZE, false, true, &m));
  CHECK(rix_mapping_claim(9 * mib, RIX_SLICE_SIZE, false, true, &m));
  rix_mapping_t n;
  CHECK(!rix_mapping_claim(2 * mib, RIX_SLICE_SIZE, false, true, &n));
  CHECK(!rix_mapping_resize(m.start, m.size, m.size + 2 * mib));
  rix_mapping_release(m.start, m.size, 0, true);
  ri_option_set(ri_option_limit_address_space, 0);
  rix_mapping_purge(true);
  CHECK(rix_mapping_count() == 0 && rix_mapping_reserved() == 0);
}

int main(void) {
  check_watchdog(60);
  sizes_and_alignments();
  cache();
  due();
  resizes();
  cached_ranges();
  limits();
  return 0;
}
