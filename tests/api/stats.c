// SPDX-License-Identifier: MIT
// stats.c: the contract of rimalloc/stats.h for one thread at a time: headers are checked, every
// count is consistent, bins and sums agree, events are counted where they happen, a reset begins
// anew, and the JSON is well formed and says the same. (Many threads: tests/stress/statistics.c.)
#include "../check.h"

#include <ctype.h>

static ri_stats_t stats(void) {
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));
  return s;
}

static void count_sane(const char* name, const ri_stat_count_t* c) {
  CHECK_MSG(c->current >= 0 && c->peak >= c->current && c->total >= c->peak,
            "%s: total %lld peak %lld current %lld", name, (long long)c->total, (long long)c->peak,
            (long long)c->current);
}

static void all_sane(const ri_stats_t* s) {
  CHECK(s->size == sizeof(*s) && s->version == RI_STAT_VERSION);
#define RI_STAT_COUNT(name, text) count_sane(#name, &s->name);
#define RI_STAT_COUNTER(name, text) CHECK(s->name.total >= 0);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  int64_t pages = 0, created = 0, blocks = 0, handed_out = 0, bytes = 0, kinds = 0;
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    count_sane("malloc_bins", &s->malloc_bins[i]);
    count_sane("page_bins", &s->page_bins[i]);
    pages += s->page_bins[i].current;
    created += s->page_bins[i].total;
    blocks += s->malloc_bins[i].current;
    if (i < RI_STAT_BINS - 1) handed_out += s->malloc_bins[i].total;
    bytes += s->malloc_bins[i].current * (int64_t)ri_stats_get_bin_size(i);
  }
  for (size_t i = 0; i < RI_CBIN_COUNT; i++)
    kinds += s->chunk_bins[i].current;
  CHECK_MSG(pages == s->pages.current && kinds == pages, "%lld %lld %lld", (long long)pages,
            (long long)kinds, (long long)s->pages.current);
  CHECK(created == s->pages.total || s->pages.total == s->pages.peak);
  CHECK(blocks == s->blocks.current);
  CHECK_MSG(bytes == s->malloc_normal.current, "%lld %lld", (long long)bytes,
            (long long)s->malloc_normal.current);
  CHECK(s->malloc_requested.current == s->malloc_normal.current + s->malloc_huge.current);
  CHECK(s->malloc_normal_count.total == handed_out);
}

// And of a process as a whole.
static ri_stats_t process_stats(void) {
  const ri_stats_t s = stats();
  const ri_summary_t summary = check_summary();
  all_sane(&s);
  CHECK(s.reserved.current >= s.committed.current);
  // What went back from inside of pages is a part of them, and not resident.
  const int64_t held = s.committed.current + s.holes.current;
  CHECK(held >= s.page_committed.current);
  CHECK(s.retained.current == held - s.page_committed.current);
  CHECK(s.excess.current <= s.page_committed.current - s.holes.current);
  CHECK(s.page_committed.current >= s.malloc_requested.current);
  CHECK(s.resident.current > 0 && s.metadata.current > 0);
  CHECK(s.blocks.current == (int64_t)summary.blocks && s.pages.current == (int64_t)summary.pages);
  CHECK(s.malloc_requested.current == (int64_t)summary.in_use);
  CHECK(s.reserved.current == (int64_t)summary.reserved);
  CHECK(s.committed.current == (int64_t)summary.committed);
  CHECK(s.threads.current == (int64_t)summary.threads);
  CHECK(s.pages_abandoned.current == (int64_t)summary.abandoned);
  CHECK(s.mmap_calls.total + s.munmap_calls.total + s.commit_calls.total + s.purge_calls.total +
            s.reset_calls.total + s.move_calls.total ==
        (int64_t)summary.os_calls);
  return s;
}

static void headers_are_checked(void) {
  ri_stats_t_decl(s);
  CHECK(s.size == sizeof(s) && s.version == RI_STAT_VERSION && s.pages.current == 0);
  CHECK(!ri_stats_get(NULL) && !ri_thread_stats_get(NULL));
  s.size--;
  s.pages.current = 77;
  CHECK(!ri_stats_get(&s) && !ri_thread_stats_get(&s) && s.pages.current == 77);
  ri_stats_header_init(&s);
  CHECK(s.pages.current == 77);
  s.version++;
  CHECK(!ri_stats_get(&s) && !ri_thread_stats_get(&s) && s.pages.current == 77);
  char text[100] = "x";
  CHECK(ri_stats_as_json(&s, sizeof(text), text) == NULL && text[0] == '\0');
  CHECK(ri_stats_as_json(NULL, 0, NULL) == NULL);
}

