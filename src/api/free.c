// SPDX-License-Identifier: MIT
// free.c: every free that the inline path of fast.h does not do.
//
//   rix_free_generic -- NULL ----------------------------------> nothing
//        |-- no page, or no block there ----------------------> error, nothing changed
//        |-- own page, with a flag: full, interior, checked --> local free, and what the flag asks
//        '-- other ---- page of one block --> claim it and release it
//                  '--- push on the page's remote word -- WAKE ----> tell the owner's theap
//                                                      '- CLAIMED -> adopt, abandon or release it
// CONCURRENCY. Label W1: release store of xwoken; pairs with W2 in heap/queue.c.
#include <errno.h>
#include "api/api.h"
#include "options/options.h"
#include "page/remote.h"

void rix_page_emptied(ri_page_t* page) {
  rix_theap_page_emptied(ri_load_relaxed(&page->xtheap), page);
}

static RIX_SLOW void free_report_invalid(const void* p) {
  rix_error(EINVAL, "invalid pointer %p: not a live block of this allocator", p);
}

static RIX_SLOW void free_report_double(const void* p) {
  rix_error(EAGAIN, "double free of %p", p);
}

// The page was abandoned and this thread's free claimed it.
static RIX_NOINLINE void free_claimed(ri_page_t* page) {
  rix_page_claimed(page);
  if (rix_page_live(page) > 0 && rix_option(ri_option_reclaim_on_free) != 0) {
    rix_theap_t* const theap = rix_thread_find_theap(ri_load_relaxed(&page->xheap));
    if (theap != NULL && theap->may_adopt > 0) {
      theap->may_adopt--;
      rix_theap_adopt(theap, page);
      return;
    }
  }
  rix_page_abandon(page);  // releases it when nothing is live
}

// A page of one block has no owner; normally nobody else looks at it, and the claim is ours.
static bool free_single(ri_page_t* page) {
  if (!rix_remote_claim(page)) return false;
  ri_store_relaxed(&page->used, 0);
  rix_page_release(page);
  return true;
}

static void free_remote(ri_page_t* page, ri_block_t* block, const void* p) {
  if (rix_page_is_single(page) && free_single(page)) return;
  const unsigned c = page->class_index;  // the page stays what it is while the block is live
  switch (rix_remote_push(page, block)) {
    case RIX_REMOTE_PUSHED:
      break;
    case RIX_REMOTE_WAKE: {
      // The page may be somebody else's by now; then this wakes a theap for nothing.
      rix_theap_t* const theap = ri_load_acquire(&page->xtheap);
      if (theap != NULL) ri_store_release(&theap->xwoken[c], 1);  // W1: pairs with W2
      break;
    }
    case RIX_REMOTE_CLAIMED:
      free_claimed(page);
      break;
    case RIX_REMOTE_REFUSED:
      free_report_double(p);
      break;
  }
}

// A page of this thread with a flag set, or a block that the inline path refused.
static void free_own(ri_page_t* page, ri_block_t* block, uintptr_t owner) {
  if (page->free == block) {
    free_report_double(block);
    return;
  }
  rix_theap_t* const theap = ri_load_relaxed(&page->xtheap);
  rix_page_push(page, block);
  if ((owner & RIX_OWNER_FULL) != 0) rix_theap_unfull(theap, page);
  if (ri_load_relaxed(&page->used) == 0) rix_theap_page_emptied(theap, page);
}

void rix_free_generic(void* p) {
  if (p == NULL) return;
  const rix_target_t t = rix_target(p);
  if (RIX_UNLIKELY(t.block == NULL)) {
    free_report_invalid(p);
    return;
  }
  const uintptr_t owner = ri_load_relaxed(&t.page->xowner);
  if ((owner & RIX_OWNER_CHECKED) != 0 && !rix_page_unmark_live(t.page, t.block)) {
    free_report_double(p);
    return;
  }
  if ((owner & ~RIX_OWNER_FLAGS) == rix_tls.self) {
    free_own(t.page, t.block, owner);
  } else {
    free_remote(t.page, t.block, p);
  }
}

static void free_check_size(const void* p, size_t size) {
  if (RIX_LIKELY(rix_option(ri_option_check) == 0) || p == NULL) return;
  const rix_target_t t = rix_target(p);
  if (t.block != NULL && rix_target_usable(t, p) < size) {
    rix_error(EINVAL, "free of %p with size %zu, but its block has %zu", p, size,
              rix_target_usable(t, p));
  }
}

void ri_free_size(void* p, size_t size) {
  free_check_size(p, size);
  ri_free(p);
}

void ri_free_aligned(void* p, size_t alignment) {
  if (RIX_UNLIKELY(rix_option(ri_option_check) != 0) &&
      (!rix_is_pow2(alignment) || !rix_is_aligned(p, alignment))) {
    rix_error(EINVAL, "free of %p, which is not aligned to %zu", p, alignment);
  }
  ri_free(p);
}

void ri_free_size_aligned(void* p, size_t size, size_t alignment) {
  free_check_size(p, size);
  ri_free_aligned(p, alignment);
}

void ri_cfree(void* p) { ri_free(p); }
