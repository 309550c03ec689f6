// SPDX-License-Identifier: MIT
// print.c: statistics as text.
#include "arena/mapping.h"
#include "observe/stats.h"
#include "options/report.h"

typedef struct print_size_s {
  char text[24];
} print_size_t;

// 1536 -> "1.5 KiB".
static print_size_t print_size(int64_t value) {
  static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  uint64_t tenths = value > INT64_MAX / 10 ? INT64_MAX / 10 * 10 : (uint64_t)value * 10;
  while (tenths >= 10240 && unit + 1 < sizeof(units) / sizeof(units[0])) {
    tenths /= 1024;
    unit++;
  }
  print_size_t s;
  size_t n = 0;
  char digits[24];
  uint64_t whole = tenths / 10;
  do {
    digits[n++] = (char)('0' + whole % 10);
    whole /= 10;
  } while (whole > 0);
  size_t at = 0;
  while (n > 0 && at < sizeof(s.text) - 8)
    s.text[at++] = digits[--n];
  if (unit > 0) {
    s.text[at++] = '.';
    s.text[at++] = (char)('0' + tenths % 10);
  }
  s.text[at++] = ' ';
  for (const char* u = units[unit]; *u != '\0'; u++)
    s.text[at++] = *u;
  s.text[at] = '\0';
  return s;
}

static void print_bytes(rix_output_t to, const char* name, const ri_stat_count_t* c) {
  rix_print_to(to, "  %-12s%12s  peak %s, total %s\n", name, print_size(c->current).text,
               print_size(c->peak).text, print_size(c->total).text);
}

static void print_number(rix_output_t to, const char* name, const ri_stat_count_t* c) {
  rix_print_to(to, "  %-12s%12lld  peak %lld, total %lld\n", name, (long long)c->current,
               (long long)c->peak, (long long)c->total);
}

// Blocks and pages of each size class that has or had any.
static void print_bins(rix_output_t to, const ri_stats_t* s) {
  rix_print_to(to, "  size class        blocks         bytes     pages  pages so far\n");
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    if (s->page_bins[i].total == 0) continue;
    const size_t size = rix_stats_bin_size(i);
    const int64_t blocks = s->malloc_bins[i].current;
    const int64_t bytes = size > 0 ? blocks * (int64_t)size : s->malloc_huge.current;
    rix_print_to(to, "  %-10s %13lld  %12s  %8lld  %12lld\n",
                 size > 0 ? print_size((int64_t)size).text : "larger", (long long)blocks,
                 print_size(bytes).text, (long long)s->page_bins[i].current,
                 (long long)s->page_bins[i].total);
  }
}

static void print_blocks(rix_output_t to, const ri_stats_t* s) {
  print_bytes(to, "in use", &s->malloc_requested);
  print_number(to, "blocks", &s->blocks);
  print_number(to, "pages", &s->pages);
  print_bytes(to, "in pages", &s->page_committed);
}

static void print_work(rix_output_t to, const ri_stats_t* s) {
  rix_print_to(
      to,
      "  pages       extended %lld, kept empty %lld, %lld searches of %lld pages, taken over by "
      "%lld allocations and %lld frees\n",
      (long long)s->pages_extended.total, (long long)s->pages_retire.total,
      (long long)s->page_searches_count.total, (long long)s->page_searches.total,
      (long long)s->pages_reclaim_on_alloc.total, (long long)s->pages_reclaim_on_free.total);
}

static void print_calls(rix_output_t to, const ri_stats_t* s) {
  rix_print_to(to,
               "  OS calls    %12zu  map %lld, unmap %lld, commit %lld, purge %lld, reset %lld, "
               "move %lld\n",
               rix_os_calls(), (long long)s->mmap_calls.total, (long long)s->munmap_calls.total,
               (long long)s->commit_calls.total, (long long)s->purge_calls.total,
               (long long)s->reset_calls.total, (long long)s->move_calls.total);
}

