// SPDX-License-Identifier: MIT
// stats-fields.h: the fields of mimalloc's statistics, in order: MI_STAT_COUNT has a total, a peak
// and a current value, MI_STAT_COUNTER a total. COUNT3 and COUNTER3: the same, in version 3 only.
#ifndef RIMALLOC_MIMALLOC_STATS_FIELDS_H
#define RIMALLOC_MIMALLOC_STATS_FIELDS_H

#define RIX_MI_STAT_FIELDS(COUNT3, COUNTER3) \
  MI_STAT_COUNT(pages)                       \
  MI_STAT_COUNT(reserved)                    \
  MI_STAT_COUNT(committed)                   \
  MI_STAT_COUNTER(reset)                     \
  MI_STAT_COUNTER(purged)                    \
  MI_STAT_COUNT(page_committed)              \
  MI_STAT_COUNT(pages_abandoned)             \
  MI_STAT_COUNT(threads)                     \
  MI_STAT_COUNT(malloc_normal)               \
  MI_STAT_COUNT(malloc_huge)                 \
  MI_STAT_COUNT(malloc_requested)            \
  MI_STAT_COUNTER(mmap_calls)                \
  MI_STAT_COUNTER(commit_calls)              \
  MI_STAT_COUNTER(reset_calls)               \
  MI_STAT_COUNTER(purge_calls)               \
  MI_STAT_COUNTER(arena_count)               \
  MI_STAT_COUNTER(malloc_normal_count)       \
  MI_STAT_COUNTER(malloc_huge_count)         \
  MI_STAT_COUNTER(malloc_guarded_count)      \
  MI_STAT_COUNTER(arena_rollback_count)      \
  MI_STAT_COUNTER(arena_purges)              \
  MI_STAT_COUNTER(pages_extended)            \
  MI_STAT_COUNTER(pages_retire)              \
  MI_STAT_COUNTER(page_searches)             \
  MI_STAT_COUNTER(page_searches_count)       \
  MI_STAT_COUNT(segments)                    \
  MI_STAT_COUNT(segments_abandoned)          \
  MI_STAT_COUNT(segments_cache)              \
  MI_STAT_COUNT(_segments_reserved)          \
  COUNT3(heaps)                              \
  COUNT3(theaps)                             \
  MI_STAT_COUNTER(pages_reclaim_on_alloc)    \
  MI_STAT_COUNTER(pages_reclaim_on_free)     \
  MI_STAT_COUNTER(pages_reabandon_full)      \
  MI_STAT_COUNTER(pages_unabandon_busy_wait) \
  COUNTER3(heaps_delete_wait)

#endif
