// SPDX-License-Identifier: MIT
// mimalloc-stats.h: mimalloc's statistics, in its layout, filled from ours (functions.def says by
// which function). A field that counts something that does not exist here is 0.
#ifndef RIMALLOC_MIMALLOC_STATS_H
#define RIMALLOC_MIMALLOC_STATS_H
#define MIMALLOC_STATS_H

#include <stdint.h>
#include <string.h>

#include "mimalloc.h"
#include "stats-fields.h"

// Of the layout: increased by mimalloc when it changes.
#if RIMALLOC_MI_VERSION >= 3
#define MI_STAT_VERSION 5
#define MI_STAT_FIELDS() RIX_MI_STAT_FIELDS(MI_STAT_COUNT, MI_STAT_COUNTER)
#else
#define MI_STAT_VERSION 4
#define RIX_MI_STAT_SKIP(name)
#define MI_STAT_FIELDS() RIX_MI_STAT_FIELDS(RIX_MI_STAT_SKIP, RIX_MI_STAT_SKIP)
#endif

#define MI_BIN_HUGE (73U)

typedef struct mi_stat_count_s {
  int64_t total;
  int64_t peak;
  int64_t current;
} mi_stat_count_t;

typedef struct mi_stat_counter_s {
  int64_t total;
} mi_stat_counter_t;

// By the number of slices.
typedef enum mi_chunkbin_e {
  MI_CBIN_SMALL,
  MI_CBIN_OTHER,
  MI_CBIN_MEDIUM,
  MI_CBIN_LARGE,
  MI_CBIN_HUGE,
  MI_CBIN_NONE,
  MI_CBIN_COUNT
} mi_chunkbin_t;

#define MI_STAT_COUNT(name) mi_stat_count_t name;
#define MI_STAT_COUNTER(name) mi_stat_counter_t name;

typedef struct mi_stats_s {
  size_t size;     // set by the caller: sizeof(mi_stats_t)
  size_t version;  // set by the caller: MI_STAT_VERSION
  __attribute__((aligned(8))) MI_STAT_FIELDS() mi_stat_count_t _stat_reserved[4];
  mi_stat_counter_t _stat_counter_reserved[4];
  mi_stat_count_t malloc_bins[MI_BIN_HUGE + 1];
  mi_stat_count_t page_bins[MI_BIN_HUGE + 1];
#if RIMALLOC_MI_VERSION >= 3
  mi_stat_count_t chunk_bins[MI_CBIN_COUNT];
#endif
} mi_stats_t;

#undef MI_STAT_COUNT
#undef MI_STAT_COUNTER

static inline void mi_stats_header_init(mi_stats_t* stats) {
  stats->size = sizeof(*stats);
  stats->version = MI_STAT_VERSION;
}
static inline void mi_stats_init(mi_stats_t* stats) {
  memset(stats, 0, sizeof(*stats));
  mi_stats_header_init(stats);
}

#define mi_stats_t_decl(name) \
  mi_stats_t name;            \
  mi_stats_init(&name);

#if defined(__cplusplus)
extern "C" {
#endif

#define MI_FUN(type, name, target, parameters, arguments, attributes)
#define MI_FUN_THROWS(type, name, target, parameters, arguments, attributes)
#define MI_FUN_STATS(type, name, target, parameters, arguments, attributes) \
  mi_decl_export type name parameters mi_attr_noexcept RIX_MI_LABEL(target) attributes;
#include "functions.def"
#undef MI_FUN
#undef MI_FUN_THROWS
#undef MI_FUN_STATS

#if defined(__cplusplus)
}
#endif

#endif
