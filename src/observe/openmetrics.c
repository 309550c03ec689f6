// SPDX-License-Identifier: MIT
// openmetrics.c: statistics as OpenMetrics text, version 1.0, which Prometheus and its like read.
//
// A count makes two gauges, its current value and its peak: OpenMetrics has no word for a total
// that may be reset, as ri_stats_reset does. A counter is one: processes restart counters too.
#include "observe/stats.h"
#include "observe/text.h"

static void metrics_family(rix_text_t* text, const char* name, const char* more, const char* type,
                           const char* help) {
  rix_text_add(text, "# TYPE rimalloc_%s%s %s\n# HELP rimalloc_%s%s %s\n", name, more, type, name,
               more, help);
}

static void metrics_gauge(rix_text_t* text, const char* name, const char* more, const char* help,
                          int64_t value) {
  metrics_family(text, name, more, "gauge", help);
  rix_text_add(text, "rimalloc_%s%s %lld\n", name, more, (long long)value);
}

static void metrics_count(rix_text_t* text, const char* name, const char* help,
                          const ri_stat_count_t* count) {
  metrics_gauge(text, name, "", help, count->current);
  metrics_gauge(text, name, "_peak", "the largest of it so far", count->peak);
}

static void metrics_counter(rix_text_t* text, const char* name, const char* help,
                            const ri_stat_counter_t* counter) {
  metrics_family(text, name, "", "counter", help);
  rix_text_add(text, "rimalloc_%s_total %lld\n", name, (long long)counter->total);
}

// Of each class that has or had something.
static void metrics_bins(rix_text_t* text, const char* name, const char* help,
                         const ri_stat_count_t* bins) {
  metrics_family(text, name, "", "gauge", help);
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    if (bins[i].total == 0) continue;
    const size_t size = rix_stats_bin_size(i);
    rix_text_add(text, "rimalloc_%s{block_size=\"", name);
    if (size == 0) {
      rix_text_add(text, "larger");
    } else {
      rix_text_add(text, "%zu", size);
    }
    rix_text_add(text, "\"} %lld\n", (long long)bins[i].current);
  }
}

size_t rix_stats_write_openmetrics(const ri_stats_t* s, size_t size, char* out) {
  rix_text_t text = {out, size, 0};
#define RI_STAT_COUNT(name, help) metrics_count(&text, #name, help, &s->name);
#define RI_STAT_COUNTER(name, help) metrics_counter(&text, #name, help, &s->name);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  metrics_bins(&text, "malloc_bins", "blocks in use, by size class", s->malloc_bins);
  metrics_bins(&text, "page_bins", "pages, by size class", s->page_bins);
  rix_text_add(&text, "# EOF\n");
  return text.length;
}
