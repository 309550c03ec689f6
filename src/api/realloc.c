// SPDX-License-Identifier: MIT
// realloc.c: changing the size of a block. In this order:
//   the block fits and little would be wasted           --> it stays: half of it, of 1 KiB and more
//                                                           5/16
//   a page of one block can change its size in place    --> it stays
//   it is large                                         --> its pages move to a mapping of its own
//   otherwise                                           --> a new block, a copy, a free; without
//                                                           memory for that, a smaller one stays
#include <errno.h>
#include <string.h>

#include "api/api.h"
#include "heap/profile.h"
#include "heap/watch.h"
#include "page/history.h"
#include "page/single.h"

// Copying a smaller block saves little, and programs resize such blocks all the time.
#define REALLOC_FIT_MIN ((size_t)1024)

// Whether a block of `usable` bytes is kept for `size` of them. A block that grows by copying gets
// a quarter more than it had, rounded up to a class, an eighth more: 2/7 of it may be unused then,
// and it must not move at the next small step.
static bool realloc_keeps(size_t usable, size_t size) {
  if (size > usable || size == 0) return false;
  const size_t waste = usable - size;
  if (RIX_LIKELY(waste <= usable / 4)) return true;
  return waste <= (usable < REALLOC_FIT_MIN ? usable - usable / 2 : usable / 16 * 5);
}

// What a reallocation should return.
typedef struct realloc_request_s {
  size_t size;
  size_t align;   // a power of two
  size_t offset;  // (address + offset) is a multiple of align
  bool zero;      // bytes beyond the old usable size are zero
} realloc_request_t;

static RIX_SLOW void* realloc_report_invalid(const void* p) {
  if (!rix_watch_reports_free(p))
    rix_error(EINVAL, "realloc of invalid pointer %p: not a live block of this allocator", p);
  rix_os_set_errno(EINVAL);
  return NULL;
}

// Whether p is all of a page of one block, without a guard page.
static bool realloc_is_whole(rix_target_t t, const void* p) {
  return rix_page_is_single(t.page) && (const void*)t.block == p &&
         (t.page->flags & RIX_PAGE_GUARDED) == 0;
}

// A block alone in its page was made, or has changed its size: to the profiler it is another one.
static void realloc_tell(ri_page_t* page, size_t size) {
  if (RIX_UNLIKELY(rix_profile_interval() != 0 || rix_page_is_profiled(page)))
    rix_profile_reallocated(page, size);
}

// Changes the size in place when the block is alone in its page.
static bool realloc_in_place(rix_target_t t, const void* p, size_t usable,
                             realloc_request_t request) {
  if (RIX_ANNOTATE != 0) return false;
  if (!realloc_is_whole(t, p)) return false;
  if (request.size == 0 || request.size > PTRDIFF_MAX) return false;
  bool zero;
  if (!rix_page_resize_single(t.page, request.size, &zero)) return false;
  const size_t now = rix_page_block_size(t.page);
  if (request.zero && !zero && now > usable) rix_page_zero_single(t.page, usable);
  realloc_tell(t.page, request.size);
  return true;
}

// Releases what a large block has beyond the size, except for 64 KiB.
static bool realloc_shrink(rix_target_t t, const void* p, size_t usable,
                           realloc_request_t request) {
  request.size = rix_max(request.size, RIX_MEDIUM_BLOCK_MAX);
  return request.size < usable && realloc_in_place(t, p, usable, request);
}

// Moves the OS pages of a large block into a fresh mapping, which then grows: so it stays one
// mapping to the OS, which can grow in place the next time. NULL: p is unchanged.
static void* realloc_by_moving(rix_source_t from, rix_target_t t, void* p, size_t usable,
                               realloc_request_t request) {
  if (!realloc_is_whole(t, p)) return NULL;
  const rix_arena_t* const home = t.page->arena;
  if (home != NULL && !rix_arena_can_change(home)) return NULL;  // its OS pages stay there
  if (usable < RIX_MOVE_MIN || request.size <= usable || request.size > PTRDIFF_MAX / 2)
    return NULL;
  if (usable < RIX_MOVE_ALWAYS && rix_history_may_copy(request.size)) return NULL;
  rix_heap_t* const heap = rix_source_heap(from);
  bool zero;
  ri_page_t* const page =
      rix_page_create_mapped(usable, request.align, request.size * 2, heap, &zero);
  if (page == NULL) return NULL;
  bool done = rix_os_move(p, page->start, usable);
  if (done && !rix_page_resize_single(page, request.size, &zero)) {
    // Move them back: p must be whole when this fails.
    if (!rix_os_move(page->start, p, usable)) memcpy(p, page->start, usable);
    done = false;
  }
  if (done) {
    rix_history_mark_grown(page);
    t.page->flags &= (uint8_t) ~(RIX_PAGE_WATCHED | RIX_PAGE_GROWN);  // nothing is left there
    realloc_tell(page, request.size);
  }
  ri_free(done ? p : page->start);
  return done ? page->start : NULL;
}

