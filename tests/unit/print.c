// SPDX-License-Identifier: MIT
// print.c: statistics as text: sizes with their units, each number at its place, classes that never
// had a page left out, and lines that are whole whatever the numbers are.
#include "arena/mapping.h"
#include "observe/stats.h"

#include "../check.h"

static char printed[1 << 16];
static size_t printed_length;
static char wanted[1 << 16];
static size_t wanted_length;

static void take(const char* message, void* arg) {
  CHECK(arg == printed);
  const size_t length = strlen(message);
  CHECK(printed_length + length < sizeof(printed));
  memcpy(printed + printed_length, message, length + 1);
  printed_length += length;
}

static void begin(void) {
  printed_length = wanted_length = 0;
  printed[0] = wanted[0] = '\0';
}

static void want(const char* format, ...) __attribute__((format(printf, 1, 2)));
static void want(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const size_t room = sizeof(wanted) - wanted_length;
  const int length = vsnprintf(wanted + wanted_length, room, format, arguments);
  va_end(arguments);
  CHECK(length >= 0 && (size_t)length < room);
  wanted_length += (size_t)length;
}

static void is_as_wanted(void) {
  CHECK_MSG(strcmp(printed, wanted) == 0, "%s\nnot\n%s", printed, wanted);
}

typedef struct text_s {
  char text[32];
} text_t;

// A size as it is to be printed: rounded down to tenths, and the most that is told.
static text_t size_text(int64_t size) {
  if (size > INT64_MAX / 10) size = INT64_MAX / 10;
  static const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  unsigned unit = 0;
  while (unit < 4 && size >> (10 * (unit + 1)) != 0)
    unit++;
  const long long whole = size >> (10 * unit);
  const int64_t rest = size & (((int64_t)1 << (10 * unit)) - 1);
  const int tenth = (int)((rest * 10) >> (10 * unit));
  text_t t;
  if (unit == 0) {
    snprintf(t.text, sizeof(t.text), "%lld B", whole);
  } else {
    snprintf(t.text, sizeof(t.text), "%lld.%d %s", whole, tenth, units[unit]);
  }
  return t;
}

static void want_bytes(const char* name, ri_stat_count_t c) {
  want("  %-12s%12s  peak %s, total %s\n", name, size_text(c.current).text, size_text(c.peak).text,
       size_text(c.total).text);
}

static void want_number(const char* name, ri_stat_count_t c) {
  want("  %-12s%12lld  peak %lld, total %lld\n", name, (long long)c.current, (long long)c.peak,
       (long long)c.total);
}

static void want_blocks(const ri_stats_t* s) {
  want_bytes("in use", s->malloc_requested);
  want_number("blocks", s->blocks);
  want_number("pages", s->pages);
  want_bytes("in pages", s->page_committed);
}

static void want_work(const ri_stats_t* s) {
  want("  pages       extended %lld, kept empty %lld,", (long long)s->pages_extended.total,
       (long long)s->pages_retire.total);
  want(" %lld searches of %lld pages,", (long long)s->page_searches_count.total,
       (long long)s->page_searches.total);
  want(" taken over by %lld allocations and %lld frees\n",
       (long long)s->pages_reclaim_on_alloc.total, (long long)s->pages_reclaim_on_free.total);
}

static void want_bins(const ri_stats_t* s) {
  want("  size class        blocks         bytes     pages  pages so far\n");
  for (unsigned i = 0; i < RI_STAT_BINS; i++) {
    const bool large = i == RI_STAT_BINS - 1;
    const int64_t blocks = s->malloc_bins[i].current;
    if (s->page_bins[i].total == 0) continue;
    const int64_t size = large ? 0 : (int64_t)rix_class_block_size(i);
    want("  %-10s %13lld  %12s", large ? "larger" : size_text(size).text, (long long)blocks,
         size_text(large ? s->malloc_huge.current : size * blocks).text);
    want("  %8lld  %12lld\n", (long long)s->page_bins[i].current, (long long)s->page_bins[i].total);
  }
}

// ---- Sizes --------------------------------------------------------------------------------------

