// SPDX-License-Identifier: MIT
// free.c: frees that say more than ri_free does, which is in fast.h, its slow side in heap/free.c.
#include <errno.h>

#include "api/api.h"
#include "options/options.h"
#include "page/profiled.h"
#include "page/release.h"

// Debug builds check every alignment, others those of blocks that the option `check` covers.
static bool free_is_checked(const ri_page_t* page) {
  if (RIX_DEBUG > 0) return true;
  const bool marked = (ri_load_relaxed(&page->xowner) & RIX_OWNER_CHECKED) != 0;
  return (marked || rix_page_is_single(page)) &&
         (rix_option(ri_option_check) != 0 || rix_option(ri_option_harden) != 0);
}

static void free_check_size(rix_target_t t, const void* p, size_t size) {
  if (t.block == NULL) return;
  const size_t usable = rix_target_usable(t, p);
  if (usable < size) {
    rix_error(EINVAL, "free of %p with size %zu, but its block has %zu", p, size, usable);
  }
}

_Static_assert(RI_SIZED_MAX == RIX_MEDIUM_BLOCK_MAX, "larger blocks are alone in their pages");

// Everything that the inline part of ri_free_sized leaves: pages of other threads, checked ones,
// blocks that are alone in their pages, sizes that are wrong, what is not ours.
void rix_free_sized_generic(void* p, size_t size) {
  if (p == NULL) return;
  ri_page_t* const page = size <= RIX_MEDIUM_BLOCK_MAX ? rix_fast_page_of(p) : NULL;
  // Of a page in use, the size of its blocks does not change: any thread may compare it. Where
  // flags last, a block may have less to use than that.
  if (page != NULL && (ri_load_relaxed(&page->xowner) & RIX_OWNER_LASTING) == 0 &&
      size <= rix_page_block_size(page)) {
    rix_free_found(p, page);
    return;
  }
  const rix_target_t t = rix_target(p);
  free_check_size(t, p, size);
  // The size says that the block is alone in its page, which then has no owner to compare with.
  const bool alone = RIX_ANNOTATE == 0 && size > RIX_MEDIUM_BLOCK_MAX && t.block != NULL &&
                     rix_page_is_single(t.page) && !rix_page_is_profiled(t.page) &&
                     (t.page->flags & RIX_PAGE_TRAPPED) == 0;
  if (alone && rix_page_free_single(t.page)) return;
  rix_free_generic(p);
}

void ri_free_sized(void* p, size_t size) { rix_fast_free_sized(p, size); }

static void free_check_alignment(const void* p, size_t alignment) {
  if (p == NULL || (rix_is_pow2(alignment) && rix_is_aligned(p, alignment))) return;
  const rix_target_t t = rix_target(p);
  if (t.block == NULL || !free_is_checked(t.page)) return;
  rix_error(EINVAL, "free of %p, which is not aligned to %zu", p, alignment);
}

void ri_free_aligned_sized(void* p, size_t alignment, size_t size) {
  free_check_alignment(p, alignment);
  ri_free_sized(p, size);
}

void ri_free_aligned(void* p, size_t alignment) {
  free_check_alignment(p, alignment);
  ri_free(p);
}

void ri_cfree(void* p) {
  if (rix_pagemap_find(p) != NULL) rix_fast_free(p);
}

void ri_ufree(void* p, size_t* block_size) {
  if (block_size != NULL) *block_size = ri_usable_size(p);
  rix_fast_free(p);
}