// For memory that would be nice to have: a failure is not reported, and errno is unchanged.
static RIX_NOINLINE void* realloc_try_malloc(rix_source_t from, size_t size,
                                             realloc_request_t request, bool zero) {
  const int saved = rix_os_errno();
  rix_report_mute(true);
  void* const p = rix_source_malloc_at(from, size, request.align, request.offset, zero);
  rix_report_mute(false);
  rix_os_set_errno(saved);
  return p;
}

// `must`: lack of memory is reported.
RIX_INLINE void* realloc_by_copying(rix_source_t from, void* p, size_t usable,
                                    realloc_request_t request, bool must) {
  const bool zero = request.zero && request.size > usable;
  // What has grown once will grow again: a quarter more than it had saves half of the copies.
  size_t size = request.size;
  if (size > usable && size <= RIX_MEDIUM_BLOCK_MAX && RIX_ANNOTATE == 0)
    size = rix_max(size, usable + usable / 4);
  const bool tries = size > request.size || !must;
  void* q = tries ? realloc_try_malloc(from, size, request, zero) : NULL;
  if (q == NULL && must) {
    q = rix_source_malloc_at(from, request.size, request.align, request.offset, zero);
  }
  if (q == NULL) return NULL;
  if (RIX_UNLIKELY(rix_profile_interval() != 0)) rix_profile_wished(q, request.size);
  // When zeroes are wanted, as much of the old block is kept as fits, so that what is copied next
  // time is defined too; and size 0 keeps a word, so that the bytes of the smallest block are
  // defined.
  const bool whole = request.zero || request.size == 0;
  const size_t now = whole ? ri_usable_size(q) : request.size;
  memcpy(q, p, rix_min(usable, now));
  if (request.zero && !zero && now > usable) memset((uint8_t*)q + usable, 0, now - usable);
  if (usable >= RIX_MOVE_MIN && request.size > usable) rix_history_mark_grown(rix_target(q).page);
  ri_free(p);
  return q;
}

// A smaller block is wanted, but there is no memory for one: the old one serves.
static RIX_NOINLINE void* realloc_smaller(rix_source_t from, rix_target_t t, void* p, size_t usable,
                                          realloc_request_t request) {
  void* const q = realloc_by_copying(from, p, usable, request, false);
  if (q != NULL) return q;
  (void)realloc_shrink(t, p, usable, request);
  return p;
}

static void* realloc_from(rix_source_t from, void* p, realloc_request_t request) {
  if (RIX_UNLIKELY(!rix_is_pow2(request.align))) return rix_bad_argument();
  if (p == NULL)
    return rix_source_malloc_at(from, request.size, request.align, request.offset, request.zero);
  const rix_target_t t = rix_target(p);
  if (RIX_UNLIKELY(t.block == NULL)) return realloc_report_invalid(p);
  const size_t usable = rix_target_usable(t, p);
  const bool aligned = (((uintptr_t)p + request.offset) & (request.align - 1)) == 0;
  if (aligned && RIX_ANNOTATE == 0) {  // a tool should see accesses to the old block
    if (realloc_keeps(usable, request.size)) return p;
    if (request.size > RIX_MEDIUM_BLOCK_MAX && realloc_in_place(t, p, usable, request)) return p;
    if ((request.offset & (request.align - 1)) == 0) {
      void* const q = realloc_by_moving(from, t, p, usable, request);
      if (q != NULL) return q;
    }
  }
  if (aligned && request.size <= usable) return realloc_smaller(from, t, p, usable, request);
  return realloc_by_copying(from, p, usable, request, true);
}

static void* realloc_any(void* p, realloc_request_t request) {
  return realloc_from(rix_api_source(), p, request);
}

void* rix_source_realloc(rix_source_t from, void* p, size_t size, size_t align, size_t offset,
                         bool zero) {
  return realloc_from(from, p, (realloc_request_t){size, align, offset, zero});
}

void* ri_realloc(void* p, size_t size) {
  // Most calls ask for what the block already has room for.
  const rix_target_t t = rix_target(p);
  if (RIX_LIKELY(t.block != NULL) && RIX_ANNOTATE == 0) {
    const size_t usable = rix_target_usable(t, p);
    if (realloc_keeps(usable, size)) return p;
  }
  return realloc_any(p, (realloc_request_t){size, 1, 0, false});
}