void rix_print_stats(ri_output_fun* out, void* arg) {
  const rix_output_t to = rix_output_of(out, arg);
  ri_stats_t s;
  ri_stats_init(&s);
  rix_stats_get(&s);
  rix_print_to(to, "rimalloc %d.%d.%d\n", RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH);
  print_blocks(to, &s);
  print_bytes(to, "resident", &s.resident);
  print_bytes(to, "committed", &s.committed);
  print_bytes(to, "retained", &s.retained);
  print_bytes(to, "reserved", &s.reserved);
  print_bytes(to, "holes", &s.holes);
  print_bytes(to, "excess", &s.excess);
  rix_print_to(to, "  arenas      %12lld  mappings %zu, %s cached for reuse\n",
               (long long)s.arena_count.total, rix_mapping_count(),
               print_size((int64_t)rix_mapping_cached()).text);
  rix_print_to(to, "  returned    %12s  in %lld passes over arenas; offered to the OS %s\n",
               print_size(s.purged.total).text, (long long)s.arena_purges.total,
               print_size(s.reset.total).text);
  rix_print_to(to, "  metadata    %12s\n", print_size(s.metadata.current).text);
  print_number(to, "threads", &s.threads);
  print_number(to, "abandoned", &s.pages_abandoned);
  print_work(to, &s);
  print_calls(to, &s);
  print_bins(to, &s);
  rix_print_process(to.out, to.arg);
}

void rix_print_heap(ri_heap_t* heap, ri_output_fun* out, void* arg) {
  const rix_output_t to = rix_output_of(out, arg);
  ri_stats_t s;
  ri_stats_init(&s);
  rix_stats_get_heap(heap, &s);
  rix_print_to(to, "rimalloc %d.%d.%d, heap %p\n", RI_VERSION_MAJOR, RI_VERSION_MINOR,
               RI_VERSION_PATCH, (void*)heap);
  print_blocks(to, &s);
  print_bins(to, &s);
}

void rix_print_subproc(ri_subproc_id_t subproc, ri_output_fun* out, void* arg) {
  const rix_output_t to = rix_output_of(out, arg);
  ri_stats_t s;
  ri_stats_init(&s);
  rix_stats_get_subproc(subproc, &s);
  rix_print_to(to, "rimalloc %d.%d.%d, sub-process %p\n", RI_VERSION_MAJOR, RI_VERSION_MINOR,
               RI_VERSION_PATCH, subproc._ri_subproc_id);
  print_blocks(to, &s);
  print_bins(to, &s);
}

void rix_print_subproc_heaps(ri_subproc_id_t subproc, ri_output_fun* out, void* arg) {
  rix_subproc_t* const of = subproc._ri_subproc_id;
  rix_heap_walk_t walk;
  if (of != NULL) rix_heap_walk_begin(&walk, of);
  for (rix_heap_t* heap; of != NULL && (heap = rix_heap_walk_next(&walk)) != NULL;)
    rix_print_heap(heap, out, arg);
  rix_print_subproc(subproc, out, arg);
}

void rix_print_thread(ri_output_fun* out, void* arg) {
  const rix_output_t to = rix_output_of(out, arg);
  ri_stats_t s;
  ri_stats_init(&s);
  rix_stats_get_thread(&s);
  rix_print_to(to, "rimalloc %d.%d.%d, this thread\n", RI_VERSION_MAJOR, RI_VERSION_MINOR,
               RI_VERSION_PATCH);
  print_blocks(to, &s);
  print_work(to, &s);
  print_bins(to, &s);
}

void rix_print_process(ri_output_fun* out, void* arg) {
  const rix_output_t to = rix_output_of(out, arg);
  size_t elapsed, user, system, rss, peak_rss, commit, peak_commit, faults;
  rix_stats_process(&elapsed, &user, &system, &rss, &peak_rss, &commit, &peak_commit, &faults);
  rix_print_to(to, "  time        %9zu ms  user %zu ms, system %zu ms, %zu major page faults\n",
               elapsed, user, system, faults);
  rix_print_to(to, "  process     %12s  resident, peak %s; committed %s",
               print_size((int64_t)rss).text, print_size((int64_t)peak_rss).text,
               print_size((int64_t)commit).text);
  rix_print_to(to, ", peak %s\n", print_size((int64_t)peak_commit).text);
}
