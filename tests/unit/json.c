// SPDX-License-Identifier: MIT
// json.c: statistics as JSON: every field of stats.def with its value, whatever that is, empty bins
// left out, and buffers that are exactly large enough or one character too small.
#include "observe/stats.h"

#include "../check.h"

static ri_stats_t s;

static void has(const char* text, const char* format, ...) __attribute__((format(printf, 2, 3)));
static void has(const char* text, const char* format, ...) {
  char wanted[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(wanted, sizeof(wanted), format, arguments);
  va_end(arguments);
  CHECK_MSG(strstr(text, wanted) != NULL, "no %s in %s", wanted, text);
}

// Different numbers everywhere, the first ones the largest and the smallest.
static void fill(void) {
  ri_stats_init(&s);
  int64_t n = 0;
#define RI_STAT_COUNT(name, text) s.name = (ri_stat_count_t){INT64_MAX - n, -n, INT64_MIN + n}, n++;
#define RI_STAT_COUNTER(name, text) s.name.total = 1000 + n++;
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  s.malloc_bins[3] = (ri_stat_count_t){7, 6, 5};
  s.malloc_bins[9] = (ri_stat_count_t){1, 1, 0};
  // What lies behind each array is not empty.
  s.page_bins[0] = (ri_stat_count_t){3, 2, 1};
  s.chunk_bins[0] = (ri_stat_count_t){2, 2, 2};
  s.page_bins[RI_STAT_BINS - 1] = (ri_stat_count_t){4, 3, 2};
  s.chunk_bins[RI_CBIN_HUGE] = (ri_stat_count_t){9, 8, 1};
}

static void values(const char* text) {
  has(text, "\"version\": %d,\n", RI_STAT_VERSION);
#define RI_STAT_COUNT(name, text_)                                            \
  has(text, "\"" #name "\": {\"total\":%lld,\"peak\":%lld,\"current\":%lld}", \
      (long long)s.name.total, (long long)s.name.peak, (long long)s.name.current);
#define RI_STAT_COUNTER(name, text_) \
  has(text, "\"" #name "\": {\"total\":%lld}", (long long)s.name.total);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  has(text, "{\"bin\":3,\"size\":%zu,\"total\":7,\"peak\":6,\"current\":5},\n    {\"bin\":9,",
      ri_stats_get_bin_size(3));
  has(text, "{\"bin\":%d,\"size\":0,\"total\":4,\"peak\":3,\"current\":2}", RI_STAT_BINS - 1);
  has(text, "\"huge\": {\"total\":9,\"peak\":8,\"current\":1}");
  size_t bins = 0;
  for (const char* at = text; (at = strstr(at, "\"bin\":")) != NULL; at++)
    bins++;
  CHECK_MSG(bins == 4, "%zu bins", bins);
}

// Braces and brackets close in order, no comma stands before a closing one.
static void is_whole(const char* text) {
  char open[16];
  size_t depth = 0;
  char last = ' ';
  for (const char* at = text; *at != '\0'; at++) {
    if (*at == '{' || *at == '[') {
      CHECK(depth < sizeof(open));
      open[depth++] = *at;
    }
    if (*at == '}' || *at == ']') {
      CHECK(depth > 0 && open[--depth] == (*at == '}' ? '{' : '[') && last != ',');
    }
    if (*at != ' ' && *at != '\n') last = *at;
  }
  CHECK(depth == 0 && text[0] == '{');
}

static void buffers(const char* whole) {
  static char buffer[1 << 16];
  const size_t length = strlen(whole);
  CHECK(length + 2 < sizeof(buffer));
  memset(buffer, 'x', sizeof(buffer));
  CHECK(ri_stats_as_json(&s, length + 1, buffer) == buffer && strcmp(buffer, whole) == 0);
  CHECK(buffer[length + 1] == 'x');
  for (size_t size = 1; size <= length; size += size < 100 ? 1 : 37) {
    memset(buffer, 'x', sizeof(buffer));
    CHECK(ri_stats_as_json(&s, size, buffer) == NULL && buffer[0] == '\0' && buffer[size] == 'x');
  }
  memset(buffer, 'x', sizeof(buffer));
  CHECK(ri_stats_as_json(&s, length, buffer) == NULL && buffer[length] == 'x');
  buffer[0] = 'x';
  CHECK(ri_stats_as_json(&s, 0, buffer) == NULL && buffer[0] == 'x');
}

int main(void) {
  fill();
  char* const text = ri_stats_as_json(&s, 0, NULL);
  CHECK(text != NULL && ri_usable_size(text) > strlen(text));
  values(text);
  is_whole(text);
  buffers(text);
  ri_free(text);
  s.version++;
  char small[4] = "abc";
  CHECK(ri_stats_as_json(&s, sizeof(small), small) == NULL && small[0] == '\0');
  CHECK(ri_stats_as_json(&s, 0, NULL) == NULL && ri_stats_as_json(NULL, 0, NULL) == NULL);
  return 0;
}
