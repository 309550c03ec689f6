// SPDX-License-Identifier: MIT
// json.c: statistics as JSON, and adding to a text (text.h).
#include <stdarg.h>
#include <stdio.h>

#include "base/bits.h"
#include "observe/stats.h"
#include "observe/text.h"

void rix_text_add(rix_text_t* text, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const bool room = text->length < text->size;
  const int n = vsnprintf(room ? text->text + text->length : NULL,
                          room ? text->size - text->length : 0, format, arguments);
  va_end(arguments);
  if (n > 0) text->length += (size_t)n;
}

static void json_count(rix_text_t* json, const ri_stat_count_t* c) {
  rix_text_add(json, "\"total\":%lld,\"peak\":%lld,\"current\":%lld", (long long)c->total,
               (long long)c->peak, (long long)c->current);
}

static void json_named_count(rix_text_t* json, const char* name, const ri_stat_count_t* c) {
  rix_text_add(json, ",\n  \"%s\": {", name);
  json_count(json, c);
  rix_text_add(json, "}");
}

static void json_bins(rix_text_t* json, const char* name, const ri_stat_count_t* bins) {
  const char* separator = "";
  rix_text_add(json, ",\n  \"%s\": [", name);
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    if (bins[i].total == 0) continue;
    rix_text_add(json, "%s\n    {\"bin\":%zu,\"size\":%zu,", separator, i, rix_stats_bin_size(i));
    json_count(json, &bins[i]);
    rix_text_add(json, "}");
    separator = ",";
  }
  rix_text_add(json, "\n  ]");
}

static void json_all(rix_text_t* json, const ri_stats_t* s) {
  static const char* const kinds[RI_CBIN_COUNT] = {"small", "other", "medium",
                                                   "large", "huge",  "none"};
  rix_text_add(json, "{\n  \"version\": %d,\n  \"rimalloc\": \"%d.%d.%d\"", RI_STAT_VERSION,
               RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH);
#define RI_STAT_COUNT(name, text) json_named_count(json, #name, &s->name);
#define RI_STAT_COUNTER(name, text) \
  rix_text_add(json, ",\n  \"%s\": {\"total\":%lld}", #name, (long long)s->name.total);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  json_bins(json, "malloc_bins", s->malloc_bins);
  json_bins(json, "page_bins", s->page_bins);
  rix_text_add(json, ",\n  \"chunk_bins\": {");
  for (size_t i = 0; i < RI_CBIN_COUNT; i++) {
    rix_text_add(json, "%s\n    \"%s\": {", i > 0 ? "," : "", kinds[i]);
    json_count(json, &s->chunk_bins[i]);
    rix_text_add(json, "}");
  }
  rix_text_add(json, "\n  }\n}\n");
}

size_t rix_stats_write_json(const ri_stats_t* stats, size_t size, char* text) {
  rix_text_t json = {text, size, 0};
  json_all(&json, stats);
  return json.length;
}