static size_t bin_of(size_t size) {
  for (size_t i = 0; i + 1 < RI_STAT_BINS; i++) {
    if (ri_stats_get_bin_size(i) >= size) return i;
  }
  return RI_STAT_BINS - 1;
}

static void bins_have_sizes(void) {
  CHECK(ri_stats_get_bin_size(0) == 8 && ri_stats_get_bin_size(1) == 16);
  for (size_t size = 1; size <= 65536; size += 7)
    CHECK(ri_stats_get_bin_size(bin_of(size)) == ri_good_size(size));
  CHECK(ri_stats_get_bin_size(RI_STAT_BINS - 1) == 0);
  CHECK(ri_stats_get_bin_size(RI_STAT_BINS) == 0 && ri_stats_get_bin_size(SIZE_MAX) == 0);
}

// Allocates a block of `size`: its bin, and nothing else, has one more, until it is freed.
static void one_block(size_t size) {
  const ri_stats_t before = process_stats();
  void* const p = ri_malloc(size);
  CHECK(p != NULL);
  const ri_stats_t with = process_stats();
  const size_t mine = bin_of(size);
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    CHECK_MSG(with.malloc_bins[i].current == before.malloc_bins[i].current + (i == mine),
              "size %zu: bin %zu has %lld, had %lld", size, i,
              (long long)with.malloc_bins[i].current, (long long)before.malloc_bins[i].current);
  }
  const int64_t usable = (int64_t)ri_usable_size(p);
  CHECK(with.malloc_requested.current == before.malloc_requested.current + usable);
  const bool large = size > 65536;
  CHECK(with.malloc_huge.current == before.malloc_huge.current + (large ? usable : 0));
  CHECK(with.malloc_huge_count.total == before.malloc_huge_count.total + large);
  CHECK(with.page_bins[mine].total <= before.page_bins[mine].total + 1);
  ri_free(p);
  const ri_stats_t after = process_stats();
  CHECK(after.blocks.current == before.blocks.current);
  CHECK(after.malloc_requested.current == before.malloc_requested.current);
  CHECK(after.malloc_requested.peak >= with.malloc_requested.current);
  CHECK(after.malloc_bins[mine].peak >= with.malloc_bins[mine].current);
}

static void* allocates(void* arg) {
  static void* blocks[1000];
  for (size_t i = 0; i < 1000; i++)
    blocks[i] = ri_malloc(700);
  *(void***)arg = blocks;
  return NULL;
}

static void events_are_counted(void) {
  const ri_stats_t before = process_stats();
  void** blocks;
  check_in_thread(allocates, &blocks);
  const ri_stats_t ended = process_stats();
  CHECK(ended.threads.total == before.threads.total + 1);
  CHECK(ended.threads.peak >= before.threads.current + 1);
  CHECK(ended.threads.current == before.threads.current);
  const size_t bin = bin_of(700);
  const int64_t made = ended.page_bins[bin].total - before.page_bins[bin].total;
  CHECK_MSG(made >= 8 && made <= 16, "%lld pages", (long long)made);
  CHECK(ended.pages_extended.total >= before.pages_extended.total + 20);
  CHECK(ended.page_searches_count.total >= before.page_searches_count.total + 20);
  CHECK(ended.pages_abandoned.total >= before.pages_abandoned.total + 1);
  CHECK(ended.pages_abandoned.current >= before.pages_abandoned.current + 1);
  ri_option_set(ri_option_page_reclaim_on_free, 0);
  ri_free(blocks[0]);
  const ri_stats_t given = process_stats();
  CHECK(given.pages_reabandon_full.total == ended.pages_reabandon_full.total + 1);
  ri_option_set(ri_option_page_reclaim_on_free, 1);
  ri_free(blocks[1]);
  const ri_stats_t taken = process_stats();
  CHECK(taken.pages_reclaim_on_free.total == given.pages_reclaim_on_free.total + 1);
  for (size_t i = 2; i < 1000; i++)
    ri_free(blocks[i]);
  const ri_stats_t freed = process_stats();
  CHECK(freed.malloc_bins[bin].current == before.malloc_bins[bin].current);
  check_in_thread(allocates, &blocks);
  ri_free(blocks[999]);
  void* own[200];  // more than a page
  for (size_t i = 0; i < 200; i++)
    own[i] = ri_malloc(700);
  const ri_stats_t again = process_stats();
  CHECK(again.pages_reclaim_on_alloc.total > freed.pages_reclaim_on_alloc.total);
  for (size_t i = 0; i < 200; i++)
    ri_free(own[i]);
  for (size_t i = 0; i < 999; i++)
    ri_free(blocks[i]);
}

