// SPDX-License-Identifier: MIT
// mimalloc_stats.c: our statistics in mimalloc's layouts: version 5 of its version 3, and version 4
// of its version 2. See mimalloc.c.
#include <rimalloc/mimalloc/stats-fields.h>
#include <string.h>

#include "api/api.h"

// What mimalloc calls bins: up to 8 words one for each, then four in each doubling; the last one is
// for all that is larger.
enum { MIMALLOC_BIN_LAST = 73, MIMALLOC_BINS = MIMALLOC_BIN_LAST + 1, MIMALLOC_CHUNK_BINS = 6 };

typedef struct mimalloc_count_s {
  int64_t total;
  int64_t peak;
  int64_t current;
} mimalloc_count_t;

typedef struct mimalloc_counter_s {
  int64_t total;
} mimalloc_counter_t;

#define MI_STAT_COUNT(name) mimalloc_count_t name;
#define MI_STAT_COUNTER(name) mimalloc_counter_t name;
#define MIMALLOC_SKIP(name)

typedef struct mimalloc_stats_s {
  size_t size;
  size_t version;
  RIX_MI_STAT_FIELDS(MI_STAT_COUNT, MI_STAT_COUNTER)
  mimalloc_count_t reserved_counts[4];
  mimalloc_counter_t reserved_counters[4];
  mimalloc_count_t malloc_bins[MIMALLOC_BINS];
  mimalloc_count_t page_bins[MIMALLOC_BINS];
  mimalloc_count_t chunk_bins[MIMALLOC_CHUNK_BINS];
} mimalloc_stats_t;

typedef struct mimalloc2_stats_s {
  size_t size;
  size_t version;
  RIX_MI_STAT_FIELDS(MIMALLOC_SKIP, MIMALLOC_SKIP)
  mimalloc_count_t reserved_counts[4];
  mimalloc_counter_t reserved_counters[4];
  mimalloc_count_t malloc_bins[MIMALLOC_BINS];
  mimalloc_count_t page_bins[MIMALLOC_BINS];
} mimalloc2_stats_t;

#undef MI_STAT_COUNT
#undef MI_STAT_COUNTER

enum { MIMALLOC_STATS_VERSION = 5, MIMALLOC2_STATS_VERSION = 4 };

_Static_assert((int)MIMALLOC_CHUNK_BINS == (int)RI_CBIN_COUNT, "the same kinds of pages");

RI_EXPORT size_t rix_mi_stats_get_bin_size(size_t bin);
RI_EXPORT bool rix_mi_stats_get(mimalloc_stats_t* out);
RI_EXPORT bool rix_mi_heap_stats_get(ri_heap_t* heap, mimalloc_stats_t* out);
RI_EXPORT bool rix_mi_subproc_stats_get(ri_subproc_id_t subproc, mimalloc_stats_t* out);
RI_EXPORT bool rix_mi_subproc_stats_get_exclusive(ri_subproc_id_t subproc, mimalloc_stats_t* out);
RI_EXPORT char* rix_mi_stats_as_json(const mimalloc_stats_t* from, size_t size, char* buffer);
RI_EXPORT bool rix_mi2_stats_get(mimalloc2_stats_t* out);

// The largest block of a bin; 0 for the last one and beyond.
size_t rix_mi_stats_get_bin_size(size_t bin) {
  if (bin == 0 || bin >= MIMALLOC_BIN_LAST) return 0;
  if (bin <= 8) return bin * 8;
  const size_t step = (bin - 9) % 4, doubling = (bin - 9) / 4;
  return (5 + step) << (doubling + 4);
}

static size_t mimalloc_bin_of(size_t block_size) {
  size_t bin = 1;
  while (bin < MIMALLOC_BIN_LAST && rix_mi_stats_get_bin_size(bin) < block_size)
    bin++;
  return block_size == 0 ? MIMALLOC_BIN_LAST : bin;
}

static mimalloc_count_t mimalloc_count(ri_stat_count_t count) {
  return (mimalloc_count_t){count.total, count.peak, count.current};
}

static void mimalloc_add(mimalloc_count_t* sum, ri_stat_count_t count) {
  sum->total += count.total;
  sum->peak += count.peak;
  sum->current += count.current;
}

static void mimalloc_bins(const ri_stats_t* from, mimalloc_count_t* blocks,
                          mimalloc_count_t* pages) {
  for (size_t c = 0; c < RI_STAT_BINS; c++) {
    const size_t bin = mimalloc_bin_of(ri_stats_get_bin_size(c));
    mimalloc_add(&blocks[bin], from->malloc_bins[c]);
    mimalloc_add(&pages[bin], from->page_bins[c]);
  }
}

#define MI_STAT_COUNT(name) to->name = mimalloc_count(from->name);
#define MI_STAT_COUNTER(name) to->name.total = from->name.total;

