// SPDX-License-Identifier: MIT
// stats.h: what the files of statistics share.
#ifndef RIX_OBSERVE_STATS_H
#define RIX_OBSERVE_STATS_H

#include "observe/collect.h"

// Whether a structure that the program gave is one of this version.
RIX_INTERNAL bool rix_stats_header_valid(const ri_stats_t* stats);

// Fills in what was collected of a part of the process. Totals and peaks: what there is now.
RIX_INTERNAL void rix_stats_fill_part(ri_stats_t* stats, const rix_collected_t* collected);

#endif
