// SPDX-License-Identifier: MIT
// hard.h: malloc and free of checked pages, where each block is validated and the options harden_*
// say what is done to it (page/harden.h). The usual cases, in few steps: a page with a free block,
// and a free by the owner of the page. All others are those of alloc.c and free.c.
#ifndef RIX_HEAP_HARD_H
#define RIX_HEAP_HARD_H

#include "heap/heap.h"
#include "page/page.h"

// malloc, of a theap that hardens.
RIX_INTERNAL void* rix_hard_malloc(rix_theap_t* theap, size_t size);
// A block of a page with features, of which `size` bytes were asked for. NULL, and nothing done:
// its list is empty or damaged. What was written to the block since it was freed is noted in the
// theap (`damaged`).
RIX_INTERNAL ri_block_t* rix_hard_take(rix_theap_t* theap, ri_page_t* page, size_t size, bool zero);

// Other random numbers than so far, for the thread that goes on in a forked child.
RIX_INTERNAL void rix_hard_reseed(rix_tld_t* tld);

// Frees p, in a checked page of this thread that has no other mark but that it may be full.
RIX_INTERNAL void rix_hard_free_own(void* p, ri_page_t* page, uintptr_t owner);
// What is done to a block with features that was live until now. True: it waits, and others may
// have been freed instead. `own`: the page is this thread's.
RIX_INTERNAL bool rix_hard_undress(ri_page_t* page, ri_block_t* block, const void* p, bool own);

// Frees a block that waited, of any page (free.c).
RIX_INTERNAL void rix_free_release(ri_page_t* page, ri_block_t* block);

#endif