static void memory_of_the_os(void) {
  const size_t size = (size_t)300 * CHECK_MIB;
  const ri_stats_t before = process_stats();
  void* p = ri_malloc(size);
  CHECK(p != NULL);
  const ri_stats_t with = process_stats();
  CHECK(with.reserved.current == before.reserved.current + (int64_t)size);
  CHECK(with.committed.current == before.committed.current + (int64_t)size);
  CHECK(with.page_committed.current == before.page_committed.current + (int64_t)size);
  CHECK(with.chunk_bins[RI_CBIN_HUGE].current == before.chunk_bins[RI_CBIN_HUGE].current + 1);
  CHECK(with.mmap_calls.total > before.mmap_calls.total);
  ri_free(p);
  ri_collect(true);
  const ri_stats_t after = process_stats();
  CHECK(after.munmap_calls.total > before.munmap_calls.total);
  CHECK(after.page_committed.peak >= (int64_t)size && after.reserved.peak >= (int64_t)size);
  CHECK_MSG(after.reserved.current == before.reserved.current, "%lld %lld",
            (long long)after.reserved.current, (long long)before.reserved.current);
  p = ri_malloc((size_t)20 * CHECK_MIB);
  memset(p, 1, (size_t)20 * CHECK_MIB);
  ri_option_set(ri_option_purge_delay, -1);
  ri_free(p);
  const ri_stats_t kept = process_stats();
  CHECK_MSG(kept.retained.current >= (int64_t)20 * CHECK_MIB, "%lld",
            (long long)kept.retained.current);
  ri_collect(true);
  const ri_stats_t purged = process_stats();
  CHECK(purged.retained.current == 0);
  CHECK(purged.purged.total >= kept.purged.total + (int64_t)20 * CHECK_MIB);
  CHECK(purged.purge_calls.total > kept.purge_calls.total);
  CHECK(purged.arena_purges.total > kept.arena_purges.total);
  ri_option_set(ri_option_purge_decommits, 0);
  ri_free(ri_malloc((size_t)10 * CHECK_MIB));
  ri_collect(true);
  const ri_stats_t reset = process_stats();
  CHECK(reset.reset.total >= purged.reset.total + (int64_t)10 * CHECK_MIB);
  CHECK(reset.reset_calls.total > purged.reset_calls.total);
  CHECK(reset.purged.total == purged.purged.total);
  ri_option_set(ri_option_purge_decommits, 1);
  ri_option_set(ri_option_purge_delay, 500);
}

static void reset_begins_anew(void) {
  void* const p = ri_malloc(5000);
  const ri_stats_t before = process_stats();
  CHECK(before.pages.total > before.pages.current && before.purged.total > 0);
  ri_stats_merge();
  ri_stats_reset();
  const ri_stats_t after = process_stats();
  CHECK(after.blocks.current == before.blocks.current);
  CHECK(after.pages.total == after.pages.current && after.pages.peak == after.pages.current);
  CHECK(after.reserved.peak == after.reserved.current);
  CHECK(after.page_committed.total == after.page_committed.current);
  CHECK(after.threads.total == after.threads.current);
  CHECK(after.purged.total == 0 && after.pages_extended.total == 0);
  CHECK(after.malloc_requested.peak == after.malloc_requested.current);
  ri_free(p);
}

