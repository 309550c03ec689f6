// SPDX-License-Identifier: MIT
// openmetrics.c: the statistics as OpenMetrics text: the syntax of each line, each family once and
// in one piece, and the values of the structure.
#include <rimalloc/rimalloc.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

// The value of a sample; fails when there is none, or more than one.
static long long value_of(const char* text, const char* name) {
  const size_t length = strlen(name);
  const char* found = NULL;
  for (const char* line = text; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
    if (strncmp(line, name, length) != 0 || line[length] != ' ') continue;
    CHECK(found == NULL);
    found = line + length + 1;
  }
  CHECK(found != NULL);
  return atoll(found);
}

// The name of a family or sample: the characters that OpenMetrics allows.
static size_t name_length(const char* p) {
  CHECK(isalpha((unsigned char)*p) || *p == '_' || *p == ':');
  size_t n = 1;
  while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == ':')
    n++;
  return n;
}

// A sample: the family's name, _total if that is a counter, a label perhaps, a whole number.
static void check_sample(const char* line, const char* end, const char* family, bool counter) {
  const size_t length = strlen(family);
  CHECK(strncmp(line, family, length) == 0);
  line += length;
  if (counter) {
    CHECK(strncmp(line, "_total", 6) == 0);
    line += 6;
  }
  if (*line == '{') {
    CHECK(strncmp(line, "{block_size=\"", 13) == 0);
    line = memchr(line + 13, '"', (size_t)(end - line - 13));
    CHECK(line != NULL && line[1] == '}');
    line += 2;
  }
  CHECK(*line == ' ');
  char* after = NULL;
  CHECK(strtoll(line + 1, &after, 10) >= 0);
  CHECK(after == end);
}

static void check_syntax(const char* text) {
  char families[256][64];
  size_t count = 0;
  bool counter = false, ended = false;
  for (const char *line = text, *end; *line != '\0'; line = end + 1) {
    end = strchr(line, '\n');
    CHECK(end != NULL);
    CHECK(!ended);
    if (strncmp(line, "# EOF\n", 6) == 0) {
      ended = true;
    } else if (strncmp(line, "# TYPE ", 7) == 0) {
      const size_t n = name_length(line + 7);
      CHECK(count < 256 && n < 64);
      snprintf(families[count], 64, "%.*s", (int)n, line + 7);
      for (size_t i = 0; i < count; i++)
        CHECK(strcmp(families[i], families[count]) != 0);
      counter = strncmp(line + 7 + n, " counter\n", 9) == 0;
      CHECK(counter || strncmp(line + 7 + n, " gauge\n", 7) == 0);
      count++;
    } else if (strncmp(line, "# HELP ", 7) == 0) {
      const size_t n = name_length(line + 7);
      CHECK(count > 0 && strlen(families[count - 1]) == n);
      CHECK(strncmp(line + 7, families[count - 1], n) == 0);
      CHECK(line[7 + n] == ' ' && end > line + 8 + n);
      CHECK(memchr(line, '\\', (size_t)(end - line)) == NULL);
    } else {
      CHECK(count > 0);
      check_sample(line, end, families[count - 1], counter);
    }
  }
  CHECK(ended);
  CHECK(count > 60);
}

static void check_values(const char* text, const ri_stats_t* s) {
#define RI_STAT_COUNT(name, help)                                         \
  CHECK(value_of(text, "rimalloc_" #name) == (long long)s->name.current); \
  CHECK(value_of(text, "rimalloc_" #name "_peak") == (long long)s->name.peak);
#define RI_STAT_COUNTER(name, help) \
  CHECK(value_of(text, "rimalloc_" #name "_total") == (long long)s->name.total);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    if (s->malloc_bins[i].total == 0) continue;
    char name[64];
    const size_t size = ri_stats_get_bin_size(i);
    snprintf(name, sizeof(name), "rimalloc_malloc_bins{block_size=\"%zu\"}", size);
    if (size == 0) snprintf(name, sizeof(name), "rimalloc_malloc_bins{block_size=\"larger\"}");
    CHECK(value_of(text, name) == (long long)s->malloc_bins[i].current);
  }
}

int main(void) {
  void* const small = ri_malloc(1000);
  void* const large = ri_malloc(300000);
  ri_stats_t s;
  ri_stats_init(&s);
  CHECK(ri_stats_get(&s));
  char* const text = ri_stats_as_openmetrics(&s, 0, NULL);
  CHECK(text != NULL);
  check_syntax(text);
  check_values(text, &s);

  // A buffer that is just large enough, and one that is too small.
  const size_t length = strlen(text);
  char* const buffer = ri_malloc(length + 1);
  CHECK(ri_stats_as_openmetrics(&s, length + 1, buffer) == buffer);
  CHECK(strcmp(buffer, text) == 0);
  CHECK(ri_stats_as_openmetrics(&s, length, buffer) == NULL);
  CHECK(buffer[0] == '\0');
  s.version++;
  CHECK(ri_stats_as_openmetrics(&s, length + 1, buffer) == NULL);

  char* const now = ri_stats_get_openmetrics(0, NULL);
  CHECK(now != NULL);
  check_syntax(now);
  CHECK(value_of(now, "rimalloc_blocks") >= 4);
  ri_free(now);
  ri_free(buffer);
  ri_free(text);
  ri_free(large);
  ri_free(small);
  return 0;
}
