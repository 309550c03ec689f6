// SPDX-License-Identifier: MIT
// collect.h: reading the pages: how many there are and what is live in them.
//
// CONCURRENCY: any thread, no locks; fields of pages are read with relaxed loads while their owners
// write them, so a sum is of slightly different moments. Each term is bounded by its page, so no
// sum can be negative.
#ifndef RIX_OBSERVE_COLLECT_H
#define RIX_OBSERVE_COLLECT_H

#include "base/sizeclass.h"
#include "heap/heap.h"

enum { RIX_COLLECT_LARGE = RIX_CLASS_COUNT, RIX_COLLECT_BINS = RIX_CLASS_COUNT + 1 };

// What there is at present. Bin RIX_COLLECT_LARGE: pages of one block.
typedef struct rix_collected_s {
  size_t pages[RIX_COLLECT_BINS];
  size_t blocks[RIX_COLLECT_BINS];
  size_t small_pages, medium_pages, single_pages, mapped_pages;  // kinds of pages
  size_t large_bytes;   // of blocks in bin RIX_COLLECT_LARGE
  size_t page_bytes;    // memory of all these pages
  size_t mapped_bytes;  // of that, in mappings: not of the whole process
} rix_collected_t;

// Memory that serves a sub-process, without mappings.
typedef struct rix_collected_space_s {
  size_t arenas;
  size_t reserved;   // bytes of address space
  size_t committed;  // bytes that may be resident
} rix_collected_space_t;

// Adds all pages of the process.
RIX_INTERNAL void rix_collect_process(rix_collected_t* c);
// Adds the pages of a heap, which must not end meanwhile.
RIX_INTERNAL void rix_collect_heap(rix_collected_t* c, rix_heap_t* heap);
// Adds the arenas of a sub-process.
RIX_INTERNAL void rix_collect_space(rix_collected_space_t* c, uint32_t subproc);
// Adds the pages of the calling thread.
RIX_INTERNAL void rix_collect_thread(rix_collected_t* c);

RIX_INTERNAL size_t rix_collected_pages(const rix_collected_t* c);
RIX_INTERNAL size_t rix_collected_blocks(const rix_collected_t* c);
RIX_INTERNAL size_t rix_collected_normal_bytes(const rix_collected_t* c);  // of blocks to 64 KiB

#endif
