// SPDX-License-Identifier: MIT
// introspect.c: what programs ask their C library about its allocator, answered for this one.
// Without these names a program would get the figures of an allocator that it does not use; and
// a static program would pull the C library's malloc in beside ours.
//
// mallinfo: as glibc's. Blocks with a mapping of their own are counted apart, so what is in use is
// uordblks + hblkhd, and arena + hblkhd what was obtained from the OS and not given back.
//   arena     bytes from the OS, without those mappings   uordblks  bytes in use there
//   fordblks  the rest: arena - uordblks                  keepcost  of it, what is in no page
//   ordblks   free blocks that the pages have room for
//   hblks     blocks with a mapping of their own          hblkhd    bytes of their mappings
//   smblks, fsmblks (small free blocks kept apart) and usmblks are 0
// mallopt: 1 for what is honoured or asks for nothing that a program could notice, 0 for the rest:
//   M_TRIM_THRESHOLD  -1: never give memory back; 0: at once; others: as before, time decides
//   M_CHECK_ACTION    bit 0: report misuse; bit 1: abort then
//   M_PERTURB         option `perturb`: blocks of this thread from now on, of others in new pages
//   M_MXFAST          within glibc's range, to no effect
//   M_PURGE(_ALL)     Android's: give unused memory back now
// malloc_trim gives back what ri_collect(true) does, parts of sparse pages too, and returns 1 if
// that was something; it keeps nothing back, whatever `pad` says.
//   M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_TEST, M_ARENA_MAX  of another design; accepted
// The structures are declared here because not every libc has them; they are part of glibc's ABI.
//
// CONCURRENCY: as ri_summary: any thread; figures are of one moment only when nobody allocates.
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "arena/arena.h"
#include "arena/mapping.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "observe/stats.h"

