// SPDX-License-Identifier: MIT
// world.h: the real allocator, without an OS, for scenarios. Everything of src/ but the OS layer is
// compiled as it is (world.c); a scenario may include any of its headers.
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include "heap/heap.h"
#include "model.h"
#include "options/options.h"
#include "os_model.h"
#include "page/remote.h"

enum { WORLD_BLOCK = 8192 };  // 8 blocks of this size in a page; one is cut at a time

// First in set-up: the process is initialised, and one arena of 16 slices is there; nothing is
// purged; threads 0 .. threads-1 have heaps. Statistics are not explored (model_counter), except
// for the counts of listed abandoned pages, which decide something, when `abandoned` is true.
void world_setup(int threads, bool abandoned);
// Part of it: counts of events, of threads that have begun too, are not explored.
void world_leave_out_statistics(int threads);

// malloc and free by the running thread, with the block's first bytes watched (model_take).
void* world_malloc(size_t size);
void world_free(void* p);
// The part of free after the check of the page's owner: for scenarios in which many threads' reads
// of that word would be most of what is explored.
void world_free_remote(void* p);
// In set-up: thread t does the same.
void* world_malloc_as(int t, size_t size);
void world_free_as(int t, void* p);
// In set-up and finish: thread t looks at all its pages and releases the empty ones.
void world_collect_as(int t);
// The running thread ends; in set-up: thread t has ended.
void world_thread_exit(void);
void world_thread_exit_as(int t);

// The page map's table has this many entries only, for now.
void world_cut_table(size_t entries);
// The table that there is has no more than these, all usable; before threads run.
void world_small_table(size_t entries);

ri_page_t* world_page(const void* p);  // the page of a block
void world_name_page(const void* p);   // in traces
rix_theap_t* world_theap(int t);       // of thread t; in set-up and finish
size_t world_slices_in_use(void);

// In finish: every page has one owner or none; lists, counts, flags and bitmaps agree; every block
// that nobody holds can be found again.
void world_check(void);
// In finish: what thread t, the only one that a fork left, sees of its heap is as it must be.
void world_check_child(int t);

#endif