static void* own_statistics(void* arg) {
  (void)arg;
  ri_stats_t_decl(s);
  CHECK(ri_thread_stats_get(&s) && s.pages.current == 0 && s.blocks.current == 0);
  void* blocks[50];
  for (size_t i = 0; i < 50; i++)
    blocks[i] = ri_malloc(300);
  CHECK(ri_thread_stats_get(&s));
  all_sane(&s);
  CHECK_MSG(s.blocks.current == 50, "%lld", (long long)s.blocks.current);
  CHECK(s.malloc_bins[bin_of(300)].current == 50 && s.page_bins[bin_of(300)].total == 1);
  CHECK(s.pages_extended.total >= 1 && s.reserved.current == 0 && s.threads.current == 0);
  for (size_t i = 0; i < 50; i++)
    ri_free(blocks[i]);
  check_capture_start();
  ri_thread_stats_print_out(NULL, NULL);
  CHECK_MSG(strstr(check_captured()->text, "this thread") != NULL, "%s", check_captured()->text);
  check_capture_stop();
  return NULL;
}

static void heaps_have_their_own(void) {
  ri_stats_t_decl(s);
  ri_stats_t_decl(main_before);
  ri_stats_t wrong = {0};
  const ri_stats_t before = process_stats();
  ri_heap_t* const heap = ri_heap_new();
  CHECK(heap != NULL);
  CHECK(!ri_heap_stats_get(heap, NULL) && !ri_heap_stats_get(heap, &wrong));
  CHECK(ri_heap_stats_get(heap, &s) && s.pages.current == 0 && s.heaps.current == 1);
  CHECK(ri_heap_stats_get(NULL, &main_before));
  CHECK(main_before.blocks.current == before.blocks.current);
  CHECK(main_before.malloc_requested.current == before.malloc_requested.current);
  void* const large = ri_heap_malloc(heap, (size_t)300 * CHECK_MIB);
  void* const large_of_main = ri_malloc((size_t)300 * CHECK_MIB);
  for (size_t i = 0; i < 100; i++)
    CHECK(ri_heap_malloc(heap, 500) != NULL);
  ri_heap_stats_merge_to_subproc(heap);
  CHECK(ri_heap_stats_get(heap, &s));
  all_sane(&s);
  CHECK(s.blocks.current == 101 && s.malloc_bins[bin_of(500)].current == 100);
  CHECK(s.malloc_huge.current == (int64_t)300 * CHECK_MIB);
  CHECK(s.chunk_bins[RI_CBIN_HUGE].current == 1 && s.reserved.current == 0);
  ri_stats_t_decl(of_main);
  CHECK(ri_heap_stats_get(ri_heap_main(), &of_main));
  all_sane(&of_main);
  CHECK(of_main.blocks.current == main_before.blocks.current + 1);
  CHECK(of_main.malloc_huge.current == main_before.malloc_huge.current + (int64_t)300 * CHECK_MIB);
  const ri_stats_t with = process_stats();
  CHECK(with.blocks.current == of_main.blocks.current + 101);
  CHECK(with.pages.current == of_main.pages.current + s.pages.current);
  CHECK(with.heaps.current == before.heaps.current + 1 && with.heaps.total > before.heaps.total);
  CHECK(with.theaps.current == before.theaps.current + 1);
  check_capture_start();
  ri_heap_stats_print_out(heap, NULL, NULL);
  CHECK_MSG(strstr(check_captured()->text, "101") != NULL, "%s", check_captured()->text);
  check_capture_stop();
  char* const json = ri_heap_stats_get_json(heap, 0, NULL);
  CHECK(json != NULL && strstr(json, "\"blocks\": {\"total\":101,") != NULL);
  ri_free(json);
  ri_free(large);
  ri_free(large_of_main);
  ri_heap_destroy(heap);
  const ri_stats_t after = process_stats();
  CHECK(after.blocks.current == before.blocks.current);
  CHECK(after.heaps.current == before.heaps.current);
  CHECK(after.theaps.current == before.theaps.current);
}

