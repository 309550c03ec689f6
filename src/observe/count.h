// SPDX-License-Identifier: MIT
// count.h: reading the pages: how many there are and what is live in them.
//
// CONCURRENCY: any thread, no locks; fields of pages are read with relaxed loads while their owners
// write them, so a sum may mix slightly different moments. Each term is bounded by its page, so no
// sum can be negative.
#ifndef RIX_OBSERVE_COUNT_H
#define RIX_OBSERVE_COUNT_H

#include "base/sizeclass.h"
#include "heap/heap.h"

enum { RIX_COUNT_LARGE = RIX_CLASS_COUNT, RIX_COUNT_BINS = RIX_CLASS_COUNT + 1 };

// What there is at present. Bin RIX_COUNT_LARGE: pages of one block.
typedef struct rix_count_s {
  size_t pages[RIX_COUNT_BINS];
  size_t blocks[RIX_COUNT_BINS];
  size_t unseen[RIX_CLASS_COUNT];  // blocks handed out since their pages were last looked at
  size_t free_blocks;              // that pages of classes have room for besides
  size_t small_pages, medium_pages, single_pages, mapped_pages;  // kinds of pages
  size_t holes;         // bytes in pages of classes that were returned to the OS
  size_t excess;        // that they will hardly use, and that may be resident
  size_t large_bytes;   // of blocks in bin RIX_COUNT_LARGE
  size_t page_bytes;    // memory of all these pages
  size_t mapped_bytes;  // of that, in mappings: not for the whole process
} rix_count_t;

// Memory that serves a sub-process, without mappings.
typedef struct rix_count_space_s {
  size_t arenas;
  size_t reserved;   // bytes of address space
  size_t committed;  // bytes that may be resident
} rix_count_space_t;

// Adds all pages of the process.
RIX_INTERNAL void rix_count_process(rix_count_t* c);
// Adds the pages of a heap, which must not end meanwhile.
RIX_INTERNAL void rix_count_heap(rix_count_t* c, rix_heap_t* heap);
// Adds the pages of all heaps of a sub-process and returns how many heaps there are. None begins or
// ends meanwhile, so no page is counted twice or missed because it moves from one to another.
RIX_INTERNAL size_t rix_count_subproc(rix_count_t* c, rix_subproc_t* subproc);
// Adds the arenas of a sub-process.
RIX_INTERNAL void rix_count_space(rix_count_space_t* c, uint32_t subproc);
// Adds the pages of the calling thread.
RIX_INTERNAL void rix_count_thread(rix_count_t* c);

RIX_INTERNAL size_t rix_count_pages(const rix_count_t* c);
RIX_INTERNAL size_t rix_count_blocks(const rix_count_t* c);
RIX_INTERNAL size_t rix_count_normal_bytes(const rix_count_t* c);  // of blocks to 64 KiB

#endif