// What was given back is a number that can be made whatever it is to be, if it only grows.
static void sizes(void) {
  static const struct {
    int64_t size;
    const char* text;
  } rows[] = {
      {0, "0 B"},
      {1, "1 B"},
      {1023, "1023 B"},
      {1024, "1.0 KiB"},
      {1126, "1.0 KiB"},
      {1127, "1.1 KiB"},
      {1536, "1.5 KiB"},
      {10239, "9.9 KiB"},
      {((int64_t)1 << 20) - 1, "1023.9 KiB"},
      {(int64_t)1 << 20, "1.0 MiB"},
      {((int64_t)1 << 30) - 1, "1023.9 MiB"},
      {(int64_t)1 << 30, "1.0 GiB"},
      {((int64_t)1 << 40) - 1, "1023.9 GiB"},
      {(int64_t)1 << 40, "1.0 TiB"},
      {((int64_t)1 << 50) + ((int64_t)1 << 39), "1024.5 TiB"},
      {INT64_MAX / 10, "838860.7 TiB"},
      {INT64_MAX, "838860.7 TiB"},  // the most that is told
  };
  ri_stats_t_decl(s);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    CHECK(ri_stats_get(&s) && s.purged.total <= rows[i].size);
    rix_event_add(RIX_EVENT_PURGED_BYTES, (uint64_t)(rows[i].size - s.purged.total));
    begin();
    ri_stats_print_out(take, printed);
    want("\n  returned    %12s  in ", rows[i].text);
    CHECK_MSG(strstr(printed, wanted) != NULL, "no %s for %lld in %s", wanted,
              (long long)rows[i].size, printed);
  }
  ri_stats_reset();
}

// ---- A heap, a thread, a sub-process ------------------------------------------------------------

static void heap_text(ri_heap_t* heap) {
  ri_stats_t_decl(s);
  CHECK(ri_heap_stats_get(heap, &s));
  want("rimalloc %d.%d.%d, heap %p\n", RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH,
       (void*)heap);
  want_blocks(&s);
  want_bins(&s);
}

static void subproc_text(ri_subproc_id_t id) {
  ri_stats_t_decl(s);
  CHECK(ri_subproc_stats_get(id, &s));
  want("rimalloc %d.%d.%d, sub-process %p\n", RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH,
       id._ri_subproc_id);
  want_blocks(&s);
  want_bins(&s);
}

static void fill(ri_heap_t* heap) {
  for (size_t i = 0; i < 3; i++)
    CHECK(ri_heap_malloc(heap, 1000) != NULL && ri_heap_malloc(heap, 9) != NULL);
  CHECK(ri_heap_malloc(heap, 200000) != NULL);
}

static void heaps(void) {
  ri_heap_t* const heap = ri_heap_new();
  for (int filled = 0; filled < 2; filled++) {
    begin();
    ri_heap_stats_print_out(heap, take, printed);
    heap_text(heap);
    is_as_wanted();
    CHECK((strstr(printed, "\n  larger  ") != NULL) == (filled == 1));
    if (filled == 0) fill(heap);
  }
  ri_heap_destroy(heap);
}

static void all_heaps(ri_subproc_id_t id) {
  begin();
  ri_subproc_heap_stats_print_out(id, take, printed);
  rix_heap_walk_t walk;
  rix_heap_walk_begin(&walk, id._ri_subproc_id);
  for (rix_heap_t* h; (h = rix_heap_walk_next(&walk)) != NULL;)
    heap_text(h);
  subproc_text(id);
  is_as_wanted();
}

static void* in_subprocess(void* arg) {
  const ri_subproc_id_t id = *(ri_subproc_id_t*)arg;
  ri_subproc_add_current_thread(id);
  ri_heap_t* const heap = ri_heap_new();
  fill(heap);
  CHECK(ri_malloc(50) != NULL);
  all_heaps(id);
  // What the thread did itself, and nobody else.
  for (size_t event = 0; event < RIX_EVENT_GAUGE; event++)
    rix_event_add(event, 1000 + event);
  ri_stats_t_decl(s);
  CHECK(ri_thread_stats_get(&s) && s.pages_extended.total >= 1000);
  begin();
  ri_thread_stats_print_out(take, printed);
  want("rimalloc %d.%d.%d, this thread\n", RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH);
  want_blocks(&s);
  want_work(&s);
  want_bins(&s);
  is_as_wanted();
  return NULL;
}

// ---- The process --------------------------------------------------------------------------------

static void want_process(const ri_stats_t* s) {
  want("rimalloc %d.%d.%d\n", RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH);
  want_blocks(s);
  want_bytes("resident", s->resident);
  want_bytes("committed", s->committed);
  want_bytes("retained", s->retained);
  want_bytes("reserved", s->reserved);
  want_bytes("holes", s->holes);
  want_bytes("excess", s->excess);
  want("  arenas      %12lld  mappings %zu,", (long long)s->arena_count.total, rix_mapping_count());
  want(" %s cached for reuse\n", size_text((int64_t)rix_mapping_cached()).text);
  want("  returned    %12s  in %lld passes over arenas;", size_text(s->purged.total).text,
       (long long)s->arena_purges.total);
  want(" offered to the OS %s\n", size_text(s->reset.total).text);
  want("  metadata    %12s\n", size_text(s->metadata.current).text);
  want_number("threads", s->threads);
  want_number("abandoned", s->pages_abandoned);
  want_work(s);
  want("  OS calls    %12zu  map %lld, unmap %lld,", rix_os_calls(), (long long)s->mmap_calls.total,
       (long long)s->munmap_calls.total);
  want(" commit %lld, purge %lld,", (long long)s->commit_calls.total,
       (long long)s->purge_calls.total);
  want(" reset %lld, move %lld\n", (long long)s->reset_calls.total, (long long)s->move_calls.total);
  want_bins(s);
}