static void mimalloc_convert(const ri_stats_t* from, mimalloc_stats_t* to) {
  *to = (mimalloc_stats_t){.size = sizeof(*to), .version = MIMALLOC_STATS_VERSION};
  RIX_MI_STAT_FIELDS(MI_STAT_COUNT, MI_STAT_COUNTER)
  mimalloc_bins(from, to->malloc_bins, to->page_bins);
  for (size_t kind = 0; kind < MIMALLOC_CHUNK_BINS; kind++)
    to->chunk_bins[kind] = mimalloc_count(from->chunk_bins[kind]);
}

static void mimalloc2_convert(const ri_stats_t* from, mimalloc2_stats_t* to) {
  *to = (mimalloc2_stats_t){.size = sizeof(*to), .version = MIMALLOC2_STATS_VERSION};
  RIX_MI_STAT_FIELDS(MIMALLOC_SKIP, MIMALLOC_SKIP)
  mimalloc_bins(from, to->malloc_bins, to->page_bins);
}

#undef MI_STAT_COUNT
#undef MI_STAT_COUNTER

static bool mimalloc_header_fits(const mimalloc_stats_t* out) {
  return out != NULL && out->size == sizeof(*out) && out->version == MIMALLOC_STATS_VERSION;
}

bool rix_mi_stats_get(mimalloc_stats_t* out) {
  ri_stats_t_decl(ours);
  if (!mimalloc_header_fits(out) || !ri_stats_get(&ours)) return false;
  mimalloc_convert(&ours, out);
  return true;
}

bool rix_mi_heap_stats_get(ri_heap_t* heap, mimalloc_stats_t* out) {
  ri_stats_t_decl(ours);
  if (!mimalloc_header_fits(out) || !ri_heap_stats_get(heap, &ours)) return false;
  mimalloc_convert(&ours, out);
  return true;
}

bool rix_mi_subproc_stats_get(ri_subproc_id_t subproc, mimalloc_stats_t* out) {
  ri_stats_t_decl(ours);
  if (!mimalloc_header_fits(out) || !ri_subproc_stats_get(subproc, &ours)) return false;
  mimalloc_convert(&ours, out);
  return true;
}

bool rix_mi_subproc_stats_get_exclusive(ri_subproc_id_t subproc, mimalloc_stats_t* out) {
  ri_stats_t_decl(ours);
  if (!mimalloc_header_fits(out) || !ri_subproc_stats_get_exclusive(subproc, &ours)) return false;
  mimalloc_convert(&ours, out);
  return true;
}

bool rix_mi2_stats_get(mimalloc2_stats_t* out) {
  ri_stats_t_decl(ours);
  if (out == NULL || out->size != sizeof(*out)) return false;
  if (out->version != MIMALLOC2_STATS_VERSION || !ri_stats_get(&ours)) return false;
  mimalloc2_convert(&ours, out);
  return true;
}

// ---- Back, to be printed ------------------------------------------------------------------------

static ri_stat_count_t mimalloc_our_count(mimalloc_count_t count) {
  return (ri_stat_count_t){count.total, count.peak, count.current};
}

// The bin of ours for one of mimalloc's.
static size_t mimalloc_our_bin(size_t bin) {
  const size_t size = rix_mi_stats_get_bin_size(bin);
  return size == 0 || size > RIX_MEDIUM_BLOCK_MAX ? RI_STAT_BINS - 1 : rix_class_of(size);
}

static void mimalloc_add_our(ri_stat_count_t* sum, mimalloc_count_t count) {
  sum->total += count.total;
  sum->peak += count.peak;
  sum->current += count.current;
}

char* rix_mi_stats_as_json(const mimalloc_stats_t* from, size_t size, char* buffer) {
  if (!mimalloc_header_fits(from)) return NULL;
  ri_stats_t_decl(ours);
  ri_stats_t* const to = &ours;
#define MI_STAT_COUNT(name) to->name = mimalloc_our_count(from->name);
#define MI_STAT_COUNTER(name) to->name.total = from->name.total;
  RIX_MI_STAT_FIELDS(MI_STAT_COUNT, MI_STAT_COUNTER)
#undef MI_STAT_COUNT
#undef MI_STAT_COUNTER
  for (size_t bin = 1; bin < MIMALLOC_BINS; bin++) {
    mimalloc_add_our(&to->malloc_bins[mimalloc_our_bin(bin)], from->malloc_bins[bin]);
    mimalloc_add_our(&to->page_bins[mimalloc_our_bin(bin)], from->page_bins[bin]);
  }
  for (size_t kind = 0; kind < MIMALLOC_CHUNK_BINS; kind++)
    to->chunk_bins[kind] = mimalloc_our_count(from->chunk_bins[kind]);
  return ri_stats_as_json(to, size, buffer);
}
