// SPDX-License-Identifier: MIT
// create.h: pages of blocks, and what they have in common with pages of one block when they are
// made.
#ifndef RIX_PAGE_CREATE_H
#define RIX_PAGE_CREATE_H

#include "page/page.h"

typedef enum rix_page_use_e {  // what a thread needs a page for
  RIX_PAGE_FIRST,              // it has none of the class, and may never need many blocks
  RIX_PAGE_MORE,
  RIX_PAGE_DENSE,  // it has many, and will soon have used this one up
} rix_page_use_t;

// A fresh page for a class, of the heap, without owner and in no list. NULL: no memory.
RIX_INTERNAL ri_page_t* rix_page_create(unsigned class_index, rix_page_use_t use,
                                        struct rix_heap_s* heap);

typedef struct rix_page_shape_s {
  uint8_t* start;
  size_t block_size;
  rix_arena_t* arena;
  size_t slices;
  size_t reserved;
  rix_page_kind_t kind;
  unsigned class_index;
} rix_page_shape_t;

// Fills in a descriptor. xremote stays: zero the first time, and "owned" when the descriptor was
// returned.
RIX_INTERNAL void rix_page_describe(ri_page_t* page, rix_page_shape_t s, struct rix_heap_s* heap);
// Slices within the heap's quota, charged to it; false: no memory.
RIX_INTERNAL bool rix_page_claim_slices(struct rix_heap_s* heap, size_t slices, size_t align,
                                        bool dense, rix_slices_t* got);

#endif
