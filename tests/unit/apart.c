// SPDX-License-Identifier: MIT
// apart.c: the tables of an arena lie far from its blocks, and nobody may access what is beside
// them, those of checked pages too: a program that writes past a block does not reach them.
#include "arena/arena.h"

#include "arena/pagemap.h"
#include "page/page.h"
#include "../check.h"

#include <unistd.h>

#define FAR ((uintptr_t)1 << 30)

// The OS reads a byte there, or says that it cannot.
static bool readable(const uint8_t* p) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  const bool can = write(ends[1], check_hide_pointer((uintptr_t)p), 1) == 1;
  CHECK(can || errno == EFAULT);
  close(ends[0]);
  close(ends[1]);
  return can;
}

static void is_apart(const void* tables, size_t bytes, const void* block) {
  const uint8_t* const from = tables;
  const uintptr_t above = (uintptr_t)from - (uintptr_t)block;
  CHECK_MSG(above > FAR && 0 - above > FAR, "tables at %p, a block at %p", tables, block);
  CHECK(readable(from) && readable(from + bytes - 1));
  CHECK(!readable(from - 1) && !readable(from + bytes));
}

static const rix_arena_t* arena_of(const void* p) {
  const ri_page_t* const page = rix_pagemap_find(p);
  CHECK(page != NULL && page->arena != NULL);
  return page->arena;
}

int main(void) {
  if (check_sanitized() || sizeof(void*) < 8) check_skip("addresses are not chosen");
  void* const p = ri_malloc(100);
  const rix_arena_t* const a = arena_of(p);
  if (rix_pagemap_os_places()) check_skip("the OS chooses addresses");
  const rix_arena_layout_t l = rix_arena_layout(a->slice_count, rix_os_page_size());
  CHECK(a->apart == l.tracks && a->start == a->base);
  CHECK((const uint8_t*)a->pages - (const uint8_t*)a == (ptrdiff_t)l.pages);
  is_apart(a, a->apart, p);
  CHECK(ri_load_relaxed(&a->xlive) == NULL);  // nothing was checked so far
  ri_option_set(ri_option_check, 1);
  void* const q = ri_malloc(5000);
  CHECK(arena_of(q) == a);
  const uint8_t* const live = (const uint8_t*)ri_load_relaxed(&a->xlive);
  is_apart(live - (l.live - l.tracks), l.bytes - l.tracks, q);
  ri_free(p);
  ri_free(q);
  return 0;
}
