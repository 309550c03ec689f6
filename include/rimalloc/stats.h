// SPDX-License-Identifier: MIT
// stats.h: what the allocator holds and does. rimalloc.h includes it.
//
// All numbers are right in every build and cost allocations nothing: blocks and bytes in use are
// read off the pages when somebody asks, and what happens on slow paths is counted there. They are
// exact at a moment when no thread allocates or frees, and otherwise off by what other threads do
// meanwhile; none is ever negative. For each count
//   current  is exact in this sense
//   peak     is exact for reserved, committed, page_committed, threads, heaps, theaps, pages,
//            page_bins, malloc_huge and resident. For blocks and their bytes it is noted when pages
//            are made, used up and released: it does not depend on who reads statistics when, but
//            what was handed out since is not in it, and what was freed in a page that nobody
//            looked at since still is. For the others the largest that was seen on reading
//   total    is all that was ever added, for pages, page_bins, reserved, committed, page_committed,
//            threads, pages_abandoned, malloc_huge. Of blocks, malloc_normal, malloc_requested and
//            malloc_bins it is what was handed out so far, and total - current was freed: at least,
//            as noted when pages are looked at. A block that its own thread frees and hands out
//            again before the next look at its page counts once. All blocks over 64 KiB and all
//            frees by other threads are counted. For the rest, which nobody counts, the peak
// Functions that fill a ri_stats_t return false and change nothing when it is NULL or its header is
// not that of this version (ri_stats_init sets it). Any thread may call them at any time; they take
// the lock for starting and ending threads for a moment, and their cost is a walk over all pages.
#include <rimalloc/rimalloc.h>  // includes this header in its turn: before the guard
#ifndef RIMALLOC_STATS_H
#define RIMALLOC_STATS_H

#include <string.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define RI_STAT_VERSION 1  // of ri_stats_t and of the JSON
#define RI_STAT_BINS 82    // size classes, smallest first, and one for all larger blocks

typedef struct ri_stat_count_s {
  int64_t total;
  int64_t peak;
  int64_t current;
} ri_stat_count_t;

typedef struct ri_stat_counter_s {
  int64_t total;
} ri_stat_counter_t;

// Kinds of pages, the index of chunk_bins. [M]
typedef enum ri_chunkbin_e {
  RI_CBIN_SMALL,   // 64 KiB, with blocks up to 8 KiB
  RI_CBIN_OTHER,   // one block over 64 KiB
  RI_CBIN_MEDIUM,  // 64 to 512 KiB, with blocks over 8 KiB up to 64 KiB
  RI_CBIN_LARGE,   // none
  RI_CBIN_HUGE,    // one block with a mapping of its own
  RI_CBIN_NONE,    // none
  RI_CBIN_COUNT
} ri_chunkbin_t;

// size and version say which structure the caller was compiled with. The fields are in stats.def.
typedef struct ri_stats_s {
  size_t size;
  size_t version;
#define RI_STAT_COUNT(name, text) ri_stat_count_t name;
#define RI_STAT_COUNTER(name, text) ri_stat_counter_t name;
#include <rimalloc/stats.def>
#undef RI_STAT_COUNT
#undef RI_STAT_COUNTER
  ri_stat_count_t malloc_bins[RI_STAT_BINS];  // blocks of each class; the last: larger ones
  ri_stat_count_t page_bins[RI_STAT_BINS];    // pages of each class
  ri_stat_count_t chunk_bins[RI_CBIN_COUNT];  // pages of each kind
} ri_stats_t;

// Sets the header, or the header and everything else to zero; ri_stats_t_decl declares such a
// variable. [M]
static inline void ri_stats_header_init(ri_stats_t* stats) {
  stats->size = sizeof(*stats);
  stats->version = RI_STAT_VERSION;
}
static inline void ri_stats_init(ri_stats_t* stats) {
  memset(stats, 0, sizeof(*stats));
  ri_stats_header_init(stats);
}
#define ri_stats_t_decl(name) \
  ri_stats_t name;            \
  ri_stats_init(&name);

