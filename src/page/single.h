// SPDX-License-Identifier: MIT
// single.h: pages of one block.
//
// CONCURRENCY: as said at each function.
#ifndef RIX_PAGE_SINGLE_H
#define RIX_PAGE_SINGLE_H

#include "page/page.h"
#include "page/trap.h"

// A page of one block, which is live. Any thread may free it. `zero`: zeroed memory is wanted;
// *is_zero: it reads as zero, otherwise the caller has to zero it. NULL: no memory.
RIX_INTERNAL ri_page_t* rix_page_create_single(size_t size, size_t align, struct rix_heap_s* heap,
                                               bool zero, bool* is_zero);
// As above, in a mapping of its own; room > 0: a fresh one that may grow to this much, for realloc
// to move pages into.
RIX_INTERNAL ri_page_t* rix_page_create_mapped(size_t size, size_t align, size_t room,
                                               struct rix_heap_s* heap, bool* is_zero);
// As rix_page_create_single, but the block ends at a guard page and has exactly the size, rounded
// up to 16 unless the option guarded_precise forbids that. If the OS refuses the guard page, NULL
// or a block without one.
RIX_INTERNAL ri_page_t* rix_page_create_guarded(size_t size, size_t align, struct rix_heap_s* heap,
                                                bool zero, bool* is_zero);
// A page of one watched block (trap.h), of a table of `most`. NULL: none is possible now.
RIX_INTERNAL ri_page_t* rix_page_create_trapped(rix_trap_shape_t shape, size_t most,
                                                struct rix_heap_s* heap, bool* is_zero);
// Zeroes its block from byte `from` on, a multiple of the OS page size, with the OS's help.
RIX_INTERNAL void rix_page_zero_single(ri_page_t* page, size_t from);
// Changes the size of the block of a page of one block, where it is. The caller owns the block.
// *zero: what it grew by reads as zero.
RIX_INTERNAL bool rix_page_resize_single(ri_page_t* page, size_t size, bool* zero);

#endif
