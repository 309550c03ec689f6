// SPDX-License-Identifier: MIT
// layout.c: what fast.rs knows of layout.h, as the C compiler sees it. build.rs compiles this to
// assembly and makes a constant of each line `->NAME offset size`: nothing of it is written twice.
#include <rimalloc/layout.h>

#define SAY(name, offset, size) \
  __asm__ volatile("\n.ascii \"->" name " %c0 %c1\\n\"" : : "i"(offset), "i"(size))
#define SAY_FIELD(name, type, field) \
  SAY(name, offsetof(type, field), sizeof(((const type*)NULL)->field))
#define SAY_VALUE(name, value) SAY(name, value, 0)

void rix_say_layout(void);

void rix_say_layout(void) {
  SAY_VALUE("LAYOUT_VERSION", RI_LAYOUT_VERSION);
  SAY_VALUE("DIRECT_MAX", RI_DIRECT_MAX);
  SAY_VALUE("SIZED_MAX", RI_SIZED_MAX);
  SAY_VALUE("SLICE_SHIFT", RI_SLICE_SHIFT);
  SAY_FIELD("TLS_THEAP", ri_tls_t, theap);
  SAY_FIELD("TLS_SELF", ri_tls_t, self);
  SAY_FIELD("THEAP_DIRECT", ri_fast_theap_t, direct[0]);
  SAY_FIELD("PAGE_XOWNER", ri_page_t, xowner);
  SAY_FIELD("PAGE_START", ri_page_t, start);
  SAY_FIELD("PAGE_XBLOCK_SIZE", ri_page_t, xblock_size);
  SAY_FIELD("PAGE_INVERSE", ri_page_t, inverse);
  SAY_FIELD("PAGE_FREE", ri_page_t, free);
  SAY_FIELD("PAGE_USED", ri_page_t, used);
  SAY_FIELD("PAGE_CAPACITY", ri_page_t, capacity);
  SAY_FIELD("BLOCK_NEXT", ri_block_t, next);
  SAY_FIELD("PAGEMAP_XBASE", ri_pagemap_t, xbase);
  SAY_FIELD("PAGEMAP_XCOUNT", ri_pagemap_t, xcount);
  SAY_FIELD("PAGEMAP_XTABLE", ri_pagemap_t, xtable);
  SAY_FIELD("ENTRY", ri_pagemap_entry_t, v);
}