// ---- The process --------------------------------------------------------------------------------

// Fills *stats for the whole process. [M]
RI_EXPORT bool ri_stats_get(ri_stats_t* stats) RI_NOEXCEPT;

// Totals and peaks start again from the current values. [M]
RI_EXPORT void ri_stats_reset(void) RI_NOEXCEPT;

// Does nothing: no thread keeps numbers that others do not see. [M]
RI_EXPORT void ri_stats_merge(void) RI_NOEXCEPT;

// Prints statistics in lines through `out` (NULL: the registered output). ri_stats_print ignores
// its argument. [M]
RI_EXPORT void ri_stats_print_out(ri_output_fun* out, void* arg) RI_NOEXCEPT;
RI_EXPORT void ri_stats_print(void* out) RI_NOEXCEPT;

// Statistics as JSON, one object: "version" (RI_STAT_VERSION), "rimalloc", then a member for each
// field of ri_stats_t; bins without anything in them are left out, others have their "size".
// buffer == NULL: returns a block to be freed with ri_free. Otherwise writes to the buffer of
// `size` bytes and returns it. NULL when it does not fit or there is no memory; the buffer then
// holds "". [M]
RI_NODISCARD RI_EXPORT char* ri_stats_get_json(size_t size, char* buffer) RI_NOEXCEPT;
// As above for what is in *stats; NULL too when its header is wrong. [M]
RI_NODISCARD RI_EXPORT char* ri_stats_as_json(ri_stats_t* stats, size_t size,
                                              char* buffer) RI_NOEXCEPT;

// Statistics as OpenMetrics text, for Prometheus and its like: for each count of stats.def a gauge
// rimalloc_NAME and one rimalloc_NAME_peak, for each counter a counter rimalloc_NAME, and gauges of
// blocks and pages with the label block_size; bins without anything in them are left out. Buffer,
// result and cost as of ri_stats_get_json; about 16 KiB.
RI_NODISCARD RI_EXPORT char* ri_stats_get_openmetrics(size_t size, char* buffer) RI_NOEXCEPT;
// As above for what is in *stats; NULL too when its header is wrong.
RI_NODISCARD RI_EXPORT char* ri_stats_as_openmetrics(const ri_stats_t* stats, size_t size,
                                                     char* buffer) RI_NOEXCEPT;

// The block size of a class, as in malloc_bins; 0 for the last bin and beyond. [M]
RI_NODISCARD RI_EXPORT size_t ri_stats_get_bin_size(size_t bin) RI_NOEXCEPT;

// ---- A heap -------------------------------------------------------------------------------------

// Fills *stats with the pages of the heap and their blocks (NULL: the main heap); fields of the
// process and of events are 0, totals and peaks what there is now. The heap must not end meanwhile.
// Cost: its pages; for the main heap a walk over all pages. [M]
RI_EXPORT bool ri_heap_stats_get(ri_heap_t* heap, ri_stats_t* stats) RI_NOEXCEPT;
// The same as ri_stats_get_json and ri_stats_print_out give it. [M]
RI_NODISCARD RI_EXPORT char* ri_heap_stats_get_json(ri_heap_t* heap, size_t size,
                                                    char* buffer) RI_NOEXCEPT;
RI_EXPORT void ri_heap_stats_print_out(ri_heap_t* heap, ri_output_fun* out, void* arg) RI_NOEXCEPT;
// Does nothing: a heap's numbers are those of its pages, which all others see as well. [M]
RI_EXPORT void ri_heap_stats_merge_to_subproc(ri_heap_t* heap) RI_NOEXCEPT;

// ---- A sub-process ------------------------------------------------------------------------------