struct mallinfo {
  int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

struct mallinfo2 {
  size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

RI_EXPORT struct mallinfo mallinfo(void);
RI_EXPORT struct mallinfo2 mallinfo2(void);
RI_EXPORT int malloc_trim(size_t pad);
RI_EXPORT void malloc_stats(void);
RI_EXPORT int malloc_info(int options, FILE* stream);
RI_EXPORT int mallopt(int parameter, int value);

// The numbers of the parameters of mallopt, from glibc's and Android's ABI.
enum {
  INTROSPECT_MXFAST = 1,
  INTROSPECT_TRIM_THRESHOLD = -1,
  INTROSPECT_TOP_PAD = -2,
  INTROSPECT_MMAP_THRESHOLD = -3,
  INTROSPECT_MMAP_MAX = -4,
  INTROSPECT_CHECK_ACTION = -5,
  INTROSPECT_PERTURB = -6,
  INTROSPECT_ARENA_TEST = -7,
  INTROSPECT_ARENA_MAX = -8,
  INTROSPECT_PURGE = -101,
  INTROSPECT_PURGE_ALL = -104,
  INTROSPECT_MXFAST_LARGEST = 80 * sizeof(size_t) / 4,
};

static size_t introspect_held(const ri_summary_t* summary) {
  return rix_max(summary->committed, summary->in_use);
}

struct mallinfo2 mallinfo2(void) {
  ri_summary_t summary;
  ri_summary(&summary);
  struct mallinfo2 info = {0};
  const rix_introspect_t more = rix_introspect();
  info.hblks = summary.mappings;
  info.hblkhd = more.mapped;
  info.ordblks = more.free_blocks;
  info.uordblks = summary.in_use - rix_min(summary.in_use, more.mapped_blocks);
  const size_t held = introspect_held(&summary);
  info.arena = rix_max(held - rix_min(held, more.mapped), info.uordblks);
  info.fordblks = info.arena - info.uordblks;
  info.keepcost = rix_min(info.fordblks, more.retained);
  return info;
}

static int introspect_saturate(size_t n) { return n > INT_MAX ? INT_MAX : (int)n; }

struct mallinfo mallinfo(void) {
  const struct mallinfo2 wide = mallinfo2();
  struct mallinfo info = {0};
  info.arena = introspect_saturate(wide.arena);
  info.ordblks = introspect_saturate(wide.ordblks);
  info.hblks = introspect_saturate(wide.hblks);
  info.hblkhd = introspect_saturate(wide.hblkhd);
  info.uordblks = introspect_saturate(wide.uordblks);
  info.fordblks = introspect_saturate(wide.fordblks);
  info.keepcost = introspect_saturate(wide.keepcost);
  return info;
}

int malloc_trim(size_t pad) {
  RIX_UNUSED(pad);
  const size_t purged = rix_purged_bytes(), cached = rix_mapping_cached();
  ri_collect(true);
  return rix_purged_bytes() > purged || rix_mapping_cached() < cached;
}

void malloc_stats(void) { ri_stats_print_out(NULL, NULL); }

// Blocks in use by size class, in the elements that glibc has for free ones.
static bool introspect_write_sizes(FILE* stream) {
  ri_stats_t stats;
  ri_stats_init(&stats);
  ri_stats_get(&stats);
  if (fprintf(stream, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n") < 0) return false;
  size_t from = 1;
  for (size_t i = 0; i < RI_STAT_BINS; i++) {
    const size_t to = ri_stats_get_bin_size(i);
    const int64_t count = stats.malloc_bins[i].current;
    if (to != 0 && count > 0 &&
        fprintf(stream, "<size from=\"%zu\" to=\"%zu\" total=\"%llu\" count=\"%llu\"/>\n", from, to,
                (unsigned long long)count * to, (unsigned long long)count) < 0) {
      return false;
    }
    if (to != 0) from = to + 1;
  }
  return fprintf(stream, "</sizes>\n</heap>\n") >= 0;
}

// The outer elements are those of glibc's format; <rimalloc> adds what they have no room for.
int malloc_info(int options, FILE* stream) {
  if (options != 0) return EINVAL;
  if (!introspect_write_sizes(stream)) return -1;
  ri_summary_t s;
  ri_summary(&s);
  const int written = fprintf(
      stream,
      "<total type=\"mmap\" count=\"%zu\"/>\n"
      "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
      "<system type=\"current\" size=\"%zu\"/>\n"
      "<aspace type=\"total\" size=\"%zu\"/>\n"
      "<rimalloc version=\"%d\" pages=\"%zu\" abandoned=\"%zu\" threads=\"%zu\" arenas=\"%zu\" "
      "cached=\"%zu\" metadata=\"%zu\" purged=\"%zu\" os_calls=\"%zu\"/>\n"
      "</malloc>\n",
      s.mappings, s.blocks, s.in_use, introspect_held(&s), s.reserved, ri_version(), s.pages,
      s.abandoned, s.threads, s.arenas, s.cached, s.metadata, s.purged, s.os_calls);
  return written < 0 ? -1 : 0;
}

int mallopt(int parameter, int value) {
  switch (parameter) {
    case INTROSPECT_TRIM_THRESHOLD:
      if (value == -1 || value == 0) ri_option_set(ri_option_purge_delay, value);
      return 1;
    case INTROSPECT_CHECK_ACTION:
      ri_option_set(ri_option_show_errors, value & 1);
      ri_option_set(ri_option_abort_on_error, (value >> 1) & 1);
      return 1;
    case INTROSPECT_PURGE:
    case INTROSPECT_PURGE_ALL:
      ri_collect(true);
      return 1;
    case INTROSPECT_PERTURB:
      ri_option_set(ri_option_perturb, value & 0xFF);
      // What this thread allocates from now on is in new pages.
      ri_collect_reduce(0);
      return 1;
    case INTROSPECT_MXFAST:
      return value >= 0 && value <= INTROSPECT_MXFAST_LARGEST;
    case INTROSPECT_TOP_PAD:
    case INTROSPECT_MMAP_THRESHOLD:
    case INTROSPECT_MMAP_MAX:
    case INTROSPECT_ARENA_TEST:
    case INTROSPECT_ARENA_MAX:
      return 1;
    default:
      return 0;
  }
}