static void* in_subprocess(void* arg) {
  const ri_subproc_id_t id = *(ri_subproc_id_t*)arg;
  ri_subproc_add_current_thread(id);
  ri_heap_t* const heap = ri_heap_new();
  for (size_t i = 0; i < 30; i++)
    CHECK(ri_malloc(900) != NULL && ri_heap_malloc(heap, 900) != NULL);
  ri_stats_t_decl(s);
  CHECK(ri_subproc_stats_get(id, &s));
  all_sane(&s);
  CHECK(s.blocks.current == 60 && s.malloc_bins[bin_of(900)].current == 60);
  CHECK(s.heaps.current == 2);
  CHECK(ri_subproc_stats_get_exclusive(id, &s) && s.blocks.current == 0);
  char* const json = ri_subproc_stats_get_json(id, 0, NULL);
  CHECK(json != NULL && strstr(json, "\"blocks\": {\"total\":60,") != NULL);
  ri_free(json);
  return NULL;
}

static void subprocesses_have_their_own(void) {
  const ri_stats_t before = process_stats();
  ri_stats_t wrong = {0};
  ri_stats_t_decl(s);
  ri_subproc_id_t id = ri_subproc_new();
  CHECK(id._ri_subproc_id != NULL);
  CHECK(!ri_subproc_stats_get(id, &wrong) && !ri_subproc_stats_get_exclusive(id, NULL));
  check_in_thread(in_subprocess, &id);
  CHECK(ri_subproc_stats_get(ri_subproc_main(), &s));
  all_sane(&s);
  CHECK(s.blocks.current == before.blocks.current);
  const ri_stats_t with = process_stats();
  CHECK(with.blocks.current == before.blocks.current + 60);
  check_capture_start();
  ri_subproc_stats_print_out(id, NULL, NULL);
  const size_t length = check_captured()->length;
  CHECK(length > 100);
  ri_subproc_heap_stats_print_out(id, NULL, NULL);  // two heaps, then all
  CHECK(check_captured()->length > 3 * length);
  check_capture_stop();
  ri_subproc_destroy(id);
  const ri_stats_t after = process_stats();
  CHECK(after.blocks.current == before.blocks.current);
  CHECK_MSG(after.heaps.current == before.heaps.current, "%lld", (long long)after.heaps.current);
}

// ---- JSON ---------------------------------------------------------------------------------------

// Reads one value and returns what follows it; fails when it is not well formed.
static const char* json_value(const char* at, int depth);

static const char* json_space(const char* at) {
  while (isspace((unsigned char)*at))
    at++;
  return at;
}

static const char* json_string(const char* at) {
  CHECK_MSG(*at == '"', "a string expected: %.40s", at);
  for (at++; *at != '"'; at++)
    CHECK(*at >= ' ' && *at != '\\');
  return at + 1;
}

static const char* json_members(const char* at, char end, int depth) {
  at = json_space(at + 1);
  if (*at == end) return at + 1;
  while (true) {
    at = json_space(at);
    if (end == '}') {
      at = json_space(json_string(at));
      CHECK_MSG(*at == ':', "%.40s", at);
      at++;
    }
    at = json_space(json_value(at, depth));
    if (*at == end) return at + 1;
    CHECK_MSG(*at == ',', "%.40s", at);
    at++;
  }
}

static const char* json_value(const char* at, int depth) {
  at = json_space(at);
  CHECK(depth < 5);
  if (*at == '{') return json_members(at, '}', depth + 1);
  if (*at == '[') return json_members(at, ']', depth + 1);
  if (*at == '"') return json_string(at);
  CHECK_MSG(isdigit((unsigned char)*at), "a number expected: %.40s", at);
  while (isdigit((unsigned char)*at))
    at++;
  return at;
}

static void json_has(const char* json, const char* name, const ri_stat_count_t* c) {
  char text[200];
  snprintf(text, sizeof(text), "\"%s\": {\"total\":%lld,\"peak\":%lld,\"current\":%lld}", name,
           (long long)c->total, (long long)c->peak, (long long)c->current);
  CHECK_MSG(strstr(json, text) != NULL, "no %s in %s", text, json);
}

