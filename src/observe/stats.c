// SPDX-License-Identifier: MIT
// stats.c: what the allocator holds. Nothing is counted on the fast paths: the numbers of live
// blocks are read off the page descriptors, whose `used` and `xremote` are exact at any time.
//
// CONCURRENCY: any thread, no lock that allocation waits for; fields of pages are read with relaxed
// loads while their owners write them, so the sum is of slightly different moments. Each term is
// bounded by its page, so no sum can be negative.
#include "arena/mapping.h"
#include "arena/meta.h"
#include "arena/pagemap.h"
#include "heap/heap.h"
#include "options/report.h"
#include "page/remote.h"

static void stats_add_page(const ri_page_t* page, ri_summary_t* s) {
  const size_t live = rix_page_live(page);
  const size_t remote = rix_min(rix_remote_count(page), live);
  s->pages++;
  s->blocks += live - remote;
  s->in_use += (live - remote) * rix_page_block_size(page);
}

static void stats_add_arena(const rix_arena_t* a, ri_summary_t* s) {
  for (size_t i = 0; i < a->slice_count; i++) {
    if (rix_pagemap_find(rix_arena_address(a, i)) == &a->pages[i]) stats_add_page(&a->pages[i], s);
  }
  s->committed += rix_bitmap_count_run(&a->dirty, 0, a->slice_count) * RIX_SLICE_SIZE;
}

void ri_summary(ri_summary_t* summary) {
  ri_summary_t s = {0};
  s.arenas = rix_arena_count();
  rix_lock(&rix_purge_lock);  // no arena goes back to the program meanwhile
  for (size_t i = 0; i < s.arenas; i++)
    stats_add_arena(rix_arena_at(i), &s);
  rix_unlock(&rix_purge_lock);
  s.mappings = rix_mapping_count();
  s.cached = rix_mapping_cached();
  s.pages += s.mappings;
  s.blocks += s.mappings;
  s.in_use += rix_mapping_reserved();
  s.committed += rix_mapping_reserved() + s.cached;
  s.reserved = rix_arena_reserved() + rix_mapping_reserved() + s.cached;
  s.abandoned = rix_page_abandoned_count();
  s.threads = rix_thread_count();
  s.metadata = rix_meta_reserved() + rix_pagemap_reserved();
  s.os_calls = rix_os_calls();
  s.purged = rix_purged_bytes();
  *summary = s;
}

typedef struct stats_size_s {
  char text[24];
} stats_size_t;

// 1536 -> "1.5 KiB".
static stats_size_t stats_size(size_t bytes) {
  static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  size_t tenths = bytes > SIZE_MAX / 10 ? SIZE_MAX / 10 * 10 : bytes * 10;
  while (tenths >= 10240 && unit + 1 < sizeof(units) / sizeof(units[0])) {
    tenths /= 1024;
    unit++;
  }
  stats_size_t s;
  size_t n = 0;
  char digits[20];
  size_t whole = tenths / 10;
  do {
    digits[n++] = (char)('0' + whole % 10);
    whole /= 10;
  } while (whole > 0);
  size_t at = 0;
  while (n > 0)
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

void ri_stats_print_out(ri_output_fun* out, void* arg) {
  const rix_output_t to = rix_output_of(out, arg);
  ri_summary_t s;
  ri_summary(&s);
  rix_os_usage_t u;
  rix_os_usage(&u);
  rix_print_to(to, "rimalloc %d.%d.%d\n", RI_VERSION_MAJOR, RI_VERSION_MINOR, RI_VERSION_PATCH);
  rix_print_to(to, "  in use      %12s  in %zu blocks of %zu pages\n", stats_size(s.in_use).text,
               s.blocks, s.pages);
  rix_print_to(to, "  resident    %12s  peak %s\n", stats_size(u.resident).text,
               stats_size(u.peak_resident).text);
  rix_print_to(to, "  committed   %12s  of %s reserved in %zu arenas\n",
               stats_size(s.committed).text, stats_size(s.reserved).text, s.arenas);
  rix_print_to(to, "  mappings    %12zu  %s cached for reuse\n", s.mappings,
               stats_size(s.cached).text);
  rix_print_to(to, "  given back  %12s  to the OS so far\n", stats_size(s.purged).text);
  rix_print_to(to, "  metadata    %12s\n", stats_size(s.metadata).text);
  rix_print_to(to, "  threads     %12zu  %zu pages wait for a new owner\n", s.threads, s.abandoned);
  rix_print_to(to, "  OS calls    %12zu  %zu page faults\n", s.os_calls,
               u.minor_faults + u.major_faults);
  rix_print_to(to, "  time        %9llu ms  user, %llu ms system\n", (unsigned long long)u.user_ms,
               (unsigned long long)u.system_ms);
}

void ri_stats_print(void* out) {
  RIX_UNUSED(out);  // kept for code written for mimalloc, which ignores it as well
  ri_stats_print_out(NULL, NULL);
}