void* ri_reallocn(void* p, size_t count, size_t size) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) return rix_overflow();
  return ri_realloc(p, total);
}

void* ri_reallocf(void* p, size_t size) {
  void* const q = ri_realloc(p, size);
  if (q == NULL && rix_target(p).block != NULL) ri_free(p);  // otherwise it was already reported
  return q;
}

void* ri_rezalloc(void* p, size_t size) {
  return realloc_any(p, (realloc_request_t){size, 1, 0, true});
}

void* ri_recalloc(void* p, size_t count, size_t size) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) return rix_overflow();
  return ri_rezalloc(p, total);
}

void* ri_expand(void* p, size_t size) {
  const rix_target_t t = rix_target(p);
  if (t.block == NULL) return NULL;
  const size_t usable = rix_target_usable(t, p);
  if (size <= usable) return p;
  return realloc_in_place(t, p, usable, (realloc_request_t){size, 1, 0, false}) ? p : NULL;
}

void* ri__expand(void* p, size_t size) {
  void* const q = ri_expand(p, size);
  if (q == NULL) rix_os_set_errno(ENOMEM);
  return q;
}

size_t ri_xallocx(void* p, size_t size, size_t extra) {
  const rix_target_t t = rix_target(p);
  if (t.block == NULL) return 0;
  size_t larger;
  if (__builtin_add_overflow(size, extra, &larger)) larger = SIZE_MAX;
  const size_t usable = rix_target_usable(t, p);
  if (larger < usable) {
    (void)realloc_shrink(t, p, usable, (realloc_request_t){larger, 1, 0, false});
  } else if (size > usable || extra > 0) {
    const bool done = realloc_in_place(t, p, usable, (realloc_request_t){larger, 1, 0, false});
    if (!done && size > usable) {
      (void)realloc_in_place(t, p, usable, (realloc_request_t){size, 1, 0, false});
    }
  }
  return rix_target_usable(t, p);
}

void* ri_urealloc(void* p, size_t size, size_t* block_size_before, size_t* block_size_after) {
  const size_t before = ri_usable_size(p);
  void* const q = ri_realloc(p, size);
  if (block_size_before != NULL) *block_size_before = before;
  if (block_size_after != NULL) *block_size_after = ri_usable_size(q);
  return q;
}

void* ri_reallocarray(void* p, size_t count, size_t size) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) {
    rix_overflow();
    rix_os_set_errno(EOVERFLOW);
    return NULL;
  }
  return ri_realloc(p, total);
}

int ri_reallocarr(void* p, size_t count, size_t size) {
  if (p == NULL) return EINVAL;
  const int saved = rix_os_errno();
  void** const slot = p;
  size_t total;
  if (rix_mul_overflows(count, size, &total)) {
    rix_overflow();
    rix_os_set_errno(saved);
    return EOVERFLOW;
  }
  if (total == 0) {
    ri_free(*slot);
    *slot = NULL;
    return 0;
  }
  void* const q = ri_realloc(*slot, total);
  const int error = rix_os_errno();
  rix_os_set_errno(saved);
  if (q == NULL) return error;
  *slot = q;
  return 0;
}

// ---- Aligned ------------------------------------------------------------------------------------

void* ri_realloc_aligned(void* p, size_t size, size_t alignment) {
  return realloc_any(p, (realloc_request_t){size, alignment, 0, false});
}

void* ri_realloc_aligned_at(void* p, size_t size, size_t alignment, size_t offset) {
  return realloc_any(p, (realloc_request_t){size, alignment, offset, false});
}

void* ri_rezalloc_aligned(void* p, size_t size, size_t alignment) {
  return realloc_any(p, (realloc_request_t){size, alignment, 0, true});
}

void* ri_rezalloc_aligned_at(void* p, size_t size, size_t alignment, size_t offset) {
  return realloc_any(p, (realloc_request_t){size, alignment, offset, true});
}

void* ri_recalloc_aligned(void* p, size_t count, size_t size, size_t alignment) {
  return ri_recalloc_aligned_at(p, count, size, alignment, 0);
}

void* ri_recalloc_aligned_at(void* p, size_t count, size_t size, size_t alignment, size_t offset) {
  size_t total;
  if (rix_mul_overflows(count, size, &total)) return rix_overflow();
  return realloc_any(p, (realloc_request_t){total, alignment, offset, true});
}
