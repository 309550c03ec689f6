// SPDX-License-Identifier: MIT
// json.c: statistics as JSON.
#include <stdarg.h>
#include <stdio.h>

#include "base/bits.h"
#include "observe/stats.h"

typedef struct json_s {
  char* text;
  size_t size;    // of text
  size_t length;  // of all that was added, whether it fit or not
} json_t;

static RIX_PRINTF(2, 3) void json_add(json_t* json, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const bool room = json->length < json->size;
  const int n = vsnprintf(room ? json->text + json->length : NULL,
                          room ? json->size - json->length : 0, format, arguments);
  va_end(arguments);
  if (n > 0) json->length += (size_t)n;
}

static void json_count(json_t* json, const ri_stat_count_t* c) {
  json_add(json, "\"total\":%lld,\"peak\":%lld,\"current\":%lld", (long long)c->total,
           (long long)c->peak, (long long)c->current);
}

static void json_named_count(json_t* json, const char* name, const ri_stat_count_t* c) {
  json_add(json, ",\n  \"%s\": {", name);
  json_count(json, c);
  json_add(json, "}");
}

static void json_bins(json_t* json, const char* name, const ri_stat_count_t* bins) {
  const char* separator = "";
  json_add(json, ",\n  \"%s\": [", name);
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    if (bins[i].total == 0) continue;
    json_add(json, "%s\n    {\"bin\":%zu,\"size\":%zu,", separator, i, rix_stats_bin_size(i));
    json_count(json, &bins[i]);
    json_add(json, "}");
    separator = ",";
  }
  json_add(json, "\n  ]");
}

static void json_all(json_t* json, const ri_stats_t* s) {
  static const char* const kinds[RI_CBIN_COUNT] = {"small", "other", "medium",
                                                   "large", "huge",  "none"};
  json_add(json, "{\n  \"version\": %d,\n  \"rimalloc\": \"%d.%d.%d\"", RI_STAT_VERSION,
           RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH);
#define RI_STAT_COUNT(name, text) json_named_count(json, #name, &s->name);
#define RI_STAT_COUNTER(name, text) \
  json_add(json, ",\n  \"%s\": {\"total\":%lld}", #name, (long long)s->name.total);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  json_bins(json, "malloc_bins", s->malloc_bins);
  json_bins(json, "page_bins", s->page_bins);
  json_add(json, ",\n  \"chunk_bins\": {");
  for (size_t i = 0; i < RI_CBIN_COUNT; i++) {
    json_add(json, "%s\n    \"%s\": {", i > 0 ? "," : "", kinds[i]);
    json_count(json, &s->chunk_bins[i]);
    json_add(json, "}");
  }
  json_add(json, "\n  }\n}\n");
}

size_t rix_stats_write_json(const ri_stats_t* stats, size_t size, char* text) {
  json_t json = {text, size, 0};
  json_all(&json, stats);
  return json.length;
}