// Much more of each kind of call than of the one before, and memory that is resident no more.
static void call_the_os(void) {
  const size_t page = rix_os_page_size();
  const size_t size = (size_t)8 * CHECK_MIB;
  uint8_t* const p = rix_os_map(NULL, size, RIX_OS_RESERVED);
  CHECK(p != NULL && rix_os_commit(p, size));
  memset(p, 1, size);
  ri_stats_t_decl(s);
  CHECK(ri_stats_get(&s));  // sees the most
  for (size_t i = 0; i < 80; i++) {
    CHECK(i >= 20 || rix_os_commit(p, page));
    CHECK(i >= 40 || rix_os_purge(p, page));
    CHECK(i >= 60 || rix_os_reset(p, page));
    CHECK(rix_os_resize(p, size - i * page, size - (i + 1) * page));
  }
  CHECK(rix_os_unmap(p, size - 80 * page));
}

// No two numbers are the same: each gauge is at, was at most at, and had in sum something else.
static void make_different(void) {
  call_the_os();
  for (size_t event = 0; event < RIX_EVENT_GAUGE; event++)
    rix_event_add(event, 100000 * (event + 1));
  for (size_t gauge = 0; gauge < RIX_GAUGE_ARENAS; gauge++) {
    for (int twice = 0; twice < 2; twice++) {
      rix_gauge_up((rix_gauge_t)gauge, (gauge + 1) << 20);
      rix_gauge_down((rix_gauge_t)gauge, (gauge + 1) << 20);
    }
  }
  rix_event_add(RIX_EVENT_PAGE + 7, 12345);  // a class that had pages
}

// What is resident may change at any time, but does not always.
static void process(void) {
  ri_stats_t_decl(s);
  ri_stats_t_decl(after);
  size_t least[4], number[4], most[4];
  ri_process_info(&least[0], &least[1], &least[2], NULL, NULL, NULL, NULL, &least[3]);
  do {
    begin();
    CHECK(ri_stats_get(&s));
    ri_stats_print_out(take, printed);
    CHECK(ri_stats_get(&after));
  } while (memcmp(&s.resident, &after.resident, sizeof(s.resident)) != 0);
  ri_process_info(&most[0], &most[1], &most[2], NULL, NULL, NULL, NULL, &most[3]);
  want_process(&s);
  // The line of times has numbers that go on.
  char* const times = strstr(printed, "  time ");
  char* const rest = strstr(printed, "  process ");
  int length = 0;
  CHECK_MSG(times != NULL && rest != NULL, "%s", printed);
  CHECK(sscanf(times, "  time %zu ms  user %zu ms, system %zu ms, %zu major page faults%n",
               &number[0], &number[1], &number[2], &number[3], &length) == 4);
  CHECK(length > 0 && times + length + 1 == rest);
  for (size_t i = 0; i < 4; i++)
    CHECK(least[i] <= number[i] && number[i] <= most[i]);
  printed_length -= (size_t)(rest - times);
  memmove(times, rest, strlen(rest) + 1);
  want("  process     %12s  resident, peak %s;", size_text(s.resident.current).text,
       size_text(s.resident.peak).text);
  want(" committed %s, peak %s\n", size_text(s.committed.current).text,
       size_text(s.committed.peak).text);
  is_as_wanted();
}

static size_t lines(void) {
  size_t count = 0;
  for (const char* at = printed; (at = strchr(at, '\n')) != NULL; at++)
    count++;
  CHECK(printed[printed_length - 1] == '\n');
  return count;
}

static void largest_numbers(void) {
  const size_t before = lines();
  for (size_t event = 0; event < RIX_EVENT_GAUGE; event++)
    rix_event_add(event, INT64_MAX / 2);
  process();
  CHECK_MSG(lines() == before, "%zu lines, then %zu", before, lines());
}

int main(void) {
  check_watchdog(20);
  ri_free(ri_malloc(1));
  sizes();
  heaps();
  ri_subproc_id_t id = ri_subproc_new();
  check_in_thread(in_subprocess, &id);
  ri_subproc_destroy(id);
  all_heaps(ri_subproc_main());
  rix_mapping_t used, cached;
  CHECK(rix_mapping_claim((size_t)4 * CHECK_MIB, RIX_SLICE_SIZE, 0, true, &used));
  CHECK(rix_mapping_claim((size_t)6 * CHECK_MIB, RIX_SLICE_SIZE, 0, true, &cached));
  rix_mapping_release(cached.start, cached.size, 0, true);
  CHECK(rix_mapping_count() == 1 && rix_mapping_cached() != 0);
  make_different();
  process();
  CHECK(strstr(printed, "12345\n") != NULL);
  largest_numbers();
  rix_mapping_release(used.start, used.size, 0, true);
  return 0;
}