// Fills *stats with all heaps of the sub-process, as ri_heap_stats_get does for one; besides with
// what is reserved, committed and retained for it, its arenas, its threads, and what those did on
// slow paths since it began (ri_stats_reset is for the process). What is left of an ended
// sub-process counts for none. [M]
RI_EXPORT bool ri_subproc_stats_get(ri_subproc_id_t subproc, ri_stats_t* stats) RI_NOEXCEPT;
// As above without the heaps: all counts are 0, since no page belongs to a sub-process alone. [M]
RI_EXPORT bool ri_subproc_stats_get_exclusive(ri_subproc_id_t subproc,
                                              ri_stats_t* stats) RI_NOEXCEPT;
// The same as ri_stats_get_json and ri_stats_print_out give it; and after each heap for itself. [M]
RI_NODISCARD RI_EXPORT char* ri_subproc_stats_get_json(ri_subproc_id_t subproc, size_t size,
                                                       char* buffer) RI_NOEXCEPT;
RI_EXPORT void ri_subproc_stats_print_out(ri_subproc_id_t subproc, ri_output_fun* out,
                                          void* arg) RI_NOEXCEPT;
RI_EXPORT void ri_subproc_heap_stats_print_out(ri_subproc_id_t subproc, ri_output_fun* out,
                                               void* arg) RI_NOEXCEPT;

// ---- The calling thread -------------------------------------------------------------------------

// Fills *stats with the pages that the calling thread allocates from, their blocks, and what the
// thread did on slow paths; fields of the process are 0. A thread that has not allocated has
// nothing. Large blocks belong to no thread.
RI_EXPORT bool ri_thread_stats_get(ri_stats_t* stats) RI_NOEXCEPT;
// Prints them as ri_stats_print_out does. [M]
RI_EXPORT void ri_thread_stats_print_out(ri_output_fun* out, void* arg) RI_NOEXCEPT;

// ---- Time and memory of the process -------------------------------------------------------------

// What the OS says of the process: milliseconds since the allocator was first used (0 before), and
// in user and system mode; bytes resident now and at peak; bytes committed (as in ri_stats_t) now
// and at peak; major page faults, which had to read from storage. Each pointer may be NULL. [M]
RI_EXPORT void ri_process_info(size_t* elapsed_ms, size_t* user_ms, size_t* system_ms,
                               size_t* current_rss, size_t* peak_rss, size_t* current_commit,
                               size_t* peak_commit, size_t* page_faults) RI_NOEXCEPT;
// Prints the same through `out` (NULL: the registered output). [M]
RI_EXPORT void ri_process_info_print(void) RI_NOEXCEPT;
RI_EXPORT void ri_process_info_print_out(ri_output_fun* out, void* arg) RI_NOEXCEPT;

// ---- A summary ----------------------------------------------------------------------------------

// The most important numbers: bytes, and counts of things; cheaper to declare than a ri_stats_t.
typedef struct ri_summary_s {
  size_t reserved;   // address space held for blocks
  size_t committed;  // of it, in pages at present or possibly still resident
  size_t in_use;     // bytes of blocks handed out and not freed (usable sizes)
  size_t blocks;     // their number
  size_t pages;      // pages at present
  size_t abandoned;  // pages of exited threads, waiting for a thread to use them
  size_t threads;    // threads that hold a heap
  size_t arenas;     // arenas reserved
  size_t mappings;   // large blocks with a mapping of their own
  size_t cached;     // bytes of freed mappings kept for reuse
  size_t metadata;   // bytes reserved for the allocator's own structures
  size_t os_calls;   // system calls made for memory
  size_t purged;     // bytes given back to the OS so far
} ri_summary_t;

// Fills *summary. Cost: a walk over all pages. Takes a lock meanwhile that an allocation waits for
// only when there is no memory, and that of starting and ending threads for a moment.
RI_EXPORT void ri_summary(ri_summary_t* summary) RI_NOEXCEPT;

#if defined(__cplusplus)
}
#endif

#endif
