// SPDX-License-Identifier: MIT
// stats.h: what the files of statistics share.
#ifndef RIX_OBSERVE_STATS_H
#define RIX_OBSERVE_STATS_H

#include "observe/count.h"

// What the functions of rimalloc/stats.h do, which have these arguments.
RIX_INTERNAL bool rix_stats_get(ri_stats_t* s);
RIX_INTERNAL bool rix_stats_get_thread(ri_stats_t* s);
RIX_INTERNAL bool rix_stats_get_heap(ri_heap_t* heap, ri_stats_t* s);
RIX_INTERNAL bool rix_stats_get_subproc(ri_subproc_id_t subproc, ri_stats_t* s);
RIX_INTERNAL void rix_stats_reset(void);
RIX_INTERNAL size_t rix_stats_bin_size(size_t bin);
RIX_INTERNAL void rix_stats_summary(ri_summary_t* summary);
RIX_INTERNAL void rix_stats_process(size_t* elapsed_ms, size_t* user_ms, size_t* system_ms,
                                    size_t* current_rss, size_t* peak_rss, size_t* current_commit,
                                    size_t* peak_commit, size_t* page_faults);
RIX_INTERNAL void rix_print_stats(ri_output_fun* out, void* arg);
RIX_INTERNAL void rix_print_heap(ri_heap_t* heap, ri_output_fun* out, void* arg);
RIX_INTERNAL void rix_print_subproc(ri_subproc_id_t subproc, ri_output_fun* out, void* arg);
RIX_INTERNAL void rix_print_subproc_heaps(ri_subproc_id_t subproc, ri_output_fun* out, void* arg);
RIX_INTERNAL void rix_print_thread(ri_output_fun* out, void* arg);
RIX_INTERNAL void rix_print_process(ri_output_fun* out, void* arg);
RIX_INTERNAL bool rix_audit(void);

// Whether a structure that the program passed is one of this version.
RIX_INTERNAL bool rix_stats_header_valid(const ri_stats_t* stats);

// Writes statistics as JSON, as far as `size` characters are room for it with its end. Returns how
// many all of it has, without the end.
RIX_INTERNAL size_t rix_stats_write_json(const ri_stats_t* stats, size_t size, char* text);
// The same as OpenMetrics text.
RIX_INTERNAL size_t rix_stats_write_openmetrics(const ri_stats_t* stats, size_t size, char* text);

// What mallinfo has beside ri_summary.
typedef struct rix_introspect_s {
  size_t free_blocks;    // that pages of classes have room for
  size_t mapped;         // bytes of mappings for one block
  size_t mapped_blocks;  // of the blocks in them
  size_t retained;       // bytes that may be resident and are in no page
} rix_introspect_t;
RIX_INTERNAL rix_introspect_t rix_introspect(void);

// Fills in what was collected of a part of the process. Totals and peaks: what there is now.
RIX_INTERNAL void rix_stats_fill_part(ri_stats_t* stats, const rix_count_t* collected);

#endif