static void json_is_right(void) {
  static char buffer[32768];
  ri_stats_t s = stats();
  char* const json = ri_stats_as_json(&s, sizeof(buffer), buffer);
  CHECK(json == buffer);
  CHECK(*json_space(json_value(json, 0)) == '\0');
  CHECK(strstr(json, "\"version\": 1,") != NULL);
#define RI_STAT_COUNT(name, text) json_has(json, #name, &s.name);
#define RI_STAT_COUNTER(name, text) CHECK(strstr(json, "\"" #name "\": {\"total\":") != NULL);
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  const size_t length = strlen(json);
  CHECK(ri_stats_as_json(&s, length, buffer) == NULL && buffer[0] == '\0');
  CHECK(ri_stats_as_json(&s, 0, buffer) == NULL);
  CHECK(ri_stats_as_json(&s, length + 1, buffer) == buffer && strlen(buffer) == length);
  char* const made = ri_stats_as_json(&s, 0, NULL);
  CHECK(made != NULL && strcmp(made, buffer) == 0);
  CHECK(ri_usable_size(made) > length);
  ri_free(made);
  char* const now = ri_stats_get_json(0, NULL);
  CHECK(now != NULL && *json_space(json_value(now, 0)) == '\0');
  ri_free(now);
  CHECK(ri_stats_get_json(sizeof(buffer), buffer) == buffer);
  CHECK(ri_stats_get_json(10, buffer) == NULL);
  ri_stats_t empty;
  ri_stats_init(&empty);
  CHECK(ri_stats_as_json(&empty, sizeof(buffer), buffer) == buffer);
  CHECK(*json_space(json_value(buffer, 0)) == '\0');
}

// Of a heap and of a sub-process: the same rules for the buffer.
static void json_of_parts(void) {
  static char buffer[32768];
  ri_heap_t* const heap = ri_heap_new();
  CHECK(ri_heap_malloc(heap, 500) != NULL);
  CHECK(ri_heap_stats_get_json(heap, sizeof(buffer), buffer) == buffer);
  CHECK(*json_space(json_value(buffer, 0)) == '\0');
  CHECK(strstr(buffer, "\"blocks\": {\"total\":1,") != NULL);
  const size_t length = strlen(buffer);
  CHECK(ri_heap_stats_get_json(heap, length, buffer) == NULL && buffer[0] == '\0');
  CHECK(ri_heap_stats_get_json(heap, length + 1, buffer) == buffer);
  ri_heap_destroy(heap);
  const ri_subproc_id_t id = ri_subproc_new();
  CHECK(ri_subproc_stats_get_json(id, sizeof(buffer), buffer) == buffer);
  CHECK(*json_space(json_value(buffer, 0)) == '\0');
  CHECK(ri_subproc_stats_get_json(id, 10, buffer) == NULL && buffer[0] == '\0');
  ri_subproc_destroy(id);
}

// Each function that fills statistics leaves them alone when the header is wrong.
static void wrong_headers_of_parts(void) {
  const ri_subproc_id_t id = ri_subproc_main();
  for (int i = 0; i < 2; i++) {
    ri_stats_t_decl(s);
    s.size -= i == 0;
    s.version += i == 1;
    s.pages.current = 77;
    const ri_stats_t copy = s;
    CHECK(!ri_heap_stats_get(NULL, &s) && memcmp(&s, &copy, sizeof(s)) == 0);
    CHECK(!ri_subproc_stats_get(id, &s) && memcmp(&s, &copy, sizeof(s)) == 0);
    CHECK(!ri_subproc_stats_get_exclusive(id, &s) && memcmp(&s, &copy, sizeof(s)) == 0);
  }
  CHECK(!ri_heap_stats_get(NULL, NULL) && !ri_subproc_stats_get(id, NULL));
}

int main(void) {
  ri_free(ri_malloc(1));
  headers_are_checked();
  bins_have_sizes();
  static const size_t sizes[] = {0,    1,     8,     9,     100,    1024,    1025,
                                 8192, 60000, 65536, 65537, 300000, 5 << 20, 300 << 20};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
    one_block(sizes[i]);
  events_are_counted();
  memory_of_the_os();
  check_in_thread(own_statistics, NULL);
  heaps_have_their_own();
  subprocesses_have_their_own();
  json_is_right();
  json_of_parts();
  wrong_headers_of_parts();
  reset_begins_anew();
  one_block(40);
  one_block(200000);
  check_workload(check_scaled(20000), 9);
  (void)process_stats();
  CHECK(ri_audit());
  return 0;
}
