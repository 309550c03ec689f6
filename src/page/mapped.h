// SPDX-License-Identifier: MIT
// mapped.h: pages whose one block has a mapping of its own: their descriptors, which lie in no
// arena, and their entries in the page map.
//
// CONCURRENCY: any thread that holds a page; rix_page_find: any thread, any address.
#ifndef RIX_PAGE_MAPPED_H
#define RIX_PAGE_MAPPED_H

#include "page/page.h"

// A descriptor; NULL: no memory.
RIX_INTERNAL ri_page_t* rix_mapped_take(void);
RIX_INTERNAL void rix_mapped_give(ri_page_t* page);

// Bytes of all blocks of such pages: their mappings may be larger.
RIX_INTERNAL size_t rix_mapped_bytes(void);
RIX_INTERNAL void rix_mapped_add_bytes(size_t bytes);  // modular

// Enters the page in the page map for a span that changes from `old` bytes to `span`.
RIX_INTERNAL void rix_mapped_enter(ri_page_t* page, size_t old, size_t span);

// The page of any address; the page map alone does not have all that lies far inside a mapping.
RIX_INTERNAL ri_page_t* rix_page_find(const void* p);

#endif
